"""What passes between a connection and an application: the parts of requests and responses.

The words are those of h11 and h2: a target, a method, headers as pairs of bytes with
the names in lower case.  HTTP/1.1 and HTTP/2 give the same parts, so that whoever hosts
an application need not know which one it was.

Read next: limits.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = [
    "Body",
    "Data",
    "EndOfBody",
    "Headers",
    "Inbound",
    "InformationalResponse",
    "Request",
    "Response",
    "StreamClosed",
    "Trailers",
]

#: Names are in lower case; an order and repetitions are kept.
Headers: TypeAlias = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request (RFC 9110, section 6).

    Args:
        method: as sent, ``b"GET"``.
        target: path and query, or ``*``; of a URL, its host is in *headers*.
        headers: with ``host``, also where HTTP/2 said ``:authority``.
        http_version: ``"1.0"``, ``"1.1"`` or ``"2"``.
        scheme: ``http`` or ``https``.
        protocol: what the connection or the stream may become, ``b"websocket"``, or None.
        expects_continue: whether the client waits for 100 before it sends the body.
    """

    method: bytes
    target: bytes
    headers: Headers
    http_version: str = "1.1"
    scheme: str = "http"
    protocol: bytes | None = None
    expects_continue: bool = False

    def header(self, name: bytes) -> bytes | None:
        """Return the value of the first header called *name* (in lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes of a request's body, or of what the connection became (a tunnel)."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Trailers:
    """Headers after a body (RFC 9110, section 6.5)."""

    headers: Headers


@dataclass(frozen=True, slots=True)
class EndOfBody:
    """Nothing more comes from the other side."""


@dataclass(frozen=True, slots=True)
class StreamClosed:
    """The exchange is over: the client left, was refused, or the response was complete.

    Args:
        reason: what happened, or None after a complete response.
    """

    reason: str | None = None


@dataclass(frozen=True, slots=True)
class InformationalResponse:
    """An interim response, status 100 to 199 (RFC 9110, section 15.2)."""

    status: int
    headers: Headers = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Response:
    """The head of a final response."""

    status: int
    headers: Headers = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of a response's body."""

    data: bytes


#: What an application is given, in this order: Body*, Trailers?, EndOfBody, StreamClosed.
Inbound: TypeAlias = Body | Trailers | EndOfBody | StreamClosed
