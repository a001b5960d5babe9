"""What a future says it is when a library asks ``isinstance``.

Libraries look at what a task waits for: anyio asks whether it is an
``asyncio.Future`` that is done before it cancels, aiohappyeyeballs asserts that what
has ended is an ``asyncio.Task``.  Ours are neither by inheritance, since asyncio's own
step with asyncio's own code.  `isinstance` also asks the object for its ``__class__``,
as it does of `unittest.mock`'s specified mocks and of proxies: here is the answer.
``type(future)`` stays what it is.

Read next: watch.py
"""

from __future__ import annotations

from typing import NoReturn

from ..interface import AsyncioFuture, AsyncioTask

__all__ = ["LikeFuture", "LikeTask"]


class LikeFuture:
    """The base of futures: an ``asyncio.Future`` to those who ask."""

    __slots__ = ()

    @property
    def __class__(self) -> type:
        return AsyncioFuture

    @__class__.setter
    def __class__(self, value: type) -> None:
        raise TypeError("the class of a future cannot be changed")

    def __reduce__(self) -> NoReturn:
        # A copy would be a second task for the same coroutine.
        raise TypeError(f"cannot pickle '{type(self).__name__}' object")


class LikeTask:
    """The base of tasks: an ``asyncio.Task`` to those who ask."""

    __slots__ = ()

    @property
    def __class__(self) -> type:
        return AsyncioTask

    @__class__.setter
    def __class__(self, value: type) -> None:
        raise TypeError("the class of a task cannot be changed")
