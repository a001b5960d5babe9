"""What the World has found in current versions of libraries: programs that are right, and fail.

Each is a scenario for ``miniloop replay`` and for `explore`; the cause is in the library.

Read next: test_found.py
"""

from __future__ import annotations

import asyncio
import contextlib

import httpx
from aiohttp import ClientSession, ClientTimeout

from miniloop.testing import World

from . import test_httpx
from .test_aiohttp import Site, served, start

__all__ = [
    "a_free_connection_that_nobody_gets",
    "a_handler_that_outlives_its_server",
    "a_heartbeat_after_the_end",
    "a_pool_that_is_full_of_nothing",
    "a_stream_that_is_left",
    "a_wake_up_for_the_wrong_host",
]

#: Whoever waits, waits for ever: a timeout would hide that nobody wakes it.
FOREVER = ClientTimeout(total=None, sock_connect=None)


async def a_free_connection_that_nobody_gets(world: World) -> None:
    """Three requests, one connection; the second is cancelled; the third has to be sent."""
    async with served(world, limit=1) as session:

        async def ask(number: int) -> str:
            async with session.get(f"http://web/hello/{number}", timeout=FOREVER) as response:
                return await response.text()

        tasks = [asyncio.create_task(ask(number)) for number in range(3)]
        world.sometime(tasks[1].cancel)
        await asyncio.wait(tasks)
        assert tasks[2].result()


async def a_wake_up_for_the_wrong_host(world: World) -> None:
    """One connection to each of two hosts; whoever has the one to `api` waits for `web`'s."""
    async with served(world, "web", "api", limit_per_host=1) as session:
        done = asyncio.Event()

        async def ask(host: str) -> str:
            async with session.get(f"http://{host}/slow/1", timeout=FOREVER) as response:
                return await response.text()

        async def ask_web() -> None:
            await ask("web")
            done.set()

        async def keep_api() -> None:
            async with session.get("http://api/blocks/100000", timeout=FOREVER):
                await done.wait()

        first = [asyncio.create_task(ask(host)) for host in ("api", "web")]
        await asyncio.sleep(0.5)
        await asyncio.gather(*first, keep_api(), ask("api"), ask_web())


async def a_handler_that_outlives_its_server(world: World) -> None:
    """A client leaves, the server is cleaned up: no handler may run after that."""
    site = Site()
    serving = await start(world, site)
    async with ClientSession() as session:
        with contextlib.suppress(TimeoutError):
            await session.get("http://web/slow/100000", timeout=ClientTimeout(total=10))
    await asyncio.sleep(10)
    serving.cancel()
    await asyncio.wait([serving])
    await asyncio.sleep(10)
    running = [task for task in asyncio.all_tasks() if "_handle_request" in repr(task)]
    assert not running, "a handler runs on, and its application is cleaned up"


async def a_heartbeat_after_the_end(world: World) -> None:
    """A websocket is opened and closed, and its session too: no timer of it may be left."""
    async with (
        served(world) as session,
        session.ws_connect("http://web/chat", heartbeat=3600) as websocket,
    ):
        await websocket.send_str("hello")
        assert await websocket.receive_str() == "hello"


async def a_stream_that_is_left(world: World) -> str:
    """httpx, one connection: a task that reads a body is cancelled; the next gets it."""
    limits = httpx.Limits(max_connections=1)
    async with test_httpx.served(world, limits=limits, timeout=None) as (client, _):

        async def read() -> int:
            async with client.stream("GET", "/blocks/0.1") as response:
                return sum([len(data) async for data in response.aiter_bytes()])

        task = asyncio.create_task(read())
        world.sometime(task.cancel)
        await asyncio.wait([task])
        return (await client.get("/after/0")).text


async def a_pool_that_is_full_of_nothing(world: World) -> list[str]:
    """httpx, one connection: a request that waits for it is cancelled; the others get it."""
    limits = httpx.Limits(max_connections=1)
    async with test_httpx.served(world, limits=limits, timeout=None) as (client, _):

        async def ask(number: int) -> str:
            return (await client.get(f"/{number}/0.1")).text

        tasks = [asyncio.create_task(ask(number)) for number in range(3)]
        world.sometime(tasks[0].cancel)
        world.sometime(tasks[1].cancel)
        await asyncio.wait(tasks)
        return [tasks[2].result()]
