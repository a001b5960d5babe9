"""Shrinking: what is found is the least that it takes, at the strongest level at which it fails."""

from __future__ import annotations

import random

import pytest

from miniloop.testing import Schedule, explore, replay
from miniloop.testing.shrink import Shrinker
from miniloop.testing.strategies import make_walk
from miniloop.testing.trial import Trial, shows
from miniloop.testing.work import quietly

from .races import RACES, Race, check_then_act, late_timers, lost_update

EACH = pytest.mark.parametrize("race", RACES, ids=[race.name for race in RACES])


def failing_walks(race: Race, level: str, wanted: int) -> list[Schedule]:
    """Return schedules, full of deviations, that random walks have failed with."""
    trial = Trial(race.scenario, level, horizon=15)
    plain = trial.run()
    counts = {kind: 20 for kind, _ in (choice.key for choice in plain.choices)}
    found = []
    for number in range(4000):
        run = trial.run(decide=make_walk("random", 7, number, counts))
        if run.failures:
            found.append(run.schedule)
        if len(found) == wanted:
            break
    return found


@EACH
@pytest.mark.parametrize("strategy", ["portfolio", "bounded", "random"])
def test_a_planted_race_shrinks_to_its_deviations(race: Race, strategy: str) -> None:
    found = explore(race.scenario, level=race.level, strategy=strategy, runs=6000).failure
    assert found is not None
    assert len(found.schedule) == race.deviations
    assert found.level == race.level
    assert found.on_asyncio is (True if race.level == "fifo" else None)
    assert found.repeats


@EACH
def test_whatever_walk_found_it_the_same_few_deviations_are_left(race: Race) -> None:
    with quietly():
        schedules = failing_walks(race, race.level, 6)
        assert schedules
        for schedule in schedules:
            trial = Trial(race.scenario, race.level, horizon=15)
            failure = trial.run(schedule.deviations).failure
            assert failure is not None
            shrunk = Shrinker(trial, failure.identity).shrink(schedule.deviations)
            assert shrunk is not None
            assert len(shrunk.deviations) == race.deviations


@EACH
def test_every_deviation_that_is_left_is_needed_and_as_low_as_can_be(race: Race) -> None:
    found = explore(race.scenario, level=race.level, runs=6000).failure
    assert found is not None
    for key, value in found.schedule.deviations.items():
        assert not replay(race.scenario, found.schedule.without({key})).failures
        if value > 1:
            lower = Schedule({**found.schedule.deviations, key: value - 1}, found.level)
            again = replay(race.scenario, lower)
            assert found.failure.identity not in [one.identity for one in again.failures]


@pytest.mark.parametrize("scenario", [late_timers, lost_update])
def test_what_is_found_at_a_weak_level_is_labelled_with_the_strongest(
    scenario: object,
) -> None:
    found = explore(scenario, level="any", strategy="random", runs=4000).failure  # type: ignore[arg-type]
    assert found is not None
    assert found.level == "fifo"
    assert found.on_asyncio is True
    assert found.first.level == "any"


def test_what_needs_tasks_to_swap_stays_at_that_level() -> None:
    found = explore(check_then_act, level="any", strategy="random", runs=4000).failure
    assert found is not None
    assert found.level == "tasks"
    assert found.on_asyncio is None


def test_a_schedule_that_does_not_fail_is_not_shrunk() -> None:
    trial = Trial(lost_update)
    shrinker = Shrinker(trial, ("exception", "AssertionError: the deposit is lost"))
    assert shrinker.shrink({}) is None


def test_a_failure_that_does_not_repeat_is_said_to_depend_on_something_else() -> None:
    calls = []

    async def moody() -> None:
        calls.append(1)
        assert len(calls) != 1, "only the first time"

    found = explore(moody).failure
    assert found is not None
    assert not found.repeats
    assert "did not fail a second time" in found.report


def test_shrinking_stays_within_its_budget() -> None:
    source = random.Random(3)
    trial = Trial(lost_update, "any", horizon=40)
    deviations = {("event", 0): 3} | {("pick", n): source.randrange(1, 4) for n in range(60)}
    run = trial.run(deviations)
    if run.failure is None:
        deviations = {("event", 0): 2}
        run = trial.run(deviations)
    assert run.failure is not None
    shrinker = Shrinker(trial, run.failure.identity, budget=50)
    shrunk = shrinker.shrink(deviations)
    assert shrunk is not None
    assert shrinker.runs <= 60
    assert shows(shrunk.trial.run(shrunk.deviations), run.failure.identity) is not None
