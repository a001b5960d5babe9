"""protocols.http's server.

Read next: uvicorn_server.py
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from compat.bench.http.application import application
from compat.bench.http.serving import Target
from compat.bench.network.rows import listening, server_context
from protocols.http.server import serve


@asynccontextmanager
async def serving(tls: bool) -> AsyncIterator[Target]:
    """Serve."""
    with listening("tcp") as (listener, address):
        context = server_context() if tls else None
        async with await serve(application, sock=listener, ssl=context):
            yield Target(address[1])
