"""How a request begins over HTTP/2 (RFC 9113 8.3), and how a server has to.

Read next: http2.py
"""

from __future__ import annotations

import re

from h2.exceptions import ProtocolError
from hpack import NeverIndexedHeaderTuple
from hyperframe.frame import SettingsFrame

from .http1_heads import check_size
from .messages import USUAL, Field, Request
from .settings import Limits

__all__ = ["check_greeting", "head_of", "response_head"]

#: Fields that say something about an HTTP/1.1 connection (RFC 9113 8.2.2).
OF_CONNECTIONS = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"host")
)
#: Fields that nobody is to find out by guessing, and the size from which on cookies are none.
SECRET = frozenset((b"authorization", b"proxy-authorization"))
GUESSED = 20
#: Of these it is known that they are well-formed.
KNOWN = frozenset(USUAL)
NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
VALUE = re.compile(rb"[^\x00\r\n]*")


def head_of(request: Request) -> list[Field]:
    """Return the header fields of *request*, the pseudo ones first.

    They are checked here: h2 finds a bad one only when it has encoded those before it,
    and then the server's table of fields is not ours any more.
    """
    authority = b""
    method, content = request.method, request.content
    unmeasured = isinstance(content, bytes) and (content or method in (b"POST", b"PUT", b"PATCH"))
    said: list[Field] = []
    for field in request.fields:
        if field in KNOWN:
            said.append(field)
            continue
        name, value = field
        if not NAME.fullmatch(name):
            raise ValueError(f"the request cannot be sent: {name!r} is not the name of a field")
        _check_value(value)
        if name == b"host":
            authority = authority or value
        elif name in SECRET or (name == b"cookie" and len(value) < GUESSED):  # RFC 7541 7.1.3
            said.append(NeverIndexedHeaderTuple(name, value.strip(b" \t")))
        elif name not in OF_CONNECTIONS and not (name == b"te" and value != b"trailers"):
            said.append((name, value.strip(b" \t")))
        if name == b"content-length":
            unmeasured = False
    if unmeasured:
        said.append((b"content-length", b"%d" % len(content)))  # type: ignore[arg-type]
    scheme, path = request.origin.scheme.encode(), request.target
    authority = authority or request.origin.authority.encode("ascii")
    for value in (method, authority, path):
        _check_value(value)
    head = [
        (b":method", method),
        (b":scheme", scheme),
        (b":authority", authority),
        (b":path", path),
    ]
    if request.protocol is not None:
        head.append((b":protocol", request.protocol))
    return head + said


def _check_value(value: bytes) -> None:
    if not VALUE.fullmatch(value):
        raise ValueError(f"the request cannot be sent: {value!r} is not a field's value")


def response_head(headers: list[Field], limits: Limits) -> tuple[int, list[Field]]:
    """Return the status of a response, and its fields without it.

    Args:
        headers: of which it is known that ``:status`` comes first, and that it is one.
        limits: of sizes.

    Raises:
        TooLarge: the head is.
    """
    (_, status), *fields = headers
    check_size(fields, limits)
    return int(status), fields


def check_greeting(data: bytes | memoryview) -> None:
    """Raise ProtocolError unless *data* begins with SETTINGS (RFC 9113 3.4).

    h2 would wait for the end of a frame as long as another protocol's first words say.
    """
    if data[0] or data[3] != SettingsFrame.type:
        raise ProtocolError("the server does not begin with SETTINGS")
