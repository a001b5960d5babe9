"""Server cases, part three: what each type of frame must not be, and error codes (6 and 7).

Read next: server_cases_messages.py
"""

from __future__ import annotations

from hyperframe import frame as hyper

from . import frames
from .cases import NO_WINDOW, Suite
from .frames import MAX_WINDOW, Error, Flag, Setting, Type
from .verdicts import (
    acknowledged,
    alive,
    alive_or_ended,
    all_of,
    answered,
    connection_error,
    data_of,
    sends,
    stream_error,
)
from .wire import Connection

__all__ = ["FRAMES"]

FRAMES = Suite("http2")
case = FRAMES.case

PROTOCOL_ERROR = connection_error(Error.PROTOCOL_ERROR)
FRAME_SIZE_ERROR = connection_error(Error.FRAME_SIZE_ERROR)
FLOW_CONTROL_ERROR = connection_error(Error.FLOW_CONTROL_ERROR)

#: A flow-control window of one byte.
ONE_BYTE: dict[int, int] = {Setting.INITIAL_WINDOW_SIZE: 1}
#: A code that no RFC has defined.
UNKNOWN_CODE = 0xFF


# --- 6.1: DATA -------------------------------------------------------------------------------


@case("6.1/1", "9113 6.1", PROTOCOL_ERROR)
def data_of_connection(peer: Connection) -> None:
    """DATA without a stream."""
    peer.send(frames.data(0, b"test"))


@case("6.1/2", "9113 6.1", stream_error(Error.STREAM_CLOSED), NO_WINDOW)
def data_after_end(peer: Connection) -> None:
    """DATA on a stream that is neither open nor half-closed (local)."""
    peer.get()
    peer.send(frames.data(1, b"test"))


@case("6.1/3", "9113 6.1", PROTOCOL_ERROR)
def data_all_padding(peer: Connection) -> None:
    """DATA with more padding than payload."""
    peer.post()
    peer.send(frames.frame(Type.DATA, Flag.END_STREAM | Flag.PADDED, 1, b"\x05test"))


# --- 6.2: HEADERS ----------------------------------------------------------------------------


@case("6.2/1", "9113 6.2", PROTOCOL_ERROR)
def priority_before_continuation(peer: Connection) -> None:
    """HEADERS without END_HEADERS, then PRIORITY."""
    peer.send(frames.headers(1, peer.block(), complete=False), frames.priority(1))


@case("6.2/2", "9113 6.2", PROTOCOL_ERROR)
def headers_before_continuation(peer: Connection) -> None:
    """HEADERS without END_HEADERS, then HEADERS of another stream."""
    peer.send(frames.headers(1, peer.block(), complete=False), frames.headers(3, peer.block()))


@case("6.2/3", "9113 6.2", PROTOCOL_ERROR)
def headers_of_connection(peer: Connection) -> None:
    """HEADERS without a stream."""
    peer.get(0)


@case("6.2/4", "9113 6.2", PROTOCOL_ERROR)
def headers_all_padding(peer: Connection) -> None:
    """HEADERS with more padding than payload."""
    block = peer.block()
    peer.send(frames.headers(1, bytes([len(block) + 1]) + block, flags=Flag.PADDED))


# --- 6.3 and 6.4: PRIORITY and RST_STREAM ----------------------------------------------------


@case("6.3/1", "9113 6.3", PROTOCOL_ERROR)
def priority_of_connection(peer: Connection) -> None:
    """PRIORITY without a stream."""
    peer.send(frames.priority(0))


@case("6.3/2", "9113 6.3", stream_error(Error.FRAME_SIZE_ERROR))
def short_priority(peer: Connection) -> None:
    """PRIORITY that is not five bytes long."""
    peer.post()
    peer.send(frames.frame(Type.PRIORITY, 0, 1, bytes(4)))


@case("6.4/1", "9113 6.4", PROTOCOL_ERROR)
def reset_of_connection(peer: Connection) -> None:
    """RST_STREAM without a stream."""
    peer.send(frames.reset(0))


@case("6.4/2", "9113 6.4", PROTOCOL_ERROR)
def reset_of_idle(peer: Connection) -> None:
    """RST_STREAM on an idle stream."""
    peer.send(frames.reset(1))


@case("6.4/3", "9113 6.4", FRAME_SIZE_ERROR)
def short_reset(peer: Connection) -> None:
    """RST_STREAM that is not four bytes long."""
    peer.post()
    peer.send(frames.frame(Type.RST_STREAM, 0, 1, bytes(3)))


# --- 6.5: SETTINGS ---------------------------------------------------------------------------


@case("6.5/1", "9113 6.5", FRAME_SIZE_ERROR)
def full_acknowledgement(peer: Connection) -> None:
    """SETTINGS with ACK and a payload."""
    peer.send(frames.frame(Type.SETTINGS, Flag.ACK, 0, bytes(1)))


@case("6.5/2", "9113 6.5", PROTOCOL_ERROR)
def settings_of_stream(peer: Connection) -> None:
    """SETTINGS with a stream."""
    peer.send(frames.frame(Type.SETTINGS, 0, 1, b"\x00\x03\x00\x00\x00\x64"))


@case("6.5/3", "9113 6.5", FRAME_SIZE_ERROR)
def half_settings(peer: Connection) -> None:
    """SETTINGS whose length is no multiple of six."""
    peer.send(frames.frame(Type.SETTINGS, 0, 0, bytes(3)))


@case("6.5.2/1", "9113 6.5.2", PROTOCOL_ERROR)
def push_neither_on_nor_off(peer: Connection) -> None:
    """ENABLE_PUSH that is neither 0 nor 1."""
    peer.send(frames.settings((Setting.ENABLE_PUSH, 2)))


@case("6.5.2/2", "9113 6.5.2", FLOW_CONTROL_ERROR)
def window_too_large(peer: Connection) -> None:
    """INITIAL_WINDOW_SIZE above the maximum."""
    peer.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, MAX_WINDOW + 1)))


@case("6.5.2/3", "9113 6.5.2", PROTOCOL_ERROR)
def max_frame_too_small(peer: Connection) -> None:
    """MAX_FRAME_SIZE below 2^14."""
    peer.send(frames.settings((Setting.MAX_FRAME_SIZE, 2**14 - 1)))


@case("6.5.2/4", "9113 6.5.2", PROTOCOL_ERROR)
def max_frame_too_large(peer: Connection) -> None:
    """MAX_FRAME_SIZE above 2^24 - 1."""
    peer.send(frames.settings((Setting.MAX_FRAME_SIZE, 2**24)))


@case("6.5.2/5", "9113 6.5.2", all_of(sends(hyper.SettingsFrame, "ACK"), alive))
def unknown_setting(peer: Connection) -> None:
    """An unknown setting is ignored, and acknowledged."""
    peer.send(frames.settings((0xFF, 1)))


@case("6.5.3/1", "9113 6.5.3", data_of(1))
def settings_in_order(peer: Connection) -> None:
    """INITIAL_WINDOW_SIZE twice in one SETTINGS: the last one holds."""
    window = Setting.INITIAL_WINDOW_SIZE
    peer.send(frames.settings((window, 100), (window, 1)))
    peer.get()


@case("6.5.3/2", "9113 6.5.3", sends(hyper.SettingsFrame, "ACK"))
def settings_acknowledged(peer: Connection) -> None:
    """SETTINGS are acknowledged."""
    peer.send(frames.settings())


# --- 6.7 and 6.8: PING and GOAWAY ------------------------------------------------------------


@case("6.7/1", "9113 6.7", acknowledged(b"eight by"))
def ping(peer: Connection) -> None:
    """PING is acknowledged with its own payload."""
    peer.send(frames.ping(b"eight by"))


@case("6.7/2", "9113 6.7", acknowledged(b"question"))
def ping_acknowledgement(peer: Connection) -> None:
    """PING with ACK is not answered."""
    peer.send(frames.ping(b"unasked!", ack=True), frames.ping(b"question"))


@case("6.7/3", "9113 6.7", PROTOCOL_ERROR)
def ping_of_stream(peer: Connection) -> None:
    """PING with a stream."""
    peer.send(frames.frame(Type.PING, 0, 1, bytes(8)))


@case("6.7/4", "9113 6.7", FRAME_SIZE_ERROR)
def short_ping(peer: Connection) -> None:
    """PING that is not eight bytes long."""
    peer.send(frames.frame(Type.PING, 0, 0, bytes(6)))


@case("6.8/1", "9113 6.8", PROTOCOL_ERROR)
def goaway_of_stream(peer: Connection) -> None:
    """GOAWAY with a stream."""
    peer.send(frames.goaway(stream=1))


# --- 6.9: WINDOW_UPDATE ----------------------------------------------------------------------


@case("6.9/1", "9113 6.9", PROTOCOL_ERROR)
def no_increment_of_connection(peer: Connection) -> None:
    """WINDOW_UPDATE of the connection by 0."""
    peer.send(frames.window_update(0, 0))


@case("6.9/2", "9113 6.9", stream_error(Error.PROTOCOL_ERROR))
def no_increment_of_stream(peer: Connection) -> None:
    """WINDOW_UPDATE of a stream by 0."""
    peer.post()
    peer.send(frames.window_update(1, 0))


@case("6.9/3", "9113 6.9", FRAME_SIZE_ERROR)
def short_window_update(peer: Connection) -> None:
    """WINDOW_UPDATE that is not four bytes long."""
    peer.send(frames.frame(Type.WINDOW_UPDATE, 0, 0, bytes(3)))


@case("6.9.1/1", "9113 6.9.1", data_of(1), ONE_BYTE)
def window_of_one(peer: Connection) -> None:
    """With a window of one byte, one byte is sent."""
    peer.get()


@case("6.9.1/2", "9113 6.9.1", FLOW_CONTROL_ERROR)
def overflow_of_connection(peer: Connection) -> None:
    """WINDOW_UPDATE takes the connection's window over the maximum."""
    peer.send(frames.window_update(0, MAX_WINDOW), frames.window_update(0, MAX_WINDOW))


@case("6.9.1/3", "9113 6.9.1", stream_error(Error.FLOW_CONTROL_ERROR))
def overflow_of_stream(peer: Connection) -> None:
    """WINDOW_UPDATE takes a stream's window over the maximum."""
    peer.post()
    peer.send(frames.window_update(1, MAX_WINDOW), frames.window_update(1, MAX_WINDOW))


@case("6.9.2/1", "9113 6.9.2", data_of(1), NO_WINDOW)
def window_set_after_headers(peer: Connection) -> None:
    """INITIAL_WINDOW_SIZE changes the windows of streams that are open."""
    peer.get()
    peer.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, 1)))


@case("6.9.2/2", "9113 6.9.2", data_of(1), {Setting.INITIAL_WINDOW_SIZE: 3})
def negative_window(peer: Connection) -> None:
    """INITIAL_WINDOW_SIZE makes a window negative; what WINDOW_UPDATE adds pays that first."""
    peer.get()
    data_of(3)(peer)
    peer.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, 2)), frames.window_update(1, 2))


@case("6.9.2/3", "9113 6.9.2", FLOW_CONTROL_ERROR)
def window_set_too_large(peer: Connection) -> None:
    """INITIAL_WINDOW_SIZE above the maximum, while a stream is open."""
    peer.post()
    peer.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, MAX_WINDOW + 1)))


# --- 6.10: CONTINUATION ----------------------------------------------------------------------

#: A CONTINUATION after the end of its block: its stream is half-closed by then.
LATE = connection_error(Error.PROTOCOL_ERROR, Error.STREAM_CLOSED)


@case("6.10/1", "9113 6.10", answered())
def continuations(peer: Connection) -> None:
    """A field block in several CONTINUATION frames."""
    block = peer.block()
    peer.send(
        frames.headers(1, block[:1], complete=False),
        frames.continuation(1, block[1:2], complete=False),
        frames.continuation(1, block[2:3], complete=False),
        frames.continuation(1, block[3:]),
    )


@case("6.10/2", "9113 6.10", PROTOCOL_ERROR)
def data_within_block(peer: Connection) -> None:
    """CONTINUATION without END_HEADERS, then DATA."""
    block = peer.block()
    peer.send(
        frames.headers(1, block[:1], end=False, complete=False),
        frames.continuation(1, block[1:], complete=False),
        frames.data(1, b"test"),
    )


@case("6.10/3", "9113 6.10", PROTOCOL_ERROR)
def continuation_of_connection(peer: Connection) -> None:
    """CONTINUATION without a stream."""
    block = peer.block()
    peer.send(frames.headers(1, block[:1], complete=False), frames.continuation(0, block[1:]))


@case("6.10/4", "9113 6.10", LATE)
def continuation_after_headers(peer: Connection) -> None:
    """CONTINUATION after HEADERS with END_HEADERS."""
    peer.send(frames.headers(1, peer.block()))
    peer.send(frames.continuation(1, peer.encode([("x-test", "ok")])))


@case("6.10/5", "9113 6.10", LATE)
def continuation_after_continuation(peer: Connection) -> None:
    """CONTINUATION after CONTINUATION with END_HEADERS."""
    block = peer.block()
    peer.send(frames.headers(1, block[:1], complete=False), frames.continuation(1, block[1:]))
    peer.send(frames.continuation(1, peer.encode([("x-test", "ok")])))


@case("6.10/6", "9113 6.10", LATE)
def continuation_after_data(peer: Connection) -> None:
    """CONTINUATION after DATA."""
    peer.post()
    peer.send(frames.data(1, b"test"))
    peer.send(frames.continuation(1, peer.encode([("x-test", "ok")])))


# --- 7: error codes --------------------------------------------------------------------------


@case("7/1", "9113 7", alive_or_ended)
def unknown_code_of_goaway(peer: Connection) -> None:
    """GOAWAY with an unknown code is no error by itself."""
    peer.send(frames.goaway(code=UNKNOWN_CODE))


@case("7/2", "9113 7", alive)
def unknown_code_of_reset(peer: Connection) -> None:
    """RST_STREAM with an unknown code is no error by itself."""
    peer.post()
    peer.send(frames.reset(1, UNKNOWN_CODE))
