"""``bench explore``: every tool does every row, and what is missing or fails is said."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from compat.bench.command import bench
from compat.bench.exploring.goals import check
from compat.bench.exploring.rows import SUITE
from compat.bench.exploring.tools import ANY_ORDER, BARE, FIFO, OURS, PEERS, SIMLOOM, SIMLOOP
from compat.bench.report import Report, make_report
from compat.bench.rounds import Results

FIELD = [BARE, *OURS, *PEERS]
TINY = ["--rounds", "1", "--quick"]


def invoke(*words: str) -> Result:
    return CliRunner().invoke(bench, ["explore", *words])


def installed(key: str) -> bool:
    package = key.partition("/")[2]
    return package not in ("simloom", "simloop") or bool(importlib.util.find_spec(package))


def stub(folder: Path, name: str, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the children find a module of that name that is *source*, before any other."""
    (folder / f"{name}.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_all_tools_on_all_rows_and_their_json(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    result = invoke(*TINY, "--json", str(file))
    assert result.exit_code == 0, result.output
    report: dict[str, Any] = json.loads(file.read_text())
    assert report["suite"] == "exploring"
    assert report["failures"] == []
    assert report["settings"]["collect_garbage"] is True
    present = [found.key for found in FIELD if installed(found.key)]
    assert [found["key"] for found in report["contestants"]] == present
    assert set(report["absent"]) == {found.key for found in FIELD} - set(present)
    assert [row["key"] for row in report["rows"]] == ["small", "medium", "network"]
    against = {found for found in SUITE.baselines if found in present}
    for row in report["rows"]:
        assert set(row["cells"]) == set(present)
        for cell in row["cells"].values():
            assert set(cell) == {"nanoseconds", "samples", "operations", "ratios", "extras"}
            assert set(cell["ratios"]) == against
            assert set(cell["extras"]) == {"rate"}
            rate = cell["extras"]["rate"]["median"]
            assert rate * cell["nanoseconds"]["median"] == pytest.approx(1e9)
    assert "Schedules per second of CPU time" in result.output
    for key in SUITE.baselines:
        assert (f"Times as fast as {key}:" in result.output) == (key in present)


def test_a_tool_that_is_not_installed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = "ModuleNotFoundError(\"No module named 'simloom'\")"
    stub(tmp_path, "simloom", f"raise {error}", monkeypatch)
    words = ["--rows", "small", *TINY]
    result = invoke(*words)
    assert result.exit_code == 0, result.output
    absence = "not measured: asyncio/simloom: ModuleNotFoundError: No module named 'simloom'"
    assert absence in result.output
    assert "Times as fast as asyncio/simloom" not in result.output
    assert "Times as fast as asyncio/asyncio" in result.output
    # Asked for by name it has to be there.
    result = invoke(*words, "--only", SIMLOOM.key)
    assert result.exit_code == 1
    assert absence in result.output


LAZY = """
class Exploration:
    failed = False

def explore(scenario, runs):
    return Exploration()
"""
FAILING = """
class Exploration:
    failed = True

    def summary(self):
        return "1 universe explored, 1 failed"

def explore(scenario, runs):
    return Exploration()
"""


@pytest.mark.parametrize(
    ("source", "said"),
    [(LAZY, "small did 0 operations instead of 1"), (FAILING, "1 universe explored, 1 failed")],
    ids=["runs too little", "says that it failed"],
)
def test_a_tool_that_goes_wrong_costs_its_own_column_only(
    source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub(tmp_path, "simloom", source, monkeypatch)
    file = tmp_path / "report.json"
    words = ["--only", BARE.key, "--only", SIMLOOM.key, "--json", str(file)]
    result = invoke("--rows", "small", *TINY, *words)
    assert result.exit_code == 1
    assert "failed: small on asyncio/simloom: " in result.output
    assert said in result.output
    report = json.loads(file.read_text())
    assert set(report["rows"][0]["cells"]) == {BARE.key}
    assert [failure["contestant"] for failure in report["failures"]] == [SIMLOOM.key]


def test_simloop_reports_the_seed_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
class Report:
    exception = ValueError("unlucky")

    def render(self):
        return "failed at seed 7"

def explore(scenario, seeds):
    return Report()
"""
    stub(tmp_path, "simloop", source, monkeypatch)
    result = invoke("--rows", "small", *TINY, "--only", SIMLOOP.key)
    assert result.exit_code == 1
    assert "failed at seed 7" in result.output
    assert "ValueError('unlucky')" in result.output


@pytest.mark.parametrize(
    "words", [["--rows", "no-such-row"], ["--only", "nobody"], ["--rounds", "0"]]
)
def test_a_command_line_without_sense(words: list[str]) -> None:
    result = invoke(*words)
    assert result.exit_code == 2
    assert "Error" in result.output


def report_of(times: dict[str, dict[str, float]]) -> Report:
    """A report in which tools take the milliseconds given for a schedule, by row."""
    results = Results([SUITE.rows[key] for key in times], FIELD)
    for key, line in times.items():
        for who, milliseconds in line.items():
            results.samples[key, who] = [milliseconds * 1e-3]
            results.units[key, who] = 1
    return make_report(results, SUITE.baselines)


def test_goals() -> None:
    line = {BARE.key: 1.0, FIFO.key: 1.0, ANY_ORDER.key: 2.0, SIMLOOM.key: 12.0, SIMLOOP.key: 20.0}
    assert check(report_of({"small": line, "medium": line})) == [
        "asyncio/miniloop-any: small against asyncio/simloom: 6.00, to be reached: 10",
    ]
    without = {key: time for key, time in line.items() if key != SIMLOOP.key}
    assert check(report_of({"network": without})) == [
        "asyncio/miniloop-fifo: network against asyncio/simloop: not measured",
        "asyncio/miniloop-any: network against asyncio/simloop: not measured",
    ]
