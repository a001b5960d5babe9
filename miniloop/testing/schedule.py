"""A schedule: at which level, and where it deviates from what asyncio would do.

Written down it is one word that fits a command line, ``fifo``, ``fifo:event3=2`` or
``any:pick17=2,timer0=1``: the level, then kind, number and alternative of each deviation.
The same schedule on the same program gives the same run, on every interpreter.

Levels, each allowing all that the one before allows
    fifo   the ready queue is first in, first out, as asyncio's: only what comes from
           outside varies (when bytes, timers, cancellations and thread results come).
           Whatever fails here can fail on asyncio.
    tasks  wake-ups of different tasks may swap as well; plain callbacks keep their order
    any    whichever ready entry may run next

Read next: world.py
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .choices import KINDS, Key

__all__ = ["LEVELS", "PLAIN", "Schedule"]

LEVELS = ("fifo", "tasks", "any")

_DEVIATION = re.compile(r"([a-z]+)(\d+)=(\d+)")


@dataclass(frozen=True)
class Schedule:
    """Where a run deviates from asyncio's.

    Attributes:
        deviations: the alternatives taken, by kind and number; none is 0.
        level: what may vary at all, one of `LEVELS`.

    Raises:
        ValueError: an unknown level or kind, or a number below zero.
    """

    deviations: Mapping[Key, int] = field(default_factory=dict)
    level: str = "fifo"

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"the level is one of {', '.join(LEVELS)}, not {self.level!r}")
        for (kind, index), value in self.deviations.items():
            if kind not in KINDS:
                raise ValueError(f"a kind of choice is one of {', '.join(KINDS)}, not {kind!r}")
            if index < 0 or value < 0:
                raise ValueError(f"{kind}{index}={value}: numbers are not below zero")
        kept = {key: value for key, value in self.deviations.items() if value}
        object.__setattr__(self, "deviations", dict(sorted(kept.items())))

    def __str__(self) -> str:
        words = [f"{kind}{index}={value}" for (kind, index), value in self.deviations.items()]
        return ":".join([self.level, ",".join(words)]) if words else self.level

    def __hash__(self) -> int:
        return hash(str(self))

    def __len__(self) -> int:
        """Return the number of deviations."""
        return len(self.deviations)

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Return the schedule that *text* writes down (see the module's text).

        Raises:
            ValueError: it does not; the message says what is wrong and shows an example.
        """
        level, _, rest = text.strip().partition(":")
        deviations: dict[Key, int] = {}
        for word in filter(None, (word.strip() for word in rest.split(","))):
            match = _DEVIATION.fullmatch(word)
            if match is None:
                raise ValueError(f"{word!r} is no deviation; one looks like pick17=2")
            kind, index, value = match.groups()
            if (kind, int(index)) in deviations:
                raise ValueError(f"{kind}{index} is there twice")
            deviations[kind, int(index)] = int(value)
        return cls(deviations, level)

    def without(self, keys: set[Key]) -> Schedule:
        """Return the schedule that follows asyncio at *keys*."""
        kept = {key: value for key, value in self.deviations.items() if key not in keys}
        return Schedule(kept, self.level)

    def at_level(self, level: str) -> Schedule:
        """Return the same deviations at another level."""
        return Schedule(self.deviations, level)


#: As asyncio does it.
PLAIN = Schedule()
