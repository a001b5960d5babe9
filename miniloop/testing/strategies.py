"""Walks: how a schedule is made up at random, so that every one has its chance.

    random   deviates here and there, in each walk at other kinds of choices and at
             another rate; every second one of those that pick, picks evenly
    sticky   keeps running the task that ran, seven times of ten
    pct      tasks have priorities, which change at a few random places: whatever needs
             at most `DEPTH` things in a certain order is found with a probability of at
             least 1 / (n * k ** (depth - 1)), n being the number of tasks and k that of
             picks (Burckhardt and others, 2010)

A walk is a pure function of its seed, its number and the counts that were measured in the
plain run, never of what other walks have found: any of them can be run anywhere.

Read next: bounded.py
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .choices import Chooser, Key

if TYPE_CHECKING:
    from .world import World

__all__ = ["DEPTH", "WALKS", "PctWalk", "RandomWalk", "StickyWalk", "make_walk"]

#: How many ordering constraints PCT looks for.
DEPTH = 5
#: How likely a sticky walk goes on with the task that ran.
STICKY = 0.7
#: How often running in a row makes a task of a PCT walk yield to all others.
SPINNING = 32

#: Choices of a place in time: deviating from plain order is what they are for.
_PLACES = ("event",)
#: At how many choices of a kind a walk deviates, on average.
_AMOUNTS = (0.5, 1.0, 2.0, 4.0)


class RandomWalk:
    """Deviates at a rate of its own for each kind of choice.

    Args:
        source: where its random numbers come from.
        counts: how many choices of each kind the plain run had.
    """

    def __init__(self, source: random.Random, counts: Mapping[str, int]) -> None:
        self._random = source
        self._rates = {kind: self._rate(kind, count) for kind, count in counts.items()}
        self._even = source.random() < 0.5

    def _rate(self, kind: str, count: int) -> float:
        amount = self._random.choice(_AMOUNTS) / count
        if kind in _PLACES:
            return 0.9
        if kind == "draw":
            return 0.5
        if kind != "pick" and self._random.random() < 0.4:
            return 0.0  # whole kinds are left out now and then: faults drown each other
        return min(amount, 0.5)

    def bind(self, world: World) -> None:
        """Be told which World the walk is through."""

    def __call__(self, key: Key, count: int) -> int:
        """Return the alternative to take, out of *count*."""
        return self.of_kind(key[0], [])(count)

    def of_kind(self, kind: str, made: list[Any]) -> Chooser:
        """Return what decides choices of *kind*, and adds them to *made*."""
        if kind == "pick" and self._even:
            return _added(kind, made, _below(self._random))
        draw, rate = self._random.random, self._rates.get(kind, 0.1)
        others = self._random.randrange

        def seldom(count: int) -> int:
            value = 0 if draw() >= rate else others(1, count)
            made.append(kind)
            made.append(count)
            made.append(value)
            return value

        return seldom

    def taker(self, ready: deque[Any], made: list[Any]) -> Callable[[], Any]:
        """Return what picks one of *ready*, adds that to *made*, and takes it."""
        popleft, seldom = ready.popleft, self.of_kind("pick", made)
        bits = self._random.getrandbits  # as `_below`, once more: it is called most of all

        def take() -> Any:
            count = len(ready)
            if count > 1 and (index := seldom(count)):
                entry = ready[index]
                del ready[index]
                return entry
            return popleft()

        def take_evenly() -> Any:
            count = len(ready)
            if count < 2:
                return popleft()
            size = count.bit_length()
            index = bits(size)
            while index >= count:
                index = bits(size)
            made.append("pick")
            made.append(count)
            made.append(index)
            if not index:
                return popleft()
            entry = ready[index]
            del ready[index]
            return entry

        return take_evenly if self._even else take


def _below(source: random.Random) -> Chooser:
    """Return what draws a number below another, as ``randrange`` does, number for number.

    Without its checks: that is half of its price.
    """
    bits = source.getrandbits

    def below(count: int) -> int:
        size = count.bit_length()
        value = bits(size)
        while value >= count:
            value = bits(size)
        return value

    return below


def _added(kind: str, made: list[Any], decide: Chooser) -> Chooser:
    def choose(count: int) -> int:
        value = decide(count)
        made.extend((kind, count, value))
        return value

    return choose


class _PickingWalk(RandomWalk):
    """A walk that looks at what it picks from."""

    _world: Any = None
    taker = None  # type: ignore[assignment]

    def bind(self, world: World) -> None:
        self._world = world

    def of_kind(self, kind: str, made: list[Any]) -> Chooser:
        """Return what decides choices of *kind*, and adds them to *made*."""
        return _added(kind, made, self._picked) if kind == "pick" else super().of_kind(kind, made)

    def _picked(self, count: int) -> int:
        ready = self._world.loop.entries()
        owners = [_owner(ready[at]) for at in self._world.pickable(ready)]
        return self._pick(owners)

    def _pick(self, owners: list[Any]) -> int:
        raise NotImplementedError


class StickyWalk(_PickingWalk):
    """Prefers the task that ran last."""

    _last: Any = None

    def _pick(self, owners: list[Any]) -> int:
        stay = self._random.random() < STICKY
        for number, owner in enumerate(owners):
            if stay and owner is self._last:
                return number
        number = self._random.randrange(len(owners))
        self._last = owners[number]
        return number


class PctWalk(_PickingWalk):
    """Runs the task with the highest priority; priorities change at *depth* - 1 places.

    Where there are no picks, it deviates at *depth* - 1 places and nowhere else.
    """

    def __init__(
        self, source: random.Random, counts: Mapping[str, int], depth: int = DEPTH
    ) -> None:
        super().__init__(source, counts)
        picks = counts.get("pick", 0)
        outside = sum(count for kind, count in counts.items() if kind not in ("pick", *_PLACES))
        self._changes = _places(source, depth - 1, picks)
        self._deviates = set(_places(source, depth - 1, outside))
        self._priorities: dict[int, tuple[float, Any]] = {}
        self._number = self._asked = self._in_a_row = 0
        self._top: Any = None

    def of_kind(self, kind: str, made: list[Any]) -> Chooser:
        """Return what decides choices of *kind*, and adds them to *made*."""
        ever = kind in ("pick", *_PLACES)
        return super().of_kind(kind, made) if ever else _added(kind, made, self._elsewhere)

    def _elsewhere(self, count: int) -> int:
        self._asked += 1
        return self._random.randrange(1, count) if self._asked in self._deviates else 0

    def _pick(self, owners: list[Any]) -> int:
        self._number += 1
        number = self._highest(owners)
        if self._number in self._changes:
            self._lower(owners[number], self._changes.index(self._number))
            number = self._highest(owners)
        self._in_a_row = self._in_a_row + 1 if owners[number] is self._top else 0
        self._top = owners[number]
        if self._in_a_row >= SPINNING:  # it waits for the others by yielding: let them
            self._lower(self._top, self._number)
            self._in_a_row = 0
        return number

    def _highest(self, owners: list[Any]) -> int:
        return max(range(len(owners)), key=lambda number: self._priority(owners[number]))

    def _priority(self, owner: Any) -> float:
        known = self._priorities.get(id(owner))
        if known is None:  # it is kept, so that its id stays its own
            known = self._priorities[id(owner)] = (self._random.random(), owner)
        return known[0]

    def _lower(self, owner: Any, by: int) -> None:
        self._priorities[id(owner)] = (-1.0 - by, owner)


def _places(source: random.Random, wanted: int, among: int) -> list[int]:
    """Return *wanted* different numbers from 1 to *among*, or all of them, in random order."""
    return source.sample(range(1, among + 1), min(wanted, among))


def _owner(entry: Any) -> Any:
    """Return the task that a ready entry is a step of, or the entry itself."""
    if hasattr(entry, "get_coro"):
        return entry
    owner = getattr(entry._callback, "__self__", None)
    return owner if hasattr(owner, "get_coro") else entry


#: What a strategy's walks are.
WALKS: dict[str, type[RandomWalk]] = {"random": RandomWalk, "sticky": StickyWalk, "pct": PctWalk}


def make_walk(strategy: str, seed: int, number: int, counts: Mapping[str, int]) -> RandomWalk:
    """Return walk *number* of a strategy: the same one for the same arguments, always."""
    source = random.Random(f"{strategy} {seed} {number}")
    return WALKS[strategy](source, counts)
