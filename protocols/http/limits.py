"""How much, how long and how often: the limits of a server, and what measures them.

A `Deadline` is one moment by which something must have happened; moving it later, as
every byte does, costs an assignment and no timer.  A `TokenBucket` counts what a peer may
do now and then but not all the time.

Read next: fields.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, fields

__all__ = ["RANGES", "Deadline", "Limits", "TokenBucket"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server puts up with; times in seconds, sizes in bytes.

    Args:
        header_timeout: from the connection, or a request's first byte, to the head's end.
        keep_alive: between two requests.
        body_grace: how long a body may be awaited before its rate is looked at.
        body_rate: bytes per second that a body must bring on the average after that, and
            that a client must take that lets the server wait.
        write_stall: how long a client may take less than that of what it is sent.
        linger: how long a refused client may go on sending until it has read why, and one that
            has everything may leave the end of TLS unanswered.
        header_fields: number of header fields, cookie crumbs included.
        header_block: size of a head.
        target: size of a request's first line.
        chunk_line: size of a line that begins a chunk.
        inbound: what is kept for an application that does not read, per stream.
        outbound: what is kept for a client that does not read, per stream.
        discard: how much of a body is read that nobody asked for, to keep a connection.
        connection_window: what HTTP/2 clients may send before any is consumed, in all.
        streams: concurrent HTTP/2 streams.
        running_handlers: applications at work for one connection.
        control_queue: unread replies to HTTP/2's control frames.
        abuse_burst: tokens a connection starts with; a reset costs one.
        abuse_rate: tokens per second that come back.
        requests: requests per connection, 0 for any number.
        websocket_message: size of a message, inflated.
        websocket_ping: how often a WebSocket peer is asked whether it is there, 0 for never.
        websocket_pong: how long it may take to answer.
        websocket_close: how long the other side may take to answer a close frame.

    Raises ValueError for a number with which nothing could be served; `RANGES` has those that
    are not just 0 or more.
    """

    header_timeout: float = 10.0
    keep_alive: float = 5.0
    body_grace: float = 10.0
    body_rate: float = 240.0
    write_stall: float = 30.0
    linger: float = 2.0
    header_fields: int = 100
    header_block: int = 32 * 1024
    target: int = 8 * 1024
    chunk_line: int = 256
    inbound: int = 64 * 1024
    outbound: int = 64 * 1024
    discard: int = 64 * 1024
    connection_window: int = 1024 * 1024
    streams: int = 100
    running_handlers: int = 100
    control_queue: int = 64 * 1024
    abuse_burst: float = 100.0
    abuse_rate: float = 10.0
    requests: int = 0
    websocket_message: int = 1024 * 1024
    websocket_ping: float = 20.0
    websocket_pong: float = 20.0
    websocket_close: float = 5.0

    def __post_init__(self) -> None:
        for each in fields(self):
            least, most = RANGES.get(each.name, (0, _MOST))
            value = getattr(self, each.name)
            if not least <= value <= most:  # which no comparison with NaN is
                raise ValueError(
                    f"{each.name} is a number from {least:,} to {most:,}, not {value:,}"
                )


_MOST = 10**12
#: No window or setting of HTTP/2 is larger (RFC 9113, sections 6.5.2 and 6.9.1).
_WORD = 2**31 - 1
_BYTES = (1, _MOST)
_SECONDS = (0.001, 10**9)
#: From what to what limits may be: nothing moves where there is room for no byte and no
#: application, or no time, and rates are divided by.
RANGES: dict[str, tuple[float, float]] = {
    "header_timeout": _SECONDS,
    "keep_alive": (0, 10**9),
    "body_grace": (0, 10**9),
    "body_rate": (0.001, _MOST),
    "write_stall": _SECONDS,
    "linger": (0, 10**9),
    "header_block": (1, _WORD // 2),
    "target": _BYTES,
    "chunk_line": _BYTES,
    "inbound": _BYTES,
    "outbound": _BYTES,
    "connection_window": (65535, _WORD),
    "streams": (1, _WORD),
    "running_handlers": (1, _MOST),
    "abuse_burst": (1, _MOST),
    "websocket_message": _BYTES,
    "websocket_ping": (0, 10**9),
    "websocket_pong": _SECONDS,
    "websocket_close": (0, 10**9),
}


class Deadline:
    """Calls *expired* once, when the moment last set has passed."""

    __slots__ = ("_expired", "_loop", "_timer", "_timer_at", "_when")

    def __init__(self, loop: asyncio.AbstractEventLoop, expired: Callable[[], None]) -> None:
        self._loop = loop
        self._expired = expired
        self._when: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def set(self, seconds: float) -> None:
        """Move the deadline to *seconds* from now."""
        self._when = when = self._loop.time() + seconds
        if self._timer is not None:
            # A timer that fires too early looks again; only one that is too late is replaced.
            if self._timer_at <= when:
                return
            self._timer.cancel()
        self._arm(when)

    def clear(self) -> None:
        """Have no deadline for now."""
        self._when = None

    def close(self) -> None:
        """Have no deadline any more, and leave no timer."""
        self._when = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, when: float) -> None:
        self._timer_at = when
        self._timer = self._loop.call_at(when, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._when is None:
            return
        if self._when > self._timer_at:
            self._arm(self._when)
        else:
            self._when = None
            self._expired()


class TokenBucket:
    """Holds at most *burst* tokens, and gets *rate* of them per second."""

    __slots__ = ("_at", "_burst", "_clock", "_rate", "tokens")

    def __init__(self, burst: float, rate: float, clock: Callable[[], float]) -> None:
        self._burst = burst
        self._rate = rate
        self._clock = clock
        self._at = clock()
        self.tokens = burst

    def take(self, count: float = 1.0) -> bool:
        """Take *count* tokens; return False if there were not as many."""
        now = self._clock()
        self.tokens = min(self._burst, self.tokens + (now - self._at) * self._rate) - count
        self._at = now
        return self.tokens >= 0
