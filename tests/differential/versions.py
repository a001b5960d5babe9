"""What older interpreters' asyncio does differently, and so cannot be compared there.

As little as possible: each entry was needed, that is, without it programs differ.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from .templates import EXPRESSIONS, STATEMENTS

#: How newer asyncio reports the failure of a shielded future whose waiter was cancelled;
#: up to 3.13 it is left to the report of exceptions that were never retrieved.
SHIELD_REPORTS = sys.version_info >= (3, 14)


class Older(NamedTuple):
    """The kinds of operation that asyncio before version *until* does in another way."""

    until: tuple[int, ...]
    kinds: frozenset[str]
    reason: str


#: Differences between the libraries' names: with the same names both loops do the same.
IN_NAMES = (
    Older(
        (3, 13, 2),
        frozenset({f"{kind} if eager" for kind in STATEMENTS["group"]}),
        "a child that ended at its eager start is no concern of its group",
    ),
    Older(
        (3, 13),
        frozenset({"shutdown"}),
        "queues cannot be shut down",
    ),
    Older(
        (3, 13),
        frozenset({"as_completed_async"}),
        "as_completed is no asynchronous iterator",
    ),
    Older(
        (3, 13),
        frozenset({"group", "group_one", "group_given"}),
        "a cancellation of the parent may get lost; a coroutine that is refused is not closed",
    ),
    Older(
        (3, 13),
        frozenset({"cond_wait", "cond_wait_for", "wait_only"}),
        "a waiter that is cancelled does not wake another in its place",
    ),
    Older(
        (3, 12),
        frozenset({"gather_one", "gather_tasks", "gather_left", "gather_same"}),
        "gather takes two turns longer when all that it waits for is done already",
    ),
    Older(
        (3, 12),
        frozenset({kind for kind in EXPRESSIONS["wait_for"] if kind.startswith("wait_for")}),
        "wait_for runs what it waits for as a task of its own, and may lose a cancellation",
    ),
)
#: Differences between the libraries' tasks: even with the same names the loops differ.
IN_TASKS = (
    Older(
        (3, 14),
        frozenset({"name if eager"}),
        "a task that a factory made is called 'None' when it was given no name",
    ),
    Older(
        (3, 13),
        frozenset({"uncancel", "uncancel_other", "cancel_uncancel"}),
        "a cancellation that was taken back is thrown nevertheless",
    ),
    Older(
        (3, 13),
        frozenset({"set_stop_iteration"}),
        "a future refuses a StopIteration; now it makes a RuntimeError of it",
    ),
    Older((3, 12), frozenset({"eager"}), "there is no eager start"),
)


def left_out(*tables: tuple[Older, ...]) -> frozenset[str]:
    """Return the kinds of operation that cannot be compared on this interpreter."""
    return frozenset(
        kind
        for older in (older for table in tables for older in table)
        if sys.version_info < older.until
        for kind in older.kinds
    )
