"""What one HTTP/2 stream has to send: pieces that wait for the client's credit.

Read next: abuse.py
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from .events import Headers
from .exchange import Exchange
from .limits import Deadline

__all__ = ["Outbound"]


class Outbound:
    """The sending side of a stream; it refers to an application's bytes and copies none.

    Credit in drops wins little time: a client that has taken ``write_stall`` seconds may go
    on as long as what it takes makes ``body_rate`` bytes per second (CVE-2019-9511).
    """

    __slots__ = (
        "_deadline",
        "_patience",
        "_pieces",
        "_since",
        "done",
        "ended",
        "exchange",
        "size",
        "trailers",
        "turn",
    )

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.size = 0
        self.ended = False  # nothing is put any more
        self.done = False  # the end was sent
        self.trailers: Headers = []
        self._pieces: deque[memoryview] = deque()
        self.turn = 0  # how much the connection had sent at its last turn
        self._deadline: Deadline | None = None
        self._since = 0.0  # when it began to wait for credit
        self._patience = exchange.driver.limits.write_stall

    def put(self, data: bytes, end: bool, trailers: Headers) -> None:
        """Add *data*, and the end."""
        if data:
            self._pieces.append(memoryview(data))
            self.size += len(data)
        self.ended = self.ended or end
        self.trailers = trailers

    def take(self, most: int) -> bytes:
        """Remove and return at most *most* bytes, for which there is credit."""
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
        if self._deadline is not None:
            self._credit_came(most - left, self._deadline)
        return b"".join(taken)

    def _credit_came(self, size: int, deadline: Deadline) -> None:
        deadline.close()
        self._deadline = None
        driver = self.exchange.driver
        left = self._patience - (driver.loop.time() - self._since)
        self._patience = min(driver.limits.write_stall, left + size / driver.limits.body_rate)

    def wait_for_credit(self, late: Callable[[Outbound], None]) -> None:
        """Call *late* unless credit comes in time."""
        if self._deadline is None:
            loop = self.exchange.driver.loop
            self._since = loop.time()
            self._deadline = Deadline(loop, lambda: late(self))
            self._deadline.set(max(0.0, self._patience))

    def wait_again(self) -> None:
        """Have the whole time for credit once more."""
        driver = self.exchange.driver
        self._patience = driver.limits.write_stall
        self._since = driver.loop.time()
        if self._deadline is not None:
            self._deadline.set(self._patience)

    def close(self) -> None:
        """Forget everything."""
        self._pieces.clear()
        self.size = 0
        if self._deadline is not None:
            self._deadline.close()
            self._deadline = None
