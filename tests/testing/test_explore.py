"""Exploring: phases and their budget, going on where it stopped, parts, other processes."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from miniloop.testing import (
    Exploration,
    Limits,
    Phase,
    Schedule,
    ScheduleFailure,
    World,
    explore,
    merged,
    replay,
)
from miniloop.testing.bounded import Rules
from miniloop.testing.phases import Plans
from miniloop.testing.trial import Trial

from .races import RACES, Race, check_then_act, lost_update, two_at_once


def told(exploration: Exploration) -> tuple[Any, ...]:
    """Return all that does not depend on the clock."""
    phases = [
        (phase.name, phase.runs, phase.schedules, phase.complete, phase.units, phase.beyond)
        for phase in exploration.phases
    ]
    return phases, exploration.everything, exploration.proved, str(exploration)


async def busy(world: World) -> None:
    """Something with many choices, which nothing breaks."""
    seen: list[int] = []
    world.sometime(seen.append, 1)

    async def work(number: int) -> None:
        await asyncio.sleep(number)
        await asyncio.sleep(0)
        seen.append(number)

    await asyncio.gather(*map(work, range(4)))
    assert len(seen) >= 4


async def deadlocked() -> None:
    await asyncio.get_running_loop().create_future()


async def slow_to_fail(world: World) -> None:
    """Fails in many schedules, so that several workers find something."""
    world.sometime(lambda: None)
    drawn = world.choose(40)
    await asyncio.sleep(0)
    assert drawn < 30, f"drew {drawn}"


# -- phases ---------------------------------------------------------------------------------------


def test_plain_order_comes_first() -> None:
    async def wrong() -> None:
        raise LookupError("always")

    found = explore(wrong).failure
    assert found is not None
    assert found.found_by == "plain"
    assert found.runs == 1
    assert str(found.schedule) == "fifo"
    assert found.on_asyncio is True


def test_the_budget_is_kept_and_used() -> None:
    for runs in (1, 2, 7, 60, 333):
        exploration = explore(busy, level="any", runs=runs)
        assert exploration.runs == runs
        assert sum(phase.runs for phase in exploration.phases) == runs


def test_the_portfolio_goes_through_its_phases_in_order() -> None:
    names = [phase.name for phase in explore(busy, level="tasks", runs=400).phases]
    order = ["plain", "sweep", "1 deviation", "2 deviations", "3 deviations"]
    order += ["random", "sticky", "pct"]
    assert names == [name for name in order if name in names]
    assert {"plain", "sweep", "random", "sticky", "pct"} <= set(names)


def test_at_level_fifo_the_sweep_is_all_there_is_with_one_deviation() -> None:
    exploration = explore(busy, runs=2000, strategy="sweep")
    assert exploration.proved == 1
    assert [phase.name for phase in exploration.phases] == ["plain", "sweep"]


def test_seconds_end_it() -> None:
    exploration = explore(busy, level="any", runs=None, seconds=0.05)
    assert exploration.failure is None
    assert exploration.runs >= 1


def test_without_a_number_of_runs_every_phase_gets_its_share_and_the_last_goes_on() -> None:
    """How many runs fit is a guess: what is left of the seconds goes into more walks."""
    choices = Trial(busy, "any", horizon=9).run().choices
    phases = [Phase("plain", 2, 1, complete=True)]
    allowances = {}
    for plan in Plans("portfolio", "any", 0, 200, 1, Rules(), endless=True)(choices, phases):
        allowances[plan.name] = plan.allowance
        phases.append(Phase(plan.name, min(plan.allowance, 30)))
    assert list(allowances) == ["sweep", "1 deviation", "random", "sticky", "pct"]
    assert all(0 < allowances[name] < 200 for name in list(allowances)[:-1])
    assert allowances["pct"] == sys.maxsize


def test_it_is_told_how_far_it_has_come() -> None:
    seen: list[int] = []
    exploration = explore(busy, runs=300, progress=lambda so_far: seen.append(so_far.runs))
    assert seen == sorted(seen)
    assert seen[0] == 2  # plain order, twice: it has to be the same
    assert seen[-1] == exploration.runs


@pytest.mark.parametrize(
    "wrong",
    [
        {"strategy": "luck"},
        {"level": "chaos"},
        {"library": "trio"},
        {"ignore": ("everything",)},
        {"cancel": "sometimes"},
        {"runs": None},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        explore(busy, **wrong)


# -- what comes of it -----------------------------------------------------------------------------


def test_an_exception_of_the_program_is_raised_again_with_the_report() -> None:
    exploration = explore(lost_update)
    with pytest.raises(AssertionError, match="the deposit is lost") as caught:
        exploration.check()
    assert not isinstance(caught.value, ScheduleFailure)
    assert exploration.failure is not None
    assert exploration.failure.report in caught.value.__notes__


def test_any_other_failure_is_raised_as_an_assertion() -> None:
    with pytest.raises(ScheduleFailure, match="nobody can wake it"):
        explore(deadlocked).check()


def test_limits_and_ignored_checks_are_handed_on() -> None:
    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    found = explore(spin, limits=Limits(polls=50)).failure
    assert found is not None
    assert found.failure.kind == "livelock"

    async def leave() -> None:
        asyncio.get_running_loop().call_later(100, print)

    assert explore(leave, ignore=("timers",), runs=30).failure is None
    assert explore(leave, runs=30).failure is not None


@pytest.mark.parametrize("race", RACES, ids=[race.name for race in RACES])
def test_the_schedule_that_is_printed_is_the_one_that_fails(race: Race) -> None:
    found = explore(race.scenario, level=race.level).failure
    assert found is not None
    again = replay(race.scenario, str(found.schedule))
    assert again.failure is not None
    assert again.failure.identity == found.failure.identity
    if found.level == "fifo":
        asyncios = replay(race.scenario, found.schedule, library="asyncio")
        assert asyncios.failures
        assert asyncios.trace == again.trace
    else:
        with pytest.raises(ValueError, match="level fifo"):
            replay(race.scenario, found.schedule, library="asyncio")


def test_a_replay_reaches_further_than_the_usual_horizon() -> None:
    async def long(world: World) -> int:
        turns = 0
        landed = []
        world.sometime(lambda: landed.append(turns))
        for _ in range(100):
            turns += 1
            await asyncio.sleep(0)
        return landed[0]

    assert replay(long, "fifo:event0=90").result == replay(long, "fifo:event0=80").result + 10


def test_exploring_runs_on_the_standard_librarys_loop_as_well() -> None:
    ours, theirs = (explore(lost_update, library=name) for name in ("miniloop", "asyncio"))
    assert ours.failure is not None
    assert theirs.failure is not None
    assert ours.failure.schedule == theirs.failure.schedule
    assert [p.runs for p in ours.phases] == [p.runs for p in theirs.phases]


# -- going on, and parts --------------------------------------------------------------------------


class Stop(Exception):
    """Ends an exploration in the middle."""


def interrupted(scenario: Callable[..., Any], after: int, **options: Any) -> dict[str, Any]:
    """Explore, be interrupted after so many reports of progress; return the state as JSON."""
    states: list[str] = []

    def progress(so_far: Exploration) -> None:
        states.append(json.dumps(so_far.state))
        if len(states) == after:
            raise Stop

    try:
        explore(scenario, progress=progress, **options)
    except Stop:
        pass
    state: dict[str, Any] = json.loads(states[-1])
    return state


@pytest.mark.parametrize("after", [1, 2, 3, 5, 8, 13, 20])
@pytest.mark.parametrize("level", ["fifo", "tasks"])
def test_going_on_is_as_if_it_had_never_stopped(after: int, level: str) -> None:
    options: dict[str, Any] = {"level": level, "runs": 500}
    whole = explore(busy, **options)
    state = interrupted(busy, after, **options)
    assert told(explore(busy, resume=state, **options)) == told(whole)


def test_going_on_finds_what_would_have_been_found() -> None:
    options: dict[str, Any] = {"level": "tasks", "runs": 3000, "strategy": "bounded"}
    whole = explore(check_then_act, **options)
    assert whole.failure is not None
    state = interrupted(check_then_act, 3, **options)
    assert told(explore(check_then_act, resume=state, **options)) == told(whole)


def test_going_on_with_other_arguments_is_refused() -> None:
    state = explore(busy, runs=20).state
    with pytest.raises(ValueError, match="cut short with"):
        explore(busy, runs=20, seed=3, resume=state)


@pytest.mark.parametrize("strategy", ["bounded", "random"])
def test_parts_are_together_the_whole(strategy: str) -> None:
    options: dict[str, Any] = {"strategy": strategy, "level": "tasks", "runs": 640, "depth": 1}
    whole = explore(busy, **options)
    parts = [explore(busy, shard=(number, 3), **options) for number in range(3)]
    for phase in whole.phases[1:]:
        shares = [p for part in parts for p in part.phases if p.name == phase.name]
        assert sum(share.schedules for share in shares) == phase.schedules
    assert all(part.proved is None for part in parts)
    together = merged(reversed(parts))  # type: ignore[arg-type]
    assert [(phase.name, phase.schedules, phase.complete) for phase in together.phases] == [
        (phase.name, phase.schedules, phase.complete) for phase in whole.phases
    ]
    assert together.proved == whole.proved


def test_parts_find_together_what_the_whole_finds() -> None:
    options: dict[str, Any] = {"strategy": "bounded", "level": "tasks", "runs": 5000}
    whole = explore(check_then_act, **options)
    parts = [explore(check_then_act, shard=(number, 4), **options) for number in range(4)]
    together = merged(parts)
    assert whole.failure is not None
    assert together.failure is not None
    assert together.failure.first == whole.failure.first
    assert str(together.failure.schedule) == str(whole.failure.schedule)


def test_a_program_that_does_not_repeat_itself_proves_nothing() -> None:
    calls = []

    async def drifting(world: World) -> None:
        calls.append(1)
        for _ in range(len(calls)):
            await asyncio.sleep(0.01)

    exploration = explore(drifting, runs=10, strategy="sweep")
    assert not exploration.repeats
    assert exploration.proved is None
    assert "did not repeat itself" in str(exploration)


# -- elsewhere ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(2) as executor:
        yield executor


@pytest.mark.parametrize(
    ("scenario", "level"),
    [(busy, "tasks"), (slow_to_fail, "fifo"), (two_at_once, "fifo"), (check_then_act, "tasks")],
)
def test_processes_find_what_is_found_here(
    scenario: Callable[..., Any], level: str, processes: Executor
) -> None:
    for strategy in ("bounded", "portfolio"):
        options: dict[str, Any] = {"level": level, "runs": 300, "strategy": strategy}
        here = explore(scenario, **options)
        there = explore(scenario, executor=processes, **options)
        assert told(there) == told(here)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_does_not_matter(workers: int) -> None:
    here = explore(slow_to_fail, strategy="random", runs=200)
    with ThreadPoolExecutor(workers) as executor:
        there = explore(slow_to_fail, strategy="random", runs=200, executor=executor)
    assert told(there) == told(here)


def test_a_schedule_is_a_word() -> None:
    found = explore(two_at_once).failure
    assert found is not None
    assert Schedule.parse(str(found.schedule)) == found.schedule


def test_what_one_run_leaves_is_not_heard_of_in_another(recwarn: pytest.WarningsRecorder) -> None:
    """A coroutine in a circle is collected late; it belongs to a run that is long over."""

    class Circle:
        coro: Any
        itself: Any

    async def never() -> None: ...

    async def scenario(world: World) -> None:
        world.sometime(lambda: None)
        circle = Circle()
        circle.itself = circle
        circle.coro = never()
        await asyncio.sleep(0)

    exploration = explore(scenario, strategy="random", runs=100)
    assert exploration.failure is None
    assert exploration.runs == 100
    assert not [w for w in recwarn if "never awaited" in str(w.message)]
