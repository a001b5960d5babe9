"""A result that is not there yet.

A future is awaited by tasks and watched by callbacks.  Both are kept in one
place, ``_waiters``, as *entries of the ready queue that wait to be let in*:
handles for callbacks, the task itself for a task of this library on the same
loop.  Completing the future lets them all in with a single ``extend``; that is
the whole of "who woke whom".

States
    PENDING -- set_result ----> FINISHED
            -- set_exception -> FINISHED
            -- cancel --------> CANCELLED

Invariants
    ``_waiters`` is None unless the future is PENDING and somebody waits.
    ``_result`` and ``_exception`` are None while PENDING and when CANCELLED.
    An exception is reported at the future's end unless somebody has seen it.

Where it differs from asyncio
    The future works on any loop: on one of ours entries go straight into the
    ready queue, on any other through its ``call_soon``.

Read next: tasks.py
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Generator
from contextvars import Context, copy_context
from types import GenericAlias, TracebackType
from typing import Any, Generic, TypeVar

from .. import describe
from ..interface import AbstractEventLoop, CancelledError, InvalidStateError
from . import current
from .handles import Handle

__all__ = ["TRANSITIONS", "Future", "isfuture", "wrap_future"]

T = TypeVar("T")

PENDING = "PENDING"
CANCELLED = "CANCELLED"
FINISHED = "FINISHED"

#: What `Future.__await__` leaves behind in ``_asyncio_future_blocking`` for the task:
#: true, as the protocol wants, and no other code's True: so the future is pending.
AWAITED = 1

TRANSITIONS = (
    (PENDING, "set_result", FINISHED),
    (PENDING, "set_exception", FINISHED),
    (PENDING, "cancel", CANCELLED),
)


class Future(Generic[T]):
    """A result that is set later; ``await`` it to get the result.

    *loop* is the loop whose tasks and callbacks it wakes (default: the current
    one).  Awaiting raises what was set with `set_exception`, or CancelledError
    when it was cancelled; cancelling a task that awaits a future cancels the
    future as well.  Counterpart: ``asyncio.Future``.
    """

    # What every future needs has a slot; what few need is a default of the class, and
    # is kept in the instance's dictionary when it is set: making one must be cheap.
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_asyncio_future_blocking",
        "_exception",
        "_loop",
        "_result",
        "_state",
        "_waiters",
    )
    _cancel_message: Any = None
    _cancelled_exc: CancelledError | None = None
    _exception_tb: TracebackType | None = None
    _source_traceback: Any = None
    _unretrieved: Any = None

    __class_getitem__ = classmethod(GenericAlias)  # type: ignore[assignment]

    def __init__(self, *, loop: AbstractEventLoop | None = None) -> None:
        self._loop: Any = current.get_event_loop() if loop is None else loop
        self._state = PENDING
        #: Who waits: None, one entry of the ready queue, or a list of them.
        self._waiters: Any = None
        self._exception: BaseException | None = None
        #: True between an ``await`` and the moment the task has taken notice: tells
        #: ``yield from future`` from a bare ``yield future``, which is a mistake.
        self._asyncio_future_blocking: int = False
        if self._loop.get_debug():
            self._source_traceback = describe.creation_stack(2)

    def __repr__(self) -> str:
        return describe.future(self)

    @property
    def _log_traceback(self) -> bool:
        return self._unretrieved is not None

    @_log_traceback.setter
    def _log_traceback(self, value: object) -> None:
        if value:
            raise ValueError("_log_traceback can only be set to False")
        if self._unretrieved is not None:
            self._unretrieved.armed = False
            self._unretrieved = None

    @property
    def _callbacks(self) -> list[tuple[Callable[..., object], Context]]:
        return [
            (entry._callback, entry._context)
            if isinstance(entry, Handle)
            else (entry._wakeup, entry._context)
            for entry in self._entries()
        ]

    def get_loop(self) -> AbstractEventLoop:
        """Return the loop that the future is bound to."""
        try:
            return self._loop  # type: ignore[no-any-return]
        except AttributeError:
            raise RuntimeError("Future object is not initialized.") from None

    def cancelled(self) -> bool:
        """Return True if the future was cancelled."""
        try:
            return self._state is CANCELLED
        except AttributeError:  # __init__ never ran
            return False

    def done(self) -> bool:
        """Return True if the future has a result or an exception, or was cancelled."""
        try:
            return self._state is not PENDING
        except AttributeError:  # __init__ never ran
            return False

    def result(self) -> T:
        """Return the result, or raise the exception that was set.

        Raises CancelledError when the future was cancelled and
        InvalidStateError when it is not done yet.
        """
        error = self.exception("Result is not ready.")
        if error is not None:
            try:
                # The traceback of the moment it was set: it must not grow with
                # every further await of the same future.
                raise error.with_traceback(self._exception_tb)
            finally:
                del error, self  # no cycle through this frame
        return self._result  # type: ignore[no-any-return]

    def exception(self, _not_done: str = "Exception is not set.") -> BaseException | None:
        """Return the exception that was set, or None when there is a result.

        Raises CancelledError when the future was cancelled and
        InvalidStateError when it is not done yet.
        """
        try:
            if self._state is not FINISHED:
                if self._state is CANCELLED:
                    raise self._make_cancelled_error()
                raise InvalidStateError(_not_done)
        except AttributeError:  # __init__ never ran
            raise InvalidStateError(_not_done) from None
        error = self._exception
        if error is not None and self._unretrieved is not None:
            self._log_traceback = False
        return error

    def set_result(self, result: T) -> None:
        """Mark the future done with *result* and let in everybody who waits.

        Raises InvalidStateError when it is done already.
        """
        if self._state is not PENDING:
            raise InvalidStateError(f"{self._state}: {self!r}")
        self._result = result
        self._state = FINISHED
        waiters = self._waiters
        if waiters is not None:
            self._waiters = None
            try:
                if type(waiters) is list:
                    self._loop.ready.extend(waiters)
                else:
                    self._loop.ready.append(waiters)
            except AttributeError:
                self._call_soon_each(waiters)

    def set_exception(self, exception: type[BaseException] | BaseException) -> None:
        """Mark the future done with *exception* (an instance, or a class to instantiate).

        Raises InvalidStateError when it is done already.  A StopIteration, which
        a coroutine could not tell from its own end, is wrapped in a RuntimeError.
        """
        if self._state is not PENDING:
            raise InvalidStateError(f"{self._state}: {self!r}")
        if isinstance(exception, type):
            exception = exception()
        if isinstance(exception, StopIteration):
            error = RuntimeError(
                "StopIteration interacts badly with generators and cannot be raised into a Future"
            )
            error.__cause__ = error.__context__ = exception
            exception = error
        self._exception = exception
        self._exception_tb = exception.__traceback__
        self._result = None
        self._state = FINISHED
        self._let_in_to_throw()
        self._unretrieved = self._watched()

    def _watched(self) -> Any:
        return _Unretrieved(self)

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel the future; whoever awaits it gets CancelledError(*msg*).

        Returns False, and does nothing, when it is done already.
        """
        if self._state is not PENDING:
            if self._unretrieved is not None:
                self._log_traceback = False
            return False
        self._state = CANCELLED
        if msg is not None:
            self._cancel_message = msg
        self._let_in_to_throw()
        return True

    def _let_in_to_throw(self) -> None:
        """Let in everybody who waits, and have the tasks among them throw at their next step."""
        waiters = self._waiters
        if waiters is not None:
            self._waiters = None
            try:
                ready = self._loop.ready
            except AttributeError:
                self._call_soon_each(waiters)
                return
            for entry in waiters if type(waiters) is list else (waiters,):
                if not isinstance(entry, Handle):
                    entry._throws = True
                ready.append(entry)

    def _call_soon_each(self, waiters: Any) -> None:
        # A loop of another make: it wants callbacks, not entries.
        for entry in waiters if type(waiters) is list else (waiters,):
            self._loop.call_soon(entry._callback, *entry._args, context=entry._context)

    def _entries(self) -> list[Any]:
        """Return who waits: handles and tasks, in the order they came."""
        waiters = self._waiters
        if waiters is None:
            return []
        return waiters if type(waiters) is list else [waiters]

    def _add_waiter(self, entry: Any) -> None:
        """Have *entry* let into the ready queue when the future is done."""
        waiters = self._waiters
        if waiters is None:
            self._waiters = entry
        elif type(waiters) is list:
            waiters.append(entry)
        else:
            self._waiters = [waiters, entry]

    def _make_cancelled_error(self) -> CancelledError:
        """Return the CancelledError to raise: the one that ended the task, if there is one."""
        error = self._cancelled_exc
        if error is not None:
            self._cancelled_exc = None  # raised once only, so that no cycle is left
            return error
        message = self._cancel_message
        return CancelledError() if message is None else CancelledError(message)

    def add_done_callback(
        self, fn: Callable[[Future[T]], object], *, context: Context | None = None
    ) -> None:
        """Have the loop call ``fn(future)`` soon after the future is done.

        *context* is the contextvars context to call it in (default: a copy of
        the current one).  Callbacks are called in the order they were added.
        """
        if self._state is not PENDING:
            self._loop.call_soon(fn, self, context=context)
            return
        handle: Handle = object.__new__(Handle)  # as in `Loop.call_soon`
        handle._callback = fn
        handle._args = (self,)
        handle._loop = self._loop
        handle._context = copy_context() if context is None else context
        handle._source_traceback = None
        if self._waiters is None:
            self._waiters = handle
        else:
            self._add_waiter(handle)

    def remove_done_callback(self, fn: Callable[[Future[T]], object]) -> int:
        """Remove every callback equal to *fn*; return how many there were."""
        # A comparison may run a program's __eq__, which may add callbacks: so
        # compare over a copy and remove by identity.
        doomed = [
            entry
            for entry in tuple(self._entries())
            if (entry._callback if isinstance(entry, Handle) else entry._wakeup) == fn
        ]
        if doomed:
            kept = [e for e in self._entries() if not any(e is gone for gone in doomed)]
            self._waiters = kept or None
        return len(doomed)

    def __await__(self) -> Generator[Any, None, T]:
        if self._state is PENDING:
            self._asyncio_future_blocking = AWAITED
            yield self  # the task waits here until the future is done
        if self._state is FINISHED and self._exception is None:
            return self._result  # type: ignore[no-any-return]
        if self._state is PENDING:
            raise RuntimeError("await wasn't used with future")
        return self.result()

    __iter__ = __await__  # for ``yield from future``


class _Unretrieved:
    """Says at its own end that nobody has seen the exception of the future it belongs to.

    A ``__del__`` makes every object of its class dearer to free, and futures are
    made by the million; this way only one that failed pays.  The future is gone
    when this speaks, so it reports a likeness of it.
    """

    __slots__ = ("armed", "attributes", "kind", "loop", "values")

    def __init__(self, future: Future[Any]) -> None:
        self.armed = True
        self.kind = type(future)
        self.loop = future._loop
        self.attributes = future.__dict__
        self.values = {"_state": FINISHED, "_exception": future._exception, "_waiters": None}

    def __del__(self) -> None:
        if not self.armed:
            return
        likeness = object.__new__(self.kind)
        likeness.__dict__.update(self.attributes)
        for name, value in self.values.items():
            setattr(likeness, name, value)
        likeness._loop, likeness._asyncio_future_blocking = self.loop, False
        likeness._unretrieved = None
        report_unretrieved(likeness)


def report_unretrieved(future: Future[Any]) -> None:
    """Tell the loop that *future* failed and nobody looked."""
    context = {
        "message": f"{type(future).__name__} exception was never retrieved",
        "exception": future._exception,
        "future": future,
    }
    if future._source_traceback:
        context["source_traceback"] = future._source_traceback
    future._loop.call_exception_handler(context)


def isfuture(obj: object) -> bool:
    """Return True if *obj* is a future of either library, or one that behaves like it.

    Counterpart: ``asyncio.isfuture``.
    """
    return isinstance(obj, Future) or (
        hasattr(obj.__class__, "_asyncio_future_blocking")
        and obj._asyncio_future_blocking is not None
    )


def _set_result_unless_cancelled(future: Future[Any], result: Any) -> None:
    """Set *result* unless somebody cancelled the future meanwhile."""
    if future._state is not CANCELLED:
        future.set_result(result)


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

    def pass_on_outcome(_: Any) -> None:
        if not target_loop.is_closed():
            target_loop.call_soon_threadsafe(_copy_future_state, future, target)

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
    loops_own = {
        concurrent.futures.CancelledError: CancelledError,
        concurrent.futures.InvalidStateError: InvalidStateError,
    }.get(type(error))
    if loops_own is not None:
        error = loops_own(*error.args).with_traceback(error.__traceback__)
    target.set_exception(error)
