"""miniloop's own primitives and connections, explored: whatever is cancelled, at all levels.

The same programs with asyncio's names, on asyncio's loop, hold from Python 3.13 on; on
older interpreters exactly the defects come out that were fixed since.
"""

from __future__ import annotations

import asyncio
import sys

import pytest

import miniloop
from miniloop.testing import CANCELS, LEVELS, explore

from ..effort import effort
from .connections import CONNECTIONS
from .exhibit import Scenario
from .found import accepted_by_nobody, server_in_nobodys_hands
from .primitives import PRIMITIVES, Program, lock, semaphore
from .structures import STRUCTURES

WAITING = PRIMITIVES + STRUCTURES

WAYS = pytest.mark.parametrize("cancel", [None, *CANCELS])

#: How many runs: those that open connections take ten times as long.
RUNS, FEWER = 300, 120
OURS, CONNECTED = effort(RUNS, 30), effort(FEWER, 12)

#: What asyncio gets wrong before 3.13, by program: see found.md.
BROKEN_BEFORE = {
    "condition": {(3, 11), (3, 12)},
    "task_group": {(3, 11), (3, 12)},  # when it is cancelled; else it must not be blamed
    "nested_groups": {(3, 11), (3, 12)},
    "wait_for": {(3, 11)},
}


def _names(programs: tuple[Program, ...]) -> list[str]:
    return [program.__name__ for program in programs]


@WAYS
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("program", WAITING, ids=_names(WAITING))
def test_primitives_hold(program: Program, level: str, cancel: str | None) -> None:
    exploration = explore(program(miniloop), cancel=cancel, level=level, runs=OURS)
    assert exploration.failure is None, str(exploration)


@WAYS
@pytest.mark.parametrize("level", ["fifo", "tasks"])  # at *any* data comes before its connection
@pytest.mark.parametrize("program", CONNECTIONS, ids=_names(CONNECTIONS))
def test_connections_hold(program: Program, level: str, cancel: str | None) -> None:
    exploration = explore(program(miniloop), cancel=cancel, level=level, runs=CONNECTED)
    assert exploration.failure is None, str(exploration)


@WAYS
@pytest.mark.parametrize("program", WAITING, ids=_names(WAITING))
def test_asyncios_hold_but_for_what_was_fixed_since(program: Program, cancel: str | None) -> None:
    if program.__name__ == "shutdown" and sys.version_info < (3, 13):
        pytest.skip("queues cannot be shut down before 3.13")
    scenario = program(asyncio)
    broken = sys.version_info[:2] in BROKEN_BEFORE.get(program.__name__, set())
    runs = RUNS if broken else OURS
    found = explore(scenario, cancel=cancel, runs=runs, library="asyncio").failure
    if not broken or (program.__name__ == "task_group" and cancel is None):
        assert found is None, str(found)
    elif program.__name__ != "condition" or cancel is not None:
        assert found is not None


@pytest.mark.parametrize("program", [lock, semaphore], ids=["lock", "semaphore"])
def test_everything_there_is_to_cancel_is_cancelled(program: Program) -> None:
    """With every single cancellation, and each pair with one more deviation, in full."""
    exploration = explore(program(miniloop), cancel="everywhere", runs=4000, strategy="bounded")
    assert exploration.failure is None
    assert (exploration.proved or 0) >= 1 or exploration.everything


@pytest.mark.parametrize("scenario", [server_in_nobodys_hands, accepted_by_nobody])
def test_what_asyncio_leaves_open_is_closed(scenario: Scenario) -> None:
    exploration = explore(scenario, runs=RUNS)
    assert exploration.failure is None, str(exploration)
