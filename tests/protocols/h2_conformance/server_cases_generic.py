"""Server cases, part one: what any exchange uses must work at all.

Read next: server_cases_connection.py
"""

from __future__ import annotations

from hpack.hpack import encode_integer
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hyperframe import frame as hyper

from . import frames
from .cases import NO_WINDOW, Suite
from .frames import Flag, Type
from .verdicts import acknowledged, alive, alive_or_ended, all_of, answered, sends
from .wire import Connection

__all__ = ["GENERIC"]

GENERIC = Suite("generic")
case = GENERIC.case


@case("1/1", "9113 3.4", all_of(sends(hyper.SettingsFrame), alive), handshake=False)
def preface(peer: Connection) -> None:
    """The client's preface is answered with SETTINGS."""
    peer.send(frames.PREFACE, frames.settings())


# --- states of a stream ----------------------------------------------------------------------


@case("2/1", "9113 5.1", answered())
def priority_when_idle(peer: Connection) -> None:
    """PRIORITY on an idle stream, then a request on it."""
    peer.send(frames.priority(1))
    peer.get()


@case("2/2", "9113 5.1", answered(), NO_WINDOW)
def window_update_when_half_closed(peer: Connection) -> None:
    """WINDOW_UPDATE on a half-closed (remote) stream lets the response go on."""
    peer.get()
    peer.send(frames.window_update(1, 2**20))


@case("2/3", "9113 5.1", answered(), NO_WINDOW)
def priority_when_half_closed(peer: Connection) -> None:
    """PRIORITY on a half-closed (remote) stream."""
    peer.get()
    peer.send(frames.priority(1), frames.window_update(1, 2**20))


@case("2/4", "9113 5.1", alive, NO_WINDOW)
def reset_when_half_closed(peer: Connection) -> None:
    """RST_STREAM on a half-closed (remote) stream."""
    peer.get()
    peer.send(frames.reset(1))


@case("2/5", "9113 5.1", alive)
def priority_when_closed(peer: Connection) -> None:
    """PRIORITY on a closed stream."""
    peer.get()
    answered()(peer)
    peer.send(frames.priority(1))


# --- each type of frame ----------------------------------------------------------------------


@case("3.1/1", "9113 6.1", answered())
def data(peer: Connection) -> None:
    """A DATA frame."""
    peer.post()
    peer.send(frames.data(1, b"test"))


@case("3.1/2", "9113 6.1", answered())
def many_data(peer: Connection) -> None:
    """Several DATA frames."""
    peer.post()
    peer.send(frames.data(1, b"test", end=False), frames.data(1, b"test"))


@case("3.1/3", "9113 6.1", answered())
def padded_data(peer: Connection) -> None:
    """A DATA frame with padding."""
    peer.post()
    payload = b"\x06" + b"test" + bytes(6)
    peer.send(frames.frame(Type.DATA, Flag.END_STREAM | Flag.PADDED, 1, payload))


@case("3.2/1", "9113 6.2", answered())
def headers(peer: Connection) -> None:
    """A HEADERS frame."""
    peer.get()


@case("3.2/2", "9113 6.2", answered())
def padded_headers(peer: Connection) -> None:
    """A HEADERS frame with padding."""
    peer.send(frames.headers(1, b"\x06" + peer.block() + bytes(6), flags=Flag.PADDED))


@case("3.2/3", "9113 6.2", answered())
def headers_with_priority(peer: Connection) -> None:
    """A HEADERS frame with a priority."""
    payload = frames.dependency(0) + peer.block()
    peer.send(frames.headers(1, payload, flags=Flag.PRIORITY))


@case("3.3/1", "7540 6.3", answered())
def lightest_priority(peer: Connection) -> None:
    """PRIORITY with weight 1."""
    peer.send(frames.priority(1, weight=1))
    peer.get()


@case("3.3/2", "7540 6.3", answered())
def heaviest_priority(peer: Connection) -> None:
    """PRIORITY with weight 256."""
    peer.send(frames.priority(1, weight=256))
    peer.get()


@case("3.3/3", "7540 6.3", answered())
def dependent_priority(peer: Connection) -> None:
    """PRIORITY that depends on another stream."""
    peer.send(frames.priority(1, on=3))
    peer.get()


@case("3.3/4", "7540 6.3", answered())
def exclusive_priority(peer: Connection) -> None:
    """PRIORITY that depends on another stream exclusively."""
    peer.send(frames.priority(1, on=3, exclusive=True))
    peer.get()


@case("3.3/5", "9113 5.1.1", answered())
def priority_of_higher_idle(peer: Connection) -> None:
    """PRIORITY on an idle stream does not use up the streams below it."""
    peer.send(frames.priority(5))
    peer.get()


@case("3.4/1", "9113 6.4", alive)
def reset(peer: Connection) -> None:
    """A RST_STREAM frame."""
    peer.post()
    peer.send(frames.reset(1))


@case("3.5/1", "9113 6.5", sends(hyper.SettingsFrame, "ACK"))
def settings(peer: Connection) -> None:
    """A SETTINGS frame is acknowledged."""
    peer.send(frames.settings())


@case("3.7/1", "9113 6.7", acknowledged(b"eight by"))
def ping(peer: Connection) -> None:
    """A PING frame is acknowledged."""
    peer.send(frames.ping(b"eight by"))


@case("3.8/1", "9113 6.8", alive_or_ended)
def goaway(peer: Connection) -> None:
    """A GOAWAY frame."""
    peer.send(frames.goaway())


@case("3.9/1", "9113 6.9", answered())
def window_update_of_connection(peer: Connection) -> None:
    """WINDOW_UPDATE of the connection."""
    peer.send(frames.window_update(0, 1))
    peer.get()


@case("3.9/2", "9113 6.9", answered())
def window_update_of_stream(peer: Connection) -> None:
    """WINDOW_UPDATE of a stream."""
    peer.post()
    peer.send(frames.window_update(1, 1), frames.data(1, b"test"))


@case("3.10/1", "9113 6.10", answered())
def one_continuation(peer: Connection) -> None:
    """A field block in HEADERS and a CONTINUATION frame."""
    block = peer.block()
    peer.send(frames.headers(1, block[:1], complete=False), frames.continuation(1, block[1:]))


@case("3.10/2", "9113 6.10", answered())
def many_continuations(peer: Connection) -> None:
    """A field block in HEADERS and several CONTINUATION frames."""
    block = peer.block()
    peer.send(
        frames.headers(1, block[:1], complete=False),
        frames.continuation(1, block[1:2], complete=False),
        frames.continuation(1, block[2:]),
    )


# --- HTTP ------------------------------------------------------------------------------------


@case("4/1", "9113 8.1", answered())
def get(peer: Connection) -> None:
    """A GET request."""
    peer.get()


@case("4/2", "9113 8.1", answered(body=False))
def head(peer: Connection) -> None:
    """A HEAD request."""
    peer.send(frames.headers(1, peer.block("HEAD")))


@case("4/3", "9113 8.1", answered())
def post(peer: Connection) -> None:
    """A POST request with a body."""
    peer.post(1, ("content-length", "4"))
    peer.send(frames.data(1, b"test"))


@case("4/4", "9113 8.1", answered())
def trailers(peer: Connection) -> None:
    """A POST request with a body and trailers."""
    peer.post(1, ("trailer", "x-test"))
    peer.send(frames.data(1, b"test", end=False))
    peer.send(frames.headers(1, peer.encode([("x-test", "ok")])))


# --- HPACK -----------------------------------------------------------------------------------

USER_AGENT = 58  # in the static table (RFC 7541, A)
ACCEPT_ENCODING = 16  # with a value: gzip, deflate

INCREMENTAL = (0x40, 6)
WITHOUT = (0x00, 4)
NEVER = (0x10, 4)

_huffman = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


def integer(value: int, bits: int, above: int = 0) -> bytes:
    """Return an integer with a prefix of so many bits, and what stands above it (7541, 5.1)."""
    encoded = encode_integer(value, bits)
    encoded[0] |= above
    return bytes(encoded)


def string(text: bytes, *, huffman: bool) -> bytes:
    """Return a string literal (RFC 7541, 5.2)."""
    if huffman:
        text = _huffman.encode(text)
    return integer(len(text), 7, 0x80 if huffman else 0) + text


def literal(kind: tuple[int, int], index: int, *, huffman: bool) -> bytes:
    """Return a literal field (RFC 7541, 6.2); with index 0, of a name that is in no table."""
    pattern, bits = kind
    name = b"" if index else string(b"x-test", huffman=huffman)
    return integer(index, bits, pattern) + name + string(b"conformance", huffman=huffman)


def requested(peer: Connection, after: bytes = b"", before: bytes = b"") -> None:
    """Send a GET request with some bytes around its fields."""
    peer.send(frames.headers(1, before + peer.block() + after))


@case("5/1", "7541 6.1", answered())
def indexed(peer: Connection) -> None:
    """An indexed field."""
    requested(peer, integer(ACCEPT_ENCODING, 7, 0x80))


@case("5/2", "7541 6.2.1", answered())
def incremental_indexed_name(peer: Connection) -> None:
    """A literal with incremental indexing, its name indexed."""
    requested(peer, literal(INCREMENTAL, USER_AGENT, huffman=False))


@case("5/3", "7541 6.2.1", answered())
def incremental_indexed_name_huffman(peer: Connection) -> None:
    """A literal with incremental indexing, its name indexed, Huffman coded."""
    requested(peer, literal(INCREMENTAL, USER_AGENT, huffman=True))


@case("5/4", "7541 6.2.1", answered())
def incremental_new_name(peer: Connection) -> None:
    """A literal with incremental indexing and a new name."""
    requested(peer, literal(INCREMENTAL, 0, huffman=False))


@case("5/5", "7541 6.2.1", answered())
def incremental_new_name_huffman(peer: Connection) -> None:
    """A literal with incremental indexing and a new name, Huffman coded."""
    requested(peer, literal(INCREMENTAL, 0, huffman=True))


@case("5/6", "7541 6.2.2", answered())
def without_indexing_indexed_name(peer: Connection) -> None:
    """A literal without indexing, its name indexed."""
    requested(peer, literal(WITHOUT, USER_AGENT, huffman=False))


@case("5/7", "7541 6.2.2", answered())
def without_indexing_indexed_name_huffman(peer: Connection) -> None:
    """A literal without indexing, its name indexed, Huffman coded."""
    requested(peer, literal(WITHOUT, USER_AGENT, huffman=True))


@case("5/8", "7541 6.2.2", answered())
def without_indexing_new_name(peer: Connection) -> None:
    """A literal without indexing and with a new name."""
    requested(peer, literal(WITHOUT, 0, huffman=False))


@case("5/9", "7541 6.2.2", answered())
def without_indexing_new_name_huffman(peer: Connection) -> None:
    """A literal without indexing and with a new name, Huffman coded."""
    requested(peer, literal(WITHOUT, 0, huffman=True))


@case("5/10", "7541 6.2.3", answered())
def never_indexed_indexed_name(peer: Connection) -> None:
    """A literal never indexed, its name indexed."""
    requested(peer, literal(NEVER, USER_AGENT, huffman=False))


@case("5/11", "7541 6.2.3", answered())
def never_indexed_indexed_name_huffman(peer: Connection) -> None:
    """A literal never indexed, its name indexed, Huffman coded."""
    requested(peer, literal(NEVER, USER_AGENT, huffman=True))


@case("5/12", "7541 6.2.3", answered())
def never_indexed_new_name(peer: Connection) -> None:
    """A literal never indexed and with a new name."""
    requested(peer, literal(NEVER, 0, huffman=False))


@case("5/13", "7541 6.2.3", answered())
def never_indexed_new_name_huffman(peer: Connection) -> None:
    """A literal never indexed and with a new name, Huffman coded."""
    requested(peer, literal(NEVER, 0, huffman=True))


@case("5/14", "7541 6.3", answered())
def table_size_update(peer: Connection) -> None:
    """An update of the dynamic table's size."""
    requested(peer, before=integer(128, 5, 0x20))


@case("5/15", "7541 6.3", answered())
def table_size_updates(peer: Connection) -> None:
    """Two updates of the dynamic table's size, the smaller one first (RFC 7541, 4.2)."""
    requested(peer, before=integer(128, 5, 0x20) + integer(4096, 5, 0x20))
