"""Waiting for a future, but not for longer than so many seconds.

`asyncio.timeout` cancels the task and turns the cancellation into an error.  A future
that belongs to one waiter needs none of that: a timer fails the future itself, so a
cancellation seen here is always somebody else's.

Read next: exchange.py
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from .errors import TimedOut, TotalTimeout

__all__ = ["overall", "until"]

T = TypeVar("T")


def _expire(future: asyncio.Future[T], error: TimedOut) -> None:
    """Fail *future* if it is still pending."""
    if not future.done():
        future.set_exception(error)


async def until(future: asyncio.Future[T], seconds: float | None, error: TimedOut) -> T:
    """Return the result of *future*, which only the caller waits for.

    Raises:
        TimedOut: *error*, after so many *seconds*.
    """
    if seconds is None:
        return await future
    timer = asyncio.get_running_loop().call_later(seconds, _expire, future, error)
    try:
        return await future
    finally:
        timer.cancel()
        if future.done() and not future.cancelled():
            future.exception()  # it may have failed just when the caller was cancelled


@asynccontextmanager
async def overall(deadline: float | None) -> AsyncIterator[None]:
    """Raise TotalTimeout when the loop's clock reaches *deadline* in this block."""
    scope = asyncio.timeout_at(deadline)
    try:
        async with scope:
            yield
    except TimeoutError as error:
        if scope.expired() and not isinstance(error, TimedOut):
            raise TotalTimeout("the exchange was not over in time") from None
        raise
