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

from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["KINDS", "Choice", "Choices", "Decide", "Key"]

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

_new = object.__new__

#: ``decide(key, count)`` returns the alternative to take: an integer in ``range(count)``.
Decide = Callable[[Key, int], int]


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
        self.made: list[Choice] = []
        self.labels = labels
        #: When set, nothing is chosen any more: the program is done, and is being cleaned up.
        self.calm = False
        self._decide = decide
        self._deviations = dict(deviations or {})
        self._counts = dict.fromkeys(KINDS, 0)

    def choose(self, kind: str, count: int, about: Callable[[], str] | None = None) -> int:
        """Decide between *count* alternatives; return the number of the one to take.

        *about* tells what is decided, and is called only when labels are kept.
        Nothing is recorded, or asked, where there is only one alternative.
        """
        if count < 2 or self.calm:
            return 0
        index = self._counts[kind]
        self._counts[kind] = index + 1
        key = (kind, index)
        if self._deviations and key in self._deviations:
            value = min(self._deviations[key], count - 1)
        elif self._decide is not None:
            value = self._decide(key, count)
        else:
            value = 0
        made = _new(Choice)  # a run makes hundreds: its constructor would cost as much again
        made.kind, made.index, made.count, made.value = kind, index, count, value
        made.about = about() if self.labels and about is not None else ""
        self.made.append(made)
        return value

    def follow(self, deviations: Mapping[Key, int]) -> None:
        """From now on take the alternatives of *deviations*, by key, where they are asked for."""
        self._deviations = dict(deviations)

    def deviations(self) -> dict[Key, int]:
        """Return the alternatives that were taken where asyncio would have taken another."""
        return {choice.key: choice.value for choice in self.made if choice.value}

    def about(self, key: Key) -> Choice | None:
        """Return the choice of that kind and number, or None if it never came to it."""
        return next((choice for choice in self.made if choice.key == key), None)
