"""`miniloop record` and what looks at its files, as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import asyncio


async def worker(name, queue):
    await queue.put(name)


async def main():
    queue = asyncio.Queue()
    tasks = [asyncio.create_task(worker(name, queue)) for name in "ab"]
    print(await queue.get(), await queue.get())
    await asyncio.gather(*tasks)


asyncio.run(main())
"""

STUCK = """
import asyncio


async def main():
    print("waiting", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
"""


def miniloop(
    *words: str, folder: Path, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line in *folder*."""
    command = [sys.executable, "-m", "compat", *words]
    return subprocess.run(
        command,
        cwd=folder,
        text=True,
        capture_output=True,
        timeout=60,
        env=environment(),
        input=given,
    )


def environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": root}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "queue_of_two.py"
    path.write_text(PROGRAM)
    return path


@pytest.mark.parametrize(("names", "loop"), [("asyncio", "miniloop"), ("miniloop", "asyncio")])
def test_a_program_is_recorded_in_each_cell_and_looked_at(
    program: Path, loop: str, names: str
) -> None:
    done = miniloop("record", "--loop", loop, "--names", names, program.name, folder=program.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "a b\n"
    assert "3 tasks" in done.stderr or "5 tasks" in done.stderr
    recording = program.parent / "queue_of_two.mlt"
    header, *lines = [json.loads(line) for line in recording.read_text().splitlines()]
    assert header["program"] == "queue_of_two.py"
    assert header["loop"] == loop
    assert header["names"] == names
    assert lines[-1] == {"kind": "end", "events": len(lines) - 1, "dropped": 0}
    outputs = [line for line in lines if line["kind"] == "output"]
    assert [(line["text"], line["src"]) for line in outputs] == [("a b", "queue_of_two.py:12")]
    if loop == "asyncio":
        return
    shown = miniloop("show", recording.name, "--task", "worker", folder=program.parent)
    assert "worker ends with a result" in shown.stdout
    middle = next(line["n"] for line in lines if line["kind"] == "suspend")
    why = miniloop("why", recording.name, "main", "--at", str(middle), folder=program.parent)
    assert why.stdout.startswith("main waits at queue_of_two.py:12 for Queue queue (get)\n")
    lint = miniloop("lint", recording.name, folder=program.parent)
    # On a busy machine a step may have been slow.
    assert (lint.stdout, lint.returncode) == ("nothing found\n", 0) or "slow" in lint.stdout
    step = miniloop("step", recording.name, folder=program.parent, given="n\nn\nq\n")
    assert "worker   just created   runs now" in step.stdout


def test_what_cannot_be_done_is_said_in_a_sentence(program: Path) -> None:
    folder = program.parent
    (folder / "empty.mlt").write_text("")
    (folder / "newer.mlt").write_text('{"format": "miniloop recording", "v": 99}\n')
    for words, said in {
        ("record", "--loop", "uvloop", program.name): "uvloop's loop is compiled",
        ("record", "-o", "none/x.mlt", program.name): "none/x.mlt cannot be written",
        ("record", "absent.py"): "there is no file absent.py",
        ("show", "absent.mlt"): "cannot read absent.mlt: No such file or directory",
        ("show", program.name): f"{program.name} is not a recording",
        ("why", "empty.mlt"): "empty.mlt is not a recording",
        ("lint", "newer.mlt"): "is a recording of version 99; this reads version 1",
    }.items():
        done = miniloop(*words, folder=folder)
        assert done.returncode == 2, words
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_the_exit_status_is_the_programs(tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text("import sys\nsys.exit(7)\n")
    done = miniloop("record", "fails.py", folder=tmp_path)
    assert done.returncode == 7
    assert "has run no loop" in done.stderr


def test_a_recording_that_was_cut_short_can_be_read(program: Path) -> None:
    miniloop("record", program.name, folder=program.parent)
    path = program.parent / "queue_of_two.mlt"
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    done = miniloop("show", path.name, folder=program.parent)
    assert done.returncode == 0
    assert "The program was cut short: the recording has no end." in done.stderr
    lines = whole.splitlines()
    path.write_text("\n".join([*lines[:5], lines[5][:-9], *lines[6:]]) + "\n")
    done = miniloop("show", path.name, folder=program.parent)
    assert done.returncode == 2
    assert "line 6 is damaged" in done.stderr


@pytest.mark.parametrize("loop", ["miniloop", "asyncio"])
def test_a_stuck_program_says_why_when_it_is_asked(tmp_path: Path, loop: str) -> None:
    (tmp_path / "stuck.py").write_text(STUCK)
    words = [sys.executable, "-m", "compat", "run", "--names", "asyncio", "--loop", loop, "--dump"]
    told = tmp_path / "told"
    with told.open("w") as errors:
        process = subprocess.Popen(
            [*words, "stuck.py"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        deadline = time.monotonic() + 60
        while "main waits at stuck.py:7 for Event" not in told.read_text():
            assert time.monotonic() < deadline, told.read_text()
            process.send_signal(signal.SIGUSR1)  # at first it may run still
            time.sleep(0.05)
    finally:
        process.kill()
        process.communicate()


def test_two_runs_are_compared_step_by_step(program: Path) -> None:
    folder = program.parent
    done = miniloop("compare", "--trace", "--html", "page.html", program.name, folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Both runs did the same, in the same order.\n")
    assert "<html" in (folder / "page.html").read_text()
    told = miniloop("compare", "--trace", "--json", program.name, folder=folder)
    found = json.loads(told.stdout)
    assert (found["level"], found["same"]) == (0, True)
    assert found["heads"] == ["asyncio/asyncio", "asyncio/miniloop"]


@pytest.mark.parametrize("loop", ["miniloop", "asyncio"])
def test_a_program_waits_at_its_gate_until_it_is_let_on(program: Path, loop: str) -> None:
    words = ("step", "--loop", loop, program.name)
    done = miniloop(*words, folder=program.parent, given="n\nn\nn\nb\nn 100\no\nn\nq\n")
    assert done.returncode == 0, done.stderr
    first, *_ = done.stdout.split("iteration 2 ")
    assert "main   just created   runs now" in first
    assert "a b\n" in done.stdout  # what it has printed, when asked
    assert done.stdout.count("this is the end") == 2
    ended = miniloop("step", program.name, folder=program.parent, given="n\nq\n")
    assert "a b" not in ended.stdout  # it was left in the middle, and killed
