"""Walks: the same for the same seed, all the ways they promise, and how likely they find what."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from miniloop.testing import STRATEGIES, World, explore
from miniloop.testing.strategies import DEPTH, WALKS, PctWalk, make_walk
from miniloop.testing.trial import Trial
from miniloop.testing.work import quietly

from .programs import values
from .races import FIXED, RACES, Race, check_then_act, lost_update

LEVELS = ("fifo", "tasks", "any")


@pytest.mark.parametrize("strategy", WALKS)
@pytest.mark.parametrize("level", LEVELS)
def test_a_walk_is_the_same_for_the_same_seed_and_number(strategy: str, level: str) -> None:
    trial = Trial(check_then_act, level, horizon=9)
    counts = Counter(choice.kind for choice in trial.run().choices)

    def walks(seed: int) -> list[Any]:
        return [
            values(trial.run(decide=make_walk(strategy, seed, number, counts)))
            for number in range(12)
        ]

    with quietly():
        assert walks(1) == walks(1)
        assert walks(1) != walks(2)
        assert len(set(walks(1))) > 1


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_exploration_is_the_same_for_the_same_seed(strategy: str) -> None:
    def told() -> tuple[Any, ...]:
        exploration = explore(lost_update, level="any", strategy=strategy, runs=300, seed=5)
        phases = [(phase.name, phase.runs, phase.schedules) for phase in exploration.phases]
        return phases, str(exploration)

    assert told() == told()


@pytest.mark.parametrize("race", RACES, ids=[race.name for race in RACES])
def test_the_portfolio_finds_every_planted_race(race: Race) -> None:
    found = explore(race.scenario, level=race.level).failure
    assert found is not None
    assert found.failure.kind == "exception"


@pytest.mark.parametrize(("scenario", "level"), FIXED, ids=[one[0].__name__ for one in FIXED])
def test_the_portfolio_finds_nothing_where_there_is_nothing(
    scenario: Callable[..., Any], level: str
) -> None:
    exploration = explore(scenario, level=level)
    assert exploration.failure is None
    assert exploration.runs == 1000 or exploration.everything
    exploration.check()


def ordered(tasks: int, turns: int, depth: int) -> Callable[[], Any]:
    """Return a scenario that breaks when *depth* + 1 of its tasks get somewhere in one order only.

    Every task takes *turns* turns; the first ones mark a place in the middle.  Tasks wait for
    nothing, so there are ``tasks * turns`` picks at most.
    """

    async def scenario() -> None:
        marks: list[int] = []

        async def work(number: int) -> None:
            for turn in range(turns):
                if turn == turns // 2:
                    marks.append(number)
                await asyncio.sleep(0)

        await asyncio.wait([asyncio.create_task(work(number)) for number in range(tasks)])
        assert [mark for mark in marks if mark <= depth] != list(range(depth, -1, -1))

    return scenario


@pytest.mark.parametrize(("tasks", "turns", "depth"), [(2, 4, 1), (3, 4, 1), (3, 3, 2), (4, 2, 2)])
def test_pct_keeps_its_bound(tasks: int, turns: int, depth: int) -> None:
    """A bug of depth d is found with a probability of at least 1 / (n * k ** (d - 1))."""
    trial = Trial(ordered(tasks, turns, depth), "tasks")
    counts = Counter(choice.kind for choice in trial.run().choices)
    walks = 600
    with quietly():
        hits = sum(
            bool(trial.run(decide=PctWalk(random.Random(number), counts, depth)).failures)
            for number in range(walks)
        )
    picks = max(counts["pick"], 1)
    assert hits / walks >= 1 / ((tasks + 1) * picks ** (depth - 1))


def test_pct_runs_one_task_as_long_as_it_goes() -> None:
    """Starvation: evenly random orders never let one task run so far ahead."""

    async def scenario() -> None:
        turns = [0, 0]

        async def work(number: int) -> None:
            for _ in range(14):
                turns[number] += 1
                await asyncio.sleep(0)
                assert turns[0] - turns[1] < 12

        await asyncio.wait([t := asyncio.create_task(work(0)), u := asyncio.create_task(work(1))])
        for task in (t, u):
            task.result()

    even = explore(scenario, level="tasks", strategy="random", runs=300, seed=1).runs
    pct = explore(scenario, level="tasks", strategy="pct", runs=300, seed=1).failure
    assert pct is not None
    assert pct.runs < even


def test_a_task_that_waits_by_yielding_does_not_stop_a_pct_walk() -> None:
    async def scenario() -> None:
        done = False

        async def spin() -> None:
            while not done:
                await asyncio.sleep(0)

        async def finish() -> None:
            nonlocal done
            for _ in range(5):
                await asyncio.sleep(0)
            done = True

        await asyncio.gather(spin(), finish())

    exploration = explore(scenario, level="tasks", strategy="pct", runs=60)
    assert exploration.failure is None
    assert exploration.runs == 60


def test_a_sticky_walk_goes_on_with_the_task_that_ran() -> None:
    switches: dict[str, int] = {}

    async def scenario() -> list[int]:
        order: list[int] = []

        async def work(number: int) -> None:
            for _ in range(8):
                order.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(*map(work, range(3)))
        return order

    trial = Trial(scenario, "tasks")
    counts = {"pick": 24}
    for strategy in ("random", "sticky"):
        total = 0
        for number in range(60):
            order = trial.run(decide=make_walk(strategy, 0, number, counts)).result
            total += sum(a != b for a, b in itertools.pairwise(order))
        switches[strategy] = total
    assert switches["sticky"] < switches["random"] * 0.7


def test_walks_differ_in_how_much_they_deviate() -> None:
    trial = Trial(check_then_act, "tasks")
    counts = Counter(choice.kind for choice in trial.run().choices)
    sizes = {
        len(trial.run(decide=make_walk("random", 0, number, counts)).schedule)
        for number in range(80)
    }
    assert min(sizes) <= 1
    assert max(sizes) >= counts["pick"] // 3


def test_an_event_can_land_wherever_the_program_polls() -> None:
    landed: list[int] = []

    async def scenario(world: World) -> None:
        turns = 0

        def land() -> None:
            landed.append(turns)

        world.sometime(land)
        for _ in range(12):
            turns += 1
            await asyncio.sleep(0)

    explore(scenario, strategy="sweep")
    assert set(landed) >= set(range(2, 12))  # behind what is ready when it comes


def test_pct_looks_for_five_things_in_order() -> None:
    assert DEPTH == 5
