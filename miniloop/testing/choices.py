"""Every decision that a World makes which could have gone otherwise, as a list of integers.

Whatever is not determined by the program itself is asked for here, by kind:

    pick      which ready entry runs next (levels *tasks* and *any* only)
    timer     how many microseconds late a timer fires, so that ties can go either way
    arrival   when bytes, connections and datagrams come, and in what pieces
    thread    when the result of an executor's thread comes
    jump      whether time passes while work is ready, as when a step computes long
    event     when something from outside lands (`World.sometime`, an injected cancellation)
    fault     whether the network loses, duplicates or resets
    cancel    whether and when a task is cancelled by `explore(cancel="everywhere")`
    timeout   whether and when its time is up, by `explore(cancel="timeouts")`
    draw      what the program itself asked the World to choose

A choice is *count* alternatives, numbered from 0.  **0 is what plain asyncio on a calm
machine would do**, so the schedule that deviates nowhere is the one everybody has tested
already, and a schedule is written down as its deviations from that one.

A deviation is named by its kind and by how many choices of that kind came before it:
taking one away moves the others of its kind at most, not all that follow.

Read next: schedule.py
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["KINDS", "Choice", "Choices", "Chooser", "Decide", "Key"]

KINDS = (
    "pick",
    "timer",
    "arrival",
    "thread",
    "jump",
    "event",
    "fault",
    "cancel",
    "timeout",
    "draw",
)

#: The kind of a choice, and how many of that kind came before it.
Key = tuple[str, int]

#: ``decide(key, count)`` returns the alternative to take: an integer in ``range(count)``.
#: One that has a method ``of_kind(kind, made)`` is asked for what decides choices of that
#: kind alone, and adds them to *made* itself, as kind, count and value: a run makes hundreds
#: of choices, and this is the shortest way.  Most are picks: one may also have a method
#: ``taker(ready, made)`` for what picks from that queue, and takes what it has picked.
Decide = Callable[[Key, int], int]

#: Decides between so many alternatives, of one kind.
Chooser = Callable[[int], int]


@dataclass(slots=True)
class Choice:
    """One decision that was made: which, out of how many, and what was taken.

    *about* says in words what was decided; it is empty unless labels were asked for.
    """

    kind: str
    index: int
    count: int
    value: int
    about: str = ""

    @property
    def key(self) -> Key:
        """Its kind and number."""
        return (self.kind, self.index)


class _Choosers(dict[str, Chooser]):
    """What decides and records choices, by their kind; made when a kind comes up first.

    Each is a function on its own, so that it has in its hands what it needs.
    """

    def __init__(self, made: list[Any], decide: Decide | None) -> None:
        self.calm = False
        self.deviations: Mapping[Key, int] = {}
        self._made = made
        self._decide = decide
        #: Makes what takes the next of a queue's entries, all in one; None if that may not be.
        self.taker: Callable[[deque[Any], list[Any]], Callable[[], Any]] | None
        self.taker = getattr(decide, "taker", None)

    def taking(self, ready: deque[Any]) -> Callable[[], Any] | None:
        """Return what picks an entry of *ready* and takes it, if there is something for that."""
        return None if self.taker is None else self.taker(ready, self._made)

    def __missing__(self, kind: str) -> Chooser:
        chooser: Chooser
        if self.calm:
            chooser = _as_ever
        elif not self.deviations and (of_kind := getattr(self._decide, "of_kind", None)):
            chooser = of_kind(kind, self._made)
        else:
            chooser = self._exact(kind)
        self[kind] = chooser
        return chooser

    def follow(self, deviations: Mapping[Key, int]) -> None:
        """Follow *deviations* from now on."""
        self.deviations = deviations
        self.taker = None
        self.clear()

    def calm_down(self) -> None:
        """Decide nothing any more; let go of what has decided."""
        self.calm = True
        self._decide = self.taker = None
        self.clear()

    def _exact(self, kind: str) -> Chooser:
        decide, made = self._decide, self._made
        deviations = {index: value for (of, index), value in self.deviations.items() if of == kind}
        index = made[::3].count(kind) - 1

        def choose(count: int) -> int:
            nonlocal index
            index += 1
            if index in deviations:
                value = min(deviations[index], count - 1)
            else:
                value = 0 if decide is None else decide((kind, index), count)
            made.append(kind)
            made.append(count)
            made.append(value)
            return value

        return choose


def _as_ever(count: int) -> int:
    return 0


class Choices:
    """The decisions of one run, in the order in which they were made.

    *decide* makes them; *deviations* (alternatives by key) come before it: a replayed
    schedule is nothing but those.  With *labels* each choice keeps what it was about.
    """

    def __init__(
        self,
        decide: Decide | None = None,
        deviations: Mapping[Key, int] | None = None,
        labels: bool = False,
    ) -> None:
        self.labels = labels
        #: With labels, it is told of each choice: kind, count, value, and what it is about.
        self.told: Callable[[str, int, int, str], object] | None = None
        #: Kind, count and value, one after the other: a tuple for each would be one more
        #: thing for the collector to look at.
        self._made: list[Any] = []
        self._abouts: dict[int, str] = {}
        #: For who chooses often, and has nothing to say about it: ``choosers[kind](count)``
        #: is `choose` between two alternatives or more.
        self.choosers = _Choosers(self._made, decide)
        if deviations:
            self.choosers.follow(deviations)

    def __len__(self) -> int:
        return len(self._made) // 3

    def _records(self) -> Iterator[tuple[str, int, int]]:
        made = self._made
        return zip(made[::3], made[1::3], made[2::3], strict=True)

    @property
    def made(self) -> list[Choice]:
        """The decisions so far."""
        counts = dict.fromkeys(KINDS, 0)
        choices = []
        for position, (kind, count, value) in enumerate(self._records()):
            index = counts[kind]
            counts[kind] = index + 1
            choices.append(Choice(kind, index, count, value, self._abouts.get(position, "")))
        return choices

    def choose(self, kind: str, count: int, about: Callable[[], str] | None = None) -> int:
        """Decide between *count* alternatives; return the number of the one to take.

        *about* tells what is decided, and is called only when labels are kept.
        Nothing is recorded, or asked, where there is only one alternative.
        """
        if count < 2:
            return 0
        value = self.choosers[kind](count)
        if self.labels and about is not None and not self.choosers.calm:
            words = self._abouts[len(self) - 1] = about()
            if self.told is not None:
                self.told(kind, count, value, words)
        return value

    def follow(self, deviations: Mapping[Key, int]) -> None:
        """From now on take the alternatives of *deviations*, by key, where they are asked for."""
        self.choosers.follow(dict(deviations))

    def calm_down(self) -> None:
        """Choose nothing any more: the program is done, and is being cleaned up."""
        self.choosers.calm_down()

    @property
    def counts(self) -> dict[str, int]:
        """How many decisions of each kind there were."""
        return Counter(self._made[::3])

    def deviations(self) -> dict[Key, int]:
        """Return the alternatives that were taken where asyncio would have taken another."""
        counts = dict.fromkeys(KINDS, 0)
        found = {}
        for kind, _, value in self._records():
            if value:
                found[kind, counts[kind]] = value
            counts[kind] += 1
        return found
