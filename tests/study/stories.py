"""Small programs that each go wrong in one way, for the views and the lints."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

Story = Callable[[], Coroutine[Any, Any, Any]]


async def deadlock() -> None:
    """Two tasks take two locks, in opposite orders."""

    async def take(first: asyncio.Lock, second: asyncio.Lock) -> None:
        async with first:
            await asyncio.sleep(0)
            async with second:
                pass

    one, two = asyncio.Lock(), asyncio.Lock()
    a = asyncio.create_task(take(one, two), name="a")
    b = asyncio.create_task(take(two, one), name="b")
    await asyncio.wait([a, b], timeout=0.01)


async def lost_waker() -> None:
    """A task waits for an event that nobody sets."""
    event = asyncio.Event()

    async def hope() -> None:
        await event.wait()

    task = asyncio.create_task(hope(), name="hopeful")
    await asyncio.wait([task], timeout=0.01)


async def slow_step() -> None:
    """One task blocks the loop while others are ready and a timer is due."""

    async def block() -> None:
        time.sleep(0.12)

    await asyncio.gather(
        asyncio.create_task(asyncio.sleep(0.01), name="sleeper"),
        asyncio.create_task(block(), name="blocker"),
        asyncio.create_task(asyncio.sleep(0), name="other"),
    )


async def wakes_itself() -> None:
    """A task polls a flag."""
    done: list[int] = []

    async def poll() -> None:
        while not done:
            await asyncio.sleep(0)

    task = asyncio.create_task(poll(), name="poller")
    for _ in range(150):
        await asyncio.sleep(0)
    done.append(1)
    await task


async def swallowed() -> None:
    """A task catches CancelledError and goes on."""

    async def deaf() -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            await asyncio.sleep(0)

    task = asyncio.create_task(deaf(), name="deaf")
    await asyncio.sleep(0)
    task.cancel()
    await task


async def orphan() -> None:
    """A gather fails while one of its tasks goes on."""

    async def fail() -> None:
        raise ValueError("first")

    slow = asyncio.create_task(asyncio.sleep(0.01), name="slow")
    try:
        await asyncio.gather(slow, asyncio.create_task(fail(), name="failing"))
    except ValueError:
        pass
    await slow


async def fine() -> None:
    """Nothing is wrong with this one."""
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def consume() -> int:
        return await queue.get()

    task = asyncio.create_task(consume(), name="consumer")
    await asyncio.sleep(0.001)
    await queue.put(1)
    await task
