"""aiohttp.web, with its parser in C, and an application of its own.

Read next: granian_server.py
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from compat.bench.http.application import HELLO, LARGE
from compat.bench.http.serving import Target
from compat.bench.network.rows import listening, server_context


async def answer(request: web.Request) -> web.Response:
    """Do what the ASGI application does."""
    await request.read()
    body = LARGE if request.path == "/64k" else HELLO
    return web.Response(body=body, content_type="text/plain")


@asynccontextmanager
async def serving(tls: bool) -> AsyncIterator[Target]:
    """Serve."""
    application = web.Application()
    application.router.add_route("*", "/", answer)
    application.router.add_route("*", "/64k", answer)
    runner = web.AppRunner(application, access_log=None)
    with listening("tcp") as (listener, address):
        await runner.setup()
        try:
            context = server_context() if tls else None
            await web.SockSite(runner, listener, ssl_context=context).start()
            yield Target(address[1])
        finally:
            await runner.cleanup()
