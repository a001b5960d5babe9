"""One World, two loops: the same choices give the same run on miniloop and on asyncio.

This is what makes a failure that was found on miniloop a failure of asyncio: what
ran, in which order, what was decided and what came of it are equal entry for entry.
"""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest

from miniloop.testing.choices import Decide, Key
from miniloop.testing.schedule import Schedule
from miniloop.testing.world import Run, World

from .scenarios import NETWORK, SCENARIOS, SCHEDULING

#: How often a scenario is run with random choices.
TIMES = 40


def at_random(seed: int, often: float) -> Decide:
    """Return what deviates now and then."""
    numbers = random.Random(seed)

    def decide(key: Key, count: int) -> int:
        return numbers.randrange(count) if numbers.random() < often else 0

    return decide


def facts(run: Run) -> dict[str, Any]:
    """Return all of a run that can be compared: exceptions by their words."""
    return {
        "result": run.result,
        "failures": [str(failure) for failure in run.failures],
        "choices": run.choices,
        "schedule": str(run.schedule),
        "polls": run.polls,
        "seconds": run.seconds,
        "trace": run.trace,
    }


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_plain_runs_are_alike(scenario: Any) -> None:
    ours, theirs = (
        World(library=library, trace=True).run(scenario) for library in ("miniloop", "asyncio")
    )
    assert facts(ours) == facts(theirs)
    assert ours.failures == []
    assert not ours.schedule


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.skipif(sys.version_info < (3, 13), reason="older streams and servers end otherwise")
def test_random_runs_are_alike(scenario: Any) -> None:
    for seed in range(TIMES):
        ours, theirs = (
            World(library=library, trace=True, decide=at_random(seed, 0.2)).run(scenario)
            for library in ("miniloop", "asyncio")
        )
        assert facts(ours) == facts(theirs), seed


@pytest.mark.parametrize("scenario", SCHEDULING)
def test_random_runs_without_a_network_are_alike(scenario: Any) -> None:
    for seed in range(TIMES):
        ours, theirs = (
            World(library=library, trace=True, decide=at_random(seed, 0.3)).run(scenario)
            for library in ("miniloop", "asyncio")
        )
        assert facts(ours) == facts(theirs), seed


@pytest.mark.parametrize("level", ["fifo", "tasks", "any"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_deviations_of_a_run_repeat_it(scenario: Any, level: str) -> None:
    for seed in range(10):
        found = World(level=level, trace=True, decide=at_random(seed, 0.2)).run(scenario)
        schedule = Schedule.parse(str(found.schedule))
        assert facts(World(schedule=schedule, trace=True).run(scenario)) == facts(found), seed


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_trace_changes_nothing(scenario: Any) -> None:
    for seed in range(5):
        traced = World(trace=True, decide=at_random(seed, 0.2)).run(scenario)
        plain = World(decide=at_random(seed, 0.2)).run(scenario)
        assert plain.schedule == traced.schedule
        assert (plain.result, plain.polls, plain.seconds) == (
            traced.result,
            traced.polls,
            traced.seconds,
        )


@pytest.mark.parametrize("scenario", SCHEDULING)
def test_every_order_gives_the_right_result(scenario: Any) -> None:
    """The scenarios are right in every order, so the World alone may not break them."""
    results = set()
    for seed in range(TIMES):
        run = World(level="any", decide=at_random(seed, 0.5)).run(scenario)
        assert run.failures == [], (seed, str(run.schedule))
        results.add(str(run.result))
    assert len(results) <= 2


@pytest.mark.parametrize("scenario", NETWORK)
def test_the_network_keeps_what_it_promises(scenario: Any) -> None:
    """Bytes may come late and in pieces, but whole and in order, or the results would differ."""
    plain = World().run(scenario).result
    for seed in range(TIMES):
        run = World(decide=at_random(seed, 0.3)).run(scenario)
        assert run.failures == [], (seed, str(run.schedule))
        assert run.result == plain, (seed, str(run.schedule))
