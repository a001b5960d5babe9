"""What keeps packets from going from one host to another: partitions and holds.

States, of one direction between two hosts
    open   -- partition --> parted
           -- hold -------> held
    parted -- heal -------> open
    held   -- release ----> open

A direction can be parted and held at once; then it is as parted, and healed it is held.

Invariants
    parted   what belongs to streams is parked, datagrams are lost
    held     everything is parked
    What was parked leaves in the order in which it was sent, when nothing is in its way.

Read next: network.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

__all__ = ["TRANSITIONS", "Barriers", "Departure"]

TRANSITIONS = (
    ("open", "partition", "parted"),
    ("open", "hold", "held"),
    ("parted", "heal", "open"),
    ("held", "release", "open"),
)

Direction: TypeAlias = tuple[str, str]


class Departure(NamedTuple):
    """Something that is about to be sent.

    Attributes:
        kind: of the packet (see `links.Packet`).
        seconds: how long it takes once it leaves.
        come: called when it arrives.
        hold: for how many polls its arrival is held.
        lane: what it may not overtake.
    """

    kind: str
    seconds: float
    come: Callable[[], object]
    hold: int
    lane: Any


class Barriers:
    """All of one network; *leave* is called with what nothing is in the way of any more."""

    def __init__(self, leave: Callable[[Departure], object]) -> None:
        self._leave = leave
        self._parted: dict[Direction, list[Departure]] = {}
        self._held: dict[Direction, list[Departure]] = {}

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self._parted or self._held)

    def part(self, direction: Direction) -> None:
        """Let nothing through, and lose datagrams."""
        self._parted.setdefault(direction, [])

    def hold(self, direction: Direction) -> None:
        """Let nothing through, and lose nothing."""
        self._held.setdefault(direction, [])

    def heal(self, direction: Direction) -> None:
        """Undo `part`; what a hold keeps back as well stays behind what was held before it."""
        parked = self._parted.pop(direction, [])
        if direction in self._held:
            self._held[direction] += parked
        else:
            self._go(parked)

    def release(self, direction: Direction) -> None:
        """Undo `hold`; in a partition what was held before it is first to leave after it."""
        parked = self._held.pop(direction, [])
        if direction in self._parted:
            self._parted[direction][:0] = [each for each in parked if each.kind != "datagram"]
        else:
            self._go(parked)

    def _go(self, departures: list[Departure]) -> None:
        for departure in departures:
            self._leave(departure)

    def stop(self, direction: Direction, departure: Departure) -> bool:
        """Park or lose *departure* if something is in its way; tell whether that was so."""
        if direction in self._parted:
            if departure.kind != "datagram":
                self._parted[direction].append(departure)
            return True
        if direction in self._held:
            self._held[direction].append(departure)
            return True
        return False
