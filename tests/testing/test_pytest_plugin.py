"""The plugin, as a project uses it: pytest runs in a process of its own on a small project."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

TEST = """
import asyncio
import pytest

@pytest.fixture
def start():
    return 10

class Account:
    def __init__(self, balance):
        self.balance = balance
    async def withdraw(self, amount):
        for _ in range(3):
            await asyncio.sleep(0)
        before = self.balance
        await asyncio.sleep(0)
        self.balance = before - amount

async def test_alone(world, start):
    account = Account(start)
    await account.withdraw(3)
    assert account.balance == 7

@pytest.mark.parametrize("amount", [1, 2])
@pytest.mark.world(runs=50)
async def test_marked(amount, start):
    account = Account(start)
    await account.withdraw(amount)
    assert account.balance == start - amount

async def test_broken(world):
    account = Account(10)
    task = asyncio.create_task(account.withdraw(1))
    world.sometime(lambda: setattr(account, "balance", account.balance - 5))
    await task
    await asyncio.sleep(1)
    assert account.balance == 4

def test_plain(start):
    assert start == 10
"""


def run(directory: Path, test: str, *options: str, ini: str = "") -> tuple[int, str]:
    (directory / "test_it.py").write_text(test)
    (directory / "pytest.ini").write_text(f"[pytest]\n{ini}")
    plugin = ["-p", "miniloop.testing.pytest_plugin"] if not installed() else []
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *options],
        cwd=directory,
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def installed() -> bool:
    """Return whether pytest finds the plugin by itself."""
    from importlib.metadata import entry_points

    return any(
        point.value == "miniloop.testing.pytest_plugin" for point in entry_points(group="pytest11")
    )


def test_coroutine_tests_are_explored(tmp_path: Path) -> None:
    status, output = run(tmp_path, TEST)
    assert status == 1, output
    assert "1 failed, 4 passed" in output
    assert "FAILED test_it.py::test_broken" in output
    assert "fifo:event0=" in output  # the schedule that breaks it
    assert "pytest 'test_it.py::test_broken' --miniloop-replay 'fifo:event0=" in output
    assert "As a page: the same with --miniloop-html page.html" in output


def test_a_schedule_can_be_replayed(tmp_path: Path) -> None:
    status, output = run(tmp_path, TEST, "-k", "broken", "--miniloop-replay", "fifo")
    assert status == 0, output
    _, output = run(tmp_path, TEST, "-k", "broken")
    schedule = re.search(r"fifo:event0=\d+", output)
    assert schedule is not None, output
    words = ("--miniloop-replay", schedule[0], "--miniloop-html", "page.html")
    status, output = run(tmp_path, TEST, "-k", "broken", *words)
    assert status == 1, output
    page = (tmp_path / "page.html").read_text("utf-8")
    assert f"test_broken under {schedule[0]}" in page
    assert "--miniloop-replay 'fifo' --miniloop-html page.html" in page
    assert "assert account.balance == 4" in output
    assert "Task-1 (Account.withdraw)" in output  # the trace


def test_options_come_from_the_ini_file_the_marker_and_the_command_line(tmp_path: Path) -> None:
    test = """
import pytest
runs = []
async def test_counts(world):
    runs.append(1)
    world.choose(1000)
def test_how_many():
    assert len(runs) == EXPECTED
"""
    status, output = run(tmp_path, test.replace("EXPECTED", "7"), ini="miniloop_runs = 7\n")
    assert status == 0, output
    status, output = run(
        tmp_path, test.replace("EXPECTED", "5"), "--miniloop-runs=5", ini="miniloop_runs = 7\n"
    )
    assert status == 0, output


def test_a_wrong_option_is_a_sentence(tmp_path: Path) -> None:
    status, output = run(tmp_path, TEST, "-k", "alone", "--miniloop-level=none")
    assert status == 1
    assert "the level is one of fifo, tasks, any" in output


def test_hypothesis_has_the_data(tmp_path: Path) -> None:
    test = """
import asyncio
from hypothesis import given, settings, strategies as st

@given(amount=st.integers(1, 100))
@settings(max_examples=20, database=None, deadline=None)
async def test_it(world, amount):
    landed = []
    world.sometime(landed.append, 1)
    for _ in range(3):
        await asyncio.sleep(0)
    assert landed or amount < 10
"""
    status, output = run(tmp_path, test)
    assert status == 1, output
    assert "amount=10" in output
    assert "fifo:event0=" in output


@pytest.mark.parametrize("plugin", ["pytest_asyncio", "anyio"])
def test_other_plugins_leave_it_alone(tmp_path: Path, plugin: str) -> None:
    if importlib.util.find_spec(plugin) is None:
        pytest.fail(f"{plugin} is part of what the tests need")
    test = """
import asyncio
import pytest

async def test_mine(world):
    assert world.time() == 1000.0
    await asyncio.sleep(3600)

@pytest.mark.MARK
async def test_theirs():
    await asyncio.sleep(0)
    assert not hasattr(asyncio.get_running_loop(), "world")
"""
    marker = "asyncio" if plugin == "pytest_asyncio" else "anyio"
    ini = "asyncio_mode = auto\n" if plugin == "pytest_asyncio" else ""
    options = [] if plugin == "pytest_asyncio" else ["-p", "no:asyncio"]
    fixture = (
        ""
        if plugin == "pytest_asyncio"
        else ("\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n")
    )
    status, output = run(tmp_path, test.replace("MARK", marker) + fixture, *options, ini=ini)
    assert status == 0, output
    assert "2 passed" in output


def test_xdist_runs_them(tmp_path: Path) -> None:
    status, output = run(tmp_path, TEST, "-n", "2")
    assert status == 1
    assert "1 failed, 4 passed" in output
