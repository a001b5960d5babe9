"""Where a request goes, what it says, and the header fields of both directions.

`parse` takes a URL apart into an `Origin` and a target.  A `Request` is what a
connection sends; its header fields are ``(name, value)`` in bytes, in order, the way
h11 and h2 take them.

Read next: exchange.py
"""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias
from urllib.parse import quote, unquote, urlencode, urlsplit

from .decompression import ACCEPTED

__all__ = [
    "USUAL",
    "Content",
    "Field",
    "Headers",
    "Interim",
    "Origin",
    "Request",
    "TrailerInput",
    "parse",
    "raw_fields",
    "trailer_fields",
]

Field: TypeAlias = tuple[bytes, bytes]
#: What may be sent as a body.
Content: TypeAlias = "bytes | str | AsyncIterable[bytes] | None"
HeaderInput: TypeAlias = "Mapping[str, str] | Iterable[tuple[str, str]] | None"
#: Fields after the body, or what returns them when the body has been sent.
TrailerInput: TypeAlias = "HeaderInput | Callable[[], HeaderInput]"
ParamInput: TypeAlias = "Mapping[str, object] | Iterable[tuple[str, object]] | None"

#: Sent unless others of their names are.
USUAL = (
    (b"user-agent", b"miniloop"),
    (b"accept", b"*/*"),
    (b"accept-encoding", ACCEPTED.encode()),
)
#: Fields that come too late after the body (RFC 9110 6.5.1): they say how to read it, where
#: it is to go, who sends it, or what the connection is.
NO_TRAILERS = frozenset(
    (
        *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade"),
        *(b"content-encoding", b"content-length", b"content-range", b"content-type"),
        *(b"authorization", b"cookie", b"expect", b"host", b"proxy-authorization"),
        b"transfer-encoding",
    )
)
TRAILER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+"), re.compile(rb"[^\0\r\n]*")
PORTS = {"http": 80, "https": 443}
#: What a URL may hold unescaped, ``%`` included: what is escaped already stays so.
SAFE = "!#$%&'()*+,/:;=?@[]~"


class Origin(NamedTuple):
    """Scheme, host and port (RFC 9110 4.3.1): what a connection belongs to."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """The value of the Host field: without the port where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if PORTS[self.scheme] == self.port else f"{host}:{self.port}"


class Address(NamedTuple):
    """A URL taken apart."""

    origin: Origin
    target: str
    userinfo: str | None

    @property
    def url(self) -> str:
        """The URL again, without who asks."""
        return f"{self.origin.scheme}://{self.origin.authority}{self.target}"

    @property
    def authorization(self) -> str | None:
        """The value of the Authorization field that the URL's user stands for, if any."""
        if self.userinfo is None:
            return None
        return "Basic " + base64.b64encode(unquote(self.userinfo).encode()).decode()


def parse(url: str, params: ParamInput = None) -> Address:
    """Take *url* apart, with *params* added to its query.

    Raises:
        ValueError: the URL is not ``http`` or ``https``, or has no host.
    """
    if params is None:
        return _take_apart(url, "")
    pairs = params.items() if isinstance(params, Mapping) else params
    return _take_apart(url, urlencode(list(pairs), doseq=True))


@functools.lru_cache(maxsize=256)
def _take_apart(url: str, more: str) -> Address:
    """Take *url* apart, with *more* added to its query; most are asked for more than once."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is not an absolute URL of http or https")
    host = parts.hostname
    if not host.isascii():
        host = host.encode("idna").decode()
    if any(sign <= " " or sign in '"<>\\^`{|}%' for sign in host):
        raise ValueError(f"{host!r} is not the name of a host")
    port = PORTS[parts.scheme] if parts.port is None else parts.port
    query = "&".join(filter(None, (parts.query, more)))
    target = quote(parts.path or "/", safe=SAFE) + (f"?{quote(query, safe=SAFE)}" if query else "")
    userinfo = parts.netloc.rpartition("@")[0] if "@" in parts.netloc else None
    return Address(Origin(parts.scheme, host, port), target, userinfo)


def raw_fields(headers: HeaderInput) -> list[Field]:
    """Return *headers* the way they are sent: in bytes, names in lower case."""
    if headers is None:
        return []
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in pairs]


def trailer_fields(trailers: HeaderInput) -> list[Field]:
    """Return *trailers* the way they are sent.

    Raises:
        ValueError: one of them cannot come after the body.
    """
    fields = [(name, value.strip(b" \t")) for name, value in raw_fields(trailers)]
    names, values = TRAILER
    for name, value in fields:
        if name in NO_TRAILERS or not names.fullmatch(name) or not values.fullmatch(value):
            raise ValueError(f"{(name, value)!r} cannot be sent after the body")
    return fields


class Headers(Mapping[str, str]):
    """Header fields; names are looked up whatever their case, repeated ones joined by commas."""

    __slots__ = ("raw",)

    def __init__(self, raw: Iterable[Field] = ()) -> None:
        self.raw = [(bytes(name).lower(), bytes(value)) for name, value in raw]

    @classmethod
    def of(cls, fields: list[Field]) -> Headers:
        """Return those *fields*, names in lower case, which are kept and not copied."""
        headers = cls.__new__(cls)
        headers.raw = fields
        return headers

    def __getitem__(self, name: str) -> str:
        values = self.get_list(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.decode("latin-1") for name, _ in self.raw))

    def __len__(self) -> int:
        return len({name for name, _ in self.raw})

    def __repr__(self) -> str:
        return f"Headers({self.raw!r})"

    def get_list(self, name: str) -> list[str]:
        """Return every value of *name*, in order."""
        wanted = name.lower().encode("latin-1")
        return [value.decode("latin-1") for each, value in self.raw if each == wanted]


class Interim(NamedTuple):
    """A response that precedes the response (RFC 9110 15.2): 100, 103 with early hints, ..."""

    status: int
    headers: Headers


class Request(NamedTuple):
    """What is sent: to whom, in which words.

    Attributes:
        content: the body; bytes can be sent again, what is iterated over cannot.
        protocol: what a CONNECT asks an HTTP/2 stream to become (RFC 8441).
        on_interim: called with every interim response as it arrives.
        trailers: returns the fields after the body, once that has been sent.
    """

    method: bytes
    origin: Origin
    target: bytes
    fields: list[Field]
    content: bytes | AsyncIterable[bytes] = b""
    protocol: bytes | None = None
    on_interim: Callable[[Interim], object] | None = None
    trailers: Callable[[], list[Field]] | None = None

    @property
    def idempotent(self) -> bool:
        """Whether sending it twice is as good as once (RFC 9110 9.2.2)."""
        return self.method in (b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE")

    @property
    def repeatable(self) -> bool:
        """Whether the body can be sent again."""
        return isinstance(self.content, bytes)

    @property
    def expects_continue(self) -> bool:
        """Whether the body waits until the server has said that it wants it (RFC 9110 10.1.1)."""
        return self.content != b"" and any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in self.fields
        )

    def without_expectation(self) -> Request:
        """Return the request with a body that does not wait."""
        return self._replace(fields=[each for each in self.fields if each[0] != b"expect"])

    def with_trailers(self, trailers: TrailerInput) -> Request:
        """Return the request with *trailers*, and with their names if they are known before.

        Raises:
            ValueError: one of them cannot come after the body.
        """
        if callable(trailers):
            return self._replace(trailers=lambda: trailer_fields(trailers()))
        last = trailer_fields(trailers)
        fields = self.fields
        if last and not any(name == b"trailer" for name, _ in fields):
            names = b", ".join(dict.fromkeys(name for name, _ in last))
            fields = [*fields, (b"trailer", names)]  # RFC 9110 6.6.2
        return self._replace(fields=fields, trailers=lambda: last)

    @property
    def url(self) -> str:
        """The whole URL."""
        return f"{self.origin.scheme}://{self.origin.authority}{self.target.decode('ascii')}"
