"""One direction of a connection: bytes go in at one end and come out at the other.

How much may be under way is bounded, sent and not yet read: a reader who does not
read makes the writer wait.  The order of the bytes never changes.

Read next: streams.py
"""

from __future__ import annotations

from collections import deque

from ..outside import Lane

__all__ = ["CAPACITY", "Wire"]

#: How many bytes a direction takes before its writer has to wait: what Linux offers at first.
CAPACITY = 64 * 1024


class Wire:
    """What is on its way to one end, and what has come there and was not read.

    *capacity* is in bytes, both together.
    """

    __slots__ = ("arrived", "capacity", "ended", "lane", "under_way")

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        #: What has come, unread.
        self.arrived = bytearray()
        #: How many bytes were sent and have not come.
        self.under_way = 0
        #: Whether the end has come: nothing follows.
        self.ended = False
        self.lane: Lane = deque()

    def room(self) -> int:
        """Return how many bytes may be sent now."""
        room = self.capacity - self.under_way - len(self.arrived)
        if room < 0:
            return 0
        return room

    def take(self, size: int) -> bytes:
        """Return up to *size* bytes of what has come, and remove them."""
        arrived = self.arrived
        if size >= len(arrived):
            data = bytes(arrived)
            arrived.clear()
        else:
            data = bytes(arrived[:size])
            del arrived[:size]
        return data
