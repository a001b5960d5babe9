"""aiohttp's client, with its parser in C; it has no HTTP/2.

Read next: goals.py
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from compat.bench.http.requests import Get


@asynccontextmanager
async def opening(_second: bool, crowd: int) -> AsyncIterator[Get]:
    """Lend what gets a URL's body."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=crowd)) as session:

        async def get(url: str) -> bytes:
            async with session.get(url) as response:
                return await response.read()

        yield get
