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

from sys import getrefcount
from typing import Any

from ..core.futures import FINISHED, PENDING, Future

__all__ = ["TRANSITIONS", "renewed"]

TRANSITIONS = (
    ("pending", "done", "spent"),
    ("spent", "renew, unshared", "pending"),
    ("spent", "renew, shared", "left"),
)

#: References to a future that only its owner has: the owner's, the argument, getrefcount's own.
UNSHARED = 3


def renewed(loop: Any, spent: Any) -> Any:
    """Return a pending future of *loop*: *spent*, if only one attribute refers to it, or a new one.

    *spent* is passed right from that attribute.  A future that failed or was cancelled,
    or one of another make, or in debug mode, is never used again.
    """
    if (
        type(spent) is Future
        and getrefcount(spent) == UNSHARED
        and spent._state is FINISHED
        and spent._exception is None
        and not loop._debug
    ):
        spent._state = PENDING
        spent._result = None  # a message that nobody needs any more
        return spent
    return loop.create_future()
