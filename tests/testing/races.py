"""Planted races: programs of which it is known what it takes to break them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from miniloop.testing.world import World

__all__ = ["FIXED", "RACES", "Race"]


@dataclass(frozen=True)
class Race:
    """A program, the level at which it breaks, and how few deviations that takes."""

    scenario: Callable[..., Any]
    level: str
    deviations: int

    @property
    def name(self) -> str:
        return self.scenario.__name__


async def noise() -> None:
    """Tasks that have nothing to do with it."""

    async def turn(number: int) -> None:
        for _ in range(number):
            await asyncio.sleep(0)
        await asyncio.sleep(number)

    await asyncio.gather(*(turn(number) for number in range(3)))


async def lost_update(world: World) -> None:
    """A balance is read and written with a turn in between; a deposit lands there."""
    balance = 100

    def deposit() -> None:
        nonlocal balance
        balance += 50

    async def withdraw() -> None:
        nonlocal balance
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        seen = balance
        await asyncio.sleep(0)
        balance = seen - 30

    world.sometime(deposit)
    await asyncio.gather(withdraw(), noise())
    assert balance == 120, "the deposit is lost"


async def late_timers(world: World) -> None:
    """Two timers, a moment apart, whose work overlaps when the loop sleeps too long."""
    count = 0

    async def add(after: float) -> None:
        nonlocal count
        await asyncio.sleep(after)
        seen = count
        await asyncio.sleep(0)
        count = seen + 1

    await asyncio.gather(add(0.5), add(0.6))
    assert count == 2, "an addition is lost"


async def cancel_window(world: World) -> None:
    """A consumer is cancelled when it has taken an item and not yet handled it."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    handled: list[int] = []

    async def consume() -> None:
        item = await queue.get()
        await asyncio.sleep(0)
        handled.append(item)

    consumer = asyncio.create_task(consume())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.sometime(consumer.cancel)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    queue.put_nowait(1)
    await asyncio.wait([consumer, asyncio.create_task(noise())])
    assert len(handled) + queue.qsize() == 1, "the item is lost"


async def two_at_once(world: World) -> None:
    """It takes two events, both late, at the same turn."""
    marks: list[int] = []

    async def watch() -> None:
        for turn in range(6):
            marks.append(turn)
            await asyncio.sleep(0)

    hits: list[int] = []
    world.sometime(lambda: hits.append(marks[-1]))
    world.sometime(lambda: hits.append(marks[-1]))
    await asyncio.gather(watch(), noise())
    assert hits.count(3) < 2, "both have come in turn 3"


async def check_then_act(world: World) -> None:
    """The last seat is sold twice if the second buyer overtakes."""
    seats = 1

    async def buy(turns: int) -> None:
        nonlocal seats
        for _ in range(turns):
            await asyncio.sleep(0)
        if seats:
            await asyncio.sleep(0)
            seats -= 1

    await asyncio.gather(buy(0), buy(2), noise())
    assert seats >= 0, "a seat is sold twice"


async def callback_first(world: World) -> None:
    """A plain callback overtakes another one, which only happens at level *any*."""
    order: list[str] = []
    loop = asyncio.get_running_loop()
    loop.call_soon(order.append, "first")
    loop.call_soon(order.append, "second")
    await asyncio.sleep(0)
    await noise()
    assert order == ["first", "second"], "out of order"


RACES = (
    Race(lost_update, "fifo", 1),
    Race(late_timers, "fifo", 1),
    Race(cancel_window, "fifo", 1),
    Race(two_at_once, "fifo", 2),
    Race(check_then_act, "tasks", 2),
    Race(callback_first, "any", 1),
)


async def lost_update_fixed(world: World) -> None:
    """The balance is read and written in one step."""
    balance = 100

    def deposit() -> None:
        nonlocal balance
        balance += 50

    async def withdraw() -> None:
        nonlocal balance
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        balance -= 30

    world.sometime(deposit)
    await withdraw()
    await noise()
    assert balance in (70, 120)


async def cancel_window_fixed(world: World) -> None:
    """What was taken is handled before anything else can happen."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    handled: list[int] = []

    async def consume() -> None:
        handled.append(await queue.get())

    consumer = asyncio.create_task(consume())
    await asyncio.sleep(0)
    world.sometime(consumer.cancel)
    await asyncio.sleep(0)
    queue.put_nowait(1)
    await asyncio.wait([consumer])
    assert len(handled) + queue.qsize() == 1


#: Programs that nothing breaks, and the level at which that is so.
FIXED = ((lost_update_fixed, "any"), (cancel_window_fixed, "fifo"))
