"""Make a failing schedule minimal: as close to plain order as it still fails.

Length is no measure, since every run makes as many choices as it makes.  What is made
smaller is the set of deviations, by delta debugging (Zeller and Hildebrandt, 2002), then
the deviations themselves.  Taking one away can shift what the others are about, so what
was really decided is taken down anew whenever a smaller schedule still fails.

Read next: proof.py
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .bounded import Rules, branches, deviating
from .choices import Key
from .failures import Failure
from .schedule import LEVELS
from .strategies import make_walk
from .trial import Trial, shows
from .world import Run, World

__all__ = ["BUDGET", "Shrinker", "Shrunk"]

#: How many runs it may take to make a schedule minimal, and to find it at a stronger level.
BUDGET = 800
#: Of those, how many go into looking for another schedule with fewer deviations.
SEARCH = 250
#: How many walks are tried at a stronger level.
WALKS = 60

Deviations = dict[Key, int]


@dataclass(frozen=True)
class Shrunk:
    """The least that still fails: its deviations, at which trial's level, and how it fails."""

    deviations: Deviations
    trial: Trial
    failure: Failure


class Shrinker:
    """Makes schedules smaller that fail with one *identity*.

    What is judged is the identity of the failure, nothing else about the run.
    """

    def __init__(self, trial: Trial, identity: tuple[str, str], budget: int = BUDGET) -> None:
        self._trial = trial
        self._identity = identity
        self._left = budget
        self._tried: dict[tuple[str, tuple[tuple[Key, int], ...]], Deviations | None] = {}
        self._failure: Failure | None = None
        self.runs = 0

    def shrink(self, deviations: Mapping[Key, int]) -> Shrunk | None:
        """Return the least that still fails, or None if *deviations* do not fail again."""
        trial = self._trial
        first = self._try(trial, deviations)
        if first is None:
            return None
        least = self._smaller(trial, first)
        for level in LEVELS[: LEVELS.index(trial.level)]:
            found = self._at_level(trial.at(level=level), least)
            if found is not None:
                trial, least = trial.at(level=level), found
                break
        again = trial.run(least)
        failure = shows(again, self._identity)
        if failure is None:  # it does not repeat: something is not under the World's control
            return None
        return Shrunk(least, trial, failure)

    # -- trying ----------------------------------------------------------------

    def _try(self, trial: Trial, deviations: Mapping[Key, int]) -> Deviations | None:
        """Return what was decided if *deviations* fail in the same way, else None."""
        known = (trial.level, tuple(sorted(deviations.items())))
        if known in self._tried:
            return self._tried[known]
        if self._left <= 0:
            return None
        run = self._count(trial.run(deviations))
        result = None
        if shows(run, self._identity) is not None:
            result = {choice.key: choice.value for choice in run.choices if choice.value}
        self._tried[known] = result
        return result

    def _count(self, run: Run) -> Run:
        self._left -= 1
        self.runs += 1
        return run

    # -- smaller ---------------------------------------------------------------

    def _smaller(self, trial: Trial, deviations: Deviations) -> Deviations:
        while True:
            before = deviations
            deviations = self._fewer(trial, deviations)
            deviations = self._lower(trial, deviations)
            if len(deviations) > 1:
                deviations = self._elsewhere(trial, deviations)
            if deviations == before:
                return deviations

    def _fewer(self, trial: Trial, deviations: Deviations) -> Deviations:
        """Delta debugging: take parts away, large ones first, as long as it still fails."""
        parts = 2
        while deviations:
            keys = list(deviations)
            size = -(-len(keys) // parts)
            for begin in range(0, len(keys), size):
                away = set(keys[begin : begin + size])
                rest = {key: value for key, value in deviations.items() if key not in away}
                smaller = self._try(trial, rest)
                if smaller is not None and len(smaller) < len(deviations):
                    deviations, parts = smaller, max(parts - 1, 2)
                    break
            else:
                if size == 1:
                    break
                parts = min(parts * 2, len(keys))
        return deviations

    def _lower(self, trial: Trial, deviations: Deviations) -> Deviations:
        """Take smaller alternatives: the smallest that still fails, then one less, and so on."""
        for key in list(deviations):
            value = deviations.get(key, 0)
            for lower in sorted({1, 2, 3, value // 4, value // 2, value - 2, value - 1}):
                if not 0 < lower < value:
                    continue
                smaller = self._try(trial, {**deviations, key: lower})
                if smaller is not None and _size(smaller) < _size(deviations):
                    deviations = smaller
                    break
        return deviations

    def _elsewhere(self, trial: Trial, deviations: Deviations) -> Deviations:
        """Look for one deviation that does what several do: in the place of two, a third."""
        keys = list(deviations)
        for number, key in enumerate(keys):
            rest = {k: v for k, v in deviations.items() if k not in (key, keys[number - 1])}
            found = self._sweep(trial, rest, SEARCH // len(keys))
            if found is not None and len(found) < len(deviations):
                return found
        return deviations

    def _sweep(self, trial: Trial, node: Deviations, budget: int) -> Deviations | None:
        """Look for a failure with one deviation more than *node*."""
        if self._left <= 0:
            return None
        plain = self._count(trial.run(node))
        if shows(plain, self._identity) is not None:
            return {choice.key: choice.value for choice in plain.choices if choice.value}
        until = max((n for n, c in enumerate(plain.choices, 1) if c.value), default=0)
        rules = Rules()
        ways = rules.branches(node, plain.choices, until, len(plain.choices))
        size = sum(len(way.values) for way in ways)
        if size > min(budget, self._left):
            return None

        def run_one(deviations: Mapping[Key, int]) -> tuple[World, Run]:
            world, run = trial.run_in_world(deviations)
            return world, self._count(run)

        for _, run, _ in deviating(run_one, node, ways, 1, rules):
            if shows(run, self._identity) is not None:
                return {choice.key: choice.value for choice in run.choices if choice.value}
        return None

    # -- stronger --------------------------------------------------------------

    def _at_level(self, trial: Trial, deviations: Deviations) -> Deviations | None:
        """Look for the same failure at a level at which less may vary."""
        kept = {key: value for key, value in deviations.items() if key[0] != "pick"}
        found = self._try(trial, kept)
        if found is None and len(kept) < len(deviations):
            found = self._sweep(trial, {}, SEARCH) or self._walks(trial)
        return None if found is None else self._smaller(trial, found)

    def _walks(self, trial: Trial) -> Deviations | None:
        plain = self._count(trial.run())
        if not branches(Rules(), plain.choices):
            return None
        counts: dict[str, int] = {}
        for choice in plain.choices:
            counts[choice.kind] = counts.get(choice.kind, 0) + 1
        for number in range(min(WALKS, self._left)):
            run = self._count(trial.run(decide=make_walk("random", 0, number, counts)))
            if shows(run, self._identity) is not None:
                return {choice.key: choice.value for choice in run.choices if choice.value}
        return None


def _size(deviations: Deviations) -> tuple[int, int]:
    return (len(deviations), sum(deviations.values()))
