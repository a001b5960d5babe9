"""Which phases an exploration goes through, and how many runs each of them may take.

    plain         asyncio's own order
    sweep         one deviation in what the outside does: every place where a cancellation
                  or an arrival can land, under plain order
    1 deviation   one entry of the ready queue before its time (levels *tasks* and *any*)
    2 deviations  and so on: every pair, each once
    random, sticky, pct   walks, see ``strategies.py``

The portfolio is all of them.  A phase that goes through everything is done in full where
that fits into its share of the runs that are left; of a sweep that does not fit, a sample
spread over the whole program is taken; pairs that do not fit are left to the walks.

Read next: explore.py
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .bounded import OUTSIDE, Branch, Rules, branches
from .choices import Choice
from .verdict import Phase
from .work import Unit

__all__ = ["STRATEGIES", "Plan", "Plans"]

STRATEGIES = ("plain", "sweep", "bounded", "random", "sticky", "pct", "portfolio")

#: The part of the runs that are left which may go into going through all of something.
SWEEP, PICKS, PAIRS = 0.4, 0.3, 0.5
#: How the walks share what is left after that; at level *fifo* nothing is picked.
WALKS = {"random": 0.45, "sticky": 0.35, "pct": 0.2}
FIFO_WALKS = {"random": 0.7, "pct": 0.3}
#: How many walks, and how many first deviations, are a unit of work.
WALKS_PER_UNIT = 32
BRANCHES_PER_UNIT = {1: 64, 2: 4}


@dataclass
class Plan:
    """One phase to come: its units, how many runs it may take, whether that is all there is."""

    name: str
    units: Iterable[Unit]
    allowance: int
    whole: bool


class Plans:
    """The phases of one exploration, each planned when those before it are done.

    Args:
        strategy: one of `STRATEGIES`.
        level: what varies.
        seed: of walks and samples.
        runs: how many runs there may be in all.
        depth: up to how many deviations to go through everything.
        rules: which alternatives are gone through.
        endless: whether *runs* is only how many are expected, and the last walks go on.
    """

    def __init__(
        self,
        strategy: str,
        level: str,
        seed: int,
        runs: int,
        depth: int,
        rules: Rules,
        endless: bool = False,
    ) -> None:
        self._strategy = strategy
        self._level = level
        self._seed = seed
        self._runs = runs
        self._depth = depth
        self._rules = rules
        self._endless = endless

    def __call__(self, choices: Sequence[Choice], phases: list[Phase]) -> Iterator[Plan]:
        """Yield the phases that follow the plain run, which made *choices*.

        *phases* are those that are done, and grow meanwhile.
        """
        if self._strategy in ("sweep", "bounded", "portfolio"):
            yield from self._systematic(choices, phases)
        if self._strategy == "portfolio":
            yield from self._walks(choices, phases)
        elif self._strategy in ("random", "sticky", "pct"):
            yield self._walk(self._strategy, choices, self._left(phases))

    def _left(self, phases: list[Phase]) -> int:
        return max(self._runs - sum(phase.runs for phase in phases), 0)

    # -- going through all -----------------------------------------------------

    def _systematic(self, choices: Sequence[Choice], phases: list[Phase]) -> Iterator[Plan]:
        ways = branches(self._rules, choices)
        sweep = [way for way in ways if way.key[0] in OUTSIDE]
        yield self._singles("sweep", sweep, SWEEP, phases)
        if self._strategy == "sweep":
            return
        if self._level != "fifo":
            picks = [way for way in ways if way.key[0] not in OUTSIDE]
            yield self._singles("1 deviation", picks, PICKS, phases)
        depth = 2
        beyond = sum(phase.beyond for phase in phases[1:])
        while depth <= self._depth and all(phase.complete for phase in phases) and beyond:
            left = self._left(phases)
            if self._strategy == "portfolio" and beyond > left * PAIRS:
                return
            yield Plan(f"{depth} deviations", self._units(ways, depth), left, True)
            beyond = phases[-1].beyond
            depth += 1

    def _singles(
        self, name: str, ways: Sequence[Branch], share: float, phases: list[Phase]
    ) -> Plan:
        left = self._left(phases)
        size = sum(len(way.values) for way in ways)
        if self._strategy != "portfolio" or size <= left * share:
            return Plan(name, self._units(ways, 1), left, True)
        each = [Branch(way.position, way.key, (value,)) for way in ways for value in way.values]
        random.Random(self._seed).shuffle(each)
        return Plan(name, self._units(each, 1), int(left * share), False)

    def _units(self, ways: Sequence[Branch], depth: int) -> Iterator[Unit]:
        size = BRANCHES_PER_UNIT.get(depth, 1)
        for part in _parts(ways, size):
            yield Unit(branches=part, depth=depth, rules=self._rules)

    # -- walks -----------------------------------------------------------------

    def _walks(self, choices: Sequence[Choice], phases: list[Phase]) -> Iterator[Plan]:
        left = self._left(phases)
        shares = FIFO_WALKS if self._level == "fifo" else WALKS
        for strategy, share in shares.items():
            allowance = self._left(phases) if strategy == "pct" else int(left * share)
            yield self._walk(strategy, choices, allowance)

    def _walk(self, strategy: str, choices: Sequence[Choice], allowance: int) -> Plan:
        counts = Counter(choice.kind for choice in choices)
        if self._endless and strategy in (self._strategy, "pct"):
            allowance = sys.maxsize
        units = (
            Unit(
                strategy=strategy,
                seed=self._seed,
                walks=range(first, min(first + WALKS_PER_UNIT, allowance)),
                counts=counts,
            )
            for first in range(0, allowance, WALKS_PER_UNIT)
        )
        return Plan(strategy, units, allowance, False)


def _parts(ways: Sequence[Branch], size: int) -> Iterator[tuple[Branch, ...]]:
    """Cut *ways* into parts that have *size* alternatives each."""
    part: list[Branch] = []
    room = size
    for way in ways:
        values = way.values
        while values:
            part.append(Branch(way.position, way.key, values[:room]))
            values, room = values[room:], room - len(values[:room])
            if not room:
                yield tuple(part)
                part, room = [], size
    if part:
        yield tuple(part)
