"""The tests that may fail, each with its reason; anything else fails the run.

So does an entry that is out of date: a test in it that passes, or is not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .cells import Cell, Mode

__all__ = ["EXPECTED", "Expected", "expected_in"]

EVERY = ("3.11", "3.12", "3.13")


@dataclass(frozen=True)
class Expected:
    """One test method that fails in each of *classes* on *versions*, and why."""

    module: str
    classes: tuple[str, ...]
    method: str
    mode: Mode
    versions: tuple[str, ...]
    reason: str

    def ids(self) -> Iterable[str]:
        """Return the ids of the tests that this entry stands for."""
        return (f"{name}.{self.method}" for name in self.classes)


EXPECTED: tuple[Expected, ...] = ()


def expected_in(cell: Cell, version: str) -> dict[str, Expected]:
    """Return the expected failures of *cell* on Python *version*, by test id."""
    return {
        test: entry
        for entry in EXPECTED
        if cell.target == "miniloop"
        and (entry.module, entry.mode) == (cell.module, cell.mode)
        and version in entry.versions
        for test in entry.ids()
    }
