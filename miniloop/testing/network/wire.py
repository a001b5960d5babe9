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

    @property
    def room(self) -> int:
        """How many bytes may be sent now."""
        return max(0, self.capacity - self.under_way - len(self.arrived))

    def take(self, size: int) -> bytes:
        """Return up to *size* bytes of what has come, and remove them."""
        data = bytes(self.arrived[:size])
        del self.arrived[:size]
        return data
