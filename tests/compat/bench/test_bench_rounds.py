"""Calibration, turns, and children that fail: a row that goes wrong costs that row only."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat.bench.children import Child, ChildError
from compat.bench.model import ASYNCIO, Contestant, Sample, Settings
from compat.bench.rounds import Results, calibrate, rotated, run

SETTINGS = Settings(
    rounds=2,
    warmups=1,
    sample_seconds=0.0,
    patience_seconds=60.0,
    python=sys.executable,
    collect_garbage=False,
)

SUITE_WITH_FAULTS = '''
import os
from compat.bench.model import Suite

SUITE = Suite("faults")

@SUITE.row(per_unit=1)
async def raises(names, units):
    """Raise."""
    raise LookupError("as it should")

@SUITE.row(per_unit=1)
async def dies(names, units):
    """End the process."""
    os._exit(3)

@SUITE.row(per_unit=1)
async def chatters(names, units):
    """Print to standard output, which is not for workloads."""
    print("{}")
    for _ in range(1000 * units):
        await names.sleep(0)
    return units
'''


@given(
    st.floats(min_value=1e-9, max_value=1.0),
    st.floats(min_value=0.0, max_value=0.1),
    st.integers(1, 1000),
    st.floats(min_value=0.0, max_value=10.0),
)
def test_a_calibrated_sample_is_long_enough(
    seconds: float, target: float, per_unit: int, slow_start: float
) -> None:
    asked: list[int] = []

    def measure(units: int) -> Sample:
        asked.append(units)
        operations = units * per_unit
        return Sample(seconds * (1 + slow_start / units) * operations, operations)

    units = calibrate(measure, target)
    assert units >= 1
    assert units == asked[-1]
    assert measure(units).seconds >= target
    # It grows at every step, so it ends; and never runs far past the target.
    assert sorted(set(asked)) == asked[:-1]
    assert all(measure(before).seconds < target for before in asked[:-2])


def test_calibration_survives_a_clock_that_shows_nothing() -> None:
    times = iter([0.0, 0.0, 1.0])
    assert calibrate(lambda units: Sample(next(times), units), 0.5) == 100


def child(contestant: Contestant) -> Child:
    return Child(contestant, "compat.bench.scheduling", SETTINGS)


@given(st.integers(1, 6), st.integers(-5, 20))
def test_everybody_has_a_turn_and_everybody_is_first_once(count: int, by: int) -> None:
    children = [child(ASYNCIO) for _ in range(count)]
    turns = [rotated(children, by + step) for step in range(count)]
    assert all(sorted(map(id, turn)) == sorted(map(id, children)) for turn in turns)
    assert {id(turn[0]) for turn in turns} == set(map(id, children))


def test_nobody_takes_turns_with_nobody() -> None:
    assert rotated([], 3) == []


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    """The results of a run with faults in it, and with a contestant that does not exist."""
    (tmp_path / "bench_suite_with_faults.py").write_text(SUITE_WITH_FAULTS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    absent = Contestant("asyncio/nowhere", "asyncio", "bench_no_such_module:Loop")
    return run("bench_suite_with_faults", [], [absent, ASYNCIO], SETTINGS)


def test_faults_cost_their_own_row_only(faults: Results) -> None:
    assert [found.key for found in faults.contestants] == [ASYNCIO.key]
    assert "ModuleNotFoundError" in faults.absent["asyncio/nowhere"]
    errors = {failure.row: failure.error for failure in faults.failures}
    assert set(errors) == {"raises", "dies"}
    assert errors["raises"].endswith("LookupError: as it should")
    assert "exit status 3" in errors["dies"]
    assert list(faults.samples) == [("chatters", ASYNCIO.key)]
    assert len(faults.samples["chatters", ASYNCIO.key]) == SETTINGS.rounds


def test_an_unknown_row_is_refused() -> None:
    with pytest.raises(KeyError):
        run("compat.bench.scheduling", ["no-such-row"], [], SETTINGS)


def test_a_child_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 1000\n")
    silent.chmod(0o755)
    settings = Settings(1, 0, 0.0, 0.05, str(silent), collect_garbage=False)
    with (
        Child(ASYNCIO, "compat.bench.scheduling", settings) as found,
        pytest.raises(ChildError, match="no answer in"),
    ):
        found.start()
