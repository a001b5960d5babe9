"""Thousands of random programs under random schedules.

Determinism: the same choices give the same run, twice and replayed from what is written
down.  Soundness: at level *fifo* the standard library's own loop does the same, entry for
entry, so every failure found there is one that asyncio can show.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from miniloop.testing.fence import fenced
from miniloop.testing.schedule import LEVELS, Schedule
from miniloop.testing.world import Run, World

from ..effort import effort
from .random_programs import OPERATIONS, scenario_from
from .test_alike import at_random, facts

#: How many programs a run tries, and how many in one test.
PROGRAMS = 10_000
CHUNK = 500
#: How many of those are run on asyncio as well.
SOUND = 4_000


def run(seed: int, **options: Any) -> Run:
    return World(**options).run(scenario_from(seed))


@pytest.fixture(autouse=True, scope="module")
def _one_fence() -> Any:
    """Keep the fence up between runs: putting it up costs more than a run."""
    with fenced():
        yield


@pytest.mark.parametrize("first", range(0, effort(PROGRAMS, CHUNK), CHUNK))
def test_the_same_choices_give_the_same_run(first: int) -> None:
    for seed in range(first, first + CHUNK):
        level = LEVELS[seed % 3]
        found = run(seed, level=level, trace=True, decide=at_random(seed, 0.1))
        again = run(seed, level=level, trace=True, decide=at_random(seed, 0.1))
        assert facts(again) == facts(found), seed
        schedule = Schedule.parse(str(found.schedule))
        assert facts(run(seed, schedule=schedule, trace=True)) == facts(found), seed


def test_keeping_a_trace_changes_no_choice() -> None:
    for seed in range(150):
        level = LEVELS[seed % 3]
        traced, plain = (
            run(seed, level=level, trace=trace, decide=at_random(seed, 0.1))
            for trace in (True, False)
        )
        assert [replace(choice, about="") for choice in traced.choices] == plain.choices, seed


@pytest.mark.parametrize("first", range(0, effort(SOUND, CHUNK), CHUNK))
def test_asyncio_does_the_same(first: int) -> None:
    for seed in range(first, first + CHUNK):
        ours, theirs = (
            run(seed, library=library, trace=True, decide=at_random(seed, 0.1))
            for library in ("miniloop", "asyncio")
        )
        assert facts(ours) == facts(theirs), seed


# -- whether that is worth anything ----------------------------------------------------------------


def test_programs_do_everything_and_end_in_every_way() -> None:
    done: set[str] = set()
    ends: set[str] = set()
    for seed in range(300):
        found = run(seed, decide=at_random(seed, 0.1))
        ends |= {failure.kind for failure in found.failures} or {"good"}
        done |= {entry[2] for entry in found.result or () if len(entry) > 2}
    assert {operation.__name__ for operation in OPERATIONS} <= done
    assert {"good", "leak", "deadlock", "swallowed cancellation"} <= ends


def test_schedules_make_a_difference() -> None:
    differ = 0
    for seed in range(100):
        plain = run(seed).result
        differ += any(run(seed, decide=at_random(n, 0.1)).result != plain for n in range(3))
    assert differ > 20


def test_the_comparison_notices_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were our loop last in, first out, the programs would tell."""
    from miniloop.testing import loops

    original = loops.WorldLoop.call_soon

    def backwards(self: Any, callback: Any, *args: Any, context: Any = None) -> Any:
        handle = original(self, callback, *args, context=context)
        self.ready.rotate(1)
        return handle

    monkeypatch.setattr(loops.WorldLoop, "call_soon", backwards)
    differ = 0
    for seed in range(20):
        ours, theirs = (run(seed, library=name, trace=True) for name in ("miniloop", "asyncio"))
        differ += facts(ours) != facts(theirs)
    assert differ
    assert asyncio.iscoroutinefunction(scenario_from(0))
