"""Heads of HTTP/1.1 responses, and what a request's head says of the connection.

h11 reads requests.  Responses are written here: the exchange has checked their order, their
fields and the length of their bodies, and h11 would do all of that once more, for more
than it takes to read a request.

Read next: http1.py
"""

from __future__ import annotations

from http import HTTPStatus

from .events import Headers, Response

__all__ = ["fields", "keeps_alive", "response_head", "status_line", "upgrade_of"]

_LINES = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode())
    for status in HTTPStatus
}
_FRAMING = frozenset((b"connection", b"content-length", b"date", b"transfer-encoding"))


def status_line(status: int) -> bytes:
    """Return the first line of a response."""
    return _LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def fields(headers: Headers) -> bytes:
    """Return header fields, and the empty line after them."""
    return b"".join([b"%s: %s\r\n" % field for field in headers]) + b"\r\n"


def keeps_alive(version: bytes, connection: list[bytes]) -> bool:
    """Tell whether a client waits for more than this response (RFC 9112, section 9.3).

    HTTP/1.0 clients, who may ask for that, are not granted it.

    Args:
        version: of the request.
        connection: the values of its fields called Connection.
    """
    return version != b"1.0" and (not connection or b"close" not in _tokens(connection))


def upgrade_of(method: bytes, version: bytes, special: dict[bytes, list[bytes]]) -> bytes | None:
    """Return what an HTTP/1.1 client wants to upgrade to, if it says so properly."""
    offered = special.get(b"upgrade")
    if offered is None or version != b"1.1" or method != b"GET":
        return None
    if b"upgrade" not in _tokens(special.get(b"connection", [])):
        return None
    return b"websocket" if [each.lower() for each in offered] == [b"websocket"] else None


def _tokens(values: list[bytes]) -> list[bytes]:
    return [token.strip() for token in b",".join(values).lower().split(b",")]


def response_head(
    response: Response, date: bytes, length: int | None, old: bool, bodyless: bool, last: bool
) -> tuple[bytes, bool, bool]:
    """Return the head, whether the body is chunked, and whether the connection ends with it.

    Args:
        response: its fields have been checked.
        date: said unless the response says one.
        length: of the body, where it is known.
        old: whether the client speaks HTTP/1.0.
        bodyless: whether no body follows, whatever the fields say.
        last: whether the connection ends in any case.
    """
    lines = [status_line(response.status)]
    special: dict[bytes, bytes] = {}
    for field in response.headers:
        name = field[0]
        if name not in _FRAMING:
            lines.append(b"%s: %s\r\n" % field)
        elif name in special:
            special[name] += b", " + field[1] if name == b"connection" else b""
        else:
            special[name] = field[1]
    counted, coded = special.get(b"content-length"), special.get(b"transfer-encoding")
    chunked = False
    if not bodyless:
        if coded is None and counted is None and length is not None:
            counted = b"%d" % length
        chunked = not old and (coded is not None or counted is None)
        if coded is not None or counted is None:  # chunks, or all that comes to the end
            counted, coded, last = None, b"chunked" if chunked else None, last or old
    if counted is not None:
        lines.append(b"content-length: %s\r\n" % counted)
    if coded is not None:
        lines.append(b"transfer-encoding: %s\r\n" % coded)
    connection = special.get(b"connection")
    if last or connection is not None:
        tokens = _tokens([connection]) if connection is not None else []
        last = last or b"close" in tokens
        if last:
            tokens = [each for each in tokens if each not in (b"keep-alive", b"close")]
            tokens.append(b"close")
        lines.append(b"connection: %s\r\n" % b", ".join(tokens))
    lines.append(b"date: %s\r\n\r\n" % special.get(b"date", date))
    return b"".join(lines), chunked, last
