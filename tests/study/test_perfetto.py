"""The trace for Perfetto is one that its importer draws as it is meant.

Read next: ../../miniloop/study/perfetto.py
"""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from click.testing import CliRunner

from compat.commands.perfetto import perfetto as command
from miniloop.study.perfetto import perfetto
from miniloop.study.recording import Recording, write

from . import programs
from .synthetic import chat, long, record

Entry: TypeAlias = dict[str, Any]

RECORDINGS = {
    "chat": record(chat()),
    "many tasks": record(long(20, 9)),
    "no time passes": record(chat(), step=0.0),
    "cut short": record(chat(), cut=101),
    "cut in a step": record(chat(), cut=10),
}


def check(trace: dict[str, Any]) -> None:
    """Raise AssertionError for what Perfetto would draw wrongly or not at all."""
    entries: list[Entry] = json.loads(json.dumps(trace, allow_nan=False))["traceEvents"]
    assert entries
    for entry in entries:
        assert {"ph", "ts", "pid", "tid", "name"} <= entry.keys()
        assert (type(entry["pid"]), type(entry["tid"])) == (int, int)
        assert entry["ph"] in "MXCisf"
        assert entry["ts"] >= 0
    lanes = {entry["tid"] for entry in entries if entry["name"] == "thread_name"}
    assert {entry["tid"] for entry in entries} <= lanes
    for lane in lanes:
        nested([entry for entry in entries if entry["tid"] == lane and entry["ph"] == "X"])
    arrows(entries)


def nested(slices: list[Entry]) -> None:
    """Raise AssertionError if one slice of a lane begins in another and ends outside it."""
    open_until: list[int] = []
    for entry in sorted(slices, key=lambda entry: (entry["ts"], -entry["dur"])):
        begin = nanoseconds(entry["ts"])
        end = begin + nanoseconds(entry["dur"])
        assert end > begin, entry
        while open_until and open_until[-1] <= begin:
            open_until.pop()
        assert not open_until or end <= open_until[-1], entry
        open_until.append(end)


def arrows(entries: list[Entry]) -> None:
    """Raise AssertionError for an arrow with one end, or an end outside every slice."""
    begins = {entry["id"]: entry for entry in entries if entry["ph"] == "s"}
    ends = {entry["id"]: entry for entry in entries if entry["ph"] == "f"}
    assert begins.keys() == ends.keys()
    for number, begin in begins.items():
        assert begin["ts"] < ends[number]["ts"]
        assert (begin["name"], begin["cat"]) == (ends[number]["name"], ends[number]["cat"])
        assert ends[number]["bp"] == "e"
    spans: dict[int, list[tuple[int, int]]] = {}
    for entry in entries:
        if entry["ph"] == "X":
            since = nanoseconds(entry["ts"])
            spans.setdefault(entry["tid"], []).append((since, since + nanoseconds(entry["dur"])))
    for entry in [*begins.values(), *ends.values()]:
        at = nanoseconds(entry["ts"])
        assert any(since <= at < until for since, until in spans[entry["tid"]]), entry


def nanoseconds(microseconds: float) -> int:
    return round(microseconds * 1000)


@pytest.mark.parametrize("steps", [False, True], ids=["time", "steps"])
@pytest.mark.parametrize("name", RECORDINGS)
def test_it_is_drawn(name: str, steps: bool) -> None:
    check(perfetto(RECORDINGS[name], steps=steps))


@pytest.mark.parametrize("loop", ["miniloop", "asyncio"])
def test_a_real_program_is_drawn(loop: str) -> None:
    async def turns(number: int) -> None:
        for _ in range(number):
            await asyncio.sleep(0)

    async def main() -> None:
        lock = asyncio.Lock()
        async with asyncio.timeout(30), lock:
            await asyncio.gather(*(turns(number) for number in range(4)))
        await asyncio.to_thread(int)

    check(perfetto(programs.record(main, loop)))


def test_a_slice_across_another_is_noticed() -> None:
    trace = perfetto(RECORDINGS["chat"])
    step = next(entry for entry in trace["traceEvents"] if entry["name"] == "step")
    step["dur"] += 1000
    with pytest.raises(AssertionError):
        check(trace)


def test_every_step_of_a_task_is_a_slice_in_its_lane() -> None:
    recording = RECORDINGS["chat"]
    entries = perfetto(recording)["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in entries if e["name"] == "thread_name"}
    drawn = sorted((e["ts"], names[e["tid"]]) for e in entries if e["name"] == "step")
    tasks = {e["entry"]: e.get("task") for e in recording.events if e["kind"] == "add"}
    ran = [tasks[e["entry"]] for e in recording.events if e["kind"] == "run"]
    assert [name for _, name in drawn] == [name for name in ran if name is not None]


def test_a_lane_says_what_its_task_waits_for() -> None:
    entries = perfetto(RECORDINGS["chat"])["traceEvents"]
    lane = next(e["tid"] for e in entries if e["args"] == {"name": "ticker"})
    slices = [e for e in entries if e["tid"] == lane and e["ph"] == "X" and e["dur"] > 0.01]
    assert [e["name"] for e in slices][:4] == ["ready", "step", "await timer", "ready"]
    for before, after in pairwise(e for e in slices if e["name"] in ("ready", "await timer")):
        assert nanoseconds(before["ts"]) < nanoseconds(after["ts"])


def test_time_is_in_microseconds() -> None:
    entries = perfetto(RECORDINGS["chat"])["traceEvents"]
    waits = [e["dur"] for e in entries if e["name"] == "await timer"]
    assert waits[0] == pytest.approx(100_000, rel=0.02)  # sleep(0.1)


def test_the_counter_is_the_length_of_the_queue() -> None:
    recording = RECORDINGS["chat"]
    counted = [e["args"]["entries"] for e in perfetto(recording)["traceEvents"] if e["ph"] == "C"]
    length, expected = 0, []
    for event in recording.events:
        if event["kind"] in ("add", "run"):
            length += 1 if event["kind"] == "add" else -1
            expected.append(length)
    assert counted == expected


def test_a_cancellation_is_marked() -> None:
    entries = perfetto(RECORDINGS["chat"])["traceEvents"]
    marks = [e["name"] for e in entries if e["ph"] == "i" and e["name"] != "print"]
    assert marks == ["cancel() called", "CancelledError raised"]


def test_the_events_are_left_as_they_were() -> None:
    before = json.dumps(RECORDINGS["chat"].events)
    perfetto(RECORDINGS["chat"])
    assert json.dumps(RECORDINGS["chat"].events) == before


def test_the_command_writes_it(tmp_path: Path) -> None:
    write(tmp_path / "chat.mlt", RECORDINGS["chat"])
    result = CliRunner().invoke(command, [str(tmp_path / "chat.mlt")])
    assert result.exit_code == 0, result.output
    check(json.loads((tmp_path / "chat.perfetto.json").read_text()))


def test_an_empty_recording_is_a_trace_without_slices() -> None:
    trace = perfetto(Recording({"program": "empty.py"}))
    assert {entry["ph"] for entry in trace["traceEvents"]} == {"M"}
