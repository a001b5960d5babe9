"""Timeout, timeout, timeout_at and wait_for: a task that is given only so much time.

A Timeout cancels the task that entered it when its time has come, and turns
that cancellation, and no other, into TimeoutError on the way out.

States
    created  -- entered ---------------------> active
    active   -- time is up: task cancelled --> expiring
             -- left ------------------------> finished
    expiring -- left ------------------------> expired

Invariants
    A timer is armed only while the state is active.
    An expired timeout takes back the one cancellation that it asked for; when
    somebody else has asked for one as well, CancelledError goes on its way.

Where it differs from asyncio
    `wait_for` enters and leaves its Timeout in place, without two coroutines;
    ``loop=`` is accepted there, as it was up to Python 3.9.

Read next: taskgroups.py
"""

from __future__ import annotations

from collections.abc import Awaitable
from types import TracebackType
from typing import Any, TypeVar, final

from ..interface import AbstractEventLoop, CancelledError, current_tasks, get_running_loop
from .mixins import DONE
from .tasks import ensure_future

__all__ = ["TRANSITIONS", "Timeout", "timeout", "timeout_at", "wait_for"]

T = TypeVar("T")

CREATED = "created"
ACTIVE = "active"
EXPIRING = "expiring"
EXPIRED = "expired"
FINISHED = "finished"

TRANSITIONS = (
    (CREATED, "entered", ACTIVE),
    (ACTIVE, "time is up: task cancelled", EXPIRING),
    (ACTIVE, "left", FINISHED),
    (EXPIRING, "left", EXPIRED),
)


@final
class Timeout:
    """``async with`` block that has until *when*, in seconds on the loop's clock.

    None means for ever.  Leaving it late raises TimeoutError.  Made by
    `timeout` and `timeout_at`.  Counterpart: ``asyncio.Timeout``.
    """

    def __init__(self, when: float | None) -> None:
        self._when = when
        self._state = CREATED
        self._timeout_handler: Any = None

    def when(self) -> float | None:
        """Return the deadline, in seconds on the loop's clock, or None."""
        return self._when

    def reschedule(self, when: float | None) -> None:
        """Move the deadline to *when*; None means for ever.

        Raises RuntimeError when the timeout is not active.
        """
        if self._state != ACTIVE:
            if self._state == CREATED:
                raise RuntimeError("Timeout has not been entered")
            raise RuntimeError(f"Cannot change state of {self._state} Timeout")
        self._when = when
        if self._timeout_handler is not None:
            self._timeout_handler.cancel()
            self._timeout_handler = None
        if when is not None:
            self._arm(get_running_loop(), when)

    def _arm(self, loop: AbstractEventLoop, when: float) -> None:
        if when <= loop.time():
            self._timeout_handler = loop.call_soon(self._on_timeout)
        else:
            self._timeout_handler = loop.call_at(when, self._on_timeout)

    def expired(self) -> bool:
        """Tell whether the time was up before the block was left."""
        return self._state in (EXPIRING, EXPIRED)

    def __repr__(self) -> str:
        if self._state != ACTIVE:
            return f"<Timeout [{self._state}]>"
        when = None if self._when is None else round(self._when, 3)
        return f"<Timeout [{self._state}] when={when}>"

    async def __aenter__(self) -> Timeout:
        self._enter()
        return self

    def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> Awaitable[None]:
        self._leave(exc_type, exc)
        return DONE  # type: ignore[no-any-return]

    def _enter(self) -> None:
        """Arm the timer for the current task.  Raises RuntimeError when that cannot be."""
        if self._state != CREATED:
            raise RuntimeError("Timeout has already been entered")
        loop = get_running_loop()
        task = current_tasks.get(loop)
        if task is None:
            raise RuntimeError("Timeout should be used inside a task")
        self._state = ACTIVE
        self._task = task
        self._cancelling = task.cancelling()  # before us
        when = self._when
        if when is not None:
            self._arm(loop, when)

    def _leave(self, exc_type: type[BaseException] | None, exc: BaseException | None) -> None:
        """Disarm the timer; raise TimeoutError in place of the cancellation that it caused."""
        assert self._state in (ACTIVE, EXPIRING)
        if self._timeout_handler is not None:
            self._timeout_handler.cancel()
            self._timeout_handler = None
        if self._state == ACTIVE:
            self._state = FINISHED
            return
        self._state = EXPIRED
        if self._task.uncancel() > self._cancelling or exc_type is None:
            return  # somebody else wants the task cancelled, or it got through
        if issubclass(exc_type, CancelledError):
            raise TimeoutError from exc
        if exc is not None:
            _explain(exc)
            if isinstance(exc, ExceptionGroup):
                for part in exc.exceptions:
                    _explain(part)

    def _on_timeout(self) -> None:
        assert self._state == ACTIVE
        self._task.cancel()
        self._state = EXPIRING
        self._timeout_handler = None


def _explain(exc: BaseException) -> None:
    """Put a TimeoutError in front of the cancellation in the ancestry of *exc*."""
    while (cause := exc.__context__) is not None:
        if isinstance(cause, CancelledError):
            error = TimeoutError()
            error.__context__ = error.__cause__ = cause
            exc.__context__ = error
            return
        exc = cause


def timeout(delay: float | None) -> Timeout:
    """Return a Timeout of *delay* seconds from now; None means for ever.

    Raises RuntimeError when no loop is running.  Counterpart: ``asyncio.timeout``.
    """
    loop = get_running_loop()
    return Timeout(None if delay is None else loop.time() + delay)


def timeout_at(when: float | None) -> Timeout:
    """Return a Timeout with the deadline *when*, in seconds on the loop's clock, or None.

    Counterpart: ``asyncio.timeout_at``.
    """
    return Timeout(when)


async def wait_for(
    fut: Awaitable[T], timeout: float | None, *, loop: AbstractEventLoop | None = None
) -> T:
    """Await *fut* for at most *timeout* seconds, or for ever if None; return its result.

    When the time is up *fut* is cancelled and TimeoutError raised, once it has
    ended; if it refuses and returns a value, that is returned.  With a timeout
    of zero or less *fut* is only looked at.  Cancelling the wait cancels *fut*.
    Raises ValueError when *loop* is given and is not the running loop.
    Counterpart: ``asyncio.wait_for``.
    """
    running = get_running_loop()
    if loop is not None and loop is not running:
        raise ValueError(
            "The future belongs to a different loop than the one specified as the loop argument"
        )
    if timeout is not None and timeout <= 0:
        return await _look_at(running, fut)
    limit = Timeout(None if timeout is None else running.time() + timeout)
    limit._enter()
    try:
        result = await fut
    except BaseException as exc:
        limit._leave(type(exc), exc)
        raise
    limit._leave(None, None)
    return result


async def _look_at(loop: AbstractEventLoop, awaitable: Awaitable[T]) -> T:
    """Return what *awaitable* has already; else cancel it, wait for its end, time out."""
    future: Any = ensure_future(awaitable)
    if not future.done():
        await _cancel_and_wait(loop, future)
        try:
            return future.result()  # type: ignore[no-any-return]
        except CancelledError as exc:
            raise TimeoutError from exc
    return future.result()  # type: ignore[no-any-return]


async def _cancel_and_wait(loop: AbstractEventLoop, future: Any) -> None:
    # Awaiting the future itself would make a cancellation of the waiter look
    # like the cancellation that is waited for.
    waiter = loop.create_future()

    def release(_: Any) -> None:
        if not waiter.done():
            waiter.set_result(None)

    future.add_done_callback(release)
    try:
        future.cancel()
        await waiter
    finally:
        future.remove_done_callback(release)
