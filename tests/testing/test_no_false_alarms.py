"""Correct programs, as people write them, hold at every level that they are written for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from miniloop.testing import World, explore


async def a_group_whose_child_fails(world: World) -> None:
    async def fails() -> None:
        await asyncio.sleep(0.02)
        raise LookupError

    async def cleans_up() -> None:
        try:
            await asyncio.sleep(1)
        finally:
            for _ in range(5):
                await asyncio.sleep(0.01)

    with contextlib.suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())
            group.create_task(cleans_up())
    for _ in range(5):
        await asyncio.sleep(0.01)


async def workers_that_are_cancelled_when_all_is_done(world: World) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(2)
    done: list[int] = []

    async def work() -> None:
        while True:
            number = await queue.get()
            await asyncio.sleep(0.01)
            done.append(number)
            queue.task_done()

    workers = [asyncio.create_task(work()) for _ in range(3)]
    for number in range(6):
        await queue.put(number)
    await queue.join()
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    assert sorted(done) == list(range(6))


async def a_long_clean_up(world: World) -> None:
    async def work() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            for _ in range(10):
                await asyncio.sleep(0.01)

    task = asyncio.create_task(work())
    world.sometime(task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def a_generator_that_is_closed(world: World) -> None:
    async def numbers() -> AsyncIterator[int]:
        try:
            for number in range(3):
                yield number
                await asyncio.sleep(0.01)
        finally:
            await asyncio.sleep(0)

    async with contextlib.aclosing(numbers()) as given:  # type: ignore[type-var]
        async for number in given:
            if number:
                break


async def a_barrier_for_three(world: World) -> None:
    barrier = asyncio.Barrier(3)

    async def come(number: int) -> None:
        await asyncio.sleep(number * 0.01)
        await barrier.wait()

    await asyncio.gather(*(come(number) for number in range(3)))


CORRECT: tuple[Callable[[World], Awaitable[None]], ...] = (
    a_group_whose_child_fails,
    workers_that_are_cancelled_when_all_is_done,
    a_long_clean_up,
    a_generator_that_is_closed,
    a_barrier_for_three,
)


@pytest.mark.parametrize("level", ["fifo", "tasks", "any"])
@pytest.mark.parametrize("scenario", CORRECT)
def test_a_correct_program_holds(scenario: Callable[[World], Awaitable[None]], level: str) -> None:
    exploration = explore(scenario, runs=150, level=level)  # type: ignore[arg-type]
    assert exploration.failure is None, str(exploration)
    assert exploration.repeats


@pytest.mark.parametrize("library", ["miniloop", "asyncio"])
def test_who_swallows_a_cancellation_in_a_group_is_found_all_the_same(library: str) -> None:
    async def scenario(world: World) -> None:
        async def stubborn() -> None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1)
            for _ in range(5):
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(stubborn(), name="stubborn")
            world.sometime(task.cancel)
            await asyncio.sleep(0.5)

    found = World(library=library).run(scenario)
    assert [failure.kind for failure in found.failures] == ["swallowed cancellation"]
