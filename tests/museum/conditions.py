"""Conditions that lose a notification, or a cancellation.

A waiter goes through two waits: for the notification, and for the lock again.  It can be
cancelled in both, and between them.

Read next: queues.py
"""

from __future__ import annotations

import asyncio

from miniloop.testing import World

from .exhibit import Exhibit
from .locks import Lock

__all__ = ["EXHIBITS", "Condition"]


class Condition:
    """A lock, and a line of tasks that wait to be notified."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.waiters: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        self.lock.release()
        try:
            try:
                await waiter
            finally:
                self.waiters.remove(waiter)
                await self.take_lock()
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.not_needed()
            raise

    async def take_lock(self) -> None:
        """Take the lock, whatever happens; then say that somebody wanted to cancel."""
        cancelled = False
        while True:
            try:
                await self.lock.acquire()
                break
            except asyncio.CancelledError:
                cancelled = True
        if cancelled:
            raise asyncio.CancelledError

    def not_needed(self) -> None:
        """A waiter has been notified and does not come: notify another one."""
        self.notify()

    def notify(self) -> None:
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
                return


class ForgetfulCondition(Condition):
    """A notified waiter that is cancelled keeps the notification."""

    def not_needed(self) -> None:
        pass


class DeafCondition(Condition):
    """A cancellation that comes while the waiter wants the lock again is dropped."""

    async def take_lock(self) -> None:
        while True:
            try:
                await self.lock.acquire()
                return
            except asyncio.CancelledError:
                pass


async def two_consumers(world: World, condition: Condition) -> None:
    """An item is there and a live consumer waits: it gets it."""
    items: list[str] = []

    async def consume() -> None:
        async with condition.lock:
            while not items:
                await condition.wait()
            items.pop()

    async def produce() -> None:
        await asyncio.sleep(1)
        async with condition.lock:
            items.append("item")
            condition.notify()

    consumers = [asyncio.create_task(consume()) for _ in range(2)]
    world.sometime(consumers[0].cancel)
    await produce()
    await asyncio.wait(consumers, return_when=asyncio.FIRST_COMPLETED)
    if all(consumer.done() for consumer in consumers):
        return
    if consumers[0].cancelled():
        await consumers[1]
    else:
        consumers[1].cancel()
        await asyncio.wait(consumers)


async def one_consumer(world: World, condition: Condition) -> None:
    """A consumer that has accepted to be cancelled ends cancelled."""

    async def consume() -> None:
        async with condition.lock:
            await condition.wait()
        await asyncio.sleep(60)

    consumer = asyncio.create_task(consume())
    world.sometime(consumer.cancel)
    await asyncio.sleep(1)
    async with condition.lock:
        condition.notify()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asyncio.wait([consumer])
    assert consumer.cancelled() or not consumer.cancelling(), "the cancellation is lost"


async def notification_is_lost(world: World) -> None:
    await two_consumers(world, ForgetfulCondition())


async def notification_is_passed_on(world: World) -> None:
    await two_consumers(world, Condition())


async def condition_is_deaf(world: World) -> None:
    await one_consumer(world, DeafCondition())


async def condition_listens(world: World) -> None:
    await one_consumer(world, Condition())


EXHIBITS = (
    Exhibit(
        "asyncio.Condition of 3.12.1",
        "gh-112202",
        "a waiter is notified and cancelled before it runs; the notification is lost with it",
        notification_is_lost,
        notification_is_passed_on,
        1,
        "deadlock",
    ),
    Exhibit(
        "asyncio.Condition up to 3.6.4",
        "bpo-32841",
        "a notified waiter wants its lock back, and drops the cancellation that comes meanwhile",
        condition_is_deaf,
        condition_listens,
        1,
    ),
)
