"""Opening a WebSocket: over HTTP/1.1, or through a connection of HTTP/2 that others use too.

    async with connect("wss://example.org/chat") as websocket:
        await websocket.send("hello")
        async for message in websocket:
            ...

With a client (``connect(url, client=client)``) it is what that client's connection to the
origin speaks: a stream of HTTP/2 where the server takes WebSockets there (RFC 8441), else
a connection of HTTP/1.1, which leaves the pool for it.

Read next: ../../tests/protocols/client/test_websocket.py
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from wsproto import events
from wsproto.extensions import Extension, PerMessageDeflate

from .client import Client
from .connection import Connection
from .dialing import Dialer, open_transport
from .errors import ConnectFailed, ConnectTimeout, Disconnected
from .http1 import Http1Connection
from .http2 import Http2Connection
from .messages import Field, HeaderInput, Origin, Request, parse, raw_fields
from .settings import Limits, Timeouts
from .websocket_session import WebSocket
from .websocket_settings import ConnectionClosed, Refused, Settings

__all__ = ["ConnectionClosed", "Refused", "Settings", "WebSocket", "connect"]


@asynccontextmanager
async def connect(
    url: str,
    *,
    headers: HeaderInput = None,
    subprotocols: tuple[str, ...] = (),
    settings: Settings | None = None,
    tls: ssl.SSLContext | None = None,
    unix: str | None = None,
    client: Client | None = None,
    http2: bool | None = None,
) -> AsyncIterator[WebSocket]:
    """Open a WebSocket to *url*, ``ws`` or ``wss``; it is closed at the end of the block.

    Args:
        headers: sent with the handshake.
        subprotocols: to choose from, the best first.
        tls: the context for TLS of a connection of its own; None for the system's roots.
        unix: the path of a Unix socket to connect to, on a connection of its own.
        client: whose pool to take a connection from; None for one of its own.
        http2: True for HTTP/2 or nothing, without a *client* too; False for HTTP/1.1 on a
            connection of its own; None for what there is.

    Raises:
        ValueError: the URL is malformed.
        ConnectTimeout, ConnectFailed: nobody there, or not in the way that is wanted.
        Refused: the server answered something else.
    """
    opening = _Opening(url, headers, subprotocols, settings or Settings())
    async with AsyncExitStack() as stack:
        if http2 and client is None:
            clear = opening.origin.scheme == "http"
            client = Client(tls=tls, unix=unix, prior_knowledge=clear)
            await stack.enter_async_context(client)
        websocket = await opening.open(client, http2, tls, unix)
        try:
            yield websocket
        finally:
            await websocket.close()


class _Opening:
    """What is asked, and the ways in which it can be."""

    def __init__(
        self, url: str, headers: HeaderInput, subprotocols: tuple[str, ...], settings: Settings
    ) -> None:
        address = parse(url.replace("ws", "http", 1) if url.startswith("ws") else url)
        self.origin: Origin = address.origin
        self._target = address.target
        self._fields = raw_fields(headers)
        self._subprotocols = list(subprotocols)
        self._settings = settings

    async def open(
        self,
        client: Client | None,
        http2: bool | None,
        tls: ssl.SSLContext | None,
        unix: str | None,
    ) -> WebSocket:
        """Return an open WebSocket; raise as `connect` does."""
        seconds = self._settings.open_seconds
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                if client is not None and http2 is not False:
                    return await self._pooled(client, http2, tls)
                dialer = None if client is None else client.pool.dialer
                return await self._own(dialer, tls, unix)
        except OSError as error:
            if scope.expired():
                raise ConnectTimeout(f"no WebSocket in {seconds} s") from None
            if isinstance(error, ConnectFailed | ConnectTimeout):
                raise
            raise ConnectFailed(f"no connection to {self.origin.authority}: {error}") from error

    async def _own(
        self, dialer: Dialer | None, tls: ssl.SSLContext | None, unix: str | None
    ) -> WebSocket:
        """Open it on a connection of its own, by HTTP/1.1."""
        if dialer is None:
            dialer = Dialer(Limits(), http2=False, prior_knowledge=False, tls=None, unix=None)

        def context() -> ssl.SSLContext:
            return tls or dialer.context_without_http2()

        websocket = self._new()
        try:
            await open_transport(websocket, self.origin, unix or dialer.unix, context)
        except BaseException:
            websocket.abort()
            raise
        return await self._opened(websocket)

    async def _pooled(
        self, client: Client, http2: bool | None, tls: ssl.SSLContext | None
    ) -> WebSocket:
        """Open it on a connection of *client*'s; one that had died idle is not the last word."""
        while True:
            connection = await self._acquire(client, http2)
            if connection is None:
                return await self._own(client.pool.dialer, tls, None)
            reused = connection.served > 0
            websocket = self._new()
            if isinstance(connection, Http2Connection):
                websocket.tunnel_made(connection.tunnel(self._request(websocket), websocket))
            else:
                assert isinstance(connection, Http1Connection)
                connection.hand_over(websocket)
            try:
                return await self._opened(websocket)
            except ConnectFailed:
                if not (reused and websocket.untouched):
                    raise

    async def _acquire(self, client: Client, http2: bool | None) -> Connection | None:
        """Return a connection to use, or None if there should be another.

        Raises:
            ConnectFailed: only HTTP/2 will do, and it does not.
        """
        seconds = self._settings.open_seconds
        timeouts = Timeouts(connect=seconds, pool=seconds)
        connection = await client.pool.acquire(self.origin, timeouts)
        why = "does not speak HTTP/2"
        try:
            if isinstance(connection, Http2Connection):
                if await connection.can_tunnel():
                    return connection
                why = "takes no WebSockets over HTTP/2 (RFC 8441)"
            elif not http2:
                return connection
        except Disconnected as error:
            why = f"does not speak HTTP/2: {error}"
        except BaseException:
            client.pool.give_back(connection)
            raise
        client.pool.give_back(connection)
        if http2:
            raise ConnectFailed(f"no WebSocket: {self.origin.authority} {why}")
        return None

    @staticmethod
    async def _opened(websocket: WebSocket) -> WebSocket:
        """Return *websocket* once the server has accepted; if it does not, leave nothing."""
        try:
            await websocket.opened
        except BaseException:
            websocket.abort()
            await websocket.close()
            raise
        return websocket

    # --- the words -----------------------------------------------------------------------

    def _new(self) -> WebSocket:
        """Return a WebSocket that has not been asked for; it knows how to, over HTTP/1.1."""
        extensions: list[Extension] = [PerMessageDeflate()] if self._settings.deflate else []
        asked = events.Request(
            host=self.origin.authority,
            target=self._target,
            extensions=extensions,
            extra_headers=self._fields,
            subprotocols=self._subprotocols,
        )
        return WebSocket(asked, extensions, self._settings)

    def _request(self, websocket: WebSocket) -> Request:
        """Return what asks for a tunnel (RFC 8441 5)."""
        fields: list[Field] = [(b"sec-websocket-version", b"13")]
        if self._subprotocols:
            fields.append((b"sec-websocket-protocol", ", ".join(self._subprotocols).encode()))
        fields += [(b"sec-websocket-extensions", offer) for offer in websocket.offers()]
        target = self._target.encode("ascii")
        return Request(
            b"CONNECT", self.origin, target, fields + self._fields, protocol=b"websocket"
        )
