"""uvicorn, with h11.

Read next: hypercorn_server.py
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from compat.bench.http.application import application
from compat.bench.http.serving import CERTIFICATE, Target
from compat.bench.network.rows import listening


@asynccontextmanager
async def serving(tls: bool) -> AsyncIterator[Target]:
    """Serve."""
    config = uvicorn.Config(
        application,
        http="h11",
        ws="none",
        access_log=False,
        log_level="warning",
        ssl_certfile=CERTIFICATE if tls else None,
    )
    server = uvicorn.Server(config)
    with listening("tcp") as (listener, address):
        task = asyncio.get_running_loop().create_task(server.serve(sockets=[listener]))
        try:
            yield Target(address[1])
        finally:
            server.should_exit = True
            await task
