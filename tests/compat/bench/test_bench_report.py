"""From samples to tables, JSON and goals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat.bench.model import (
    AS_LOOP,
    ASYNCIO,
    UVLOOP,
    WITH_NAMES,
    Contestant,
    Extra,
    Row,
    Settings,
    Suite,
)
from compat.bench.report import Report, as_json, make_report
from compat.bench.rounds import Failure, Results
from compat.bench.scheduling import switch
from compat.bench.table import align, render
from compat.bench.thresholds import check

ROUNDS = 3
SETTINGS = Settings(ROUNDS, 1, 0.03, 60.0, "python", collect_garbage=False)
SUITE = Suite("some suite")
WHO = [ASYNCIO, UVLOOP, AS_LOOP, WITH_NAMES]


def make_results(times: dict[Contestant, list[float]]) -> Results:
    """Results of rows a, b, ...; a contestant takes the times given, in microseconds."""
    rows = [Row(key, f"do {key}", 10, switch) for key in "abcdef"[: len(times[ASYNCIO])]]
    results = Results(rows, list(times), {who.key: f"{who.key} loop" for who in times}, "3.13.0")
    for who, microseconds in times.items():
        for row, time in zip(rows, microseconds, strict=True):
            results.samples[row.key, who.key] = [time * 1e-6] * ROUNDS
            results.units[row.key, who.key] = 5
    return results


@pytest.fixture
def report() -> Report:
    """One in which uvloop could not do row b, and rloop is not installed."""
    results = make_results(
        {ASYNCIO: [12.0, 12.0], UVLOOP: [6.0, 1.0], AS_LOOP: [4.0, 6.0], WITH_NAMES: [3.0, 4.0]}
    )
    del results.samples["b", UVLOOP.key], results.units["b", UVLOOP.key]
    results.failures.append(Failure("b", UVLOOP.key, "Traceback\n  somewhere\nOops: sorry"))
    results.absent["asyncio/rloop"] = "ModuleNotFoundError: No module named 'rloop'"
    return make_report(results)


def test_ratios_and_means(report: Report) -> None:
    assert report.ratio("a", WITH_NAMES.key, ASYNCIO.key) == pytest.approx(4.0)
    assert report.ratio("a", WITH_NAMES.key, UVLOOP.key) == pytest.approx(2.0)
    assert report.ratio("b", WITH_NAMES.key, UVLOOP.key) is None
    assert report.ratio("b", UVLOOP.key, ASYNCIO.key) is None
    means = report.means[ASYNCIO.key]
    assert means[WITH_NAMES.key].ratio == pytest.approx(12**0.5)
    assert (means[WITH_NAMES.key].rows, means[UVLOOP.key].rows) == (2, 1)
    cell = report.cells["a"][UVLOOP.key]
    assert cell.nanoseconds.median == pytest.approx(6000)
    assert cell.operations == 50


def test_the_shape_of_json(report: Report) -> None:
    found: dict[str, Any] = json.loads(json.dumps(as_json(report, "some suite", SETTINGS)))
    assert set(found) == {
        *("format", "suite", "python", "machine", "settings", "contestants", "absent"),
        *("rows", "geometric_means", "failures"),
    }
    assert found["format"] == 1
    assert [who["key"] for who in found["contestants"]] == [who.key for who in WHO]
    assert [row["key"] for row in found["rows"]] == ["a", "b"]
    assert set(found["rows"][1]["cells"]) == {ASYNCIO.key, AS_LOOP.key, WITH_NAMES.key}
    cell = found["rows"][0]["cells"][WITH_NAMES.key]
    assert set(cell) == {"nanoseconds", "samples", "operations", "ratios"}
    assert len(cell["samples"]) == ROUNDS
    assert set(cell["nanoseconds"]) == {"low", "median", "high"}
    assert set(cell["ratios"]) == {ASYNCIO.key, UVLOOP.key}
    assert set(found["geometric_means"][ASYNCIO.key][WITH_NAMES.key]) == {"ratio", "rows"}
    assert found["failures"][0]["error"].endswith("Oops: sorry")


def test_the_table_says_it_all(report: Report) -> None:
    text = render(report, SUITE)
    assert "some suite, Python 3.13.0" in text
    assert "a: do a" in text
    assert "12,000 ± 0%" in text
    assert "4.00 ± 0%" in text
    assert "2.00 (1 rows)" in text
    assert "not measured: asyncio/rloop: ModuleNotFoundError" in text
    assert "failed: b on asyncio/uvloop: Oops: sorry" in text


def test_a_baseline_that_is_not_there_has_no_table() -> None:
    text = render(make_report(make_results({ASYNCIO: [1.0], AS_LOOP: [2.0]})), SUITE)
    assert "as fast as asyncio/asyncio" in text
    assert "as fast as asyncio/uvloop" not in text


def test_a_floor_and_what_else_was_measured() -> None:
    results = make_results({ASYNCIO: [6.0], UVLOOP: [3.0]})
    results.extras["a", ASYNCIO.key] = [{"bytes": 1000.0}, {"bytes": 3000.0}, {"bytes": 2000.0}]
    suite = Suite("some suite", legend="what it is", floor=UVLOOP.key)
    suite.extras = (Extra("bytes", "Bytes"),)
    report = make_report(results, suite.baselines)
    text = render(report, suite)
    assert "what it is" in text
    assert "a: do a" not in text
    distances = text[text.index("Times the CPU time of asyncio/uvloop") :].splitlines()
    assert distances[4].split()[:2] == ["a", "2.00"]
    assert distances[5].split() == ["geometric", "mean", "2.00", "1.00"]
    bytes_lines = text[text.index("Bytes") :].splitlines()
    assert bytes_lines[4].split() == ["a", "2,000", "±25%", "-"]
    cells = as_json(report, suite.title, SETTINGS)["rows"][0]["cells"]
    assert cells[ASYNCIO.key]["extras"]["bytes"]["median"] == 2000
    assert "extras" not in cells[UVLOOP.key]


def test_nothing_measured_can_still_be_said() -> None:
    assert "no loops" in render(make_report(Results([Row("a", "do a", 1, switch)])), SUITE)


CELLS = st.text(alphabet="abc±1", max_size=6)


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n))))
def test_columns_are_aligned(lines: list[list[str]]) -> None:
    found = align(lines)
    assert [line.split() for line in found] == [" ".join(line).split() for line in lines]
    if lines and len(lines[0]) > 1 and all(line[-1] for line in lines):
        assert len({len(line) for line in found}) == 1


def test_goals_that_are_reached_exactly_are_reached() -> None:
    results = make_results({ASYNCIO: [6.0], UVLOOP: [3.0], AS_LOOP: [3.0], WITH_NAMES: [2.0]})
    assert check(make_report(results)) == []


def test_goals_that_are_missed_are_named() -> None:
    results = make_results(
        {
            ASYNCIO: [12.0, 12.0],
            UVLOOP: [4.0, 4.0],
            AS_LOOP: [3.0, 11.0],
            WITH_NAMES: [1.0, 10.0],
        }
    )
    assert check(make_report(results)) == [
        "miniloop/miniloop: b against asyncio: 1.20, to be reached: 1.5",
        "asyncio/miniloop: b against asyncio: 1.09, to be reached: 1.2",
        "asyncio/miniloop: mean against asyncio/uvloop: 0.70, to be reached: 1",
    ]


def test_what_was_not_measured_is_not_reached() -> None:
    complaints = check(make_report(make_results({ASYNCIO: [1.0]})))
    assert len(complaints) == 6
    assert all(complaint.endswith("not measured") for complaint in complaints)
