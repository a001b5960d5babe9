"""How a request begins over HTTP/2 (RFC 9113 8.3), and how a server has to.

Read next: http2.py
"""

from __future__ import annotations

import re

from h2.exceptions import ProtocolError
from hpack import NeverIndexedHeaderTuple
from hyperframe.frame import SettingsFrame

from .messages import Field, Request

__all__ = ["check_greeting", "head_of"]

#: Fields that say something about an HTTP/1.1 connection (RFC 9113 8.2.2).
OF_CONNECTIONS = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"host")
)
#: Fields that nobody is to find out by guessing, and the size from which on cookies are none.
SECRET = frozenset((b"authorization", b"proxy-authorization"))
GUESSED = 20
NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
VALUE = re.compile(rb"[^\x00\r\n]*")


def head_of(request: Request) -> list[Field]:
    """Return the header fields of *request*, the pseudo ones first.

    They are checked here: h2 finds a bad one only when it has encoded those before it,
    and then the server's table of fields is not ours any more.
    """
    fields = request.fields
    authority = next((value for name, value in fields if name == b"host"), None)
    head = [
        (b":method", request.method),
        (b":scheme", request.origin.scheme.encode()),
        (b":authority", authority or request.origin.authority.encode("ascii")),
        (b":path", request.target),
    ]
    if request.protocol is not None:
        head.append((b":protocol", request.protocol))
    for name, value in fields:
        if not NAME.fullmatch(name):
            raise ValueError(f"the request cannot be sent: {name!r} is not the name of a field")
        if name in SECRET or (name == b"cookie" and len(value) < GUESSED):  # RFC 7541 7.1.3
            head.append(NeverIndexedHeaderTuple(name, value.strip(b" \t")))
        elif name not in OF_CONNECTIONS and not (name == b"te" and value != b"trailers"):
            head.append((name, value.strip(b" \t")))
    names = {name for name, _ in fields}
    content = request.content
    if b"content-length" not in names and isinstance(content, bytes):  # noqa: SIM102
        if content or request.method in (b"POST", b"PUT", b"PATCH"):
            head.append((b"content-length", b"%d" % len(content)))
    for _, value in head:
        if not VALUE.fullmatch(value):
            raise ValueError(f"the request cannot be sent: {value!r} is not a field's value")
    return head


def check_greeting(data: bytes) -> None:
    """Raise ProtocolError unless *data* begins with SETTINGS (RFC 9113 3.4).

    h2 would wait for the end of a frame as long as another protocol's first words say.
    """
    if data[0] or data[3] != SettingsFrame.type:
        raise ProtocolError("the server does not begin with SETTINGS")
