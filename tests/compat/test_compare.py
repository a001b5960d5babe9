"""`miniloop compare`: what it calls the same, what it calls different, and how it stops."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from compat.launching import command
from compat.options import RUNS, Interpreter, Target

from .cells import MODULE_OF_LOOP, PLAIN, finish, miniloop, printed, write

TWO = ("--cells", "asyncio/asyncio,miniloop/miniloop")
KIND = """
import asyncio, os, random, sys, time, warnings

async def ours():
    return "miniloop" in type(asyncio.get_running_loop()).__module__

OURS = asyncio.run(ours())
"""
SAME = {
    "plain": "print('a'); print('b')",
    "durations": "t = time.time(); time.sleep(0.01); print(f'took {time.time() - t} s')",
    "addresses": "print(object())",
    "random numbers": "print('drew', random.randrange(10**6))",
    "random lines": "print('one two three four'.split()[random.randrange(4)]); print('x')",
    "random words": "print(os.urandom(9).hex())",
    "pids": "print('pid', os.getpid())",
    "names": "print(asyncio.Queue, asyncio.new_event_loop)",
    "sets": "print({'a', 'b', 'c', 'd'})",
    "exception": "async def f(): raise asyncio.QueueEmpty('x')\nasyncio.run(f())",
    "exit": "sys.exit(4)",
    "warning": "async def f(): pass\nf()",
    "stderr": "print('problem', file=sys.stderr)",
    "no newline at the end": "print('half', end='')",
    "no output": "",
    "not utf-8": "sys.stdout.buffer.write(b'\\xff\\xfe\\n')",
    "much": "print('\\n'.join(map(str, range(20000))))",
}
DIFFERENT = {
    "line": ("print('a' if OURS else 'b')", "line"),
    "number": ("print('count', 3 + OURS)", "line"),
    "missing": ("print('x'); OURS or print('y')", "line"),
    "order": ("print(*sorted('ab', reverse=OURS), sep='\\n')", "order"),
    "status": ("sys.exit(OURS)", "status"),
    "signal": ("OURS and os.kill(os.getpid(), 9)", "status"),
    "exception": ("raise [KeyError, OSError][OURS]", "exception"),
    "warning": ("OURS and warnings.warn('w')", "warning"),
    "stderr": ("OURS and print('x', file=sys.stderr)", "line"),
}


def compared(tmp_path: Path, text: str, *options: str) -> dict[str, Any]:
    """Compare a program and return what --json says, having checked the exit status."""
    program = write(tmp_path, {"program.py": KIND + text})
    done = miniloop("compare", *TWO, "--json", *options, str(program))
    assert done.stderr == ""
    result: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if result["same"] else 1)
    return result


@pytest.mark.parametrize("name", SAME)
def test_what_is_the_same(tmp_path: Path, name: str) -> None:
    result = compared(tmp_path, SAME[name])
    assert result["same"], result["programs"][0]["cells"][1]["differences"]


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_is_different(tmp_path: Path, name: str) -> None:
    text, kind = DIFFERENT[name]
    result = compared(tmp_path, text)
    first, second = result["programs"][0]["cells"]
    assert not result["same"]
    assert first["same"]
    assert not second["same"]
    assert kind in {item["kind"] for item in second["differences"] if item["certain"]}
    assert len(second["runs"]) == RUNS  # it was run again before it was called different


def test_three_equal_runs_of_each_cell_may_be_chance(tmp_path: Path) -> None:
    """A choice that fell one way three times here and the other way three times there."""
    thrown = tmp_path / "thrown"
    text = f"""
with open({str(thrown)!r}, "a+") as file:
    file.write("miniloop\\n" if OURS else "asyncio\\n")
    file.seek(0)
    mine = file.read().count("miniloop" if OURS else "asyncio")
print("tails" if OURS and mine <= 3 else "heads")
"""
    result = compared(tmp_path, text)
    _, second = result["programs"][0]["cells"]
    assert [run["lines"][-1][2] for run in second["runs"]] == [*["tails"] * 3, "heads"]
    assert result["same"]


def test_all_cells_are_told_with_their_loops_and_times(tmp_path: Path) -> None:
    program = write(tmp_path, {"program.py": KIND + "time.sleep(0.05); print('end')"})
    done = miniloop("compare", "--json", str(program))
    (result,) = json.loads(done.stdout)["programs"]
    assert result["baseline"] == "asyncio/asyncio"
    for cell in result["cells"]:
        names, loop = cell["cell"].split("/")
        for run in cell["runs"]:
            assert names in ("asyncio", "miniloop")
            assert [MODULE_OF_LOOP[loop]] == [name.rpartition(".")[0] for name in run["loops"]]
            assert run["lines"][-1][0] == "out"
            assert 0.05 <= run["wall"] < 5
            assert 0.05 <= run["lines"][-1][1] < 5
            assert 0 <= run["cpu"] <= run["wall"] + 0.1


def test_the_screen_shows_a_difference_side_by_side(tmp_path: Path) -> None:
    program = write(tmp_path, {"program.py": KIND + "print('left' if OURS else 'right')"})
    done = miniloop("compare", str(program))
    assert done.returncode == 1
    assert any("right" in line and "left" in line for line in done.stdout.splitlines())
    assert "Traceback" not in done.stdout + done.stderr
    assert "differ: asyncio/miniloop, miniloop/miniloop" in done.stdout
    assert len(done.stdout.splitlines()) < 24


def test_a_hanging_cell_is_killed_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    text = f"""
import subprocess
if OURS:
    for session in (False, True):
        child = subprocess.Popen(["sleep", "61"], start_new_session=session)
        open({str(pids)!r}, "a").write(f"{{child.pid}}\\n")
    print("hanging")
    time.sleep(60)
"""
    begun = time.monotonic()
    result = compared(tmp_path, text, "--timeout", "2")
    assert time.monotonic() - begun < 15
    (run,) = result["programs"][0]["cells"][1]["runs"]
    assert run["status"] is None
    assert [text for _, _, text in run["lines"]] == ["hanging"]
    for pid in pids.read_text().split():
        assert gone(int(pid)), pid


def test_what_a_program_leaves_behind_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    text = f"""
import subprocess
child = subprocess.Popen(["sleep", "62"])
open({str(pids)!r}, "a").write(f"{{child.pid}}\\n")
child.returncode = 0
print("done")
"""
    result = compared(tmp_path, text)
    assert result["same"]
    assert all(
        run["left_behind"] for cell in result["programs"][0]["cells"] for run in cell["runs"]
    )
    for pid in pids.read_text().split():
        assert gone(int(pid)), pid


def test_piped_input_reaches_every_cell(tmp_path: Path) -> None:
    text = KIND + "print(sys.stdin.read().upper())"
    program = write(tmp_path, {"program.py": text})
    done = miniloop("compare", *TWO, "--json", str(program), stdin="given\n")
    for cell in json.loads(done.stdout)["programs"][0]["cells"]:
        assert cell["runs"][0]["lines"][0][2] == "GIVEN"


def test_the_order_of_a_set_is_not_the_same_in_every_run(tmp_path: Path) -> None:
    text = """
import asyncio

async def wait(number):
    try:
        await asyncio.Event().wait()
    finally:
        print(number)

async def main():
    global tasks
    tasks = [asyncio.create_task(wait(number)) for number in range(4)]
    await asyncio.sleep(0)

asyncio.run(main())
"""
    target = Target("script", str(write(tmp_path, {"program.py": text})), ())
    orders = set()
    for name in "abcdefgh":  # the moves go by the name
        words = command(PLAIN, target, Interpreter(sys.executable, ()), str(tmp_path / name))
        orders.add(tuple(printed(finish(words))))
    assert all(sorted(order) == ["0", "1", "2", "3"] for order in orders)
    assert len(orders) > 1


def test_piped_input_can_be_waited_for(tmp_path: Path) -> None:
    text = """
import asyncio, sys

async def main():
    reader = asyncio.StreamReader()
    protocol = lambda: asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(protocol, sys.stdin)
    print(len(await reader.read()))

asyncio.run(main())
"""
    program = write(tmp_path, {"program.py": text})
    for given in ("", "a line\n" * 100_000):  # the second is more than a pipe holds
        done = miniloop("compare", *TWO, "--json", str(program), stdin=given)
        for cell in json.loads(done.stdout)["programs"][0]["cells"]:
            assert [line[2] for line in cell["runs"][0]["lines"]] == [str(len(given))]


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_an_interrupt_ends_everything_quietly(tmp_path: Path, number: int, status: int) -> None:
    pids = tmp_path / "pids"
    text = f"""
import os, signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "63"])
open({str(pids)!r}, "a").write(f"{{os.getpid()}}\\n{{child.pid}}\\n")
time.sleep(60)
"""
    program = write(tmp_path, {"program.py": text})
    words = [sys.executable, "-m", "compat", "compare", str(program)]
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while not pids.exists() or pids.read_text().count("\n") < 2:
            time.sleep(0.02)
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == status
    assert b"Traceback" not in errors
    for pid in pids.read_text().split():
        assert gone(int(pid)), pid


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    program = write(tmp_path, {"program.py": "print('x' * 100)\n"})
    words = f"{sys.executable} -m compat compare {' '.join(TWO)} --json {program} | true"
    done = subprocess.run(words, shell=True, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""


def gone(pid: int) -> bool:
    """Return whether a process has ended, given a second."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    return False


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    program = write(tmp_path, {"program.py": KIND + r"print('\x1b[2Jgone' if OURS else '\rhere')"})
    done = miniloop("compare", *TWO, str(program))
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout


def test_an_interrupt_while_comparing_the_examples(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "compat", "compare", "--jobs", "3"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        children = Path(f"/proc/{process.pid}/task").glob("*/children")
        pids = [int(pid) for path in children for pid in path.read_text().split()]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors.strip()) == (130, b"miniloop: interrupted")
    assert all(map(gone, pids))
