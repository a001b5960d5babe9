"""Callbacks that wait for a time: the timer heap.

`Timers` is a binary heap of ``(when, handle)`` pairs, which compare in C by their
time.  Only when two times are equal are the handles compared, by time again, so
that neither is less: timers that are due at the same instant leave the heap in the
order in which asyncio's heap of handles lets them go, which programs can observe.

States
    scheduled -- due -----> ready
              -- cancel --> cancelled
    ready     -- run -----> run
              -- cancel --> cancelled

Invariants
    ``cancelled`` counts the cancelled timers of the heap and, as asyncio, some that left it.
    A heap of over 100 that is mostly cancelled is rebuilt in the next iteration:
    a server that arms a timeout for each request would grow without end.

Read next: futures.py
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

from ..interface import AbstractEventLoop
from ..support import describe
from .handles import Handle

__all__ = ["TRANSITIONS", "TimerHandle", "Timers"]

TRANSITIONS = (
    ("scheduled", "due", "ready"),
    ("scheduled", "cancel", "cancelled"),
    ("ready", "run", "run"),
    ("ready", "cancel", "cancelled"),
)

# Below this many timers a rebuild costs more than the cancelled ones weigh.
_REBUILD_ABOVE = 100


class TimerHandle(Handle):
    """What ``call_at`` returns: a callback that is due *when* (seconds on the loop's clock)."""

    __slots__ = ("_scheduled", "_when")

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: AbstractEventLoop,
        context: Context | None = None,
    ) -> None:
        super().__init__(callback, args, loop, context)
        if self._source_traceback:
            del self._source_traceback[-1]
        self._when = when
        self._scheduled = False

    def when(self) -> float:
        """Return the time, in seconds on the loop's clock, at which the callback is due."""
        return self._when

    def cancel(self) -> None:
        """Cancel the callback; its place in the heap is given back within two iterations."""
        if self._callback is not None:
            if self._scheduled:
                self._loop._timer_handle_cancelled(self)  # type: ignore[attr-defined]
            if self._source_traceback:
                self._repr = describe.handle(self, cancelled=True)
            self._callback = self._args = None

    def __hash__(self) -> int:
        return hash(self._when)

    def __lt__(self, other: object) -> bool:
        return self._when < other._when if isinstance(other, TimerHandle) else NotImplemented

    def __le__(self, other: object) -> bool:
        return self < other or self == other if isinstance(other, TimerHandle) else NotImplemented

    def __gt__(self, other: object) -> bool:
        return self._when > other._when if isinstance(other, TimerHandle) else NotImplemented

    def __ge__(self, other: object) -> bool:
        return self > other or self == other if isinstance(other, TimerHandle) else NotImplemented

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TimerHandle):
            return NotImplemented
        mine = (self._when, self._callback, self._args)
        return mine == (other._when, other._callback, other._args)


class Timers:
    """The heap of timers of one loop: each entry begins with a time and ends with its timer."""

    __slots__ = ("cancelled", "heap")

    def __init__(self) -> None:
        self.heap: list[tuple[float, TimerHandle]] = []
        self.cancelled = 0

    def drop_cancelled(self) -> None:
        """Take cancelled timers off the top, or rebuild a heap that is mostly cancelled ones."""
        heap = self.heap
        if 2 * self.cancelled > len(heap) > _REBUILD_ABOVE:
            # In place: the loop holds on to this list.
            heap[:] = [pair for pair in heap if pair[-1]._callback is not None]
            heapq.heapify(heap)
            self.cancelled = 0
            return
        while heap and heap[0][-1]._callback is None:
            heapq.heappop(heap)
            self.cancelled -= 1

    def release_due(self, end: float, ready: deque[Any]) -> int:
        """Move the timers that are due before *end* (seconds) to *ready*; return its length."""
        if self.cancelled:
            self.drop_cancelled()
        heap = self.heap
        while heap and heap[0][0] < end:
            handle = heapq.heappop(heap)[-1]
            handle._scheduled = False
            ready.append(handle)
        return len(ready)
