"""A server for HTTP: what it listens on, who works for it, and how it ends.

    server = await serve(application, "127.0.0.1", 8000)
    ...
    await server.drain(30)

*application* is an ASGI 3 application or a plain handler (see handlers.py).

States of a server
    serving  -- drain ---------------> draining
             -- close ---------------> closing
    draining -- no connection left --> closing
             -- time is up ----------> closing
    closing  -- everything ended ----> closed

Read next: asgi.py
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
import ssl as tls
from collections.abc import Awaitable, Callable, Sequence
from inspect import signature
from typing import Any, Protocol, cast

from .asgi import Hosted
from .connection import Clock, Connection
from .exchange import Disconnected, Exchange
from .handlers import Handled
from .limits import Limits

__all__ = ["TRANSITIONS", "Application", "Server", "hosted", "serve"]

TRANSITIONS = (
    ("serving", "drain", "draining"),
    ("serving", "close", "closing"),
    ("draining", "no connection left", "closing"),
    ("draining", "time is up", "closing"),
    ("closing", "everything ended", "closed"),
)

logger = logging.getLogger("protocols.http")

#: Seconds that a handshake may hold up the end, where it cannot be ended; see `Connection`.
_HANDSHAKE = 0.5
#: Told of each exchange when its response was sent or broken off, as for an access log.
Finished = Callable[[Connection, Exchange], None]


class Application(Protocol):
    """What answers: `asgi.Hosted` for ASGI applications, `handlers.Handled` for handlers."""

    async def start(self) -> None:
        """Prepare, before the first connection; raise if that fails."""

    async def stop(self) -> None:
        """Clean up, after the last one."""

    async def answer(self, connection: Connection, exchange: Exchange) -> None:
        """Answer one request."""


class Server:
    """What `serve` returns; also an async context manager that closes."""

    def __init__(
        self, application: Application, limits: Limits, finished: Finished | None = None
    ) -> None:
        self.application = application
        self.limits = limits
        self.state = "serving"
        self.connections: set[Connection] = set()
        self.at_work: dict[Exchange, asyncio.Task[None]] = {}
        self.date = Clock().date
        self._finished = finished
        self._loop = asyncio.get_running_loop()
        self._listeners: list[asyncio.AbstractServer] = []
        self._empty = asyncio.Event()

    # --- from outside ----------------------------------------------------------------------

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The sockets it listens on."""
        return tuple(sock for server in self._listeners for sock in getattr(server, "sockets", ()))

    @property
    def draining(self) -> bool:
        """Whether it takes no more requests."""
        return self.state != "serving"

    async def drain(self, timeout: float | None = None) -> None:
        """Finish what is at work, then close.

        Connections are told (``Connection: close``, GOAWAY twice, close code 1012); after
        *timeout* seconds what is left is cancelled.  Cancelled itself, it closes at once.
        """
        if self.state == "serving":
            self.state = "draining"
            self._stop_listening()
            for connection in list(self.connections):
                connection.drain()
        try:
            async with asyncio.timeout(timeout):
                while self.connections or self.at_work:
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            left = len(self.connections)
            logger.warning("%d connections are cut off: they did not end in %g s", left, timeout)
        finally:
            self.close()
        await self.wait_closed()

    def close(self) -> None:
        """Stop listening, cancel every handler and close every connection, now."""
        if self.state in ("closing", "closed"):
            return
        self.state = "closing"
        self._stop_listening()
        for exchange, task in self.at_work.items():
            # One that is cancelled before its first step never comes to its last.
            task.add_done_callback(functools.partial(self._ended, exchange))
            task.cancel()
        for connection in list(self.connections):
            connection.abort()
        for listener in self._listeners:  # what is no connection yet, but a handshake of TLS
            abort = getattr(listener, "abort_clients", None)  # since Python 3.13
            if abort is not None:
                abort()

    async def wait_closed(self) -> None:
        """Wait until it was closed, and everything has ended that it started."""
        while self.state in ("serving", "draining") or self.connections or self.at_work:
            self._empty.clear()
            await self._empty.wait()
        if self.state != "closed":
            self.state = "closed"
            for listener in self._listeners:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_HANDSHAKE):
                        await listener.wait_closed()
            await self.application.stop()

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()
        await self.wait_closed()

    # --- from `serve` and from connections -------------------------------------------------

    def listen(self, listener: asyncio.AbstractServer) -> None:
        """Own *listener* from now on."""
        self._listeners.append(listener)

    def _stop_listening(self) -> None:
        for listener in self._listeners:
            listener.close()

    def spawn(
        self, connection: Connection, exchange: Exchange, ended: Callable[[], None] | None = None
    ) -> None:
        """Have the application answer *exchange*, and call *ended* when it has returned."""
        task = self._loop.create_task(self._run(connection, exchange, ended))
        self.at_work[exchange] = task

    async def _run(
        self, connection: Connection, exchange: Exchange, ended: Callable[[], None] | None
    ) -> None:
        # A callback of the task would be one more turn of the loop for each request.
        try:
            await self._answer(connection, exchange)
        finally:
            self._ended(exchange)
            if ended is not None:
                ended()

    async def _answer(self, connection: Connection, exchange: Exchange) -> None:
        try:
            await self.application.answer(connection, exchange)
        except Disconnected:
            pass  # the application was told, and need not care
        except asyncio.CancelledError:
            exchange.fail()
            raise
        except Exception:
            self._complain("the application raised", exchange, failed=True)
        else:
            if exchange.open and exchange.state != "tunnel" and not exchange.left:
                what = "an end of its response" if exchange.response else "a response"
                self._complain(f"the application returned without {what}", exchange)
        if exchange.state != "tunnel":  # its close handshake goes on
            exchange.fail()

    def _complain(self, what: str, exchange: Exchange, failed: bool = False) -> None:
        request = exchange.request
        name = f"{request.method.decode('latin-1')} {request.target.decode('latin-1')}"
        logger.error("%s: %s", what, name, exc_info=failed)

    def _ended(self, exchange: Exchange, _task: asyncio.Task[None] | None = None) -> None:
        self.at_work.pop(exchange, None)
        if self.state != "serving":
            self._check_empty()

    def lost(self, connection: Connection) -> None:
        """A connection has ended."""
        self.connections.discard(connection)
        self._check_empty()

    def _check_empty(self) -> None:
        if self.state != "serving" and not self.connections and not self.at_work:
            self._empty.set()

    def finished(self, connection: Connection, exchange: Exchange) -> None:
        """A response was sent, or broken off."""
        if self._finished is not None:
            self._finished(connection, exchange)


async def serve(
    application: Callable[..., Awaitable[Any]] | Application,
    host: str | Sequence[str] | None = None,
    port: int = 0,
    *,
    ssl: tls.SSLContext | None = None,
    sock: socket.socket | None = None,
    path: str | None = None,
    limits: Limits | None = None,
    backlog: int = 1024,
    reuse_port: bool | None = None,
    finished: Finished | None = None,
) -> Server:
    """Start serving, and return.

    Args:
        application: takes (scope, receive, send) or (request).
        host: where to listen, unless *sock* or *path* is given.
        port: 0 for any free one.
        ssl: for TLS; it is told to offer h2 and http/1.1 by ALPN.
        sock: a bound socket to listen on.
        path: of a Unix socket.
        limits: default: `Limits`.
        backlog: connections that may wait to be accepted.
        reuse_port: share the port with other processes.
        finished: told of each exchange.

    Raises what the start of the application raises, and OSError.
    """
    limits = limits or Limits()
    answering = hosted(application)
    await answering.start()
    loop = asyncio.get_running_loop()
    server = Server(answering, limits, finished)
    secure: dict[str, Any] = {"backlog": backlog}
    if ssl is not None:
        ssl.set_alpn_protocols(["h2", "http/1.1"])
        secure |= {"ssl": ssl, "ssl_handshake_timeout": limits.header_timeout}

    def connect() -> Connection:
        return Connection(server)

    try:
        if path is not None:
            server.listen(await loop.create_unix_server(connect, path, **secure))
        elif sock is not None and sock.family == socket.AF_UNIX:
            server.listen(await _listen_on_unix(loop, connect, sock, secure))
        elif sock is not None:
            server.listen(await loop.create_server(connect, sock=sock, **secure))
        else:
            secure["reuse_port"] = reuse_port
            server.listen(await loop.create_server(connect, host, port, **secure))
    except BaseException:
        await answering.stop()
        raise
    return server


async def _listen_on_unix(
    loop: Any, connect: Callable[[], Connection], sock: socket.socket, options: dict[str, Any]
) -> asyncio.AbstractServer:
    """Listen on a Unix socket whose file is its owner's to remove, and not ours at the end."""
    keeping = {**options, "cleanup_socket": False}
    try:
        listener = await loop.create_unix_server(connect, sock=sock, **keeping)
    except TypeError:  # asyncio before 3.13 never removes it, and has no such argument
        listener = await loop.create_unix_server(connect, sock=sock, **options)
    return cast(asyncio.AbstractServer, listener)


def hosted(application: Any) -> Application:
    """Return what answers requests for *application*, which is ASGI's, a handler, or one already.

    Raises TypeError for anything that takes neither three arguments nor one.
    """
    if hasattr(application, "answer") and hasattr(application, "start"):
        ready: Application = application
        return ready
    required = [
        parameter
        for parameter in signature(application).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    if len(required) == 3:
        return Hosted(application)
    if len(required) == 1:
        return Handled(application)
    raise TypeError("an application takes (scope, receive, send), a handler (request)")
