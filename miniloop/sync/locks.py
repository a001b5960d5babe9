"""Lock, Event, Condition, Semaphore, BoundedSemaphore.

The primitives with which the tasks of one loop wait for one another.  None
of them is safe to share between threads.

States
    Each holds a value and a line of waiters.  A waiter is a Future that its
    task awaits, and takes out of the line itself when it runs again:

    waiting (pending) -> chosen (has a result, its task is due) -> gone

Invariants
    First come, first served: whoever arrives while somebody is in line queues
    up behind, even when the value would allow it to pass.
    A wake-up is never lost: a task that was chosen and then cancelled passes
    its turn on.
    What does not have to wait makes no future and does not look at the loop.

Where it differs from asyncio
    ``loop=`` is accepted, as it was up to Python 3.9: using the object on
    another loop is then a RuntimeError at once.
    ``async with`` on a free Lock or Semaphore takes it in place, without a
    second coroutine for `acquire`, and frees it in place; a subclass with its
    own `acquire` or `release` is heeded.

Read next: barriers.py
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Literal, TypeAlias, TypeVar

from ..interface import AbstractEventLoop, CancelledError, get_running_loop
from .mixins import DONE, LoopBound

__all__ = ["BoundedSemaphore", "Condition", "Event", "Lock", "Semaphore"]

T = TypeVar("T")
_Waiters: TypeAlias = "deque[Any]"


def describe(thing: LoopBound, state: str, waiters: _Waiters | None) -> str:
    """Return the ``repr`` of *thing*, with its *state* and the number of its waiters."""
    if waiters:
        state = f"{state}, waiters:{len(waiters)}"
    return f"<{object.__repr__(thing)[1:-1]} [{state}]>"


class _Acquired(LoopBound):
    """``async with`` for what has `acquire` and `release`."""

    # Condition has these two as attributes of each instance, not as methods.
    acquire: Callable[[], Coroutine[Any, Any, Literal[True]]]
    release: Callable[[], None]

    def __init_subclass__(cls) -> None:
        """Drop the inherited short ways where a subclass overrides what they shorten."""
        super().__init_subclass__()
        for short, method in (("__aenter__", "acquire"), ("__aexit__", "release")):
            first = next(base for base in cls.__mro__ if {short, method} & vars(base).keys())
            if short not in vars(first):
                setattr(cls, short, getattr(_Acquired, short))

    # Both return DONE where there is nothing to wait for: `async with` is most often
    # uncontended, and a coroutine costs more than taking the lock does.

    def __aenter__(self) -> Awaitable[None]:
        return self._entered()

    async def _entered(self) -> None:
        await self.acquire()

    def __aexit__(self, *exc_info: object) -> Awaitable[None]:
        self.release()
        return DONE  # type: ignore[no-any-return]


class Lock(_Acquired):
    """Let one task at a time through; the others follow in the order they came.

    The lock is not owned: any task, and any callback, may release it.
    ``async with lock:`` acquires and releases it.  *loop* binds it to a loop.
    """

    def __init__(self, *, loop: AbstractEventLoop | None = None) -> None:
        self._loop = loop
        self._locked = False
        self._waiters: _Waiters | None = None

    def __repr__(self) -> str:
        return describe(self, "locked" if self._locked else "unlocked", self._waiters)

    def locked(self) -> bool:
        """Tell whether somebody holds the lock."""
        return self._locked

    async def acquire(self) -> Literal[True]:
        """Take the lock, waiting in line for it if necessary, and return True.

        A task that is cancelled in line does not hold the lock.
        """
        waiters = self._waiters
        if not self._locked and (not waiters or all(w.cancelled() for w in waiters)):
            self._locked = True
            return True
        loop = get_running_loop()
        if loop is not self._loop:
            self._bind(loop)
        if waiters is None:
            waiters = self._waiters = deque()
        waiter = loop.create_future()
        waiters.append(waiter)
        try:
            try:
                await waiter
            finally:
                waiters.remove(waiter)
        except CancelledError:
            # We may have been chosen before we were cancelled: then nobody else
            # will wake the next in line.
            if not self._locked:
                self._wake_up_first()
            raise
        self._locked = True
        return True

    def __aenter__(self) -> Awaitable[None]:
        if self._locked or self._waiters:
            return self._entered()
        self._locked = True
        return DONE  # type: ignore[no-any-return]

    def __aexit__(self, *exc_info: object) -> Awaitable[None]:
        if not self._locked or self._waiters:
            self.release()
        else:
            self._locked = False
        return DONE  # type: ignore[no-any-return]

    def release(self) -> None:
        """Free the lock and choose the first in line.  Raises RuntimeError when it is free."""
        if not self._locked:
            raise RuntimeError("Lock is not acquired.")
        self._locked = False
        if self._waiters:
            self._wake_up_first()

    def _wake_up_first(self) -> None:
        # Only the head of the line: when it is done it was chosen already, or
        # cancelled, and passes the turn on itself as it leaves.
        if self._waiters:
            first = self._waiters[0]
            if not first.done():
                first.set_result(True)


class Event(LoopBound):
    """A flag for which any number of tasks can wait.  *loop* binds it to a loop."""

    def __init__(self, *, loop: AbstractEventLoop | None = None) -> None:
        self._loop = loop
        self._value = False
        self._waiters: _Waiters = deque()

    def __repr__(self) -> str:
        return describe(self, "set" if self._value else "unset", self._waiters)

    def is_set(self) -> bool:
        """Tell whether the flag is set."""
        return self._value

    def set(self) -> None:
        """Set the flag and wake every task that waits for it."""
        if not self._value:
            self._value = True
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(True)

    def clear(self) -> None:
        """Reset the flag: from now on `wait` waits again."""
        self._value = False

    async def wait(self) -> Literal[True]:
        """Return True as soon as the flag is set, at once when it is set already.

        A task that was woken returns even if the flag has been cleared since.
        """
        if self._value:
            return True
        loop = get_running_loop()
        if loop is not self._loop:
            self._bind(loop)
        waiter = loop.create_future()
        waiters = self._waiters
        waiters.append(waiter)
        try:
            await waiter
            return True
        finally:
            waiters.remove(waiter)


class Condition(_Acquired):
    """A lock together with a line of tasks that wait to be notified.

    *lock* is the Lock to use, a new one if None; *loop* binds both.
    Raises ValueError when both are given and *lock* is not bound to *loop*.
    """

    def __init__(self, lock: Lock | None = None, *, loop: AbstractEventLoop | None = None) -> None:
        if lock is None:
            lock = Lock(loop=loop)
        elif loop is not None and lock._loop is not loop:
            raise ValueError("loop argument must agree with lock")
        self._loop = loop
        self._lock = lock
        self.locked = lock.locked
        self.acquire = lock.acquire
        self.release = lock.release
        self._waiters: _Waiters = deque()

    def __repr__(self) -> str:
        return describe(self, "locked" if self.locked() else "unlocked", self._waiters)

    async def wait(self) -> Literal[True]:
        """Release the lock, wait to be notified, take the lock again, return True.

        Raises RuntimeError when the lock is not held.  The lock is held again
        whenever this returns or raises, cancellation included.  It may return
        without a matching `notify`: look again at what you waited for.
        """
        if not self.locked():
            raise RuntimeError("cannot wait on un-acquired lock")
        waiter = self._get_loop().create_future()
        self.release()
        try:
            try:
                self._waiters.append(waiter)
                try:
                    await waiter
                    return True
                finally:
                    self._waiters.remove(waiter)
            finally:
                await self._acquire_again()
        except BaseException:
            # We may have been notified just before this; the notification must
            # not be lost.  One wake-up too many is allowed, one too few is not.
            self._notify(1)
            raise

    async def _acquire_again(self) -> None:
        """Take the lock however often we are cancelled; then raise the last cancellation."""
        cancelled = None
        while True:
            try:
                await self.acquire()
                break
            except CancelledError as exc:
                cancelled = exc
        if cancelled is not None:
            try:
                raise cancelled
            finally:
                cancelled = None  # or this frame and the exception keep each other alive

    async def wait_for(self, predicate: Callable[[], T]) -> T:
        """Wait until ``predicate()`` is true and return what it returned."""
        while not (result := predicate()):
            await self.wait()
        return result

    def notify(self, n: int = 1) -> None:
        """Wake the first *n* waiting tasks; each goes on once it has the lock.

        Raises RuntimeError when the lock is not held.
        """
        if not self.locked():
            raise RuntimeError("cannot notify on un-acquired lock")
        self._notify(n)

    def _notify(self, n: int) -> None:
        for waiter in self._waiters:
            if n <= 0:
                break
            if not waiter.done():
                n -= 1
                waiter.set_result(False)

    def notify_all(self) -> None:
        """Wake all waiting tasks.  Raises RuntimeError when the lock is not held."""
        self.notify(len(self._waiters))


class Semaphore(_Acquired):
    """Let *value* tasks through at a time; the others follow in the order they came.

    *loop* binds it to a loop.  Raises ValueError when *value* is negative.
    """

    def __init__(self, value: int = 1, *, loop: AbstractEventLoop | None = None) -> None:
        if value < 0:
            raise ValueError("Semaphore initial value must be >= 0")
        self._loop = loop
        self._value = value
        self._waiters: _Waiters | None = None

    def __repr__(self) -> str:
        state = "locked" if self.locked() else f"unlocked, value:{self._value}"
        return describe(self, state, self._waiters)

    def locked(self) -> bool:
        """Tell whether `acquire` would have to wait: nothing left, or others are in line."""
        return self._value == 0 or not all(w.cancelled() for w in self._waiters or ())

    async def acquire(self) -> Literal[True]:
        """Take one unit, waiting in line for it if necessary, and return True.

        A task that is cancelled in line has taken nothing.
        """
        waiters = self._waiters
        if self._value and (not waiters or all(w.cancelled() for w in waiters)):
            self._value -= 1
            return True
        loop = get_running_loop()
        if loop is not self._loop:
            self._bind(loop)
        if waiters is None:
            waiters = self._waiters = deque()
        waiter = loop.create_future()
        waiters.append(waiter)
        try:
            try:
                await waiter
            finally:
                waiters.remove(waiter)
        except CancelledError:
            # Whoever chose us took a unit in our name: give it back.
            if waiter.done() and not waiter.cancelled():
                self._value += 1
            raise
        finally:
            # Units that came back while the line was being served.
            while self._value > 0 and self._wake_up_next():
                pass
        return True

    def __aenter__(self) -> Awaitable[None]:
        if self._waiters or not self._value:
            return self._entered()
        self._value -= 1
        return DONE  # type: ignore[no-any-return]

    def __aexit__(self, *exc_info: object) -> Awaitable[None]:
        self._value += 1
        if self._waiters:
            self._wake_up_next()
        return DONE  # type: ignore[no-any-return]

    def release(self) -> None:
        """Give one unit back and choose the first in line."""
        self._value += 1
        if self._waiters:
            self._wake_up_next()

    def _wake_up_next(self) -> bool:
        """Hand a unit to the first in line who has none yet; tell whether there was one."""
        waiters = self._waiters
        if waiters is not None:
            for waiter in waiters:
                if not waiter.done():
                    self._value -= 1
                    waiter.set_result(True)
                    return True
        return False


class BoundedSemaphore(Semaphore):
    """A semaphore that refuses to be released more often than it was acquired."""

    def __init__(self, value: int = 1, *, loop: AbstractEventLoop | None = None) -> None:
        self._bound_value = value
        super().__init__(value, loop=loop)

    def release(self) -> None:
        """Give one unit back.  Raises ValueError when all units are back already."""
        if self._value >= self._bound_value:
            raise ValueError("BoundedSemaphore released too many times")
        super().release()
