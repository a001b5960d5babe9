"""What one HTTP/2 stream has to send: pieces that wait for the client's credit.

Read next: http2.py
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from .events import Headers
from .exchange import Exchange
from .limits import Deadline

if TYPE_CHECKING:
    from .http2 import Http2

__all__ = ["Outbound"]


class Outbound:
    """The sending side of a stream; it refers to an application's bytes and copies none."""

    __slots__ = ("_deadline", "_pieces", "done", "ended", "exchange", "size", "trailers")

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.size = 0
        self.ended = False  # nothing is put any more
        self.done = False  # the end was sent
        self.trailers: Headers = []
        self._pieces: deque[memoryview] = deque()
        self._deadline: Deadline | None = None

    def put(self, data: bytes, end: bool, trailers: Headers) -> None:
        """Add *data*, and the end."""
        if data:
            self._pieces.append(memoryview(data))
            self.size += len(data)
        self.ended = self.ended or end
        self.trailers = trailers

    def take(self, most: int) -> bytes:
        """Remove and return at most *most* bytes; there was credit, so nothing is late."""
        if self._deadline is not None:
            self._deadline.close()
            self._deadline = None
        taken = []
        left = most
        while left and self._pieces:
            piece = self._pieces.popleft()
            if len(piece) > left:
                self._pieces.appendleft(piece[left:])
                piece = piece[:left]
            taken.append(piece)
            left -= len(piece)
        self.size -= most - left
        return b"".join(taken)

    def wait_for_credit(self, driver: Http2, late: Callable[[Exchange], None]) -> None:
        """Call *late* unless credit comes in time."""
        if self._deadline is None:
            self._deadline = Deadline(driver.loop, lambda: late(self.exchange))
            self._deadline.set(driver.limits.write_stall)

    def close(self) -> None:
        """Forget everything."""
        self._pieces.clear()
        self.size = 0
        if self._deadline is not None:
            self._deadline.close()
            self._deadline = None
