"""Servers for the client's tests: scripted ones on streams, and aiohttp as a real one.

Read next: test_http1.py
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from aiohttp import web

__all__ = ["Peer", "Script", "reply", "scripted", "site", "tls_pair"]

Script: TypeAlias = "Callable[[Peer], Awaitable[None]]"


def reply(body: bytes = b"", *fields: str, status: str = "200 OK") -> bytes:
    """Return a response with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


class Peer:
    """One connection, from the server's side."""

    def __init__(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.number = number
        self.reader = reader
        self.writer = writer

    async def head(self) -> bytes:
        """Return the head of a request; EOFError when there is none."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def request(self) -> tuple[bytes, bytes]:
        """Return a request with its body, which has a length or chunks."""
        head = await self.head()
        return head, await self.body(head)

    async def body(self, head: bytes) -> bytes:
        """Return the body that *head* announces."""
        if b"transfer-encoding: chunked" in head.lower():
            body = b""
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                body += await self.reader.readexactly(size)
                await self.reader.readuntil(b"\r\n")
            await self.reader.readuntil(b"\r\n")
            return body
        found = re.search(rb"(?i)content-length: (\d+)", head)
        return await self.reader.readexactly(int(found[1]) if found else 0)

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def gone(self) -> None:
        """Wait until the client has closed."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass


class Served:
    """Where a server is, and how many connections it got."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self.peers: list[Peer] = []


@asynccontextmanager
async def scripted(script: Script, **options: Any) -> AsyncIterator[Served]:
    """Serve every connection by *script*; in the end every one of them has to be over."""
    tasks: list[asyncio.Task[Any]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        peer = Peer(len(served.peers), reader, writer)
        served.peers.append(peer)
        try:
            await script(peer)
        except (EOFError, ConnectionError):
            pass
        finally:
            writer.close()
            try:
                await writer.wait_closed()
            except OSError:
                pass

    server = await asyncio.start_server(serve, "127.0.0.1", 0, **options)
    served = Served(server.sockets[0].getsockname()[1])
    try:
        yield served
    finally:
        server.close()
        if tasks:
            await asyncio.wait_for(asyncio.gather(*tasks), 20)


@asynccontextmanager
async def site(
    *routes: web.RouteDef, tls: ssl.SSLContext | None = None, unix: str | None = None
) -> AsyncIterator[str]:
    """Serve *routes* with aiohttp; give the base URL."""
    app = web.Application(client_max_size=2**26)
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        if unix is not None:
            await web.UnixSite(runner, unix).start()
            yield "http://somewhere"
            return
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        port = runner.addresses[0][1]
        yield f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def tls_pair(*alpn: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return contexts for a server and for a client that trusts it."""
    import trustme

    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    if alpn:
        server.set_alpn_protocols(list(alpn))
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client
