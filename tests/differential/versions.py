"""What older interpreters' asyncio does differently, and so cannot be compared there.

As little as possible: each entry was needed, that is, without it programs differ.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from .templates import STATEMENTS

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
)
#: Differences between the libraries' tasks: even with the same names the loops differ.
IN_TASKS = (
    Older(
        (3, 14),
        frozenset({"name if eager"}),
        "a task that a factory made is called 'None' when it was given no name",
    ),
)


def left_out(*tables: tuple[Older, ...]) -> frozenset[str]:
    """Return the kinds of operation that cannot be compared on this interpreter."""
    return frozenset(
        kind
        for older in (older for table in tables for older in table)
        if sys.version_info < older.until
        for kind in older.kinds
    )
