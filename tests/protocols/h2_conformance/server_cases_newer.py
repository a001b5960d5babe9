"""Server cases, part five: what RFC 9113 demands and RFC 7540 did not, or not so clearly; RFC 8441.

Read next: server_cases_priorities.py
"""

from __future__ import annotations

from . import frames
from .cases import NO_WINDOW, Act, Suite
from .frames import Error, Setting, Type
from .verdicts import acknowledged, alive, answered, connection_error, refused
from .wire import Connection

__all__ = ["CONNECT", "NEWER"]

NEWER = Suite("rfc9113")
CONNECT = Suite("rfc8441")

case = NEWER.case

PROTOCOL_ERROR = connection_error(Error.PROTOCOL_ERROR)


# --- 3 to 6: connections, streams and frames -------------------------------------------------


@case("3.4/1", "9113 3.4", PROTOCOL_ERROR, handshake=False)
def spoilt_preface(peer: Connection) -> None:
    """A preface whose last byte is wrong."""
    peer.send(frames.PREFACE[:-1] + b"X", frames.settings())


@case("3.4/2", "9113 3.4", PROTOCOL_ERROR, handshake=False)
def no_settings(peer: Connection) -> None:
    """A preface that is not followed by SETTINGS."""
    peer.send(frames.PREFACE, frames.ping(b"too soon"), frames.settings())


@case("4.2/1", "9113 4.2", connection_error(Error.FRAME_SIZE_ERROR))
def too_long_announced(peer: Connection) -> None:
    """The first nine bytes of a frame of 16 MiB are enough to refuse it."""
    peer.send(frames.frame(Type.HEADERS, 0, 1, bytes(2**24 - 1))[:9])


@case("5.1/1", "9113 5.1", PROTOCOL_ERROR)
def reset_of_idle(peer: Connection) -> None:
    """RST_STREAM on an idle stream, above one that was opened."""
    peer.post()
    peer.send(frames.reset(5))


@case("5.1/2", "9113 5.1", alive)
def late_window_update(peer: Connection) -> None:
    """WINDOW_UPDATE shortly after the end of a stream is ignored."""
    peer.get()
    answered()(peer)
    peer.send(frames.window_update(1, 100))


@case("5.1/3", "9113 5.1", alive)
def late_reset(peer: Connection) -> None:
    """RST_STREAM shortly after the end of a stream is ignored."""
    peer.get()
    answered()(peer)
    peer.send(frames.reset(1))


@case("5.1.2/1", "9113 5.1.2", answered())
def no_streams_for_server(peer: Connection) -> None:
    """A client that takes no streams of the server's opens its own all the same."""
    peer.send(frames.settings((Setting.MAX_CONCURRENT_STREAMS, 0)))
    peer.get()


@case("5.4.2/1", "9113 5.4.2", answered(3), NO_WINDOW)
def error_of_other_stream(peer: Connection) -> None:
    """RST_STREAM of one stream leaves the others as they are."""
    peer.get(1)
    peer.get(3)
    peer.send(frames.reset(1), frames.window_update(3, 2**20))


@case("6.5.1/1", "7541 4.2", answered(), {Setting.HEADER_TABLE_SIZE: 0})
def no_header_table(peer: Connection) -> None:
    """A client that keeps no header table is sent no fields that need one."""
    peer.decoder.max_allowed_table_size = 0
    peer.get()


@case("6.7/1", "9113 6.7", acknowledged(b"question"))
def ping_within_request(peer: Connection) -> None:
    """PING between the HEADERS and the DATA of a request is acknowledged at once."""
    peer.post()
    peer.send(frames.ping(b"question"))


@case("6.8/1", "9113 6.8", answered(), NO_WINDOW)
def goaway_during_request(peer: Connection) -> None:
    """GOAWAY from a client that still waits for a response."""
    peer.get()
    peer.send(frames.goaway(), frames.window_update(1, 2**20))


@case("6.8/2", "9113 6.8", answered())
def goaway_within_request(peer: Connection) -> None:
    """GOAWAY from a client that has not sent the whole of its request."""
    peer.post()
    peer.send(frames.goaway(), frames.data(1, b"test"))


# --- 8: requests -----------------------------------------------------------------------------


def request(says: str, *more: tuple[str, str], skip: str = "", method: str = "GET") -> Act:
    """Return what sends a request with some fields more, or without one."""

    def act(peer: Connection) -> None:
        peer.send(frames.headers(1, peer.block(method, *more, skip=skip)))

    act.__doc__ = says
    return act


def before(says: str, *first: tuple[str, str], skip: str = "", method: str = "GET") -> Act:
    """Return what sends a request that begins with some fields."""

    def act(peer: Connection) -> None:
        peer.send(frames.headers(1, peer.encode(first) + peer.block(method, skip=skip)))

    act.__doc__ = says
    return act


MALFORMED = refused()

for number, octets in enumerate(("\x00", "\n", "\r", " ", "\x7f", "\x80")):
    name = f"The name of a field with {octets!a} in it."
    case(f"8.2.1/{number + 1}", "9113 8.2.1", MALFORMED)(request(name, (f"x{octets}y", "ok")))
for number, octets in enumerate(("\x00", "\n", "\r")):
    value = f"The value of a field with {octets!a} in it."
    case(f"8.2.1/{number + 7}", "9113 8.2.1", MALFORMED)(request(value, ("x-test", f"a{octets}b")))

case("8.2.1/10", "9113 8.2.1", MALFORMED)(
    request("The name of a regular field with a colon in it.", ("x:y", "ok"))
)
case("8.2.1/11", "9113 8.2.1", MALFORMED)(
    request("The value of a field with white space before it.", ("x-test", " ok"))
)
case("8.2.1/12", "9113 8.2.1", MALFORMED)(
    request("The value of a field with white space after it.", ("x-test", "ok\t"))
)
case("8.2.1/13", "9113 8.2.1", MALFORMED)(request("A field without a name.", ("", "ok")))

for number, field in enumerate(("proxy-connection", "keep-alive", "transfer-encoding", "upgrade")):
    case(f"8.2.2/{number + 1}", "9113 8.2.2", MALFORMED)(
        request(f"A field of one connection of HTTP/1.1: {field}.", (field, "chunked"))
    )

case("8.2.3/1", "9113 8.2.3", answered())(
    request("Crumbs of a cookie.", ("cookie", "a=1"), ("cookie", "b=2"))
)
case("8.3.1/1", "9113 8.3.1", MALFORMED)(
    before("A :path that does not begin with a slash.", (":path", "there"), skip=":path")
)
case("8.3.1/2", "9113 8.3.1", MALFORMED)(
    before("Two of :authority.", (":authority", "elsewhere.example"))
)
case("8.3.1/3", "9113 8.3.1", MALFORMED)(
    request("A Host that is not the :authority.", ("host", "elsewhere.example"))
)
case("8.3.1/4", "9113 8.3.1", MALFORMED)(request("Neither Host nor :authority.", skip=":authority"))
case("8.3.1/5", "9113 8.3.1", answered())(
    request("Host in place of :authority.", ("host", "localhost"), skip=":authority")
)
case("8.1.1/1", "9113 8.1.1", MALFORMED)(
    request("A content-length on a request without DATA.", ("content-length", "4"))
)
case("8.1.1/2", "9113 8.1.1", MALFORMED)(
    request("A content-length that is no number.", ("content-length", "+0"))
)
case("8.1.1/3", "9113 8.1.1", MALFORMED)(
    request("Two of content-length that differ.", ("content-length", "0"), ("content-length", "4"))
)


@case("8.5/1", "9113 8.5", alive)
def plain_connect(peer: Connection) -> None:
    """A CONNECT without :scheme and :path harms nobody, whatever it is answered."""
    fields = [(":method", "CONNECT"), (":authority", "localhost:80")]
    peer.send(frames.headers(1, peer.encode(fields), end=False))


# --- RFC 8441: extended CONNECT --------------------------------------------------------------

PROTOCOL = (":protocol", "websocket")

CONNECT.case("4/1", "8441 4", MALFORMED)(before("A :protocol with GET.", PROTOCOL))
CONNECT.case("4/2", "8441 4", MALFORMED)(
    before("A :protocol with CONNECT, but no :path.", PROTOCOL, skip=":path", method="CONNECT")
)
CONNECT.case("4/3", "8441 4", MALFORMED)(
    before("A :protocol with CONNECT, but no :scheme.", PROTOCOL, skip=":scheme", method="CONNECT")
)


@CONNECT.case("4/4", "8441 4", alive)
def unknown_protocol(peer: Connection) -> None:
    """A :protocol that nobody knows harms nobody, whatever it is answered."""
    block = peer.encode([(":protocol", "unheard-of")]) + peer.block("CONNECT")
    peer.send(frames.headers(1, block, end=False))
