"""Queues that lose an item, or an order.

To wake a getter is an invitation, not a delivery; and an invitation to a putter is a
place that the next one must not take.

Read next: groups.py
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from miniloop.testing import World

from .exhibit import Exhibit

__all__ = ["EXHIBITS", "Queue"]

Waiter = asyncio.Future[Any]


def wake(line: deque[Waiter], what: object = None) -> bool:
    """Wake the first in *line* that still waits; return whether there was one."""
    while line:
        waiter = line.popleft()
        if not waiter.done():
            waiter.set_result(what)
            return True
    return False


class Queue:
    """At most *size* items, counting places that are kept for putters on their way."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.items: deque[Any] = deque()
        self.kept = 0
        self.getters: deque[Waiter] = deque()
        self.putters: deque[Waiter] = deque()

    def full(self) -> bool:
        return len(self.items) + self.kept >= self.size

    async def put(self, item: object) -> None:
        if self.full() or self.putters:
            putter = asyncio.get_running_loop().create_future()
            self.putters.append(putter)
            try:
                await putter
            except asyncio.CancelledError:
                if not putter.cancelled():
                    self.kept -= 1
                    self.make_room()
                raise
            self.kept -= 1
        self.put_now(item)

    def put_now(self, item: object) -> None:
        self.items.append(item)
        wake(self.getters)

    def make_room(self) -> None:
        """Invite a putter, and keep a place for it."""
        if not self.full() and wake(self.putters):
            self.kept += 1

    async def get(self) -> Any:
        while not self.items:
            getter = asyncio.get_running_loop().create_future()
            self.getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if self.items and not getter.cancelled():
                    wake(self.getters)
                raise
        item = self.items.popleft()
        self.make_room()
        return item


class OvertakingQueue(Queue):
    """A putter is woken and finds its place taken, so it goes to the end of the line."""

    async def put(self, item: object) -> None:
        while self.full():
            putter = asyncio.get_running_loop().create_future()
            self.putters.append(putter)
            try:
                await putter
            except asyncio.CancelledError:
                if not self.full() and not putter.cancelled():
                    self.make_room()
                raise
        self.put_now(item)

    def make_room(self) -> None:
        wake(self.putters)


class GenerousQueue(Queue):
    """The item itself goes into the future of a getter, who may never look at it."""

    def put_now(self, item: object) -> None:
        if not wake(self.getters, item):
            self.items.append(item)

    async def get(self) -> Any:
        if self.items:
            item = self.items.popleft()
            self.make_room()
            return item
        getter = asyncio.get_running_loop().create_future()
        self.getters.append(getter)
        return await getter


async def four_putters(world: World, queue: Queue) -> None:
    """What was put first comes out first."""
    asked: list[int] = []
    got: list[int] = []
    putters: list[asyncio.Task[None]] = []

    async def put(item: int) -> None:
        asked.append(item)
        await queue.put(item)

    def arrive(item: int) -> None:
        putters.append(asyncio.create_task(put(item)))

    async def consume() -> None:
        while len(got) < 4:
            got.append(await queue.get())
            await asyncio.sleep(0)  # something is done with it

    await put(0)
    for item in (1, 2, 3):
        world.sometime(arrive, item)
    await asyncio.sleep(1)
    await consume()
    await asyncio.wait(putters)
    assert got == asked, "somebody was overtaken"


async def cancelled_getter(world: World, queue: Queue) -> None:
    """What was put is got, or still there."""
    got: list[str] = []

    async def get() -> None:
        got.append(await queue.get())

    getter = asyncio.create_task(get())
    world.sometime(getter.cancel)
    await asyncio.sleep(1)
    await queue.put("item")
    await asyncio.wait([getter])
    assert len(got) + len(queue.items) == 1, "the item is lost"


async def queue_overtakes(world: World) -> None:
    await four_putters(world, OvertakingQueue(1))


async def queue_keeps_order(world: World) -> None:
    await four_putters(world, Queue(1))


async def queue_loses_an_item(world: World) -> None:
    await cancelled_getter(world, GenerousQueue(1))


async def queue_loses_nothing(world: World) -> None:
    await cancelled_getter(world, Queue(1))


EXHIBITS = (
    Exhibit(
        "asyncio.Queue.put to this day",
        "gh-83055",
        "a putter is woken, another put comes before it runs, sees room, and takes its place",
        queue_overtakes,
        queue_keeps_order,
        1,
    ),
    Exhibit(
        "asyncio.Queue of 3.4.2",
        "bpo-23812",
        "the item is handed to a getter's future; the getter is cancelled before it looks",
        queue_loses_an_item,
        queue_loses_nothing,
        1,
    ),
)
