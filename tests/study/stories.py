"""Small programs that each go wrong in one way, for the views and the lints."""

from __future__ import annotations

import asyncio
import socket
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


async def lock_kept() -> None:
    """A task takes a lock, and ends without giving it back."""
    lock = asyncio.Lock()

    async def forget() -> None:
        await lock.acquire()

    async def want() -> None:
        async with lock:
            pass

    await asyncio.create_task(forget(), name="forgetful")
    task = asyncio.create_task(want(), name="waiter")
    await asyncio.wait([task], timeout=0.01)


async def spinning() -> None:
    """A descriptor is always ready, and nobody reads it."""
    loop = asyncio.get_running_loop()
    near, far = socket.socketpair()
    seen: list[int] = []
    enough = loop.create_future()

    def look() -> None:
        seen.append(1)
        if len(seen) == 130:
            enough.set_result(None)

    far.send(b"x")
    loop.add_reader(near, look)
    await enough
    loop.remove_reader(near)
    near.close()
    far.close()


async def growing() -> None:
    """Callbacks that each ask for two more."""
    loop = asyncio.get_running_loop()
    enough = asyncio.Event()

    def more(left: int) -> None:
        if left:
            loop.call_soon(more, left - 1)
            loop.call_soon(int)
            for _ in range(60 - left):
                loop.call_soon(int)
        else:
            enough.set()

    loop.call_soon(more, 60)
    await enough.wait()


async def fine() -> None:
    """Nothing is wrong with this one."""
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def consume() -> int:
        return await queue.get()

    task = asyncio.create_task(consume(), name="consumer")
    await asyncio.sleep(0.001)
    await queue.put(1)
    await task
