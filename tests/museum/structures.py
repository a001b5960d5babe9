"""More of them: task groups, timeouts, and what waits for several things at once.

Read next: connections.py
"""

from __future__ import annotations

from typing import Any

from miniloop.testing import World

from .exhibit import Scenario
from .primitives import LONG, Program

__all__ = ["STRUCTURES"]


def task_group(names: Any) -> Scenario:
    """However a group ends, none of its tasks is left."""

    async def scenario(world: World) -> None:
        told = names.Event()
        tasks: list[Any] = []

        async def fails() -> None:
            await told.wait()
            raise OSError("told so")

        async def works() -> None:
            try:
                await names.sleep(1)
            finally:
                await names.sleep(0)

        world.sometime(told.set)
        try:
            async with names.TaskGroup() as group:
                tasks.append(group.create_task(works()))
                tasks.append(group.create_task(fails()))
                await names.sleep(0)
                tasks.append(group.create_task(works()))
                await names.sleep(0.5)
        except* OSError:
            pass
        finally:
            assert all(task.done() for task in tasks), "a task of the group is left"
        await names.sleep(1)

    return scenario


def nested_groups(names: Any) -> Scenario:
    """When a task of the outer group has failed, its block does not go on."""

    async def scenario(world: World) -> None:
        told = names.Event()
        block: list[str] = []

        async def fails() -> None:
            await told.wait()
            raise OSError("told so")

        async def fails_later() -> None:
            await names.sleep(1)
            raise LookupError("not there")

        async def cleans_up() -> None:
            try:
                await names.sleep(1000)
            finally:
                await names.sleep(0)

        async def body() -> None:
            try:
                async with names.TaskGroup() as inner:
                    inner.create_task(fails_later())
                    inner.create_task(cleans_up())
            except* LookupError:
                pass
            block.append("left the inner group")
            await names.sleep(50)
            block.append("went on")

        world.sometime(told.set)
        failed = False
        try:
            async with names.TaskGroup() as outer:
                outer.create_task(fails())
                await body()
        except* OSError:
            failed = True
        assert not (failed and "went on" in block), "the block went on in spite of the failure"
        await names.sleep(1)

    return scenario


def timeouts(names: Any) -> Scenario:
    """Two timeouts and a cancellation at once: the cancellation is honoured, whoever else is."""

    async def scenario(world: World) -> None:
        async def work() -> None:
            try:
                async with names.timeout(1), names.timeout(0.5):
                    await names.sleep(0.3)
                    await names.sleep(0.3)
            except TimeoutError:
                await names.sleep(0)
            await names.sleep(LONG)

        task = names.create_task(work())
        world.sometime(task.cancel)
        await names.wait([task])
        assert task.cancelled() or not task.cancelling(), "the cancellation is lost"

    return scenario


def wait_for(names: Any) -> Scenario:
    """An answer, its time and a cancellation at once: the cancellation is honoured."""

    async def scenario(world: World) -> None:
        async def answer() -> str:
            await names.sleep(0.5)
            return "answer"

        async def ask() -> None:
            try:
                await names.wait_for(answer(), 1)
            except TimeoutError:
                await names.sleep(0)
            await names.sleep(LONG)

        task = names.create_task(ask())
        world.sometime(task.cancel)
        await names.wait([task])
        assert task.cancelled() or not task.cancelling(), "the cancellation is lost"

    return scenario


def gather(names: Any) -> Scenario:
    """Whoever gathers is cancelled: so is all that was gathered, and it has ended by then."""

    async def scenario(world: World) -> None:
        children: list[Any] = []

        async def work(number: int) -> int:
            await names.sleep(number)
            await names.sleep(0)
            return number

        async def parent() -> None:
            children[:] = [names.create_task(work(number)) for number in range(3)]
            await names.gather(*children)

        task = names.create_task(parent())
        world.sometime(task.cancel)
        await names.wait([task])
        if children:
            await names.wait(children, timeout=LONG if task.cancelled() else None)
        assert all(child.done() for child in children), "a child is left"

    return scenario


def shield(names: Any) -> Scenario:
    """What is shielded comes to its end, whoever waits for it."""

    async def scenario(world: World) -> None:
        ended: list[str] = []

        async def write() -> None:
            await names.sleep(1)
            ended.append("written")

        inner = names.create_task(write())

        async def ask() -> None:
            await names.shield(inner)

        outer = names.create_task(ask())
        world.sometime(outer.cancel)
        await names.wait([outer, inner])
        failed = inner.cancelled() or inner.exception() is not None
        assert failed or ended == ["written"]

    return scenario


def as_completed(names: Any) -> Scenario:
    """Each comes out once, whether it has ended well or not."""

    async def scenario() -> None:
        tasks = [names.create_task(names.sleep(number / 2, number)) for number in range(3)]
        got = []
        try:
            for earliest in names.as_completed(tasks):
                try:
                    got.append(await earliest)
                except (names.CancelledError, TimeoutError):
                    if names.current_task().cancelling():
                        raise
        finally:
            for task in tasks:
                task.cancel()
            await names.wait(tasks)
        well = [number for number, task in enumerate(tasks) if not task.cancelled()]
        assert sorted(got) == [number for number in well if tasks[number].exception() is None]

    return scenario


def threads(names: Any) -> Scenario:
    """Functions in threads, whose results come whenever they come."""

    async def scenario() -> None:
        done: list[int] = []

        async def work(number: int) -> None:
            done.append(await names.to_thread(int, str(number)))

        async with names.TaskGroup() as group:
            tasks = [group.create_task(work(number)) for number in range(3)]
        ended = [number for number, task in enumerate(tasks) if not task.cancelled()]
        assert sorted(done) == ended

    return scenario


STRUCTURES: tuple[Program, ...] = (
    task_group,
    nested_groups,
    timeouts,
    wait_for,
    gather,
    shield,
    as_completed,
    threads,
)
