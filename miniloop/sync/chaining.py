"""A future that follows another one: from a thread into the loop.

Read next: threads.py
"""

from __future__ import annotations

import concurrent.futures
from typing import Any

from ..core.futures import isfuture
from ..interface import AbstractEventLoop, CancelledError, InvalidStateError
from ..support import current

__all__ = ["translated", "wrap_future"]


def wrap_future(future: Any, *, loop: AbstractEventLoop | None = None) -> Any:
    """Return a future of *loop* (default: the current one) that follows *future*.

    *future* is a ``concurrent.futures.Future``, completed in whatever thread;
    cancelling one cancels the other.  A future of a loop comes back as it is.
    Raises TypeError for anything else.  Counterpart: ``asyncio.wrap_future``.
    """
    if isfuture(future):
        return future
    if not isinstance(future, concurrent.futures.Future):
        raise TypeError(f"concurrent.futures.Future is expected, got {future!r}")
    target_loop = current.get_event_loop() if loop is None else loop
    target: Any = target_loop.create_future()

    def pass_on_cancel(_: Any) -> None:
        if target.cancelled():
            future.cancel()

    # A concurrent future keeps its callbacks when it is done: one that knew the future, other
    # than as its argument, would keep the result until the garbage collector comes.
    def pass_on_outcome(done: Any) -> None:
        if not target_loop.is_closed():
            target_loop.call_soon_threadsafe(_copy_future_state, done, target)

    target.add_done_callback(pass_on_cancel)
    future.add_done_callback(pass_on_outcome)
    return target


def _copy_future_state(source: Any, target: Any) -> None:
    """Complete *target* as *source* (of a loop, or of a thread) was completed."""
    if target.done():
        return
    if source.cancelled():
        target.cancel()
        return
    error = source.exception()
    if error is None:
        target.set_result(source.result())
        return
    target.set_exception(translated(error))


def translated(error: BaseException) -> BaseException:
    """Return *error*, or the loop's own kind of it if it is concurrent.futures' kind."""
    for theirs, ours in (
        (concurrent.futures.CancelledError, CancelledError),
        (concurrent.futures.InvalidStateError, InvalidStateError),
    ):
        if type(error) is theirs:
            return ours(*error.args).with_traceback(error.__traceback__)
    return error
