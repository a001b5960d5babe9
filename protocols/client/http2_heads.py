"""How a request begins over HTTP/2 (RFC 9113 8.3), and how a server has to.

Read next: http2.py
"""

from __future__ import annotations

import re

from h2.exceptions import ProtocolError
from hpack import NeverIndexedHeaderTuple
from hyperframe.frame import SettingsFrame

from .errors import BadMessage
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
STATUS = re.compile(rb"[1-9][0-9][0-9]")


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
    for field in fields:
        if field in KNOWN:
            head.append(field)
            continue
        name, value = field
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


def response_head(headers: list[Field], limits: Limits) -> tuple[int, list[Field]]:
    """Return the status of a response, and its fields without it.

    Args:
        headers: of which h2 knows that ``:status`` comes first, and nothing else like it.
        limits: of sizes.

    Raises:
        BadMessage: the status is none.
        TooLarge: the head is.
    """
    (_, status), *fields = headers
    if not STATUS.fullmatch(status):
        raise BadMessage(f"{status!r} is no status")
    check_size(fields, limits)
    return int(status), fields


def check_greeting(data: bytes) -> None:
    """Raise ProtocolError unless *data* begins with SETTINGS (RFC 9113 3.4).

    h2 would wait for the end of a frame as long as another protocol's first words say.
    """
    if data[0] or data[3] != SettingsFrame.type:
        raise ProtocolError("the server does not begin with SETTINGS")
