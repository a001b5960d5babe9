"""``bench net`` and ``bench connections``: what they write, and that they leave nothing."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from compat.bench.children import Child
from compat.bench.command import bench
from compat.bench.conducting import choose_rows
from compat.bench.model import AS_LOOP, ASYNCIO, UVLOOP, WITH_NAMES, Row, Settings
from compat.bench.network import commands
from compat.bench.network.goals import check, no_goals
from compat.bench.network.rows import FLOOR, SUITE
from compat.bench.report import Report, make_report
from compat.bench.rounds import Results
from compat.bench.scheduling import switch

LINUX = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="asks Linux for processes")
ONE = ["--rounds", "1", "--quick", "--only", ASYNCIO.key]


def invoke(*words: str) -> Result:
    return CliRunner().invoke(bench, words)


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_two_rows_and_their_json(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    field = [] if sys.platform != "linux" else ["--only", FLOOR.key]
    words = ["--rows", "sock-64-1, protocol-64-1", *ONE, *field, "--json", str(file)]
    result = invoke("net", *words)
    assert result.exit_code == 0, result.output
    assert "Operations per second on the clock" in result.output
    report = read(file)
    assert report["suite"] == "network"
    assert [row["key"] for row in report["rows"]] == ["sock-64-1", "protocol-64-1"]
    for row in report["rows"]:
        cell = row["cells"][ASYNCIO.key]
        assert set(cell) == {"nanoseconds", "samples", "operations", "ratios", "extras"}
        assert set(cell["extras"]) == {"throughput", "client", "server"}
        assert set(cell["extras"]["client"]) == {"low", "median", "high"}
        if field:
            assert set(cell["ratios"]) == {ASYNCIO.key, FLOOR.key}
            assert "Times the CPU time of bare/epoll" in result.output
    assert report["settings"]["placement"] == "together"


def test_idle_connections_and_their_json(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    result = invoke("connections", *ONE, "--number", "120", "--json", str(file))
    if sys.platform != "linux":
        assert "memory is read from /proc" in result.output
        return
    assert result.exit_code == 0, result.output
    report = read(file)
    assert [row["key"] for row in report["rows"]] == ["protocols", "streams"]
    for row in report["rows"]:
        cell = row["cells"][ASYNCIO.key]
        assert cell["operations"] == 120
        assert set(cell["extras"]) == {"number", "memory", "opening", "broadcast"}
        assert cell["extras"]["number"]["median"] == 120


def test_fewer_connections_are_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "affordable", lambda number: number // 2)
    result = invoke("connections", "--rows", "protocols", *ONE, "--number", "20")
    assert "Only 10 connections instead of 20: the system lets a process have no more" in (
        result.output
    )
    monkeypatch.setattr(commands, "affordable", lambda _number: 0)
    result = invoke("connections", *ONE)
    assert result.exit_code == 2
    assert "there is nothing to measure" in result.output


def test_a_loop_that_cannot_do_a_row_does_the_others() -> None:
    faulty = "selectors:SelectSelector"  # has a close, and nothing else of a loop
    result = invoke("net", "--rows", "protocol-64-1", *ONE, "--add", faulty)
    assert result.exit_code == 1
    assert "failed: protocol-64-1 on asyncio/selectors:SelectSelector: " in result.output
    assert "AttributeError" in result.output
    assert "1.00 ± 0%" in result.output


@pytest.mark.parametrize(
    "words",
    [
        ["net", "--rows", "protocol-7-1"],
        ["net", "--rows", "z*"],
        ["net", "--place", "nowhere"],
        ["net", "--only", "nobody"],
        ["connections", "--number", "0"],
    ],
)
def test_a_command_line_without_sense(words: list[str]) -> None:
    result = invoke(*words)
    assert result.exit_code == 2
    assert "Error" in result.output


def test_apart_needs_two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "processors", lambda: {0})
    result = invoke("net", "--place", "apart", *ONE)
    assert result.exit_code == 2
    assert "there is only one" in result.output


def test_rows_are_chosen_by_patterns_each_once() -> None:
    suite = "compat.bench.network.rows"
    assert choose_rows(suite, "streams-1k-*") == [f"streams-1k-{n}" for n in (1, 10, 200)]
    assert choose_rows(suite, "udp-64-10,*dp-64-1?") == ["udp-64-10"]
    assert choose_rows(suite, "") == []
    assert len(choose_rows(suite, "*")) == len(SUITE.rows)
    with pytest.raises(click.BadParameter, match="no row 'nothing'"):
        choose_rows(suite, "udp-64-10,nothing")


def report_of(times: dict[str, dict[str, float]]) -> Report:
    """A report in which contestants take the microseconds given, by row."""
    rows = [Row(key, "", 1, switch) for key in times]
    results = Results(rows, [ASYNCIO, UVLOOP, AS_LOOP, WITH_NAMES])
    for key, line in times.items():
        for who, microseconds in line.items():
            results.samples[key, who] = [microseconds * 1e-6]
            results.units[key, who] = 1
    return make_report(results, SUITE.baselines)


def test_goals() -> None:
    reached = {ASYNCIO.key: 30.0, UVLOOP.key: 10.0, AS_LOOP.key: 10.0, WITH_NAMES.key: 10.0}
    missed = {ASYNCIO.key: 10.0, UVLOOP.key: 8.0, AS_LOOP.key: 9.5, WITH_NAMES.key: 4.0}
    found = report_of({"sock-1k-10": reached, "streams-1k-10": missed, "tls-1k-1": missed})
    assert check(found) == [
        "asyncio/miniloop: streams-1k-10 against asyncio/asyncio: 1.05, to be reached: 1.5",
        "asyncio/miniloop: streams-1k-10 against asyncio/uvloop: 0.84, to be reached: 1",
    ]
    assert check(report_of({"tls-1k-1": {ASYNCIO.key: 1.0, AS_LOOP.key: 1.1}})) == [
        "asyncio/miniloop: tls-1k-1 against asyncio/asyncio: 0.91, to be reached: 1",
        "miniloop/miniloop: tls-1k-1 against asyncio/asyncio: not measured",
    ]
    assert no_goals(found) == []


def offspring(pid: int) -> list[int]:
    """The processes below one, at any depth."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    direct = [int(word) for word in text.split()]
    return direct + [below for child in direct for below in offspring(child)]


def wait_for_end(descriptors: list[int]) -> None:
    """Wait until all processes have ended; the test's own limit is the patience."""
    for descriptor in descriptors:
        select.select([descriptor], [], [])
        os.close(descriptor)


@LINUX
def test_a_child_takes_its_client_with_it() -> None:
    settings = Settings(1, 0, 0.0, 60.0, sys.executable, collect_garbage=False)
    with Child(ASYNCIO, "compat.bench.network.rows", settings) as child:
        # A datagram server that is gone is nothing that a client would notice by itself.
        child.measure(SUITE.rows["udp-64-10"], 1)
        assert child._process is not None
        family = [child._process.pid, *offspring(child._process.pid)]
        assert len(family) == 2
        watched = [os.pidfd_open(pid) for pid in family]
        assert child._folder is not None
        folder = Path(child._folder.name)
        assert folder.is_dir()
    wait_for_end(watched)
    assert not folder.exists()


@LINUX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    terminal, theirs = os.openpty()  # progress is told to terminals only
    words = ["-m", "compat", "bench", "net", "--rows", "unix-1k-1", "--only", ASYNCIO.key]
    process = subprocess.Popen(
        [sys.executable, *words, "--rounds", "1000000"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    while b"round 2/" not in seen:
        seen += os.read(terminal, 4096)
    watched = [os.pidfd_open(pid) for pid in offspring(process.pid)]
    assert len(watched) == 2
    os.killpg(process.pid, number)
    printed, _ = process.communicate()
    wait_for_end(watched)
    os.close(terminal)
    assert process.returncode == (130 if number == signal.SIGINT else 143)
    assert printed == b""
    assert list(tmp_path.iterdir()) == []
