"""Server cases, part two: preface, frame format, field blocks, streams and errors (3 to 5).

Read next: server_cases_frames.py
"""

from __future__ import annotations

from hyperframe import frame as hyper

from . import frames
from .cases import NO_WINDOW, Suite
from .frames import Error, Flag, Setting, Type
from .verdicts import (
    acknowledged,
    alive,
    all_of,
    answered,
    closed,
    connection_error,
    goes_away,
    sends,
    stream_error,
)
from .wire import Connection

__all__ = ["CONNECTION"]

CONNECTION = Suite("http2")
case = CONNECTION.case

RESERVED = 1 << 31


@case("3.5/1", "9113 3.4", all_of(sends(hyper.SettingsFrame), alive), handshake=False)
def preface(peer: Connection) -> None:
    """The preface is answered with the server's own: SETTINGS."""
    peer.send(frames.PREFACE, frames.settings())


@case("3.5/2", "9113 3.4", connection_error(Error.PROTOCOL_ERROR), handshake=False)
def bad_preface(peer: Connection) -> None:
    """A preface that is none."""
    peer.send(b"INVALID CONNECTION PREFACE\r\n\r\n")


# --- 4.1: the format of frames ---------------------------------------------------------------


@case("4.1/1", "9113 4.1", alive)
def unknown_type(peer: Connection) -> None:
    """A frame of an unknown type is ignored."""
    peer.send(frames.frame(Type.UNKNOWN, 0, 0, bytes(8)))


@case("4.1/2", "9113 4.1", acknowledged(b"flagged!"))
def undefined_flag(peer: Connection) -> None:
    """A flag that is not defined for a type is ignored."""
    peer.send(frames.frame(Type.PING, 0xFE, 0, b"flagged!"))


@case("4.1/3", "9113 4.1", acknowledged(b"reserved"))
def reserved_bit(peer: Connection) -> None:
    """The reserved bit before the stream is ignored."""
    peer.send(frames.frame(Type.PING, 0, RESERVED, b"reserved"))


# --- 4.2: the size of frames -----------------------------------------------------------------


@case("4.2/1", "9113 4.2", answered())
def longest_data(peer: Connection) -> None:
    """A DATA frame of 2^14 bytes, which everyone takes."""
    peer.post()
    peer.send(frames.data(1, bytes(2**14)))


@case("4.2/2", "9113 4.2", stream_error(Error.FRAME_SIZE_ERROR))
def too_long_data(peer: Connection) -> None:
    """A DATA frame that is longer than the server takes."""
    peer.post()
    peer.send(frames.data(1, bytes(peer.max_frame + 1)))


@case("4.2/3", "9113 4.2", connection_error(Error.FRAME_SIZE_ERROR))
def too_long_headers(peer: Connection) -> None:
    """A HEADERS frame that is longer than the server takes."""
    pieces = [(f"x-test-{n}", "0" * 1000) for n in range(peer.max_frame // 500)]
    peer.send(frames.headers(1, peer.block("GET", *pieces)[: peer.max_frame + 1]))


# --- 4.3: field blocks -----------------------------------------------------------------------


@case("4.3/1", "9113 4.3", connection_error(Error.COMPRESSION_ERROR))
def bad_block(peer: Connection) -> None:
    """A field block that cannot be decoded: a literal that ends within its value."""
    peer.send(frames.headers(1, b"\x40\x01\x61\x7f\xff"))


@case("4.3/2", "9113 4.3", connection_error(Error.PROTOCOL_ERROR))
def priority_within_block(peer: Connection) -> None:
    """PRIORITY within a field block."""
    block = peer.block()
    peer.send(frames.headers(1, block[:1], complete=False), frames.priority(1))
    peer.send(frames.continuation(1, block[1:]))


@case("4.3/3", "9113 4.3", connection_error(Error.PROTOCOL_ERROR))
def other_headers_within_block(peer: Connection) -> None:
    """HEADERS of another stream within a field block."""
    block = peer.block()
    peer.send(frames.headers(1, block[:1], complete=False), frames.headers(3, block))
    peer.send(frames.continuation(1, block[1:]))


# --- 5.1: states of a stream -----------------------------------------------------------------

#: RFC 9113 has both for DATA on an idle stream: 5.1 says the first, 6.1 the second.
IDLE_DATA = (Error.PROTOCOL_ERROR, Error.STREAM_CLOSED)
#: A CONTINUATION that follows no HEADERS: 6.10 says the first, 5.1 the second.
LATE_CONTINUATION = (Error.PROTOCOL_ERROR, Error.STREAM_CLOSED)


@case("5.1/1", "9113 5.1", connection_error(*IDLE_DATA))
def idle_data(peer: Connection) -> None:
    """idle: DATA."""
    peer.send(frames.data(1, b"test"))


@case("5.1/2", "9113 5.1", connection_error(Error.PROTOCOL_ERROR))
def idle_reset(peer: Connection) -> None:
    """idle: RST_STREAM."""
    peer.send(frames.reset(1))


@case("5.1/3", "9113 5.1", connection_error(Error.PROTOCOL_ERROR))
def idle_window_update(peer: Connection) -> None:
    """idle: WINDOW_UPDATE."""
    peer.send(frames.window_update(1, 100))


@case("5.1/4", "9113 5.1", connection_error(Error.PROTOCOL_ERROR))
def idle_continuation(peer: Connection) -> None:
    """idle: CONTINUATION."""
    peer.send(frames.continuation(1, peer.block()))


@case("5.1/5", "9113 5.1", stream_error(Error.STREAM_CLOSED), NO_WINDOW)
def half_closed_data(peer: Connection) -> None:
    """half-closed (remote): DATA."""
    peer.get()
    peer.send(frames.data(1, b"test"))


@case("5.1/6", "9113 5.1", stream_error(Error.STREAM_CLOSED), NO_WINDOW)
def half_closed_headers(peer: Connection) -> None:
    """half-closed (remote): HEADERS."""
    peer.get()
    peer.get()


@case("5.1/7", "9113 5.1", connection_error(*LATE_CONTINUATION), NO_WINDOW)
def half_closed_continuation(peer: Connection) -> None:
    """half-closed (remote): CONTINUATION."""
    peer.get()
    peer.send(frames.continuation(1, peer.encode([("x-test", "ok")])))


@case("5.1/8", "9113 5.1", stream_error(Error.STREAM_CLOSED))
def reset_data(peer: Connection) -> None:
    """closed, after RST_STREAM: DATA."""
    peer.post()
    peer.send(frames.reset(1), frames.data(1, b"test"))


@case("5.1/9", "9113 5.1", stream_error(Error.STREAM_CLOSED))
def reset_headers(peer: Connection) -> None:
    """closed, after RST_STREAM: HEADERS."""
    peer.post()
    peer.send(frames.reset(1))
    peer.get()


@case("5.1/10", "9113 5.1", connection_error(*LATE_CONTINUATION))
def reset_continuation(peer: Connection) -> None:
    """closed, after RST_STREAM: CONTINUATION."""
    peer.post()
    peer.send(frames.reset(1), frames.continuation(1, peer.encode([("x-test", "ok")])))


@case("5.1/11", "9113 5.1", stream_error(Error.STREAM_CLOSED))
def closed_data(peer: Connection) -> None:
    """closed: DATA."""
    peer.get()
    answered()(peer)
    peer.send(frames.data(1, b"test"))


@case("5.1/12", "9113 5.1", connection_error(Error.STREAM_CLOSED))
def closed_headers(peer: Connection) -> None:
    """closed: HEADERS."""
    peer.get()
    answered()(peer)
    peer.get()


@case("5.1/13", "9113 5.1", connection_error(*LATE_CONTINUATION))
def closed_continuation(peer: Connection) -> None:
    """closed: CONTINUATION."""
    peer.get()
    answered()(peer)
    peer.send(frames.continuation(1, peer.encode([("x-test", "ok")])))


@case("5.1.1/1", "9113 5.1.1", connection_error(Error.PROTOCOL_ERROR))
def even_stream(peer: Connection) -> None:
    """A client opens a stream with an even number."""
    peer.get(2)


@case("5.1.1/2", "9113 5.1.1", connection_error(Error.PROTOCOL_ERROR))
def lower_stream(peer: Connection) -> None:
    """A client opens a stream below one that it has opened."""
    peer.get(5)
    peer.get(3)


def refused(peer: Connection) -> None:
    """Expect that the last of too many streams is refused, if there can be too many."""
    most = peer.peer.get(Setting.MAX_CONCURRENT_STREAMS)
    if most is None:
        alive(peer)
    else:
        last = 1 + 2 * most
        stream_error(Error.PROTOCOL_ERROR, Error.REFUSED_STREAM, stream=last)(peer)


@case("5.1.2/1", "9113 5.1.2", refused, NO_WINDOW)
def too_many_streams(peer: Connection) -> None:
    """One stream more than the server allows."""
    most = peer.peer.get(Setting.MAX_CONCURRENT_STREAMS, 0)
    peer.send(*(frames.headers(1 + 2 * n, peer.block()) for n in range(most + 1)))


@case("5.3.1/1", "7540 5.3.1", stream_error(Error.PROTOCOL_ERROR))
def self_dependent_headers(peer: Connection) -> None:
    """HEADERS of a stream that depends on itself."""
    payload = frames.dependency(1) + peer.block()
    peer.send(frames.headers(1, payload, flags=Flag.PRIORITY))


@case("5.3.1/2", "7540 5.3.1", stream_error(Error.PROTOCOL_ERROR))
def self_dependent_priority(peer: Connection) -> None:
    """PRIORITY of a stream that depends on itself."""
    peer.post()
    peer.send(frames.priority(1, on=1))


# --- 5.4 and 5.5: errors and extensions ------------------------------------------------------


def bad_ping(peer: Connection) -> None:
    """Send a PING on a stream, which is a connection error."""
    peer.send(frames.frame(Type.PING, 0, 1, bytes(8)))


@case("5.4.1/1", "9113 5.4.1", closed)
def error_closes(peer: Connection) -> None:
    """After a connection error the connection is closed."""
    bad_ping(peer)


@case("5.4.1/2", "9113 5.4.1", goes_away(Error.PROTOCOL_ERROR))
def error_is_told(peer: Connection) -> None:
    """Before a connection is closed for an error, GOAWAY tells which."""
    bad_ping(peer)


@case("5.5/1", "9113 5.5", alive)
def extension(peer: Connection) -> None:
    """An unknown frame with a stream and flags is ignored."""
    peer.send(frames.frame(0x16, 0xFF, 1, b"whatever"))


@case("5.5/2", "9113 5.5", connection_error(Error.PROTOCOL_ERROR))
def extension_within_block(peer: Connection) -> None:
    """An unknown frame within a field block."""
    block = peer.block()
    peer.send(frames.headers(1, block[:1], complete=False))
    peer.send(frames.frame(0x16, 0, 1, b"whatever"), frames.continuation(1, block[1:]))
