"""What a run is given and what it has shown: `Limits`, `Run`, and the scenario itself.

Read next: checks.py
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from .choices import Choice, Choices
from .failures import Failure
from .schedule import Schedule

__all__ = ["Limits", "Run", "Scenario", "takes_world"]

#: What is run: it may take the World.
Scenario = Callable[..., Coroutine[Any, Any, Any]]


@dataclass(frozen=True)
class Limits:
    """How long a run may be: *polls* of the loop, and virtual *seconds*.

    *idle* is how often in a row the loop may sleep up to a timer, with nothing on its way,
    and no task be woken: more than that, and the only timers left are those that set
    themselves again, which is a deadlock.

    *delay* is how many seconds a step may compute, or what comes from outside may be late:
    whoever has no more patience than that may lose it, however little there is to do.
    """

    polls: int = 100_000
    idle: int = 10_000
    seconds: float = 10 * 365 * 86400.0
    delay: float = 10.0


@dataclass
class Run:
    """What one run has shown.

    Attributes:
        result: what the program returned.
        failures: all that is wrong, the most telling first; empty if nothing is.
        decided: every decision, as the World has recorded it.
        level: what could vary, see `Schedule`.
        polls: how often the loop has polled.
        seconds: how much virtual time has passed.
        trace: what ran, in order, if it was asked for.
        late: by how many seconds something came late, by the place of the choice that held it.
    """

    result: Any
    failures: list[Failure]
    decided: Choices = field(repr=False)
    level: str
    polls: int
    seconds: float
    trace: list[str] = field(default_factory=list)
    late: dict[int, float] = field(default_factory=dict)

    # Of most runs nobody asks for these two: they went well.

    @functools.cached_property
    def choices(self) -> list[Choice]:
        """Every decision, in order."""
        return self.decided.made

    @functools.cached_property
    def schedule(self) -> Schedule:
        """The deviations among them."""
        return Schedule(self.decided.deviations(), self.level)

    @property
    def failure(self) -> Failure | None:
        """The first failure, or None."""
        return self.failures[0] if self.failures else None


def takes_world(scenario: Scenario) -> bool:
    """Return whether *scenario* has a parameter for the World."""
    code = getattr(scenario, "__code__", None)
    if code is not None and not hasattr(scenario, "__wrapped__"):
        return bool(code.co_argcount or code.co_flags & inspect.CO_VARARGS)
    return len(inspect.signature(scenario).parameters) > 0
