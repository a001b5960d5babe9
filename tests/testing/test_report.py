"""Reports, word for word: the same in every run, on every interpreter, and never too wide.

What is expected is in ``reports/``; after a change that is meant, write it anew with
``MINILOOP_WRITE_REPORTS=1`` in the environment, and read it.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from miniloop.testing import World, explore, replay
from miniloop.testing.aligned import COLUMN, LINES, side_by_side
from miniloop.testing.choices import Choice
from miniloop.testing.words import deviation_words

from . import reported
from .races import RACES, Race

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

CASES: dict[str, dict[str, Any]] = {
    "lost_item": {},
    "transfers": {},
    "oversold": {"level": "tasks"},
    "not_given_back": {"cancel": "everywhere"},
    "object_in_message": {},
}


def report_of(name: str) -> str:
    found = explore(getattr(reported, name), **CASES[name]).failure
    assert found is not None
    return found.report


@pytest.mark.parametrize("name", CASES)
def test_the_report_reads_as_expected(name: str) -> None:
    path = HERE / "reports" / f"{name}.txt"
    report = report_of(name) + "\n"
    if os.environ.get("MINILOOP_WRITE_REPORTS"):
        path.write_text(report, "utf-8")
    assert report == path.read_text("utf-8")
    assert report_of(name) + "\n" == report


@pytest.mark.parametrize("race", RACES, ids=[race.name for race in RACES])
def test_every_report_is_plain_text_that_fits(race: Race) -> None:
    found = explore(race.scenario, level=race.level).failure
    assert found is not None
    assert all(len(line) <= 100 and line == line.rstrip() for line in str(found).splitlines())
    assert "0x" not in str(found)
    assert str(ROOT) not in str(found)
    assert f"miniloop replay tests.testing.races:{race.name} '{found.schedule}'" in str(found)


def test_the_order_of_sets_of_strings_does_not_show() -> None:
    code = (
        "from miniloop.testing import explore\nfrom tests.testing import reported\n"
        "print(explore(reported.transfers))"
    )
    reports = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "77")
    }
    assert len(reports) == 1
    assert "in a circle" in reports.pop()


def test_a_scenario_that_no_command_can_name_is_replayed_by_a_call() -> None:
    async def inner() -> None:
        raise LookupError

    found = explore(inner).failure
    assert found is not None
    assert found.report.splitlines()[-2:] == [
        "Again: miniloop.testing.replay(scenario, 'fifo')",
        "As a page: miniloop.study.schedule_page(scenario, 'fifo')",
    ]


def test_what_asyncios_own_loop_does_not_show_is_said_so() -> None:
    async def picky() -> None:
        assert not hasattr(asyncio.get_running_loop(), "iterations"), "not here"

    found = explore(picky).failure
    assert found is not None
    assert found.on_asyncio is False
    assert "It does not fail on asyncio's" in " ".join(found.report.split())
    untried = explore(picky, prove=False).failure
    assert untried is not None
    assert untried.on_asyncio is None
    assert "asyncio's own loop" not in untried.report


def test_what_is_pending_when_an_exception_comes_is_told() -> None:
    async def scenario() -> None:
        helper = asyncio.create_task(asyncio.sleep(100), name="helper")
        await asyncio.sleep(0)
        raise LookupError(helper.get_name())

    report = explore(scenario).failure
    assert report is not None
    assert "  helper (the library's) waits in the library, and goes on in 100 s" in str(report)


# -- two traces -----------------------------------------------------------------------------------


def test_what_is_alike_is_folded_and_what_is_not_stands_side_by_side() -> None:
    left = ["a", "b", "c", "d", "x", "e", "f", "g", "h", "i"]
    right = ["a", "b", "c", "d", "y", "z", "e", "f", "g", "h", "i"]
    rows = side_by_side(left, right, ("plain", "this"))[2:]
    assert [" ".join(row.split()) for row in rows] == [
        "(3 steps alike)",
        "d d",
        "x | y",
        "| z",
        "e e",
        "(4 steps alike)",
    ]


def test_long_lines_are_cut_in_their_middle_and_long_traces_at_their_end() -> None:
    left = [f"{number} {'left' * 30} end.py:{number}" for number in range(100)]
    rows = side_by_side(left, [], ("plain", "this"))
    assert all(len(row) <= 2 * COLUMN + 8 for row in rows)
    assert (
        rows[2].strip().endswith("end.py:0               |".rstrip(" |")) or "end.py:0" in rows[2]
    )
    assert len(rows) == LINES + 3
    assert rows[-1].strip() == f"... and {100 - LINES} lines more"


# -- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (Choice("pick", 3, 2, 1, "a | b"), "pick 3: b before a"),
        (Choice("timer", 0, 4, 2, "wake, set at x.py:3"), "timer 0 (wake, set at x.py:3) is 2 µs"),
        (Choice("arrival", 1, 7, 1, "5 bytes"), "arrival 1 (5 bytes) comes 1 poll later"),
        (Choice("arrival", 1, 7, 5, "5 bytes"), "comes in two pieces, cut after its first byte"),
        (Choice("arrival", 1, 7, 6, "5 bytes"), "comes in two pieces, cut in the middle"),
        (Choice("thread", 0, 5, 4, "result of f"), "thread 0: the result of f comes 4 polls later"),
        (Choice("fault", 0, 2, 1, "reset: a to b"), "fault 0 happens: reset: a to b"),
        (Choice("draw", 2, 9, 5, "dice"), "draw 2 (dice) is 5"),
        (Choice("event", 0, 9, 5, "ring"), "event 0 (ring) lands 5 polls later, and is too late"),
    ],
    ids=lambda value: value.kind if isinstance(value, Choice) else "",
)
def test_each_kind_of_deviation_has_words(choice: Choice, words: str) -> None:
    assert words in deviation_words(choice, [])


def test_it_is_said_how_long_something_was_held() -> None:
    async def scenario(world: World) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.read(10))
            writer.close()

        async with await asyncio.start_server(answer, "localhost", 5):
            reader, writer = await asyncio.open_connection("localhost", 5)
            writer.write(b"hello")
            async with asyncio.timeout(3):
                await reader.read(10)
            writer.close()
            await writer.wait_closed()

    found = explore(scenario, runs=200)
    assert found.failure is not None
    assert re.search(r"comes 1 poll later, after 3 s\n", str(found))


# -- who waits for what ---------------------------------------------------------------------------


def waits(scenario: Any, library: str) -> list[str]:
    failure = replay(scenario, "fifo", library=library).failure
    assert failure is not None
    assert failure.kind == "deadlock"
    return [line.strip() for line in failure.message.splitlines()[1:]]


@pytest.fixture(params=["miniloop", "asyncio"])
def library(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_what_nobody_can_wake_is_said_so(library: str) -> None:
    async def scenario() -> None:
        door = asyncio.Event()
        await door.wait()

    (line,) = waits(scenario, library)
    assert line.startswith("main (scenario) waits at test_report.py:")
    assert line.endswith(" for the Event door; nobody can wake it")


def test_who_could_wake_it_is_named(library: str) -> None:
    async def scenario(world: World) -> None:
        bell: asyncio.Queue[int] = asyncio.Queue()
        never = asyncio.get_running_loop().create_future()

        async def ring() -> None:
            await never
            bell.put_nowait(1)

        async def listen() -> None:
            await bell.get()

        async with asyncio.TaskGroup() as group:
            group.create_task(ring(), name="ring")
            group.create_task(listen(), name="listen")

    lines = waits(scenario, library)
    assert lines[0].endswith("for ring (ring) and listen (listen)")
    assert lines[1].endswith("for the future never; nobody can wake it")
    assert lines[2].endswith("for the Queue bell; only ring (ring) could wake it")


def test_nothing_is_on_its_way_to_who_waits_for_bytes(library: str) -> None:
    async def scenario() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()

        await asyncio.start_server(answer, "localhost", 80)
        stream, _ = await asyncio.open_connection("localhost", 80)
        await stream.readline()

    lines = waits(scenario, library)
    assert lines[0].endswith("for the StreamReader stream, and nothing is on its way to it")
    assert lines[1].endswith("for the StreamReader reader, and nothing is on its way to it")


def test_a_circle_of_tasks_is_drawn(library: str) -> None:
    async def scenario() -> None:
        tasks: list[asyncio.Task[None]] = []

        async def wait_for(number: int) -> None:
            await asyncio.sleep(0)
            await asyncio.shield(tasks[number])

        tasks += [asyncio.create_task(wait_for(1 - n), name=f"t{n}") for n in range(2)]
        await asyncio.wait(tasks)

    lines = waits(scenario, library)
    assert lines[-1] == "in a circle: t0 (wait_for) -> t1 (wait_for) -> t0 (wait_for)"


def test_a_lock_that_was_never_given_back_has_no_holder(library: str) -> None:
    lock = asyncio.Lock()

    async def scenario() -> None:
        async def forget() -> None:
            await lock.acquire()

        await forget()
        async with lock:
            pass

    assert waits(scenario, library)[0].endswith("for the Lock lock; nobody can wake it")


def test_only_timers_that_set_themselves_again_are_a_deadlock(library: str) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()

        def tick() -> None:
            loop.call_later(15, tick)

        tick()
        await loop.create_future()

    failure = replay(scenario, "fifo", library=library).failure
    assert failure is not None
    assert failure.identity == ("deadlock", "only timers that set themselves again are left")


def test_timers_that_wake_a_task_in_the_end_are_none(library: str) -> None:
    async def scenario() -> str:
        loop = asyncio.get_running_loop()
        handle = None

        def tick() -> None:
            nonlocal handle
            handle = loop.call_later(1, tick)

        tick()
        for _ in range(3):
            await asyncio.sleep(4000)
        assert handle is not None
        handle.cancel()
        return "done"

    run = replay(scenario, "fifo", library=library)
    assert run.result == "done"
    assert not run.failures
