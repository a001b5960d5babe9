"""httpx, with h11 and h2.

Read next: aiohttp_client.py
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from compat.bench.http.requests import Get


@asynccontextmanager
async def opening(second: bool, crowd: int) -> AsyncIterator[Get]:
    """Lend what gets a URL's body."""
    limits = httpx.Limits(max_connections=crowd, max_keepalive_connections=crowd)
    async with httpx.AsyncClient(
        http1=not second, http2=second, limits=limits, trust_env=False, verify=False
    ) as client:

        async def get(url: str) -> bytes:
            return (await client.get(url)).content

        yield get
