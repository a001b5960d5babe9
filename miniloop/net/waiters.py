"""One future for many waits, where nobody can tell.

Who waits for the next message waits again right after it; a future for each wait costs
more than all that happens to it.  A future that is done, and that nobody but its owner
still refers to, is as good as a new one once it is pending again.

States of such a future
    pending -- done -------------> spent
            -- fail -------------> left
    spent   -- renew, unshared --> pending
            -- renew, shared ----> left

Invariants
    ``_spent`` is a future that is pending or spent.  Who waits for it refers to it, so
    that a pending one is shared.

Read next: stream_reader.py
"""

from __future__ import annotations

from collections.abc import Generator
from sys import getrefcount
from types import SimpleNamespace, coroutine
from typing import Any

from ..core.futures import FINISHED, PENDING, Future

__all__ = ["TRANSITIONS", "wait_again"]

TRANSITIONS = (
    ("pending", "done", "spent"),
    ("pending", "fail", "left"),
    ("spent", "renew, unshared", "pending"),
    ("spent", "renew, shared", "left"),
)


def _unshared() -> int:
    """Return how often an interpreter says that a future is referred to, by its owner alone."""
    owner = SimpleNamespace(_spent=object())
    future = owner._spent
    return getrefcount(future)


UNSHARED = _unshared()


@coroutine
def wait_again(loop: Any, owner: Any) -> Generator[Any, None, Any]:
    """Wait for a future of *loop*; return its result.

    It stands in ``owner._waiter`` until who waits goes on, or until *owner* takes it away;
    ``owner._give_up()`` does so when waiting has failed or was cancelled.
    It is ``owner._spent``, if only that attribute refers to it, or a new one.  A future that
    failed or was cancelled, or one of another make, or of debug mode, is never used again.
    The rest is what ``Future.__await__`` does, for one call instead of three.
    """
    future = owner._spent
    if future is not None and getrefcount(future) == UNSHARED:
        future._state = PENDING
    else:
        future = loop.create_future()
        if type(future) is not Future or loop._debug:
            return (yield from _wait_once(owner, future))
        owner._spent = future
    future._result = None  # instead of a message that nobody needs any more
    owner._waiter = future
    try:
        future._asyncio_future_blocking = loop
        yield future
        if future._state is not FINISHED or future._exception is not None:
            if future._state is PENDING:
                raise RuntimeError("await wasn't used with future")
            future.result()  # raises
        result = future._result
        if owner._waiter is future:
            owner._waiter = None
            # With a connection in it, say: what is dropped has to be gone at once.
            if type(result) is not bytes:
                owner._spent = None
        return result
    except BaseException:
        _failed(owner, future)
        del future  # the traceback holds this frame: no cycle through it
        raise


def _wait_once(owner: Any, future: Any) -> Generator[Any, None, Any]:
    """Do the same with a *future* that is waited for in its own way, and not again."""
    owner._spent = None
    owner._waiter = future
    try:
        result = yield from future
        if owner._waiter is future:
            owner._waiter = None
        return result
    except BaseException:
        _failed(owner, future)
        del future
        raise


def _failed(owner: Any, future: Any) -> None:
    if owner._spent is future:
        owner._spent = None
    if owner._waiter is future:
        owner._give_up()
