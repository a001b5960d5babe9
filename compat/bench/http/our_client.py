"""protocols.client.

Read next: httpx_client.py
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from compat.bench.http.requests import Get
from protocols.client import Client, Limits


@asynccontextmanager
async def opening(second: bool, crowd: int) -> AsyncIterator[Get]:
    """Lend what gets a URL's body."""
    limits = Limits(connections=crowd, per_origin=crowd)
    async with Client(prior_knowledge=second, limits=limits) as client:

        async def get(url: str) -> bytes:
            return await (await client.get(url)).read()

        yield get
