"""What clients ask: HTTP/1.1 and HTTP/2, one request after the other and 50 at a time.

One operation is one GET whose answer of 13 bytes was read to its end.  Measured is the CPU
time of the client's process; the server, the same for all, is another one (answerer.py).
Connections are open, and have carried a request, before the clock starts.

Read next: answerer.py
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import ModuleType

from compat.bench.http.answerer import ANSWERER
from compat.bench.http.application import HELLO
from compat.bench.http.rows import LOOPS, contestant
from compat.bench.model import Row, Sample, Suite

__all__ = ["FIELD", "SUITE"]

#: Requests one GET of a URL, and returns the body; for one client, of one module.
Get = Callable[[str], Awaitable[bytes]]
#: What a client's module has: called with whether to speak HTTP/2, and how many at a time.
Opening = Callable[[bool, int], AbstractAsyncContextManager[Get]]

CROWD = 50

OURS = tuple(contestant("protocols", "our_client", loop) for loop in LOOPS)
HTTPX = contestant("httpx", "httpx_client", "asyncio")
AIOHTTP = contestant("aiohttp", "aiohttp_client", "asyncio")
FIELD = (*OURS, HTTPX, AIOHTTP)

SUITE = Suite(
    "http clients",
    against=(HTTPX.key, AIOHTTP.key),
    prepare=ANSWERER.prepare,
    parts=("client", "loop"),
)


@dataclass(frozen=True)
class Getting:
    """The workload of a row.

    Attributes:
        second: whether to speak HTTP/2.
        crowd: how many requests at a time.
    """

    second: bool
    crowd: int

    async def __call__(self, names: ModuleType, units: int) -> Sample:
        """Take a sample of so many requests of each of the crowd."""
        url = ANSWERER.url()
        opening: Opening = names.opening
        async with opening(self.second, self.crowd) as get:
            await self._get(get, url, 1)
            started = time.process_time()
            done = await self._get(get, url, units)
            seconds = time.process_time() - started
        return Sample(seconds, done)

    async def _get(self, get: Get, url: str, number: int) -> int:
        """Return how many requests were answered with what is to be answered."""

        async def one() -> int:
            done = 0
            for _ in range(number):
                done += await get(url) == HELLO
            return done

        if self.crowd == 1:
            return await one()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one()) for _ in range(self.crowd)]
        return sum(task.result() for task in tasks)


def fill() -> None:
    """Add all rows, in the order of the table."""
    for key, second, crowd, about in (
        ("h1-1", False, 1, "HTTP/1.1, one after the other on one connection"),
        ("h1-50", False, CROWD, "HTTP/1.1, 50 at a time on as many connections"),
        ("h2-1", True, 1, "HTTP/2 in clear text, one after the other"),
        ("h2-50", True, CROWD, "HTTP/2 in clear text, 50 at a time on one connection"),
    ):
        without = frozenset([AIOHTTP.names]) if second else frozenset()
        SUITE.rows[key] = Row(
            key, f"{about}: one request", crowd, Getting(second, crowd), without=without
        )


fill()
