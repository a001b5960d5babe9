"""Server cases, part four: requests that are malformed (RFC 9113, 8), and field blocks (RFC 7541).

Read next: server_cases_newer.py
"""

from __future__ import annotations

from . import frames
from .cases import Suite
from .frames import Error
from .server_cases_generic import integer
from .verdicts import connection_error, stream_error
from .wire import Connection

__all__ = ["HPACK", "MESSAGES"]

MESSAGES = Suite("http2")
HPACK = Suite("hpack")

case = MESSAGES.case

#: RFC 9113, 8.1.1: what is malformed is a stream error.
MALFORMED = stream_error(Error.PROTOCOL_ERROR)


def request(peer: Connection, *more: tuple[str, str], skip: str = "") -> None:
    """Send a GET request with some fields more, or without one."""
    peer.send(frames.headers(1, peer.block("GET", *more, skip=skip)))


@case("8.1/1", "9113 8.1", MALFORMED)
def trailers_without_end(peer: Connection) -> None:
    """A second HEADERS frame that does not end the stream."""
    peer.post()
    peer.send(frames.headers(1, peer.encode([("x-test", "ok")]), end=False))


@case("8.1.2/1", "9113 8.2.1", MALFORMED)
def uppercase(peer: Connection) -> None:
    """The name of a field in upper case."""
    request(peer, ("X-TEST", "ok"))


@case("8.1.2.1/1", "9113 8.3", MALFORMED)
def unknown_pseudo_field(peer: Connection) -> None:
    """A pseudo-field that nobody has defined."""
    fields = [(":test", "ok")]
    peer.send(frames.headers(1, peer.encode(fields) + peer.block()))


@case("8.1.2.1/2", "9113 8.3", MALFORMED)
def response_pseudo_field(peer: Connection) -> None:
    """A pseudo-field of responses in a request."""
    fields = [(":status", "200")]
    peer.send(frames.headers(1, peer.encode(fields) + peer.block()))


@case("8.1.2.1/3", "9113 8.1", MALFORMED)
def pseudo_field_in_trailers(peer: Connection) -> None:
    """A pseudo-field in trailers."""
    peer.post(1, ("trailer", "x-test"))
    peer.send(frames.data(1, b"test", end=False))
    peer.send(frames.headers(1, peer.encode([(":method", "200"), ("x-test", "ok")])))


@case("8.1.2.1/4", "9113 8.3", MALFORMED)
def late_pseudo_field(peer: Connection) -> None:
    """A pseudo-field after a regular field."""
    late = [("x-test", "ok"), (":path", "/")]
    peer.send(frames.headers(1, peer.block(skip=":path") + peer.encode(late)))


@case("8.1.2.2/1", "9113 8.2.2", MALFORMED)
def connection_field(peer: Connection) -> None:
    """A field that is for one connection of HTTP/1.1."""
    request(peer, ("connection", "keep-alive"))


@case("8.1.2.2/2", "9113 8.2.2", MALFORMED)
def te_of_anything(peer: Connection) -> None:
    """TE with anything but "trailers"."""
    request(peer, ("trailer", "x-test"), ("te", "trailers, deflate"))


@case("8.1.2.3/1", "9113 8.3.1", MALFORMED)
def empty_path(peer: Connection) -> None:
    """An empty :path."""
    fields = [(":path", "")]
    peer.send(frames.headers(1, peer.encode(fields) + peer.block(skip=":path")))


@case("8.1.2.3/2", "9113 8.3.1", MALFORMED)
def no_method(peer: Connection) -> None:
    """No :method."""
    request(peer, skip=":method")


@case("8.1.2.3/3", "9113 8.3.1", MALFORMED)
def no_scheme(peer: Connection) -> None:
    """No :scheme."""
    request(peer, skip=":scheme")


@case("8.1.2.3/4", "9113 8.3.1", MALFORMED)
def no_path(peer: Connection) -> None:
    """No :path."""
    request(peer, skip=":path")


@case("8.1.2.3/5", "9113 8.3.1", MALFORMED)
def two_methods(peer: Connection) -> None:
    """Two of :method."""
    fields = [(":method", "GET")]
    peer.send(frames.headers(1, peer.encode(fields) + peer.block()))


@case("8.1.2.3/6", "9113 8.3.1", MALFORMED)
def two_schemes(peer: Connection) -> None:
    """Two of :scheme."""
    fields = [(":scheme", "http")]
    peer.send(frames.headers(1, peer.encode(fields) + peer.block()))


@case("8.1.2.3/7", "9113 8.3.1", MALFORMED)
def two_paths(peer: Connection) -> None:
    """Two of :path."""
    fields = [(":path", "/")]
    peer.send(frames.headers(1, peer.encode(fields) + peer.block()))


@case("8.1.2.6/1", "9113 8.1.1", MALFORMED)
def length_of_other_data(peer: Connection) -> None:
    """A content-length that is not the length of the only DATA."""
    peer.post(1, ("content-length", "1"))
    peer.send(frames.data(1, b"test"))


@case("8.1.2.6/2", "9113 8.1.1", MALFORMED)
def length_of_other_sum(peer: Connection) -> None:
    """A content-length that is not the sum of several DATA."""
    peer.post(1, ("content-length", "1"))
    peer.send(frames.data(1, b"test", end=False), frames.data(1, b"test"))


@case("8.2/1", "9113 8.4", connection_error(Error.PROTOCOL_ERROR))
def push_by_client(peer: Connection) -> None:
    """PUSH_PROMISE from a client."""
    peer.post()
    peer.send(frames.promise(1, 3, peer.block()))


# --- RFC 7541 --------------------------------------------------------------------------------

COMPRESSION_ERROR = connection_error(Error.COMPRESSION_ERROR)

#: In no table, whatever has been indexed before.
NO_SUCH_INDEX = 200
#: A literal without indexing, with a new name of one letter, up to its value.
LITERAL = b"\x00\x01x"

compression = HPACK.case


def after_fields(peer: Connection, octets: bytes) -> None:
    """Send a GET request whose field block ends with some bytes."""
    peer.send(frames.headers(1, peer.block() + octets))


@compression("2.3.3/1", "7541 2.3.3", COMPRESSION_ERROR)
def no_such_field(peer: Connection) -> None:
    """An indexed field that is in no table."""
    after_fields(peer, integer(NO_SUCH_INDEX, 7, 0x80))


@compression("2.3.3/2", "7541 2.3.3", COMPRESSION_ERROR)
def no_such_name(peer: Connection) -> None:
    """A literal whose name is in no table."""
    after_fields(peer, integer(NO_SUCH_INDEX, 6, 0x40) + b"\x02ok")


@compression("4.2/1", "7541 4.2", COMPRESSION_ERROR)
def late_size_update(peer: Connection) -> None:
    """An update of the table's size at the end of a field block."""
    after_fields(peer, integer(128, 5, 0x20))


@compression("5.2/1", "7541 5.2", COMPRESSION_ERROR)
def long_padding(peer: Connection) -> None:
    """A Huffman string with more than seven bits of padding."""
    after_fields(peer, LITERAL + b"\x82\x1f\xff")  # five bits of "a", eleven of padding


@compression("5.2/2", "7541 5.2", COMPRESSION_ERROR)
def zero_padding(peer: Connection) -> None:
    """A Huffman string padded with zeros."""
    after_fields(peer, LITERAL + b"\x81\x18")  # five bits of "a", then three zeros


@compression("5.2/3", "7541 5.2", COMPRESSION_ERROR)
def end_of_string(peer: Connection) -> None:
    """A Huffman string with EOS in it."""
    after_fields(peer, LITERAL + b"\x85\x1f\xff\xff\xff\xff")  # "a", 30 ones, padding


@compression("6.1/1", "7541 6.1", COMPRESSION_ERROR)
def index_zero(peer: Connection) -> None:
    """An indexed field with index 0."""
    after_fields(peer, b"\x80")


@compression("6.3/1", "7541 6.3", COMPRESSION_ERROR)
def table_too_large(peer: Connection) -> None:
    """An update of the table's size above what SETTINGS allow."""
    allowed = peer.peer.get(frames.Setting.HEADER_TABLE_SIZE, 4096)
    peer.send(frames.headers(1, integer(allowed + 1, 5, 0x20) + peer.block()))
