"""What an exhibit is.

Read next: locks.py
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

__all__ = ["Exhibit", "Scenario"]

Scenario = Callable[..., Coroutine[Any, Any, Any]]


@dataclass(frozen=True)
class Exhibit:
    """A bug, and the program without it.

    Attributes:
        name: what it is a bug of.
        source: where it was reported; empty for what everybody has written once.
        mechanism: how it comes about, in one line.
        broken: the scenario with the bug.
        fixed: the same scenario, without it.
        deviations: the least number of deviations from plain order that show it.
        kind: what the World says it is, the kind of its `Failure`.
    """

    name: str
    source: str
    mechanism: str
    broken: Scenario
    fixed: Scenario
    deviations: int
    kind: str = "exception"

    @property
    def slug(self) -> str:
        """The name of its scenario."""
        return self.broken.__name__
