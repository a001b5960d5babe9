"""Who is measured when: calibration, warm-up, and interleaved rounds.

In a round every row is run once on every contestant.  The contestants of one row follow
each other at once (A B C D, the next time B C D A, ...), so that whatever the machine
does meanwhile is shared out evenly.

A contestant that fails in a row is not asked for that row again.

Read next: summary.py
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from compat.bench.children import Child, ChildError
from compat.bench.model import Contestant, Row, Sample, Settings, load_suite

Progress = Callable[[str], None]
Key = tuple[str, str]

GROWTH_LIMIT = 10.0


@dataclass(frozen=True)
class Failure:
    """A row that a contestant could not do, and what it said."""

    row: str
    contestant: str
    error: str


@dataclass
class Results:
    """What was measured.

    Attributes:
        rows: the rows in the order of the table.
        contestants: those that could be started, in the order of the table.
        loops: for each of those its loop's class and version.
        python: the version of the children's interpreter.
        absent: for each contestant that could not be started why not.
        units: how many units a sample has, by (row, contestant).
        samples: CPU seconds per operation in each round, by (row, contestant).
        extras: what else was measured in each round, by (row, contestant).
        failures: the rows that went wrong.
    """

    rows: list[Row]
    contestants: list[Contestant] = field(default_factory=list)
    loops: dict[str, str] = field(default_factory=dict)
    python: str = ""
    absent: dict[str, str] = field(default_factory=dict)
    units: dict[Key, int] = field(default_factory=dict)
    samples: dict[Key, list[float]] = field(default_factory=dict)
    extras: dict[Key, list[dict[str, float]]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


def calibrate(measure: Callable[[int], Sample], sample_seconds: float) -> int:
    """Find how many units a sample needs in order to be long enough.

    Args:
        measure: takes a sample of so many units.
        sample_seconds: CPU time that a sample should take at least.

    Returns:
        a number of units, at least 1.
    """
    units = 1
    while True:
        seconds = measure(units).seconds
        if seconds >= sample_seconds:
            return units
        growth = sample_seconds / seconds if seconds > 0 else GROWTH_LIMIT
        # A little more than needed: code that has warmed up is faster than this was.
        units = math.ceil(units * min(growth * 1.1, GROWTH_LIMIT))


class Match:
    """One run of a benchmark: the children, the rows, and what comes of it."""

    def __init__(
        self, results: Results, settings: Settings, fresh: bool, progress: Progress
    ) -> None:
        """Set up.

        Args:
            results: where to put what is measured.
            settings: how to measure.
            fresh: whether every sample has a new process.
            progress: who is told of it.
        """
        self.results = results
        self.fresh = fresh
        self.settings = settings
        self.progress = progress
        self.children: list[Child] = []

    def enter(self, child: Child) -> None:
        """Let a contestant take part if its loop and names can be imported."""
        who = child.contestant
        try:
            child.start()
        except ChildError as error:
            self.results.absent[who.key] = str(error)
            return
        self.children.append(child)
        self.results.contestants.append(who)
        self.results.loops[who.key] = child.loop
        self.results.python = child.python

    def play(self) -> None:
        """Calibrate all, then warm up, then take the samples that count."""
        for row in self.results.rows:
            self.progress(f"calibrating {row.key}")
            for child in self.children:
                self._calibrate(row, child)
        for number in range(-self.settings.warmups, self.settings.rounds):
            what = f"round {number + 1}/{self.settings.rounds}" if number >= 0 else "warming up"
            for place, row in enumerate(self.results.rows):
                self.progress(f"{what} {row.key}")
                for child in rotated(self.children, place + number):
                    self._sample(row, child, keep=number >= 0)

    def _calibrate(self, row: Row, child: Child) -> None:
        key = row.key, child.contestant.key
        if child.contestant.names in row.without:
            return
        if self.settings.units is not None:
            self.results.units[key] = self.settings.units
            return
        try:
            self.results.units[key] = calibrate(
                lambda units: child.measure(row, units), self.settings.sample_seconds
            )
        except ChildError as error:
            self._fail(key, error)

    def _sample(self, row: Row, child: Child, keep: bool) -> None:
        key = row.key, child.contestant.key
        units = self.results.units.get(key)
        if units is None:
            return
        if self.fresh:
            child.close()
        try:
            sample = child.measure(row, units)
        except ChildError as error:
            self._fail(key, error)
        else:
            if keep:
                each = sample.seconds / sample.operations
                self.results.samples.setdefault(key, []).append(each)
                self.results.extras.setdefault(key, []).append(sample.extras)

    def _fail(self, key: Key, error: ChildError) -> None:
        """Take a contestant out of a row."""
        self.results.units.pop(key, None)
        self.results.samples.pop(key, None)
        self.results.extras.pop(key, None)
        self.results.failures.append(Failure(*key, str(error)))


def rotated(children: Sequence[Child], by: int) -> list[Child]:
    """Return the same children, beginning somewhere else."""
    start = by % len(children) if children else 0
    return [*children[start:], *children[:start]]


def run(
    suite: str,
    rows: Sequence[str],
    contestants: Sequence[Contestant],
    settings: Settings,
    progress: Progress = lambda _: None,
) -> Results:
    """Run a benchmark.

    Args:
        suite: the module that has the rows.
        rows: the keys of those that are wanted; all if there are none.
        contestants: who takes part, if installed.
        settings: how to measure.
        progress: called with a line of text whenever something new begins.

    Returns:
        what was measured; rows that went wrong are in there too.

    Raises:
        KeyError: for a row that the suite does not have.
    """
    found = load_suite(suite)
    results = Results([found.rows[key] for key in rows or found.rows])
    with ExitStack() as stack:
        match = Match(results, settings, found.fresh, progress)
        for contestant in contestants:
            match.enter(stack.enter_context(Child(contestant, suite, settings)))
        match.play()
    return results
