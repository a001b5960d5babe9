"""``wait_for`` before it was written with `asyncio.timeout`: two tasks, and a window between them.

What is waited for runs in a task of its own.  It can be done while whoever waits has not
run yet, and be cancelled, or out of time, right then.

Read next: pools.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from miniloop.testing import World

from .exhibit import Exhibit

__all__ = ["EXHIBITS", "wait_for"]


async def wait_for(coro: Coroutine[Any, Any, Any], seconds: float) -> Any:
    """Await in place, in a timeout: there is no other task, and no window."""
    async with asyncio.timeout(seconds):
        return await coro


async def _in_a_task(coro: Coroutine[Any, Any, Any], seconds: float, prefer_result: bool) -> Any:
    loop = asyncio.get_running_loop()
    inner = asyncio.ensure_future(coro)
    waiter = loop.create_future()

    def wake(*_: object) -> None:
        if not waiter.done():
            waiter.set_result(None)

    timer = loop.call_later(seconds, wake)
    inner.add_done_callback(wake)
    try:
        try:
            await waiter
        except asyncio.CancelledError:
            if prefer_result and inner.done():
                return inner.result()
            inner.remove_done_callback(wake)
            inner.cancel()
            raise
        if inner.done():
            return inner.result()
        inner.cancel()
        raise TimeoutError
    finally:
        timer.cancel()


async def deaf_wait_for(coro: Coroutine[Any, Any, Any], seconds: float) -> Any:
    """The shape of 3.9.1 to 3.11: a result that is there goes before a cancellation."""
    return await _in_a_task(coro, seconds, True)


async def careless_wait_for(coro: Coroutine[Any, Any, Any], seconds: float) -> Any:
    """The shape up to 3.9.0: the cancellation goes first, and the result to nobody."""
    return await _in_a_task(coro, seconds, False)


async def cancelled_while_waiting(world: World, wait: Any) -> None:
    """A task that has accepted to be cancelled ends cancelled."""

    async def answer() -> str:
        await asyncio.sleep(1)
        return "answer"

    async def ask() -> None:
        try:
            await wait(answer(), 10)
        except TimeoutError:
            return
        await asyncio.sleep(60)

    task = asyncio.create_task(ask())
    world.sometime(task.cancel)
    await asyncio.wait([task])
    assert task.cancelled() or not task.cancelling(), "the cancellation is lost"


class Pool:
    """Connections, each taken by one task at a time; to take one has a time limit."""

    def __init__(self, wait: Any, size: int = 1) -> None:
        self.free: asyncio.LifoQueue[object] = asyncio.LifoQueue()
        self.wait = wait
        for _ in range(size):
            self.free.put_nowait(object())

    async def acquire(self) -> object:
        return await self.wait(self._take(), 5)

    async def _take(self) -> object:
        connection = await self.free.get()
        try:
            await asyncio.sleep(0)  # it is asked whether it is alive
        except BaseException:
            self.free.put_nowait(connection)
            raise
        return connection

    def release(self, connection: object) -> None:
        self.free.put_nowait(connection)


async def cancelled_user(world: World, wait: Any) -> None:
    """When nobody uses the pool every connection is in it."""
    pool = Pool(wait)

    async def use() -> None:
        connection = await pool.acquire()
        try:
            await asyncio.sleep(0)
        finally:
            pool.release(connection)

    task = asyncio.create_task(use())
    world.sometime(task.cancel)
    await asyncio.wait([task])
    await asyncio.sleep(1)
    assert pool.free.qsize() == 1, "a connection is in nobody's hands"


async def wait_for_is_deaf(world: World) -> None:
    await cancelled_while_waiting(world, deaf_wait_for)


async def wait_for_listens(world: World) -> None:
    await cancelled_while_waiting(world, wait_for)


async def connection_to_nobody(world: World) -> None:
    await cancelled_user(world, careless_wait_for)


async def connection_comes_back(world: World) -> None:
    await cancelled_user(world, wait_for)


EXHIBITS = (
    Exhibit(
        "asyncio.wait_for of 3.9.1 to 3.11",
        "gh-86296",
        "cancelled when the inner task is done and the outer has not run: the result wins",
        wait_for_is_deaf,
        wait_for_listens,
        1,
    ),
    Exhibit(
        "asyncpg's Pool.acquire over wait_for up to 3.9.0",
        "asyncpg #547, bpo-37658",
        "in the same window the cancellation wins: the connection that was taken is dropped",
        connection_to_nobody,
        connection_comes_back,
        1,
    ),
)
