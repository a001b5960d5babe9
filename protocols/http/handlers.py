"""Plain handlers, for study: ``async def handler(request) -> Response``.

    async def hello(request):
        return Response("hello, " + request.path)

A body that is given in pieces (an async iterator) is sent as it comes.  A handler that
gets a WebSocket's request may ``await request.websocket()`` and return None in the end.

Read next: websocket.py
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from .events import Body, EndOfBody, Headers, InformationalResponse, StreamClosed, Trailers
from .events import Response as Head
from .exchange import Disconnected, Exchange
from .websocket import WebSocket

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Handled", "Request", "Response", "TooLarge"]


class TooLarge(ValueError):
    """The body is larger than the handler wants it to be."""


class Request:
    """What a handler is given."""

    def __init__(self, exchange: Exchange, client: tuple[str, int] | None) -> None:
        self.exchange = exchange
        self.client = client
        self.method = exchange.request.method.decode("latin-1")
        self.target = exchange.request.target.decode("latin-1")
        path, _, query = self.target.partition("?")
        self.path = unquote(path)
        self.query = parse_qs(query, keep_blank_values=True)
        self.trailers: Headers = []
        self.socket: WebSocket | None = None

    @property
    def headers(self) -> Headers:
        """The headers as pairs, names in lower case."""
        return self.exchange.request.headers

    def header(self, name: str, default: str = "") -> str:
        """Return the first header called *name*."""
        value = self.exchange.request.header(name.lower().encode())
        return default if value is None else value.decode("latin-1")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body in pieces; raise Disconnected if the client leaves."""
        while True:
            part = await self.exchange.receive()
            if isinstance(part, Body):
                yield part.data
            elif isinstance(part, Trailers):
                self.trailers = part.headers
            elif isinstance(part, EndOfBody):
                return
            else:
                raise Disconnected(part.reason)

    async def body(self, most: int = 1024 * 1024) -> bytes:
        """Return the whole body; raise TooLarge for more than *most* bytes."""
        pieces = bytearray()
        async for piece in self:
            pieces += piece
            if len(pieces) > most:
                raise TooLarge(f"a body of more than {most} bytes")
        return bytes(pieces)

    async def json(self, most: int = 1024 * 1024) -> Any:
        """Return the body, read as JSON; raise ValueError if it is none."""
        return json.loads(await self.body(most))

    async def disconnected(self) -> None:
        """Wait until the client has left, or the response has ended; an unread body is lost.

        This is how a handler that makes a response slowly learns that nobody waits for it.
        """
        while not isinstance(await self.exchange.receive(), StreamClosed):
            pass

    def hint(self, *links: str) -> None:
        """Send early hints (103, RFC 8297)."""
        headers = [(b"link", link.encode("latin-1")) for link in links]
        self.exchange.inform(InformationalResponse(103, headers))

    @property
    def wants_websocket(self) -> bool:
        """Whether the client asks for a WebSocket."""
        return self.exchange.request.protocol == b"websocket"

    async def websocket(self, subprotocol: str | None = None) -> WebSocket:
        """Accept a WebSocket.

        A request that is no proper one is answered, and Disconnected raised, which the
        handler may leave alone; ValueError if *subprotocol* was not offered.
        """
        socket = WebSocket(self.exchange)
        await socket.check()
        await socket.accept(subprotocol)
        self.socket = socket
        return socket


@dataclass
class Response:
    """What a handler returns.

    Args:
        body: bytes, text (sent as UTF-8), or pieces of bytes.
        status: of the response.
        headers: as pairs of text.
        trailers: headers after the body, where the protocol can send them.
    """

    body: bytes | str | AsyncIterable[bytes] = b""
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    trailers: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Response:
        """Return a response with *value* as JSON."""
        return cls(json.dumps(value).encode(), status, [("content-type", "application/json")])


class Handled:
    """A handler, hosted."""

    def __init__(self, handler: Callable[[Request], Awaitable[Response | None]]) -> None:
        self._handler = handler

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""

    async def answer(self, connection: Connection, exchange: Exchange) -> None:
        """Answer one request."""
        request = Request(exchange, connection.client)
        try:
            response = await self._handler(request)
        except BaseException:
            if request.socket is not None:
                request.socket.start_close(1011, "")
            raise
        if request.socket is not None:
            request.socket.start_close(1000, "")
        elif response is not None:
            await self._send(exchange, response)

    async def _send(self, exchange: Exchange, response: Response) -> None:
        headers, trailers = _encode(response.headers), _encode(response.trailers)
        body = response.body
        if isinstance(body, str):
            body = body.encode()
            if all(name.lower() != b"content-type" for name, _ in headers):
                headers.append((b"content-type", b"text/plain; charset=utf-8"))
        framed = {b"content-length", b"transfer-encoding"} & {name.lower() for name, _ in headers}
        if isinstance(body, bytes) and not framed and response.status not in (204, 304):
            # Said here, and not where it is sent: a HEAD is answered without the body.
            headers.append((b"content-length", b"%d" % len(body)))
        exchange.respond(Head(response.status, headers))
        if isinstance(body, bytes):
            await exchange.send(body, end=True, trailers=trailers)
            return
        pieces = aiter(body)
        try:
            async for piece in pieces:
                await exchange.send(piece)
        finally:
            # A generator that the client did not hear out ends now, and not when it is collected.
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()
        await exchange.send(b"", end=True, trailers=trailers)


def _encode(headers: list[tuple[str, str]]) -> Headers:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
