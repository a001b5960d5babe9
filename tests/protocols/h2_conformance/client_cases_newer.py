"""Client cases, part three: what RFC 9113 demands of clients beyond the usual list.

Read next: suites.py
"""

from __future__ import annotations

from . import frames
from .cases import ClientSuite
from .client_cases_streams import fails, fails_stream, response
from .frames import Error, Setting, Type
from .verdicts import Verdict, alive, connection_error
from .wire import Connection

__all__ = ["CLIENT_NEWER"]

CLIENT_NEWER = ClientSuite("client-rfc9113")
case = CLIENT_NEWER.case
good = CLIENT_NEWER.good

PROTOCOL_ERROR = fails(Error.PROTOCOL_ERROR)
MALFORMED = fails_stream(Error.PROTOCOL_ERROR)


def promise_refused(stream: int) -> Verdict:
    """Expect a connection error of a client that takes no promises."""

    def verdict(peer: Connection) -> None:
        if peer.peer.get(Setting.ENABLE_PUSH, 1):
            alive(peer)
        else:
            connection_error(Error.PROTOCOL_ERROR)(peer)

    return verdict


@case("4.2/1", "9113 4.2", fails(Error.FRAME_SIZE_ERROR))
def too_long_announced(peer: Connection, stream: int) -> None:
    """The first nine bytes of a frame of 16 MiB are enough to refuse it."""
    peer.send(frames.frame(Type.HEADERS, 0, stream, bytes(2**24 - 1))[:9])


@case("5.1.1/1", "9113 5.1.1", PROTOCOL_ERROR)
def stream_of_server(peer: Connection, stream: int) -> None:
    """A server opens a stream without a promise."""
    peer.send(frames.headers(2, response(peer)))


@case("5.5/1", "9113 5.5", PROTOCOL_ERROR)
def extension_within_block(peer: Connection, stream: int) -> None:
    """An unknown frame within a field block."""
    peer.send(frames.headers(stream, response(peer), complete=False))
    peer.send(frames.frame(0x16, 0, stream, b"whatever"))


@case("6.2/1", "9113 6.2", PROTOCOL_ERROR)
def other_headers_within_block(peer: Connection, stream: int) -> None:
    """HEADERS of another stream within a field block."""
    peer.send(frames.headers(stream, response(peer), complete=False))
    peer.send(frames.headers(stream + 2, response(peer)))


@case("6.5.2/1", "9113 6.5.2", PROTOCOL_ERROR)
def push_enabled_by_server(peer: Connection, stream: int) -> None:
    """ENABLE_PUSH from a server with a value other than 0."""
    peer.send(frames.settings((Setting.ENABLE_PUSH, 1)))


@good("6.8/1", "9113 6.8", alive)
def goaway_after_request(peer: Connection, stream: int) -> None:
    """GOAWAY that leaves a request to be answered."""
    peer.send(frames.goaway(last=stream))


@good("6.8/2", "9113 6.8", alive)
def goaway_twice(peer: Connection, stream: int) -> None:
    """GOAWAY without a last stream, then with one, as a server ends that drains."""
    peer.send(frames.goaway(last=2**31 - 1), frames.goaway(last=stream))


@good("8.1/1", "9113 8.1", alive)
def interim_response(peer: Connection, stream: int) -> None:
    """An interim response before the response."""
    peer.send(frames.headers(stream, peer.encode([(":status", "103")]), end=False))


@case("8.1/2", "9113 8.1", MALFORMED)
def interim_response_only(peer: Connection, stream: int) -> None:
    """An interim response that ends the stream."""
    peer.send(frames.headers(stream, peer.encode([(":status", "103")])))


@case("8.1/3", "9113 8.1", MALFORMED)
def data_first(peer: Connection, stream: int) -> None:
    """DATA before HEADERS."""
    peer.send(frames.data(stream, b"hello"))


@case("8.1/4", "9113 8.1", MALFORMED)
def trailers_without_end(peer: Connection, stream: int) -> None:
    """Trailers that do not end the stream."""
    peer.send(frames.headers(stream, response(peer), end=False))
    peer.send(frames.headers(stream, peer.encode([("x-test", "ok")]), end=False))


@case("8.1/5", "9113 8.1", MALFORMED)
def pseudo_field_in_trailers(peer: Connection, stream: int) -> None:
    """A pseudo-field in trailers."""
    peer.send(frames.headers(stream, response(peer), end=False))
    peer.send(frames.headers(stream, peer.encode([(":status", "200")])))


@case("8.1.1/1", "9113 8.1.1", MALFORMED)
def less_than_announced(peer: Connection, stream: int) -> None:
    """A content-length that is more than the DATA."""
    peer.send(frames.headers(stream, response(peer, ("content-length", "9")), end=False))
    peer.send(frames.data(stream, b"hello"))


@case("8.1.1/2", "9113 8.1.1", MALFORMED)
def more_than_announced(peer: Connection, stream: int) -> None:
    """A content-length that is less than the DATA."""
    peer.send(frames.headers(stream, response(peer, ("content-length", "1")), end=False))
    peer.send(frames.data(stream, b"hello"))


@case("8.2.1/1", "9113 8.2.1", MALFORMED)
def uppercase(peer: Connection, stream: int) -> None:
    """The name of a field in upper case."""
    peer.send(frames.headers(stream, response(peer, ("X-TEST", "ok"))))


@case("8.2.1/2", "9113 8.2.1", MALFORMED)
def line_feed(peer: Connection, stream: int) -> None:
    """The value of a field with a line feed in it."""
    peer.send(frames.headers(stream, response(peer, ("x-test", "a\nb"))))


@case("8.2.2/1", "9113 8.2.2", MALFORMED)
def connection_field(peer: Connection, stream: int) -> None:
    """A field that is for one connection of HTTP/1.1."""
    peer.send(frames.headers(stream, response(peer, ("connection", "close"))))


@case("8.3.2/1", "9113 8.3.2", MALFORMED)
def no_status(peer: Connection, stream: int) -> None:
    """A response without :status."""
    peer.send(frames.headers(stream, peer.encode([("x-test", "ok")])))


@case("8.3.2/2", "9113 8.3", MALFORMED)
def request_pseudo_field(peer: Connection, stream: int) -> None:
    """A pseudo-field of requests in a response."""
    peer.send(frames.headers(stream, peer.encode([(":path", "/"), (":status", "200")])))


@case("8.4/1", "9113 8.4", promise_refused)
def promise(peer: Connection, stream: int) -> None:
    """PUSH_PROMISE to a client that has said that it takes none."""
    fields = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "localhost")]
    peer.send(frames.promise(stream, 2, peer.encode(fields)))


@case("8.6/1", "9113 8.6", MALFORMED)
def switching_protocols(peer: Connection, stream: int) -> None:
    """The status 101, which HTTP/2 has not."""
    peer.send(frames.headers(stream, peer.encode([(":status", "101")]), end=False))
