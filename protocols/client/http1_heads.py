"""Heads of HTTP/1.1: how a request's is written, and how large a response's may be.

h11 checks and copies field after field, several times.  It is told of a request only what
it has to know; it reads every response.

Read next: http1_parser.py
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

import h11

from .errors import TooLarge
from .http1_parser import Told
from .messages import USUAL, Field, Request
from .settings import Limits

__all__ = ["AT_ONCE", "Head", "check_size", "head_of"]

#: A body up to this size is sent together with the head; of a larger one so much at a time.
AT_ONCE = 64 * 1024
#: Fields that say where a message ends, or what the connection is to become.
FRAMING = frozenset((b"connection", b"content-length", b"expect", b"upgrade"))
#: How those are written of which it is known that they are well-formed.
LINES = {field: b"%s: %s\r\n" % field for field in USUAL}
NAME = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
VALUE = re.compile(rb"(?:[^\0\s](?:[^\0\n\v\f\r]*[^\0\s])?)?")
TARGET = re.compile(rb"[!-~]+")


class Head(NamedTuple):
    """How a request begins.

    Attributes:
        data: the head, in bytes.
        told: what h11 is told of it.
        whole: whether it is sent together with the body, of whose length no more is said.
    """

    data: bytes
    told: Told
    whole: bool


@functools.lru_cache(maxsize=256)
def stand_in(method: bytes, framing: tuple[Field, ...]) -> Told:
    """Return a request of which h11 says the same as of one with *framing* among its fields.

    Raises h11.LocalProtocolError.
    """
    return Told.of(h11.Request(method=method, target=b"/", headers=[(b"host", b""), *framing]))


def head_of(request: Request) -> Head:
    """Return the head of *request*, framed by length or by chunks, and what h11 is told.

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
    whole, length = _framed(request, framing)
    try:
        told = stand_in(request.method, tuple(framing))
    except h11.LocalProtocolError as error:
        raise ValueError(f"the request cannot be sent: {error}") from None
    host = hosts[0] if hosts else request.origin.authority.encode("ascii")
    lines[1] = b"host: %s\r\n" % host  # first, as RFC 9110, 7.2, asks for
    if framing:
        lines += [b"%s: %s\r\n" % field for field in told.request.headers.raw_items()[1:]]
    lines.append(length)
    return Head(b"".join(lines), told, whole)


def _framed(request: Request, framing: list[Field]) -> tuple[bool, bytes]:
    """Add to *framing* what it takes for h11 to see to the body, if that is not sent at once.

    Returns:
        Whether it is, and the end of the head, with its length if that is needed.
    """
    content = request.content
    if framing and b"content-length" in [name for name, _ in framing]:
        if request.trailers is not None:
            raise ValueError("the request cannot be sent: trailers come after chunks only")
        return False, b"\r\n"
    if not isinstance(content, bytes) or request.trailers is not None:
        framing.append((b"transfer-encoding", b"chunked"))
        return False, b"\r\n"
    if not content and request.method not in (b"POST", b"PUT", b"PATCH"):
        return True, b"\r\n"
    if len(content) <= AT_ONCE and not request.expects_continue:
        return True, b"content-length: %d\r\n\r\n" % len(content)
    framing.append((b"content-length", b"%d" % len(content)))
    return False, b"\r\n"


def check_size(fields: list[Field], limits: Limits) -> None:
    """Raise TooLarge if a block of header fields is.  h11 looks only at incomplete ones."""
    if len(fields) > limits.header_fields:
        raise TooLarge(f"the response has {len(fields)} header fields")
    size = sum([len(name) + len(value) + 4 for name, value in fields])
    if size > limits.header_bytes:
        raise TooLarge(f"the response has {size} bytes of header fields")
