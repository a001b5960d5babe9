"""What has been sent and has not come yet: bytes, connections, datagrams, thread results, events.

Each thing on its way is an `Arrival` with a moment at which it may come, and a number of
polls that it is held for besides: how often the loop asks, finds it due, and is not
given it.  Where nothing else can happen any more, what is held comes all the same.

States of an arrival
    on its way -- its moment comes, nothing holds it --> come
               -- dropped --------------------------> gone

Invariants
    Arrivals of one lane (a direction of a connection) come in the order they were sent.
    Of those that may come at the same poll, what was sent first comes first.

Read next: selector.py
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable
from typing import Any

from .choices import Choices

__all__ = ["Arrival", "Lane", "Outside"]

#: The lane that an arrival is in: what was sent before it in the same lane comes before it.
Lane = deque["Arrival"]


class Arrival:
    """Something on its way: *come* is called when it arrives.

    It may come at the moment *due* (seconds on the World's clock), after *hold* polls.
    """

    __slots__ = ("come", "due", "hold", "landed", "lane", "number")

    def __init__(
        self, due: float, number: int, hold: int, come: Callable[[], object], lane: Lane | None
    ) -> None:
        self.due = due
        self.number = number
        self.hold = hold
        self.come = come
        self.lane = lane
        #: How many choices had been made when it came though held; None if it has not.
        self.landed: int | None = None


class Outside:
    """All that is on its way in one World."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        #: What the schedule held, with how many choices had been made when it was sent, and
        #: for how many polls it was to be held.
        self.held: list[tuple[Arrival, int, int]] = []
        #: By how many seconds that was late, by the place of the choice that held it.
        self.late: dict[int, float] = {}
        self._places: dict[int, int] = {}
        #: How often it was asked for what is due, also when nothing is on its way: a hold
        #: counts these, and the explorer measures by them how far an event can be put off.
        self.asked = 0
        #: Sorted by moment, then by number; of each lane the foremost only.
        self.coming: list[tuple[float, int, Arrival]] = []
        self._number = 0

    def send(
        self, due: float, come: Callable[[], object], hold: int = 0, lane: Lane | None = None
    ) -> Arrival:
        """Send something that arrives at *due* at the earliest; return it.

        *lane* keeps it behind what is in the lane already.
        """
        number = self._number = self._number + 1
        arrival = Arrival(due, number, hold, come, lane)
        if hold:
            self.held.append((arrival, len(self._choices), hold))
            self._places[number] = len(self._choices) - 1
        if lane is not None:
            lane.append(arrival)
            if len(lane) > 1:
                return arrival
        coming = self.coming
        if not coming or coming[-1][0] <= due:
            coming.append((due, number, arrival))
        else:
            insort(coming, (due, number, arrival))
        return arrival

    def drop(self, arrival: Arrival) -> None:
        """Have *arrival*, which may have come already, not come."""
        lane = arrival.lane
        if lane is None or (lane and lane[0] is arrival):
            if self._take_out(arrival):
                self._next_in(lane, arrival.due)
        elif arrival in lane:
            lane.remove(arrival)

    def drop_lane(self, lane: Lane) -> None:
        """Have nothing that is in *lane* come."""
        if lane:
            self._take_out(lane[0])
        lane.clear()

    def _take_out(self, arrival: Arrival) -> bool:
        """Return whether *arrival* was coming; it is not any more."""
        try:
            self.coming.remove((arrival.due, arrival.number, arrival))
        except ValueError:
            return False
        return True

    def next_moment(self, now: float) -> float | None:
        """Return the moment of the first arrival after *now*, or None."""
        for due, _, _ in self.coming:
            if due > now:
                return due
        return None

    def take_due(self, now: float) -> bool:
        """Have everything come that is due *now* and not held; return whether anything did."""
        self.asked += 1
        return bool(self.coming) and self.coming[0][0] <= now and self.take(now)

    def take(self, now: float) -> bool:
        """Do what `take_due` does, and count nothing."""
        coming, came = self.coming, False
        held: set[int] = set()
        place = 0
        while place < len(coming) and coming[place][0] <= now:
            _, number, arrival = coming[place]
            if number in held:
                place += 1
            elif arrival.hold:
                arrival.hold -= 1
                held.add(number)
                place += 1
            else:
                del coming[place]
                if number in self._places:
                    self.late[self._places[number]] = now - arrival.due
                if arrival.lane:
                    self._next_in(arrival.lane, now)
                arrival.come()
                came = True
                place = 0  # what has come may have sent more, or let more through
        return came

    def take_held(self, now: float) -> bool:
        """Have the first arrival come that is due *now* though held; return whether one was."""
        if not self.coming or self.coming[0][0] > now:
            return False
        arrival = self.coming.pop(0)[2]
        self.late[self._places[arrival.number]] = now - arrival.due
        if arrival.lane:
            self._next_in(arrival.lane, now)
        arrival.landed = len(self._choices)
        arrival.come()
        return True

    def _next_in(self, lane: Any, now: float) -> None:
        """Let what is next in *lane* set out: it was behind what has just come, or gone."""
        if lane:
            lane.popleft()
            if lane:
                arrival = lane[0]
                arrival.due = max(arrival.due, now)
                insort(self.coming, (arrival.due, arrival.number, arrival))
