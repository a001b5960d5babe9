"""gather, wait, as_completed, shield: one wait for many futures.

Each adds a callback to its futures and completes one future of its own; none
of them has a task of its own.

Invariants
    Awaitables that are not futures become tasks, in the order given.
    An exception of a future that nobody will be shown is marked as seen, or
    reported to the loop's exception handler; it is never silently left behind.

Where it differs from asyncio
    ``loop=`` is accepted, as it was up to Python 3.9.
    `wait` takes bare coroutines and generators and makes tasks of them; today's
    asyncio refuses them.
    `wait` and `as_completed` make those tasks in the order given; asyncio makes
    them in the order of a set.
    `shield` reports an exception that comes after the waiter was cancelled
    (asyncio from 3.14 on).
    Outside a running loop `get_event_loop` decides.

Read next: threads.py
"""

from __future__ import annotations

import concurrent.futures
import inspect
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from contextvars import copy_context
from typing import Any

from ..core.coroutines import iscoroutine
from ..core.futures import FINISHED, PENDING, Future, isfuture
from ..core.tasks import loop_of
from ..interface import AbstractEventLoop, CancelledError
from ..support.current import get_event_loop
from .mixins import check_loop
from .queues import Queue
from .tasks import ensure_future

__all__ = [
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "as_completed",
    "gather",
    "shield",
    "wait",
]

FIRST_COMPLETED = concurrent.futures.FIRST_COMPLETED
FIRST_EXCEPTION = concurrent.futures.FIRST_EXCEPTION
ALL_COMPLETED = concurrent.futures.ALL_COMPLETED


class _GatheringFuture(Future[list[Any]]):
    """What `gather` returns: it counts its children down, and passes cancellation to them.

    Like a task it is not cancelled at once, but when its children have ended.
    """

    __slots__ = ("_cancel_requested", "_children", "_return_exceptions", "_unfinished")

    def __init__(self, *, return_exceptions: bool, loop: AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._return_exceptions = return_exceptions
        self._children: list[Any] = []
        self._unfinished = 0
        self._cancel_requested = False

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel every child; return whether any of them could be cancelled."""
        if self.done():
            return False
        asked = False
        for child in self._children:
            if child.cancel(msg=msg):
                asked = True
        if asked:
            self._cancel_requested = True
        return asked

    def _gather(self, children: list[Any], unfinished: int, done: list[Any]) -> _GatheringFuture:
        """Begin to count down, with the children that are *done* already."""
        self._children = children
        self._unfinished = unfinished
        for child in done:
            self._child_done(child)
        return self

    def _abandon(self) -> None:
        """Be done without a result: nobody will ever hold this future."""
        super().cancel()

    def _child_done(self, child: Any) -> None:
        self._unfinished -= 1
        if self._state is not PENDING:
            if not child.cancelled():
                child.exception()  # seen, though by nobody
            return
        plain = isinstance(child, Future) and child._state is FINISHED and child._exception is None
        if not (plain or self._return_exceptions):
            error = child._make_cancelled_error() if child.cancelled() else child.exception()
            if error is not None:
                self.set_exception(error)
                return
        if not self._unfinished:
            self._finish()

    def _finish(self) -> None:
        children = self._children
        if self._return_exceptions or self._cancel_requested:
            results = [_result_or_exception(child) for child in children]  # all are seen
        else:
            results = [child.result() for child in children]
        if self._cancel_requested:
            # A requested cancellation is raised even with return_exceptions.
            self.set_exception(children[-1]._make_cancelled_error())
        else:
            self.set_result(results)


def gather(
    *coros_or_futures: Any,
    return_exceptions: bool = False,
    loop: AbstractEventLoop | None = None,
) -> Any:
    """Return a future of the results of all *coros_or_futures*, in the order given.

    The first exception, a cancellation included, becomes the exception of the
    future at once, and the others go on; with *return_exceptions* exceptions
    are results like any other.  Cancelling the future cancels all that is not
    done.  Raises ValueError when futures belong to different loops.
    Counterpart: ``asyncio.gather``.
    """
    if not coros_or_futures:
        return _nothing_to_gather(loop or get_event_loop())
    outer: _GatheringFuture | None = None
    futures: dict[Any, Any] = {}  # argument -> its future; an argument may come twice
    children: list[Any] = []
    done_already = []
    context = copy_context()  # what counts down needs no context of its own
    try:
        for argument in coros_or_futures:
            child: Any = futures.get(argument)
            if child is None:
                if isinstance(argument, Future) and argument._loop is loop:
                    child = argument  # a short way to what is next
                else:
                    child = ensure_future(argument, loop=loop)
                    if child is not argument:
                        # Nobody else can hold it, so nobody could have awaited it.
                        child._log_destroy_pending = False
                if outer is None:
                    loop = loop_of(child)
                    outer = _GatheringFuture(return_exceptions=return_exceptions, loop=loop)
                    count_down = outer._child_done
                futures[argument] = child
                if child.done():
                    done_already.append(child)
                else:
                    child.add_done_callback(count_down, context=context)
            children.append(child)
    except BaseException:
        if outer is not None:
            outer._abandon()
        raise
    return outer._gather(children, len(futures), done_already)  # type: ignore[union-attr]


def _nothing_to_gather(loop: AbstractEventLoop) -> Future[list[Any]]:
    empty: Future[list[Any]] = Future(loop=loop)
    empty.set_result([])
    return empty


def _result_or_exception(future: Any) -> Any:
    if future.cancelled():
        # Not the error that the future makes: it makes its own only once.
        message = future._cancel_message
        return CancelledError("" if message is None else message)
    exc = future.exception()
    return future.result() if exc is None else exc


async def wait(
    fs: Iterable[Any],
    *,
    timeout: float | None = None,
    return_when: str = ALL_COMPLETED,
    loop: AbstractEventLoop | None = None,
) -> tuple[set[Any], set[Any]]:
    """Wait for *fs* and return two sets of futures: those done and those not.

    Ends when all are done, or one is (FIRST_COMPLETED), or one has failed
    (FIRST_EXCEPTION), or after *timeout* seconds, which is not an error.
    Nothing is cancelled, not even when the wait is.
    Raises TypeError when *fs* is a single future or coroutine, ValueError when
    it is empty, RuntimeError when *loop* is given and is not the running loop.
    Counterpart: ``asyncio.wait``; here bare coroutines are allowed.
    """
    if isfuture(fs) or (iscoroutine(fs) and not inspect.isgenerator(fs)):
        raise TypeError(f"expect a list of futures, not {type(fs).__name__}")
    if not fs:
        raise ValueError("Set of Tasks/Futures is empty.")
    if return_when not in (FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED):
        raise ValueError(f"Invalid return_when value: {return_when}")
    running = check_loop(loop, "wait()")
    futures = {
        each if isfuture(each) else ensure_future(each, loop=running) for each in dict.fromkeys(fs)
    }
    if not futures:
        raise ValueError("Set of Tasks/Futures is empty.")
    await _wait(futures, timeout, return_when, running)
    done = {future for future in futures if future.done()}
    return done, futures - done


async def _wait(
    futures: set[Any], timeout: float | None, return_when: str, loop: AbstractEventLoop
) -> None:
    """Return when the condition *return_when* holds for *futures* or the time is up."""
    waiter = loop.create_future()
    unfinished = len(futures)

    def one_done(future: Any) -> None:
        nonlocal unfinished
        unfinished -= 1
        if (
            unfinished <= 0
            or return_when == FIRST_COMPLETED
            or (
                return_when == FIRST_EXCEPTION
                and not future.cancelled()
                and future.exception() is not None
            )
        ):
            if timer is not None:
                timer.cancel()
            _release(waiter)

    timer = None if timeout is None else loop.call_later(timeout, _release, waiter)
    for future in futures:
        future.add_done_callback(one_done)
    try:
        await waiter
    finally:
        if timer is not None:
            timer.cancel()
        for future in futures:
            future.remove_done_callback(one_done)


def _release(waiter: Any) -> None:
    if not waiter.done():
        waiter.set_result(None)


def as_completed(
    fs: Iterable[Any],
    *,
    timeout: float | None = None,
    loop: AbstractEventLoop | None = None,
) -> _AsCompletedIterator:
    """Return an iterator over *fs* in the order in which they are done.

    ``async for`` gives the futures themselves, each done.  Plain ``for`` gives
    coroutines: awaiting one returns the result, or raises the exception, of the
    future that is done next.  TimeoutError is raised, in either way, for those
    that are not done after *timeout* seconds.
    Raises TypeError when *fs* is itself awaitable.
    Counterpart: ``asyncio.as_completed``.
    """
    if inspect.isawaitable(fs):
        raise TypeError(f"expects an iterable of awaitables, not {type(fs).__name__}")
    return _AsCompletedIterator(fs, timeout, loop)


class _AsCompletedIterator(Iterator[Any], AsyncIterator[Any]):
    """What `as_completed` returns; either kind of loop takes from the same supply."""

    _timer: Any = None

    def __init__(
        self, awaitables: Iterable[Any], timeout: float | None, loop: AbstractEventLoop | None
    ) -> None:
        self._done: Queue[Any] = Queue(loop=loop)
        if loop is None:
            loop = get_event_loop()
        todo = {ensure_future(each, loop=loop) for each in dict.fromkeys(awaitables)}
        for future in todo:
            future.add_done_callback(self._one_done)
        if todo and timeout is not None:
            self._timer = loop.call_later(timeout, self._time_is_up)
        self._todo = todo
        self._not_taken = len(todo)

    def __iter__(self) -> _AsCompletedIterator:
        return self

    def __aiter__(self) -> _AsCompletedIterator:
        return self

    def __next__(self) -> Awaitable[Any]:
        if not self._not_taken:
            raise StopIteration
        self._not_taken -= 1
        return self._next_result()

    async def __anext__(self) -> Any:
        if not self._not_taken:
            raise StopAsyncIteration
        self._not_taken -= 1
        return await self._next_future()

    async def _next_result(self) -> Any:
        return (await self._next_future()).result()

    async def _next_future(self) -> Any:
        future = await self._done.get()
        if future is None:  # there will be no more
            raise TimeoutError
        return future

    def _one_done(self, future: Any) -> None:
        if not self._todo:
            return  # the time was up in this very turn
        self._todo.remove(future)
        self._done.put_nowait(future)
        if not self._todo and self._timer is not None:
            self._timer.cancel()

    def _time_is_up(self) -> None:
        for future in self._todo:
            future.remove_done_callback(self._one_done)
            self._done.put_nowait(None)
        self._todo.clear()


def shield(arg: Any, *, loop: AbstractEventLoop | None = None) -> Any:
    """Return a future with the outcome of *arg* that can be cancelled alone.

    Cancelling whoever awaits ``shield(arg)`` does not cancel *arg*.  Keep a
    reference to *arg*: the loop itself does not keep a task alive.
    Raises ValueError when *loop* is given and is not the loop of *arg*.
    Counterpart: ``asyncio.shield``.
    """
    inner = ensure_future(arg, loop=loop)
    if inner.done():
        return inner
    outer = loop_of(inner).create_future()

    def inner_done(inner: Any) -> None:
        if outer.cancelled():
            return
        if inner.cancelled():
            outer.cancel()
        elif (exc := inner.exception()) is not None:
            outer.set_exception(exc)
        else:
            outer.set_result(inner.result())

    def outer_done(_: Any) -> None:
        if not inner.done():
            inner.remove_done_callback(inner_done)
            inner.remove_done_callback(_report)  # it may be shielded more than once
            inner.add_done_callback(_report)

    inner.add_done_callback(inner_done)
    outer.add_done_callback(outer_done)
    return outer


def _report(future: Any) -> None:
    """Tell the loop's exception handler of a failure that no waiter will be shown."""
    if future.cancelled():
        return
    exc = future.exception()
    if exc is None:
        return
    context = {
        "message": f"{type(exc).__name__} exception in shielded future",
        "exception": exc,
        "future": future,
    }
    if source := getattr(future, "_source_traceback", None):
        context["source_traceback"] = source
    loop_of(future).call_exception_handler(context)
