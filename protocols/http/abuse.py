"""What a client may do now and then and not all the time, and what each costs it.

    a reset, its own or one that it makes the server send     1 token
    a request that is refused, an empty DATA, a GOAWAY        1
    a PING, a SETTINGS, which are answered                    0.2
    other frames that carry nothing, or come too late         0.1

There are so many tokens at first, and so many come back per second (limits.py).  What
belongs to every response, as WINDOW_UPDATE does, is free for whoever takes responses: a
DATA frame pays for four, unless it was small because the client's window was.  So a busy
client spends nothing, and one that has answers sent byte by byte everything.

Read next: priorities.py
"""

from __future__ import annotations

from collections.abc import Callable

from .limits import Limits, TokenBucket

__all__ = ["CONTROL", "SMALL", "Account"]

CONTROL = 0.2
SMALL = 0.1

#: A window that is smaller, in bytes, is a drop.
_DROP = 1024
#: What a DATA frame pays for, and how much of that may be kept.
_PAID, _MOST = 4, 1000


class Account:
    """The tokens of one connection; *overdrawn* is called when there are none left."""

    def __init__(
        self, limits: Limits, clock: Callable[[], float], overdrawn: Callable[[], None]
    ) -> None:
        self._bucket = TokenBucket(limits.abuse_burst, limits.abuse_rate, clock)
        self._overdrawn = overdrawn
        self._free = 100

    def spend(self, tokens: float) -> None:
        """Take *tokens*."""
        if not self._bucket.take(tokens):
            self._overdrawn()

    def minor(self, count: int = 1) -> None:
        """Take what *count* frames cost that belong to responses, if they are not free."""
        if self._free >= count:
            self._free -= count
        else:
            self.spend(count * SMALL)

    def allow(self) -> None:
        """Let one more frame be free."""
        self._free += 1

    def sent(self, window: int, size: int) -> None:
        """A DATA frame is sent of *size* bytes that waited, as far as *window* goes."""
        if window > _DROP or window >= size:
            self._free = min(_MOST, self._free + _PAID)
