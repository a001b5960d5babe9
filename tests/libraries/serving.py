"""Servers of every make on free ports of this machine, and the certificates they need.

Read next: asgi.py
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import trustme
from aiohttp import web

__all__ = [
    "SERVERS",
    "Handler",
    "answering",
    "bound",
    "certificate_file",
    "client_tls",
    "free_path",
    "routed",
    "served",
    "server_tls",
]

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Streams: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

#: Where an application finds the server that serves it, in a list.
SERVERS: web.AppKey[list[web.Server]] = web.AppKey("servers", list)


@functools.cache
def _authority() -> trustme.CA:
    return trustme.CA()


@functools.cache
def _certificate(name: str) -> trustme.LeafCert:
    return _authority().issue_cert(name)


def server_tls(*alpn: str, name: str = "localhost") -> ssl.SSLContext:
    """Return a server's context with a certificate for *name*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _certificate(name).configure_cert(context)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def client_tls(*, trusting: bool = True) -> ssl.SSLContext:
    """Return a client's context; one that is not *trusting* knows no authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trusting:
        _authority().configure_trust(context)
    return context


def certificate_file(folder: str) -> str:
    """Write the key and the certificate of a server on localhost to *folder*; return the file."""
    path = os.path.join(folder, "certificate.pem")
    _certificate("localhost").private_key_and_cert_chain_pem.write_to_path(path)
    return path


def bound() -> socket.socket:
    """Return a listening socket on a free port of this machine."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(128)
    sock.setblocking(False)
    return sock


def free_path() -> tempfile.TemporaryDirectory[str]:
    """Return a new folder: a path for a Unix socket must be short."""
    return tempfile.TemporaryDirectory(prefix="lib")


def routed(*routes: tuple[str, str, Handler], **options: Any) -> web.Application:
    """Return an application with *routes* of method, path and handler."""
    app = web.Application(**options)
    for method, path, handler in routes:
        app.router.add_route(method, path, handler)
    return app


@asynccontextmanager
async def served(
    app: web.Application,
    *,
    tls: ssl.SSLContext | None = None,
    path: str | None = None,
    shutdown_timeout: float = 5,
    **options: Any,
) -> AsyncIterator[str]:
    """Serve aiohttp's *app* on a free port or at the Unix *path*; yield the URL it has.

    *shutdown_timeout* is in seconds; *options* are `aiohttp.web.AppRunner`'s.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_timeout, **options)
    app[SERVERS] = []
    await runner.setup()
    assert runner.server is not None
    app[SERVERS].append(runner.server)
    try:
        site: web.BaseSite
        if path is not None:
            site = web.UnixSite(runner, path)
            await site.start()
            yield "http://localhost"
        else:
            sock = bound()
            site = web.SockSite(runner, sock, ssl_context=tls)
            await site.start()
            yield f"{'https' if tls else 'http'}://localhost:{sock.getsockname()[1]}"
    finally:
        await runner.cleanup()
        await asyncio.sleep(0)


@asynccontextmanager
async def answering(talk: Streams, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Have *talk* answer whoever connects to a free port, which is yielded."""
    talks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await talk(reader, writer)
        except asyncio.CancelledError:
            pass  # by us, below; older streams would report it
        finally:
            talks.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, sock=bound(), ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in talks:
            task.cancel()
        if talks:
            await asyncio.wait(talks)
        await server.wait_closed()
