"""`@given(schedules(), ...)`: the data and the schedule both end minimal, and replay."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase, InMemoryExampleDatabase

from miniloop.testing.hypothesis_support import Drawn, fixed, schedules
from miniloop.testing.schedule import Schedule
from miniloop.testing.verdict import ScheduleFailure

CALM = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))


async def collect(amounts: list[int], world: Any) -> int:
    """Add up *amounts*, one task each; a cancellation from outside loses what is under way."""
    total = 0

    async def add(amount: int) -> None:
        nonlocal total
        before = total
        await asyncio.sleep(0)
        total = before + amount

    async def one_after_the_other() -> None:
        for amount in amounts:
            await add(amount)

    task = asyncio.create_task(one_after_the_other())
    world.sometime(task.cancel)
    await asyncio.wait([task])
    return total


async def right(amounts: list[int]) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    for amount in amounts:
        queue.put_nowait(amount)
    got = [await queue.get() for _ in amounts]
    assert got == amounts


async def late_notice(amounts: list[int], world: Any) -> None:
    """Fails when the outside event lands late amid amounts of which one is large."""
    seen: list[int] = []
    landed: list[int] = []
    world.sometime(lambda: landed.append(len(seen)))
    for amount in amounts:
        seen.append(amount)
        await asyncio.sleep(0)
    assert not (landed and 3 <= landed[0] < len(amounts) and max(amounts) > 20)


def test_what_is_right_passes_and_returns_its_result() -> None:
    @given(schedule=schedules(), amounts=st.lists(st.integers(), max_size=5))
    @settings(CALM, max_examples=30)
    def property_(schedule: Drawn, amounts: list[int]) -> None:
        schedule.run(functools.partial(right, amounts))

    property_()
    result = fixed("fifo").run(functools.partial(collect, [1, 2, 3]))
    assert result == 0  # plainly, the cancellation lands at once


def test_data_and_schedule_end_minimal() -> None:
    seen: list[tuple[str, list[int]]] = []

    @given(schedule=schedules(), amounts=st.lists(st.integers(0, 100), max_size=8))
    @settings(CALM, max_examples=300, derandomize=True)
    def property_(schedule: Drawn, amounts: list[int]) -> None:
        try:
            schedule.run(functools.partial(late_notice, amounts))
        except AssertionError as error:
            seen.append(("\n".join(getattr(error, "__notes__", [])), amounts))
            raise

    with pytest.raises(AssertionError):
        property_()
    report, amounts = seen[-1]
    assert sorted(amounts) == [0, 0, 0, 21]
    assert "fifo:event0=1" in report


def test_the_example_database_replays_it(tmp_path: Path) -> None:
    database = DirectoryBasedExampleDatabase(tmp_path)
    runs: list[list[int]] = []

    @given(schedule=schedules(), amounts=st.lists(st.integers(0, 100), max_size=8))
    def property_(schedule: Drawn, amounts: list[int]) -> None:
        runs.append(amounts)
        schedule.run(functools.partial(late_notice, amounts))

    def wrapped(*phases: Phase) -> Any:
        property_._hypothesis_internal_use_settings = settings(  # type: ignore[attr-defined]
            CALM, max_examples=300, database=database, phases=phases
        )
        return property_

    with pytest.raises(AssertionError):
        wrapped(Phase.generate, Phase.shrink)()
    smallest = runs[-1]
    runs.clear()
    with pytest.raises(AssertionError):
        wrapped(Phase.reuse)()
    assert runs[0] == smallest


def test_a_drawn_schedule_prints_as_what_repeats_it() -> None:
    drawn = fixed("any:pick3=2,timer0=1")
    assert repr(drawn) == "fixed('any:pick3=2,timer0=1')"
    assert eval(repr(drawn)).schedule == Schedule.parse("any:pick3=2,timer0=1")


def test_what_is_no_exception_is_raised_as_one() -> None:
    async def stuck() -> None:
        await asyncio.Event().wait()

    with pytest.raises(ScheduleFailure, match="deadlock"):
        fixed("fifo").run(stuck)
    with pytest.raises(ScheduleFailure, match="deadlock"):
        fixed("fifo", runs=5).run(stuck)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="level"):
        schedules(level="none")
    with pytest.raises(ValueError, match="looks like"):
        fixed("fifo:nonsense")


def test_it_is_not_flaky_to_hypothesis() -> None:
    """The same draws give the same outcome: Hypothesis would say so if they did not."""

    @given(schedule=schedules(level="any", runs=20), amounts=st.lists(st.integers(0, 50)))
    @settings(CALM, max_examples=100, database=InMemoryExampleDatabase())
    def property_(schedule: Drawn, amounts: list[int]) -> None:
        schedule.run(functools.partial(late_notice, amounts))

    with pytest.raises(AssertionError):
        property_()
    with pytest.raises(AssertionError):
        property_()
