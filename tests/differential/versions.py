"""What older interpreters' asyncio does differently, and so cannot be compared there.

As little as possible: a test fails for an entry without which nothing differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NamedTuple

from .templates import EXPRESSIONS, STATEMENTS

#: How newer asyncio reports the failure of a shielded future whose waiter was cancelled;
#: up to 3.13 it is left to the report of exceptions that were never retrieved.
SHIELD_REPORTS = sys.version_info >= (3, 14)


class Older(NamedTuple):
    """What asyncio does in another way before version *until*.

    *kinds* are kinds of operation, or what would fill a hole.
    """

    name: str
    until: tuple[int, ...]
    kinds: frozenset[str]
    reason: str
    since: tuple[int, ...] = (3, 11)


#: Differences between the libraries' names: with the same names both loops do the same.
IN_NAMES = (
    Older(
        "eager-group",
        (3, 13, 2),
        frozenset(f"{kind} if eager" for kind in STATEMENTS["group"]),
        "a child that ended at its eager start is no concern of its group",
        since=(3, 13),  # before, groups are left out altogether
    ),
    Older("eager", (3, 12), frozenset({"eager"}), "there is no eager start"),
    Older("shutdown", (3, 13), frozenset({"shutdown"}), "queues cannot be shut down"),
    Older(
        "async-as-completed",
        (3, 13),
        frozenset({"as_completed_async"}),
        "as_completed is no asynchronous iterator",
    ),
    Older(
        "group",
        (3, 13),
        frozenset(STATEMENTS["group"]),
        "the group forgets that its parent was cancelled; it does not close what it refuses",
    ),
    Older(
        "condition",
        (3, 13),
        frozenset({"cond_wait", "cond_wait_for", "cond_crowd", "wait_only"})
        | {*EXPRESSIONS["barrier"], *STATEMENTS["barrier"], "barrier0.wait()"},  # it has one inside
        "a waiter that is cancelled does not wake another in its place",
    ),
    Older(
        "semaphore",
        (3, 13),
        frozenset({"sem_release", "sem_crowd", "sem0", "sem1"}),
        "of several units that come back at once only one is handed on",
    ),
    Older(
        "gather",
        (3, 12),
        frozenset({"gather_one", "gather_tasks", "gather_left", "gather_same"}),
        "gather takes two turns longer when all that it waits for is done already",
    ),
    Older(
        "wait-for",
        (3, 12),
        frozenset(kind for kind in EXPRESSIONS["wait_for"] if kind.startswith("wait_for")),
        "wait_for runs what it waits for as a task of its own, and may lose a cancellation",
    ),
)

#: Differences between the libraries' tasks: even with the same names the loops differ.
IN_TASKS = (
    Older(
        "eager-name",
        (3, 14),
        frozenset({"name if eager"}),
        "a task that a factory made is called 'None' when it was given no name",
        since=(3, 13),
    ),
    Older(
        "uncancel",
        (3, 13),
        frozenset(EXPRESSIONS["uncancel"]),
        "a cancellation that was taken back is thrown nevertheless",
    ),
    Older(
        "stop-iteration",
        (3, 13),
        frozenset({"set_stop_iteration"}),
        "a future refuses a StopIteration; now it makes a RuntimeError of it",
    ),
)


def applying(*tables: Iterable[Older]) -> list[Older]:
    """Return the entries of *tables* that matter on this interpreter."""
    return [
        older
        for table in tables
        for older in table
        if older.since <= sys.version_info < older.until
    ]


def left_out(*tables: Iterable[Older]) -> frozenset[str]:
    """Return the kinds of operation that cannot be compared on this interpreter."""
    return frozenset(kind for older in applying(*tables) for kind in older.kinds)
