"""All schedules with up to so many deviations, each exactly once.

The schedules with one deviation more than a given one are those that deviate, besides, at
a choice that the run makes *after* its last deviation: up to there the two runs are the
same, so the choice is there in both.  Every set of deviations is thus reached from one
other set only, the one without its last member.

What is left out, and why nothing is lost
    Something from outside that was to be held back for 7 polls, and came after 5 because
    nothing else could happen any more, or never came because the run ended, is the same
    run as with 5.  So is every longer hold.  What deviates *before* it comes may change
    that, so those schedules are still gone through; what deviates after it is not.

Read next: work.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .choices import Choice, Key
from .executor import HOLDS as THREAD_HOLDS
from .network.network import HOLDS as ARRIVAL_HOLDS
from .world import Run, World

__all__ = ["INJECTED", "OUTSIDE", "Branch", "Rules", "Step", "branches", "deviating"]

#: Kinds that say what the outside does: what the sweep sweeps over.
OUTSIDE = ("event", "cancel", "timeout", "draw", "fault", "thread", "arrival", "timer", "jump")
#: Kinds of which a schedule has one at most.
INJECTED = ("cancel", "timeout")

#: Up to which alternative a choice is about nothing but for how many polls something is held.
_HOLDS = {"arrival": ARRIVAL_HOLDS, "thread": THREAD_HOLDS}


class Branch(NamedTuple):
    """One choice of a run, at *position* among its choices, and the alternatives to try."""

    position: int
    key: Key
    values: tuple[int, ...]


class Step(NamedTuple):
    """One run on the way.  *new* is False when it has been counted, or equals another one."""

    deviations: Mapping[Key, int]
    run: Run
    new: bool


@dataclass
class Rules:
    """Which alternatives are gone through.

    Attributes:
        places: alternatives of the choices to cancel, where not all are to be tried.
        reduce: whether to leave out what is the same run as another one.
        beyond: how many schedules with one deviation more there are, as far as is known.
        strayed: whether a run went another way than before up to its deviation, which
            something outside the World must have made it do.
    """

    places: Mapping[Key, tuple[int, ...]] | None = None
    reduce: bool = True
    beyond: int = field(default=0, compare=False)
    strayed: bool = field(default=False, compare=False)

    def values(self, node: Mapping[Key, int], choice: Choice) -> tuple[int, ...]:
        """Return the alternatives to try at *choice*, given the deviations of *node*."""
        if choice.kind in INJECTED and self.places is not None:
            if any(kind in INJECTED for kind, _ in node):
                return ()
            return self.places.get(choice.key, ())
        return tuple(range(1, choice.count))

    def branches(
        self, node: Mapping[Key, int], choices: Sequence[Choice], start: int, stop: int
    ) -> list[Branch]:
        """Return what can deviate at the choices from position *start* up to *stop*."""
        found = []
        for position in range(start, stop):
            values = self.values(node, choices[position])
            if values:
                found.append(Branch(position, choices[position].key, values))
        return found


def branches(rules: Rules, choices: Sequence[Choice]) -> list[Branch]:
    """Return what can deviate at all of *choices*, the plain run's."""
    return rules.branches({}, choices, 0, len(choices))


#: Runs a schedule, in a World that the caller can look at afterwards.
RunOne = Callable[[Mapping[Key, int]], tuple[World, Run]]


def deviating(
    run_one: RunOne,
    node: Mapping[Key, int],
    ways: Sequence[Branch],
    depth: int,
    rules: Rules,
) -> Iterator[Step]:
    """Run all schedules that have *depth* deviations more than *node*, the first along *ways*."""
    for way in ways:
        yield from _along(run_one, node, way, depth, rules)


def _along(
    run_one: RunOne, node: Mapping[Key, int], way: Branch, depth: int, rules: Rules
) -> Iterator[Step]:
    position, key, values = way
    most = _HOLDS.get(key[0], values[-1])
    spent: tuple[Run, int] | None = None  # a run in which the hold was not used up
    for value in values:
        child = {**node, key: value}
        if spent is not None and value <= most:
            run, until = spent
        else:
            world, run = run_one(child)
            until = len(run.choices)
            if position >= until or run.choices[position].key != key:
                rules.strayed = True
                yield Step(child, run, depth == 1)
                continue
            landed = _unspent(world, run, position) if rules.reduce else None
            if landed is not None:
                until = landed
                spent = (run, until)
            yield Step(child, run, depth == 1 and landed is None)
        further = rules.branches(child, run.choices, position + 1, until)
        if depth > 1:
            yield from deviating(run_one, child, further, depth - 1, rules)
        else:
            rules.beyond += sum(len(branch.values) for branch in further)


def _unspent(world: World, run: Run, position: int) -> int | None:
    """Return how many choices had been made when what was held came too early, or None."""
    choice = run.choices[position]
    for arrival, made, hold in world.outside.held:
        if made != position + 1:
            continue
        is_hold = hold == choice.value - (choice.kind in INJECTED)
        if is_hold and arrival.hold:
            return len(run.choices) if arrival.landed is None else arrival.landed
    return None
