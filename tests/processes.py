"""Which processes a test has started and left: those that were there before do not count.

A browser, or a database, may be a child of the same worker for as long as the tests run.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["child_processes"]


def child_processes() -> set[int]:
    """Return the processes that are ours, dead ones that were not waited for among them."""
    found: set[int] = set()
    for thread in Path("/proc/self/task").glob("*/children"):
        try:
            found.update(int(number) for number in thread.read_text().split())
        except (FileNotFoundError, ProcessLookupError):  # the thread has ended meanwhile
            continue
    return found
