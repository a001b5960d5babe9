"""Cancel everywhere: every task, at each place where it waits, and what is no failure of that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from miniloop.testing import World, explore, replay
from miniloop.testing.injection import places
from miniloop.testing.trial import Trial

WAYS = ("everywhere", "timeouts")


class Recorder:
    """Where a task was when it was cancelled."""

    def __init__(self) -> None:
        self.places: set[str] = set()

    async def work(self) -> None:
        try:
            place = "first"
            await asyncio.sleep(0)
            place = "second"
            await asyncio.sleep(1)
            place = "third"
            await asyncio.get_running_loop().run_in_executor(None, int)
            place = "fourth"
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.places.add(place)
            raise


@pytest.mark.parametrize("way", WAYS)
def test_a_task_is_cancelled_at_each_of_its_suspensions(way: str) -> None:
    recorder = Recorder()

    async def scenario() -> None:
        await asyncio.wait([asyncio.create_task(recorder.work())])

    exploration = explore(scenario, cancel=way, strategy="sweep")
    exploration.check()
    assert recorder.places == {"first", "second", "third", "fourth"}


def test_the_places_are_measured_in_a_plain_run() -> None:
    async def scenario() -> None:
        async def twice() -> None:
            await asyncio.sleep(0)
            await asyncio.sleep(0)

        await asyncio.create_task(twice())

    found = places(Trial(scenario, horizon=20, cancel="everywhere"))
    assert list(found) == [("cancel", 0), ("cancel", 1)]
    assert found["cancel", 1] == (1, 2)


class Pool:
    """Gives out connections; *broken* ones forget to give them back when cancelled."""

    def __init__(self, broken: bool) -> None:
        self.free = asyncio.Semaphore(1)
        self.broken = broken

    async def use(self) -> None:
        await self.free.acquire()
        if self.broken:
            await asyncio.sleep(0)
            self.free.release()
            return
        try:
            await asyncio.sleep(0)
        finally:
            self.free.release()


def pool_scenario(broken: bool) -> Any:
    pools: list[Pool] = []

    async def scenario() -> None:
        pools[:] = [Pool(broken)]
        await asyncio.wait([asyncio.create_task(pools[0].use())])

    async def afterwards() -> None:
        async with asyncio.timeout(5):
            await pools[0].use()

    scenario.afterwards = afterwards  # type: ignore[attr-defined]
    return scenario


@pytest.mark.parametrize("way", WAYS)
def test_what_was_cancelled_has_to_work_once_more(way: str) -> None:
    assert explore(pool_scenario(False), cancel=way).failure is None
    found = explore(pool_scenario(True), cancel=way).failure
    assert found is not None
    assert found.failure.identity == ("exception", "TimeoutError: ")
    assert len(found.schedule) == 1
    kind = {"everywhere": "cancel", "timeouts": "timeout"}[way]
    assert [key[0] for key in found.schedule.deviations] == [kind]
    again = replay(pool_scenario(True), found.schedule, cancel=way)
    assert again.failure is not None
    assert again.failure.identity == found.failure.identity
    assert found.on_asyncio is True


@pytest.mark.parametrize("way", WAYS)
def test_a_swallowed_cancellation_is_found(way: str) -> None:
    async def scenario() -> None:
        async def deaf() -> None:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                await asyncio.sleep(1)
            for _ in range(4):
                await asyncio.sleep(0)

        await asyncio.wait([asyncio.create_task(deaf())])

    found = explore(scenario, cancel=way).failure
    assert found is not None
    assert found.failure.kind == "swallowed cancellation"


@pytest.mark.parametrize("way", WAYS)
def test_what_follows_from_the_cancellation_alone_is_no_failure(way: str) -> None:
    async def scenario() -> None:
        async def child(number: int) -> None:
            await asyncio.sleep(number)

        background = asyncio.create_task(child(3))
        async with asyncio.TaskGroup() as group:
            group.create_task(child(1))
            group.create_task(child(2))
        await background

    exploration = explore(scenario, cancel=way, strategy="sweep")
    assert exploration.failure is None, exploration
    assert exploration.runs > 10


def test_a_task_that_is_left_because_another_was_cancelled_is_one() -> None:
    async def scenario() -> None:
        async def owner() -> None:
            helper = asyncio.create_task(asyncio.sleep(10))
            await asyncio.sleep(1)
            helper.cancel()

        await asyncio.wait([asyncio.create_task(owner())])

    found = explore(scenario, cancel="everywhere").failure
    assert found is not None
    assert found.failure.kind == "leak"


def test_it_is_crossed_with_other_deviations() -> None:
    """It takes a cancellation and a late event together."""

    async def scenario(world: World) -> None:
        late = cancelled = False
        turns = 0

        def land() -> None:
            nonlocal late
            late = turns == 3

        async def work() -> None:
            nonlocal cancelled, turns
            try:
                for turn in range(6):
                    turns = turn
                    await asyncio.sleep(0)
            except asyncio.CancelledError:
                cancelled = turns == 4
                raise

        world.sometime(land)
        await asyncio.wait([asyncio.create_task(work())])
        assert not (late and cancelled), "both"

    found = explore(scenario, cancel="everywhere", runs=3000).failure
    assert found is not None
    assert sorted(kind for kind, _ in found.schedule.deviations) == ["cancel", "event"]
    assert len(found.schedule) == 2


def test_a_task_is_not_cancelled_twice() -> None:
    counts: list[int] = []

    async def scenario() -> None:
        async def work() -> None:
            await asyncio.sleep(0)
            await asyncio.sleep(0)

        tasks = [asyncio.create_task(work()) for _ in range(2)]
        await asyncio.wait(tasks)
        counts.append(sum(task.cancelled() for task in tasks))

    explore(scenario, cancel="everywhere", strategy="bounded", depth=2)
    assert set(counts) == {0, 1}
