"""hypercorn, with h11 and h2.

As it comes it ends a connection after 1000 requests in a way that loses some.

Read next: aiohttp_server.py
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hypercorn.asyncio import serve
from hypercorn.config import Config

from compat.bench.http.application import application
from compat.bench.http.serving import CERTIFICATE, Target
from compat.bench.network.rows import listening


@asynccontextmanager
async def serving(tls: bool) -> AsyncIterator[Target]:
    """Serve."""
    stop = asyncio.Event()
    config = Config()
    config.keep_alive_max_requests = sys.maxsize
    config.graceful_timeout = 0.1
    config.errorlog = None
    if tls:
        config.certfile = config.keyfile = str(CERTIFICATE)
    with listening("tcp") as (listener, address):
        config.bind = [f"fd://{os.dup(listener.fileno())}"]  # which it closes
        serving = serve(application, config, shutdown_trigger=stop.wait)
        task = asyncio.get_running_loop().create_task(serving)
        try:
            yield Target(address[1])
        finally:
            stop.set()
            await task
