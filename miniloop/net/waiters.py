"""One future for many waits, where nobody can tell.

Who waits for the next message waits again right after it; a future for each wait costs
more than all that happens to it.  A future that is done, and that nobody but its owner
still refers to, is as good as a new one once it is pending again.

States of such a future
    pending -- done -------------> spent
    spent   -- renew, unshared --> pending
            -- renew, shared ----> left

Read next: stream_reader.py
"""

from __future__ import annotations

from collections.abc import Generator
from sys import getrefcount
from types import coroutine
from typing import Any

from ..core.futures import FINISHED, PENDING, Future

__all__ = ["TRANSITIONS", "wait_again"]

TRANSITIONS = (
    ("pending", "done", "spent"),
    ("spent", "renew, unshared", "pending"),
    ("spent", "renew, shared", "left"),
)

#: References to a future that its owner has let go: a variable, and getrefcount's own.
UNSHARED = 2


@coroutine
def wait_again(loop: Any, owner: Any) -> Generator[Any, None, Any]:
    """Wait for a future of *loop*; return its result.

    It stands in ``owner._waiter`` until who waits goes on, or until *owner* takes it away;
    ``owner._give_up()`` does so when waiting has failed or was cancelled.
    It is ``owner._spent``, if only that attribute refers to it, or a new one.  A future that
    failed or was cancelled, or one of another make, or in debug mode, is never used again.
    The rest is what ``Future.__await__`` does, for one call instead of three.
    """
    future = owner._spent
    owner._spent = None
    if (
        type(future) is Future
        and getrefcount(future) == UNSHARED
        and future._state is FINISHED
        and future._exception is None
        and not loop._debug
    ):
        future._state = PENDING
        future._result = None  # a message that nobody needs any more
    else:
        future = loop.create_future()
    owner._waiter = future
    try:
        if type(future) is not Future:
            result = yield from future
        else:
            future._asyncio_future_blocking = loop
            yield future
            if future._state is PENDING:
                raise RuntimeError("await wasn't used with future")
            if future._state is not FINISHED or future._exception is not None:
                future.result()  # raises
            result = future._result
        if owner._waiter is future:
            owner._waiter = None
            # Not with a connection in it, say: what is dropped has to be gone at once.
            if type(result) is bytes:
                owner._spent = future
        return result
    except BaseException:
        if owner._waiter is future:
            owner._give_up()
        del future  # the traceback holds this frame: no cycle through it
        raise
