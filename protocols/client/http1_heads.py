"""Heads of HTTP/1.1: how a request's is written, and how large a response's may be.

h11 checks and copies field after field, several times.  It is told of a request only what
it has to know; it reads every response.

Read next: http1.py
"""

from __future__ import annotations

import functools
import re

import h11

from .errors import TooLarge
from .messages import USUAL, Field, Request
from .settings import Limits

__all__ = ["AT_ONCE", "check_size", "head_of"]

#: A body up to this size is sent together with the head; of a larger one so much at a time.
AT_ONCE = 64 * 1024
#: Fields that say where a message ends, or what the connection is to become.
FRAMING = frozenset((b"connection", b"content-length", b"expect", b"upgrade"))
#: How those are written of which it is known that they are well-formed.
LINES = {field: b"%s: %s\r\n" % field for field in USUAL}
NAME = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
VALUE = re.compile(rb"(?:[^\0\s](?:[^\0\n\v\f\r]*[^\0\s])?)?")
TARGET = re.compile(rb"[!-~]+")


@functools.lru_cache(maxsize=256)
def stand_in(method: bytes, framing: tuple[Field, ...]) -> h11.Request:
    """Return a request of which h11 says the same as of one with *framing* among its fields.

    Raises h11.LocalProtocolError.
    """
    return h11.Request(method=method, target=b"/", headers=[(b"host", b""), *framing])


def head_of(request: Request) -> tuple[bytes, h11.Request]:
    """Return the head of *request*, framed by length or by chunks, and what h11 is told.

    h11 checks and copies field after field, several times; only some are of interest to it.

    Raises:
        ValueError: it would be read as something else.
    """
    lines = [b"%s %s HTTP/1.1\r\n" % (request.method, request.target), b""]
    framing, hosts = [], []
    for field in request.fields:
        if field in LINES:
            lines.append(LINES[field])
            continue
        name, value = field
        if not NAME.fullmatch(name) or not VALUE.fullmatch(value):
            raise ValueError(f"the request cannot be sent: {field!r} is not a field")
        if name == b"host":
            hosts.append(value)
        elif name in FRAMING:
            framing.append(field)
        elif name != b"transfer-encoding":
            lines.append(b"%s: %s\r\n" % field)
    if len(hosts) > 1 or not TARGET.fullmatch(request.target):
        raise ValueError("the request cannot be sent: its target is malformed, or said twice")
    if b"content-length" not in [name for name, _ in framing]:
        if not isinstance(request.content, bytes):
            framing.append((b"transfer-encoding", b"chunked"))
        elif request.content or request.method in (b"POST", b"PUT", b"PATCH"):
            framing.append((b"content-length", b"%d" % len(request.content)))
    try:
        told = stand_in(request.method, tuple(framing))
    except h11.LocalProtocolError as error:
        raise ValueError(f"the request cannot be sent: {error}") from None
    host = hosts[0] if hosts else request.origin.authority.encode("ascii")
    lines[1] = b"host: %s\r\n" % host  # first, as RFC 9110, 7.2, asks for
    lines += [b"%s: %s\r\n" % field for field in told.headers.raw_items()[1:]]
    return b"".join(lines) + b"\r\n", told


def check_size(fields: list[Field], limits: Limits) -> None:
    """Raise TooLarge if a block of header fields is.  h11 looks only at incomplete ones."""
    if len(fields) > limits.header_fields:
        raise TooLarge(f"the response has {len(fields)} header fields")
    size = sum([len(name) + len(value) + 4 for name, value in fields])
    if size > limits.header_bytes:
        raise TooLarge(f"the response has {size} bytes of header fields")
