"""A race with staggered starts: what "happy eyeballs" (RFC 8305) needs.

Where it differs from asyncio
    When two succeed in the same turn, the loser's result is not forgotten but
    given to the caller, who can close it.

Read next: server.py
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from ..sync.combinators import FIRST_COMPLETED, wait

__all__ = ["Race"]


class Race:
    """Starts *attempts* one by one until the first succeeds.

    The next begins when the latest has failed, or *delay* seconds after it.  When
    the race is over, the others are cancelled; the result of one that succeeded
    nevertheless is given to *discard*.
    """

    def __init__(
        self,
        loop: Any,
        attempts: Iterable[Callable[[], Awaitable[Any]]],
        delay: float,
        discard: Callable[[Any], object],
    ) -> None:
        self._loop = loop
        self._attempts = iter(attempts)
        self._delay = delay
        self._discard = discard
        self._running: list[Any] = []

    async def winner(self) -> Any:
        """Return the first result, or None when all have failed.  Cancellation ends the race."""
        try:
            while self._start_next():
                latest, due = self._running[-1], self._loop.time() + self._delay
                while latest in self._running and (left := due - self._loop.time()) > 0:
                    won = await self._look(left)
                    if won is not None:
                        return won
            while self._running:
                won = await self._look(None)
                if won is not None:
                    return won
            return None
        finally:
            await self._end()

    def _start_next(self) -> bool:
        attempt = next(self._attempts, None)
        if attempt is None:
            return False
        self._running.append(self._loop.create_task(attempt()))
        return True

    async def _look(self, seconds: float | None) -> Any:
        """Wait for one to end, *seconds* at most; return its result, or None if it failed."""
        done, _ = await wait(self._running, timeout=seconds, return_when=FIRST_COMPLETED)
        for task in [each for each in self._running if each in done]:
            self._running.remove(task)
            if not task.cancelled() and task.exception() is None:
                return task.result()
        return None

    async def _end(self) -> None:
        losers, self._running = self._running, []
        for task in losers:
            task.cancel()
        if losers:
            await wait(losers)
        for task in losers:
            if not task.cancelled() and task.exception() is None:
                self._discard(task.result())
