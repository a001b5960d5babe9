"""Client cases, part two: what each type of frame must not be (RFC 9113, 6).

Read next: client_cases_newer.py
"""

from __future__ import annotations

from hyperframe import frame as hyper

from . import frames
from .cases import ClientSuite
from .client_cases_streams import fails, fails_stream, response
from .frames import MAX_WINDOW, Error, Flag, Setting, Type
from .verdicts import acknowledged, alive, sends
from .wire import Connection

__all__ = ["CLIENT_FRAMES"]

CLIENT_FRAMES = ClientSuite("client")
case = CLIENT_FRAMES.case
good = CLIENT_FRAMES.good

PROTOCOL_ERROR = fails(Error.PROTOCOL_ERROR)
FRAME_SIZE_ERROR = fails(Error.FRAME_SIZE_ERROR)
FLOW_CONTROL_ERROR = fails(Error.FLOW_CONTROL_ERROR)


# --- 6.1 and 6.2: DATA and HEADERS -----------------------------------------------------------


@case("6.1/1", "9113 6.1", PROTOCOL_ERROR)
def data_of_connection(peer: Connection, stream: int) -> None:
    """DATA without a stream."""
    peer.send(frames.data(0, b"test"))


@case("6.1/2", "9113 6.1", fails_stream(Error.STREAM_CLOSED))
def data_after_end(peer: Connection, stream: int) -> None:
    """DATA on a stream whose response has ended with its HEADERS."""
    peer.send(frames.headers(stream, response(peer)), frames.data(stream, b"test"))


@case("6.1/3", "9113 6.1", PROTOCOL_ERROR)
def data_all_padding(peer: Connection, stream: int) -> None:
    """DATA with more padding than payload."""
    peer.send(frames.headers(stream, response(peer), end=False))
    peer.send(frames.frame(Type.DATA, Flag.END_STREAM | Flag.PADDED, stream, b"\x05test"))


@case("6.2/1", "9113 6.2", PROTOCOL_ERROR)
def priority_before_continuation(peer: Connection, stream: int) -> None:
    """HEADERS without END_HEADERS, then PRIORITY."""
    peer.send(frames.headers(stream, response(peer), complete=False), frames.priority(stream))


@case("6.2/2", "9113 6.2", PROTOCOL_ERROR)
def headers_of_connection(peer: Connection, stream: int) -> None:
    """HEADERS without a stream."""
    peer.send(frames.headers(0, response(peer)))


@case("6.2/3", "9113 6.2", PROTOCOL_ERROR)
def headers_all_padding(peer: Connection, stream: int) -> None:
    """HEADERS with more padding than payload."""
    block = response(peer)
    peer.send(frames.headers(stream, bytes([len(block) + 1]) + block, flags=Flag.PADDED))


# --- 6.3 and 6.4: PRIORITY and RST_STREAM ----------------------------------------------------


@case("6.3/1", "9113 6.3", PROTOCOL_ERROR)
def priority_of_connection(peer: Connection, stream: int) -> None:
    """PRIORITY without a stream."""
    peer.send(frames.priority(0))


@case("6.3/2", "9113 6.3", fails_stream(Error.FRAME_SIZE_ERROR))
def short_priority(peer: Connection, stream: int) -> None:
    """PRIORITY that is not five bytes long."""
    peer.send(frames.frame(Type.PRIORITY, 0, stream, bytes(4)))


@case("6.4/1", "9113 6.4", PROTOCOL_ERROR)
def reset_of_connection(peer: Connection, stream: int) -> None:
    """RST_STREAM without a stream."""
    peer.send(frames.reset(0))


@case("6.4/2", "9113 6.4", PROTOCOL_ERROR)
def reset_of_idle(peer: Connection, stream: int) -> None:
    """RST_STREAM on an idle stream, one of the server's."""
    peer.send(frames.reset(2))


@case("6.4/3", "9113 6.4", FRAME_SIZE_ERROR)
def short_reset(peer: Connection, stream: int) -> None:
    """RST_STREAM that is not four bytes long."""
    peer.send(frames.frame(Type.RST_STREAM, 0, stream, bytes(3)))


# --- 6.5: SETTINGS ---------------------------------------------------------------------------


@case("6.5/1", "9113 6.5", FRAME_SIZE_ERROR)
def full_acknowledgement(peer: Connection, stream: int) -> None:
    """SETTINGS with ACK and a payload."""
    peer.send(frames.frame(Type.SETTINGS, Flag.ACK, 0, bytes(1)))


@case("6.5/2", "9113 6.5", PROTOCOL_ERROR)
def settings_of_stream(peer: Connection, stream: int) -> None:
    """SETTINGS with a stream."""
    peer.send(frames.frame(Type.SETTINGS, 0, stream, b"\x00\x03\x00\x00\x00\x64"))


@case("6.5/3", "9113 6.5", FRAME_SIZE_ERROR)
def half_settings(peer: Connection, stream: int) -> None:
    """SETTINGS whose length is no multiple of six."""
    peer.send(frames.frame(Type.SETTINGS, 0, 0, bytes(3)))


@case("6.5.2/1", "9113 6.5.2", PROTOCOL_ERROR)
def push_neither_on_nor_off(peer: Connection, stream: int) -> None:
    """ENABLE_PUSH that is neither 0 nor 1."""
    peer.send(frames.settings((Setting.ENABLE_PUSH, 2)))


@case("6.5.2/2", "9113 6.5.2", FLOW_CONTROL_ERROR)
def window_too_large(peer: Connection, stream: int) -> None:
    """INITIAL_WINDOW_SIZE above the maximum."""
    peer.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, MAX_WINDOW + 1)))


@case("6.5.2/3", "9113 6.5.2", PROTOCOL_ERROR)
def max_frame_too_small(peer: Connection, stream: int) -> None:
    """MAX_FRAME_SIZE below 2^14."""
    peer.send(frames.settings((Setting.MAX_FRAME_SIZE, 2**14 - 1)))


@case("6.5.2/4", "9113 6.5.2", PROTOCOL_ERROR)
def max_frame_too_large(peer: Connection, stream: int) -> None:
    """MAX_FRAME_SIZE above 2^24 - 1."""
    peer.send(frames.settings((Setting.MAX_FRAME_SIZE, 2**24)))


@good("6.5.3/1", "9113 6.5.3", sends(hyper.SettingsFrame, "ACK"))
def settings_acknowledged(peer: Connection, stream: int) -> None:
    """SETTINGS are acknowledged."""
    peer.send(frames.settings())


# --- 6.7 and 6.8: PING and GOAWAY ------------------------------------------------------------


@good("6.7/1", "9113 6.7", acknowledged(b"eight by"))
def ping(peer: Connection, stream: int) -> None:
    """PING is acknowledged with its own payload."""
    peer.send(frames.ping(b"eight by"))


@good("6.7/2", "9113 6.7", acknowledged(b"question"))
def ping_acknowledgement(peer: Connection, stream: int) -> None:
    """PING with ACK is not answered."""
    peer.send(frames.ping(b"unasked!", ack=True), frames.ping(b"question"))


@case("6.7/3", "9113 6.7", PROTOCOL_ERROR)
def ping_of_stream(peer: Connection, stream: int) -> None:
    """PING with a stream."""
    peer.send(frames.frame(Type.PING, 0, stream, bytes(8)))


@case("6.7/4", "9113 6.7", FRAME_SIZE_ERROR)
def short_ping(peer: Connection, stream: int) -> None:
    """PING that is not eight bytes long."""
    peer.send(frames.frame(Type.PING, 0, 0, bytes(6)))


@case("6.8/1", "9113 6.8", PROTOCOL_ERROR)
def goaway_of_stream(peer: Connection, stream: int) -> None:
    """GOAWAY with a stream."""
    peer.send(frames.goaway(stream=stream))


# --- 6.9: WINDOW_UPDATE ----------------------------------------------------------------------


@case("6.9/1", "9113 6.9", PROTOCOL_ERROR)
def no_increment_of_connection(peer: Connection, stream: int) -> None:
    """WINDOW_UPDATE of the connection by 0."""
    peer.send(frames.window_update(0, 0))


@case("6.9/2", "9113 6.9", fails_stream(Error.PROTOCOL_ERROR))
def no_increment_of_stream(peer: Connection, stream: int) -> None:
    """WINDOW_UPDATE of a stream by 0."""
    peer.send(frames.window_update(stream, 0))


@case("6.9/3", "9113 6.9", FRAME_SIZE_ERROR)
def short_window_update(peer: Connection, stream: int) -> None:
    """WINDOW_UPDATE that is not four bytes long."""
    peer.send(frames.frame(Type.WINDOW_UPDATE, 0, 0, bytes(3)))


@case("6.9.1/1", "9113 6.9.1", FLOW_CONTROL_ERROR)
def overflow_of_connection(peer: Connection, stream: int) -> None:
    """WINDOW_UPDATE takes the connection's window over the maximum."""
    peer.send(frames.window_update(0, MAX_WINDOW), frames.window_update(0, MAX_WINDOW))


@case("6.9.1/2", "9113 6.9.1", fails_stream(Error.FLOW_CONTROL_ERROR))
def overflow_of_stream(peer: Connection, stream: int) -> None:
    """WINDOW_UPDATE takes a stream's window over the maximum."""
    peer.send(frames.window_update(stream, MAX_WINDOW), frames.window_update(stream, MAX_WINDOW))


# --- 6.10: CONTINUATION ----------------------------------------------------------------------

#: A CONTINUATION after the end of its block: its stream may be closed by then.
LATE = fails(Error.PROTOCOL_ERROR, Error.STREAM_CLOSED)


@good("6.10/1", "9113 6.10", alive, Connection.finish)
def continuations(peer: Connection, stream: int) -> None:
    """A field block in several CONTINUATION frames."""
    block = response(peer, ("x-test", "ok"))
    peer.send(
        frames.headers(stream, block[:1], end=False, complete=False),
        frames.continuation(stream, block[1:2], complete=False),
        frames.continuation(stream, block[2:3], complete=False),
        frames.continuation(stream, block[3:]),
    )


@case("6.10/2", "9113 6.10", PROTOCOL_ERROR)
def data_within_block(peer: Connection, stream: int) -> None:
    """CONTINUATION without END_HEADERS, then DATA."""
    block = response(peer, ("x-test", "ok"))
    peer.send(
        frames.headers(stream, block[:1], end=False, complete=False),
        frames.continuation(stream, block[1:], complete=False),
        frames.data(stream, b"test"),
    )


@case("6.10/3", "9113 6.10", PROTOCOL_ERROR)
def continuation_of_connection(peer: Connection, stream: int) -> None:
    """CONTINUATION without a stream."""
    block = response(peer, ("x-test", "ok"))
    peer.send(frames.headers(stream, block[:1], complete=False), frames.continuation(0, block[1:]))


@case("6.10/4", "9113 6.10", LATE)
def continuation_after_headers(peer: Connection, stream: int) -> None:
    """CONTINUATION after HEADERS with END_HEADERS."""
    peer.send(frames.headers(stream, response(peer), end=False))
    peer.send(frames.continuation(stream, peer.encode([("x-test", "ok")])))


@case("6.10/5", "9113 6.10", LATE)
def continuation_after_continuation(peer: Connection, stream: int) -> None:
    """CONTINUATION after CONTINUATION with END_HEADERS."""
    block = response(peer, ("x-test", "ok"))
    peer.send(
        frames.headers(stream, block[:1], end=False, complete=False),
        frames.continuation(stream, block[1:]),
        frames.continuation(stream, peer.encode([("x-more", "ok")])),
    )


@case("6.10/6", "9113 6.10", LATE)
def continuation_after_data(peer: Connection, stream: int) -> None:
    """CONTINUATION after DATA."""
    peer.send(frames.headers(stream, response(peer), end=False))
    peer.send(frames.data(stream, b"test", end=False))
    peer.send(frames.continuation(stream, peer.encode([("x-test", "ok")])))
