"""sleep: give up the turn, or wait for a time.

The two elementary ways to wait: a bare ``yield`` sends None to the loop and
costs one turn; a future that a timer completes costs as long as it takes.

Invariants
    ``sleep(0)`` makes no future and no timer.  A sleep that ends early, by
    cancellation, leaves no live timer behind.

Where it differs from asyncio
    ``loop=`` is accepted, as it was up to Python 3.9; it must be the running loop.
    The timer of a sleep that ran its time is not cancelled afterwards: it is over.

Read next: locks.py
"""

from __future__ import annotations

import types
from collections.abc import Generator
from typing import Any, TypeVar, overload

from ..interface import AbstractEventLoop, get_running_loop
from .mixins import check_loop

T = TypeVar("T")


@types.coroutine
def one_turn() -> Generator[None, None, None]:
    """Let everything that is ready now run once, then go on."""
    yield


def _wake(future: Any) -> None:
    # The sleeper may have been cancelled in the very turn in which its time came.
    if future._state == "PENDING":
        future.set_result(None)


@overload
async def sleep(delay: float, *, loop: AbstractEventLoop | None = None) -> None: ...
@overload
async def sleep(delay: float, result: T, *, loop: AbstractEventLoop | None = None) -> T: ...
# No star before *loop*: the interpreter's short way to a call knows no keyword-only arguments.
async def sleep(delay: float, result: Any = None, loop: AbstractEventLoop | None = None) -> Any:
    """Suspend the calling task for *delay* seconds and return *result*.

    A *delay* of zero or less costs exactly one turn of the loop.
    Raises ValueError when *delay* is not a number, RuntimeError when *loop* is
    given and is not the running loop.  Cancellation removes the timer.
    """
    if loop is not None:
        check_loop(loop, "sleep()")
    if delay <= 0:
        await one_turn()
        return result
    if delay != delay:
        raise ValueError("Invalid delay: NaN (not a number)")
    loop = get_running_loop()
    future = loop.create_future()
    timer = loop.call_later(delay, _wake, future)
    try:
        await future
        return result
    except BaseException:
        timer.cancel()
        raise
