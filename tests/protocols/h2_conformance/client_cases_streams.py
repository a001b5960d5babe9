"""Client cases, part one: frames, field blocks, streams and errors (RFC 9113, 3 to 5).

The server misbehaves, the client is tested: it has sent a GET request, and
waits for the response.

Read next: client_cases_frames.py
"""

from __future__ import annotations

from collections.abc import Callable

from . import frames
from .cases import ClientSuite
from .frames import Error, Type
from .verdicts import (
    Verdict,
    acknowledged,
    alive,
    closed,
    connection_error,
    goes_away,
    stream_error,
)
from .wire import Connection

__all__ = ["CLIENT_STREAMS", "fails", "fails_stream", "response"]

CLIENT_STREAMS = ClientSuite("client")
case = CLIENT_STREAMS.case
good = CLIENT_STREAMS.good

RESERVED = 1 << 31


def fails(*codes: Error) -> Callable[[int], Verdict]:
    """Expect a connection error."""
    return lambda stream: connection_error(*codes)


def fails_stream(*codes: Error) -> Callable[[int], Verdict]:
    """Expect a stream error, on the stream of the request."""
    return lambda stream: stream_error(*codes, stream=stream)


def response(peer: Connection, *more: tuple[str, str]) -> bytes:
    """Return the field block of a response."""
    return peer.encode([(":status", "200")], more)


@good("1/1", "9113 3.4", alive)
def preface(peer: Connection, stream: int) -> None:
    """The client's preface, its SETTINGS first, and a request that is answered."""


# --- 4: the format and size of frames, field blocks ------------------------------------------


@good("4.1/1", "9113 4.1", alive)
def unknown_type(peer: Connection, stream: int) -> None:
    """A frame of an unknown type is ignored."""
    peer.send(frames.frame(Type.UNKNOWN, 0, 0, bytes(8)))


@good("4.1/2", "9113 4.1", acknowledged(b"flagged!"))
def undefined_flag(peer: Connection, stream: int) -> None:
    """A flag that is not defined for a type is ignored."""
    peer.send(frames.frame(Type.PING, 0xFE, 0, b"flagged!"))


@good("4.1/3", "9113 4.1", acknowledged(b"reserved"))
def reserved_bit(peer: Connection, stream: int) -> None:
    """The reserved bit before the stream is ignored."""
    peer.send(frames.frame(Type.PING, 0, RESERVED, b"reserved"))


@good("4.2/1", "9113 4.2", alive, Connection.finish)
def longest_data(peer: Connection, stream: int) -> None:
    """A DATA frame of 2^14 bytes, which everyone takes."""
    peer.send(frames.headers(stream, response(peer), end=False))
    peer.send(frames.data(stream, bytes(2**14), end=False))


@case("4.2/2", "9113 4.2", fails_stream(Error.FRAME_SIZE_ERROR))
def too_long_data(peer: Connection, stream: int) -> None:
    """A DATA frame that is longer than the client takes."""
    peer.send(frames.headers(stream, response(peer), end=False))
    peer.send(frames.data(stream, bytes(peer.max_frame + 1)))


@case("4.2/3", "9113 4.2", fails(Error.FRAME_SIZE_ERROR))
def too_long_headers(peer: Connection, stream: int) -> None:
    """A HEADERS frame that is longer than the client takes."""
    pieces = [(f"x-test-{n}", "0" * 1000) for n in range(peer.max_frame // 500)]
    peer.send(frames.headers(stream, response(peer, *pieces)[: peer.max_frame + 1]))


@case("4.3/1", "9113 4.3", fails(Error.COMPRESSION_ERROR))
def bad_block(peer: Connection, stream: int) -> None:
    """A field block that cannot be decoded: a literal that ends within its value."""
    peer.send(frames.headers(stream, b"\x40\x01\x61\x7f\xff"))


# --- 5.1: states of a stream -----------------------------------------------------------------

#: Streams that the client could have opened, and has not.
IDLE = 100
#: RFC 9113 has both for DATA on an idle stream: 5.1 says the first, 6.1 the second.
IDLE_DATA = (Error.PROTOCOL_ERROR, Error.STREAM_CLOSED)
#: A CONTINUATION that follows no HEADERS: 6.10 says the first, 5.1 the second.
LATE_CONTINUATION = (Error.PROTOCOL_ERROR, Error.STREAM_CLOSED)


@case("5.1/1", "9113 5.1", fails(*IDLE_DATA))
def idle_data(peer: Connection, stream: int) -> None:
    """idle: DATA."""
    peer.send(frames.data(stream + IDLE, b"test"))


@case("5.1/2", "9113 5.1", fails(Error.PROTOCOL_ERROR))
def idle_reset(peer: Connection, stream: int) -> None:
    """idle: RST_STREAM."""
    peer.send(frames.reset(stream + IDLE))


@case("5.1/3", "9113 5.1", fails(Error.PROTOCOL_ERROR))
def idle_window_update(peer: Connection, stream: int) -> None:
    """idle: WINDOW_UPDATE."""
    peer.send(frames.window_update(stream + IDLE, 100))


@case("5.1/4", "9113 5.1", fails(Error.PROTOCOL_ERROR))
def idle_continuation(peer: Connection, stream: int) -> None:
    """idle: CONTINUATION."""
    peer.send(frames.continuation(stream + IDLE, response(peer)))


@case("5.1/5", "9113 5.1", fails_stream(Error.STREAM_CLOSED))
def reset_data(peer: Connection, stream: int) -> None:
    """closed, after RST_STREAM: DATA."""
    peer.send(
        frames.headers(stream, response(peer), end=False),
        frames.reset(stream),
        frames.data(stream, b"test"),
    )


@case("5.1/6", "9113 5.1", fails_stream(Error.STREAM_CLOSED))
def reset_headers(peer: Connection, stream: int) -> None:
    """closed, after RST_STREAM: HEADERS."""
    peer.send(frames.reset(stream), frames.headers(stream, response(peer)))


@case("5.1/7", "9113 5.1", fails(*LATE_CONTINUATION))
def reset_continuation(peer: Connection, stream: int) -> None:
    """closed, after RST_STREAM: CONTINUATION."""
    peer.send(frames.reset(stream), frames.continuation(stream, response(peer)))


@case("5.1/8", "9113 5.1", fails_stream(Error.STREAM_CLOSED))
def closed_data(peer: Connection, stream: int) -> None:
    """closed: DATA."""
    whole = frames.headers(stream, response(peer), end=False), frames.data(stream, b"hello")
    peer.send(*whole, frames.data(stream, b"test"))


@case("5.1/9", "9113 5.1", fails(Error.STREAM_CLOSED))
def closed_headers(peer: Connection, stream: int) -> None:
    """closed: HEADERS."""
    whole = frames.headers(stream, response(peer), end=False), frames.data(stream, b"hello")
    peer.send(*whole, frames.headers(stream, response(peer)))


@case("5.1/10", "9113 5.1", fails(*LATE_CONTINUATION))
def closed_continuation(peer: Connection, stream: int) -> None:
    """closed: CONTINUATION."""
    whole = frames.headers(stream, response(peer), end=False), frames.data(stream, b"hello")
    peer.send(*whole, frames.continuation(stream, response(peer)))


@case("5.1.1/1", "9113 5.1.1", fails(Error.PROTOCOL_ERROR))
def stream_of_client(peer: Connection, stream: int) -> None:
    """A server opens a stream with an odd number."""
    peer.send(frames.headers(stream + IDLE, response(peer)))


# --- 5.4 and 5.5: errors and extensions ------------------------------------------------------


def bad_ping(peer: Connection) -> None:
    """Send a PING on a stream, which is a connection error."""
    peer.send(frames.frame(Type.PING, 0, 1, bytes(8)))


@case("5.4.1/1", "9113 5.4.1", lambda stream: closed)
def error_closes(peer: Connection, stream: int) -> None:
    """After a connection error the connection is closed."""
    bad_ping(peer)


@case("5.4.1/2", "9113 5.4.1", lambda stream: goes_away(Error.PROTOCOL_ERROR))
def error_is_told(peer: Connection, stream: int) -> None:
    """Before a connection is closed for an error, GOAWAY tells which."""
    bad_ping(peer)


@good("5.5/1", "9113 5.5", alive)
def extension(peer: Connection, stream: int) -> None:
    """An unknown frame with a stream and flags is ignored."""
    peer.send(frames.frame(0x16, 0xFF, stream, b"whatever"))
