"""Programs whose reports are compared word for word: the lines below are named in them."""

from __future__ import annotations

import asyncio

from miniloop.testing.world import World


async def lost_item(world: World) -> None:
    queue: asyncio.Queue[str] = asyncio.Queue(1)
    handled: list[str] = []

    async def consume() -> None:
        item = await queue.get()
        await asyncio.sleep(0)
        handled.append(item)

    async def produce() -> None:
        await asyncio.sleep(0)
        await queue.put("item")

    tasks = [asyncio.create_task(consume()), asyncio.create_task(produce())]
    world.sometime(tasks[0].cancel)
    await asyncio.wait(tasks)
    assert len(handled) + queue.qsize() == 1, "the item is lost"


async def transfers() -> None:
    left, right = asyncio.Lock(), asyncio.Lock()

    async def transfer(first: asyncio.Lock, second: asyncio.Lock, after: float) -> None:
        await asyncio.sleep(after)
        async with first:
            await asyncio.sleep(0.1)
            async with second:
                pass

    async def audit() -> None:
        async with left:
            await asyncio.sleep(0)

    await asyncio.wait(
        [
            asyncio.create_task(transfer(left, right, 0), name="deposit"),
            asyncio.create_task(transfer(right, left, 1), name="refund"),
            asyncio.create_task(audit()),
        ]
    )


async def oversold() -> None:
    seats = 1

    async def buy(turns: int) -> None:
        nonlocal seats
        for _ in range(turns):
            await asyncio.sleep(0)
        if seats:
            await asyncio.sleep(0)
            seats -= 1

    await asyncio.gather(buy(0), buy(2))
    assert seats == 0, "a seat is sold twice"


async def not_given_back() -> None:
    slots = asyncio.Semaphore(1)

    async def use() -> None:
        await slots.acquire()
        await asyncio.sleep(0)
        slots.release()

    await asyncio.wait([asyncio.create_task(use(), name=f"user {n}") for n in range(2)])


async def object_in_message() -> None:
    await asyncio.sleep(0)
    raise ValueError(f"cannot use {object()}")
