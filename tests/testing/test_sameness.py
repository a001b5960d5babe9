"""What would differ from run to run, and does not: sets, tasks of others, garbage, what is left."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Any

import pytest

from miniloop.testing.schedule import Schedule
from miniloop.testing.world import World

pytestmark = pytest.mark.parametrize("library", ["miniloop", "asyncio"])


class Noted(asyncio.Protocol):
    """A protocol with a name: servers keep those in sets."""

    def __init__(self, name: int) -> None:
        self.name = name


def test_a_set_of_protocols_iterates_in_the_order_in_which_it_was_filled(library: str) -> None:
    async def scenario() -> list[int]:
        kept = [Noted(number) for number in range(100)]
        return [each.name for each in {kept[99 - number] for number in range(100)}]

    orders = [World(library=library).run(scenario).result for _ in range(3)]
    assert orders == [list(range(99, -1, -1))] * 3
    one = Noted(1)
    assert hash(one) == object.__hash__(one), "outside of Worlds nothing has changed"


def test_tasks_that_others_have_made_are_told_of_in_their_order(library: str) -> None:
    class Own(asyncio.Task[None]):
        """A task that the loop did not make."""

    async def scenario(world: World) -> None:
        async def wait(seconds: int) -> None:
            await asyncio.sleep(seconds)

        loop = asyncio.get_running_loop()
        tasks = [Own(wait(number), loop=loop) for number in range(1, 9)]
        world.always(lambda: len(tasks) == 8, "they are kept")
        await asyncio.sleep(0)

    failures = [
        str(World(library=library, trace=trace).run(scenario).failure) for trace in (False, True)
    ]
    assert failures[0] == failures[1]
    assert failures[0].count("Task-x (wait)") == 8


@pytest.mark.skipif(sys.version_info < (3, 12), reason="a C task does not tell its context there")
def test_a_task_that_others_have_made_is_dead_with_its_host(library: str) -> None:
    async def scenario(world: World) -> None:
        async def wait() -> None:
            await asyncio.sleep(3600)

        async def main() -> None:
            kept.append(asyncio.Task(wait(), loop=asyncio.get_running_loop()))

        kept: list[Any] = []
        host = world.host("db")
        host.spawn(main())
        await asyncio.sleep(1)
        host.crash()
        await asyncio.sleep(1)

    assert World(library=library).run(scenario).failures == []


def test_no_garbage_is_collected_while_a_world_runs(library: str) -> None:
    async def scenario() -> list[str]:
        ended: list[str] = []

        class Cycle:
            def __init__(self) -> None:
                self.itself = self

            def __del__(self) -> None:
                ended.append("collected")

        for _ in range(100_000):  # far more than it takes
            Cycle()
        await asyncio.sleep(1)
        return list(ended)

    assert gc.isenabled()
    assert World(library=library).run(scenario).result == []
    assert gc.isenabled()


def test_what_waits_in_a_finally_is_thrown_away_without_a_word(library: str) -> None:
    """After a deadlock nothing runs any more, so what waits there would wait for ever."""
    told: list[Any] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_future()
        finally:
            told.append(loop.create_task(asyncio.sleep(0)))
            told.clear()
            await asyncio.sleep(0)
            await asyncio.sleep(1)

    kept, sys.unraisablehook = sys.unraisablehook, told.append
    try:
        run = World(library=library, schedule=Schedule()).run(scenario)
        assert run.failure is not None
        assert run.failure.kind == "deadlock"
        del run
        gc.collect()
    finally:
        sys.unraisablehook = kept
    assert told == []
