"""Going through all schedules: each once, none left out, and nothing lost by leaving some out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from miniloop.testing import World, explore
from miniloop.testing.bounded import Rules, Step, branches, deviating
from miniloop.testing.choices import Key
from miniloop.testing.trial import Trial
from miniloop.testing.work import quietly
from miniloop.testing.world import Run

from ..effort import effort
from .programs import every_run, outcome, programs, scenario_of, values

MOST = 400


def steps(trial: Trial, depth: int, reduce: bool) -> list[Step]:
    """Go through all schedules with exactly *depth* deviations."""

    def run_one(deviations: Mapping[Key, int]) -> tuple[World, Run]:
        return trial.run_in_world(deviations)

    plain = trial.run()
    if depth == 0:
        return [Step({}, plain, True)]
    rules = Rules(reduce=reduce)
    return list(deviating(run_one, {}, branches(rules, plain.choices), depth, rules))


def all_steps(trial: Trial, reduce: bool, deepest: int) -> list[Step]:
    return [step for depth in range(deepest + 1) for step in steps(trial, depth, reduce)]


def deepest(runs: list[Run]) -> int:
    return max(len(run.schedule) for run in runs)


@settings(max_examples=effort(25, 8), suppress_health_check=[HealthCheck.filter_too_much])
@given(programs(), st.sampled_from(["fifo", "tasks", "any"]))
@example([["event", "step"], ["step"]], "tasks")
@example([["event", "event"]], "fifo")
def test_every_schedule_is_run_exactly_once(program: list[list[str]], level: str) -> None:
    trial = Trial(scenario_of(program), level, horizon=2)
    with quietly():
        brute = every_run(trial, MOST)
        assume(brute is not None)
        assert brute is not None
        expected = list(brute)
        found = [step for step in all_steps(trial, False, deepest(expected)) if step.new]
    assert len({values(run) for run in expected}) == len(expected)
    assert Counter(values(step.run) for step in found) == Counter(map(values, expected))


@settings(max_examples=effort(25, 8), suppress_health_check=[HealthCheck.filter_too_much])
@given(programs(("event", "event", "step", "timer", "nap", "thread")))
@example([["event", "step"], ["event"]])
@example([["event", "timer", "event"]])
@example([["thread"], ["event", "event"]])
@example([["event", "event"], ["nap"]])
def test_the_reduction_loses_no_outcome(program: list[list[str]]) -> None:
    trial = Trial(scenario_of(program), "fifo", horizon=4)
    with quietly():
        brute = every_run(trial, MOST)
        assume(brute is not None)
        assert brute is not None
        expected = list(brute)
        depth = deepest(expected)
        reduced = [step for step in all_steps(trial, True, depth) if step.new]
    assert {outcome(step.run) for step in reduced} == {outcome(run) for run in expected}
    assert len(reduced) <= len(expected)


@settings(max_examples=effort(20, 8), suppress_health_check=[HealthCheck.filter_too_much])
@given(programs(("event", "step", "thread", "timer", "nap")), st.integers(1, 2))
def test_the_reduction_loses_no_outcome_at_any_bound(program: list[list[str]], depth: int) -> None:
    trial = Trial(scenario_of(program), "fifo", horizon=4)
    with quietly():
        size = sum(len(way.values) for way in branches(Rules(), trial.run().choices))
        assume(size < 30)
        everything = all_steps(trial, False, depth)
        reduced = [step for step in all_steps(trial, True, depth) if step.new]
    assert {outcome(step.run) for step in reduced} == {outcome(step.run) for step in everything}


async def held_for_nothing(world: World) -> str:
    """An event that nothing comes after: it lands in the end, however long it is held."""
    landed = asyncio.Event()
    world.sometime(landed.set)
    await landed.wait()
    return "landed"


def test_the_reduction_leaves_out_what_is_the_same_run() -> None:
    whole = explore(held_for_nothing, strategy="bounded", horizon=50, reduce=False)
    reduced = explore(held_for_nothing, strategy="bounded", horizon=50)
    assert whole.everything
    assert reduced.everything
    assert whole.schedules == 51
    assert reduced.schedules < 5


def counter(tasks: int, turns: int) -> Callable[[], Any]:
    async def scenario() -> None:
        async def count() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)

        await asyncio.wait([asyncio.create_task(count()) for _ in range(tasks)])

    return scenario


@pytest.mark.parametrize(("tasks", "turns", "schedules"), [(2, 0, 2), (2, 1, 6), (3, 0, 6)])
def test_the_number_of_interleavings_is_that_of_combinatorics(
    tasks: int, turns: int, schedules: int
) -> None:
    """n tasks of k steps each have (nk)! / (k!)**n interleavings, at the level of tasks."""
    exploration = explore(
        counter(tasks, turns), level="tasks", strategy="bounded", depth=20, runs=5000
    )
    assert exploration.everything
    assert exploration.schedules == schedules


def test_what_is_proved_is_said_only_when_it_was_gone_through() -> None:
    whole = explore(counter(2, 2), level="tasks", strategy="bounded", depth=2)
    assert whole.proved == 2
    assert not whole.everything
    assert "proved for up to 2 deviations" in str(whole)
    cut = explore(counter(2, 1), level="tasks", strategy="bounded", depth=2, runs=3)
    assert cut.runs == 3
    assert cut.proved == 0
    assert "proved" not in str(cut)
    sweep = explore(counter(2, 1), level="tasks", strategy="sweep")
    assert sweep.proved == 0


def test_a_program_without_choices_is_run_once() -> None:
    exploration = explore(counter(3, 3))
    assert exploration.everything
    assert exploration.runs == 1
    assert "every schedule was run: 1 schedule" in str(exploration)
