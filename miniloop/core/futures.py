"""A result that is not there yet.

Who waits for a future is kept in ``_waiters`` as *entries of the ready queue that
wait to be let in*: handles for callbacks, the task itself for a task of this loop.
Completing the future lets them all into the queue; that is all of "who woke whom".

States
    PENDING -- set_result -----> FINISHED
            -- set_exception --> FINISHED
            -- cancel ---------> CANCELLED

Invariants
    ``_waiters`` is None unless the future is PENDING and somebody waits.
    An exception is reported at the future's end unless somebody has seen it.

Where it differs from asyncio
    It works on any loop.  What is reported is a likeness of the future.

Read next: tasks.py
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextvars import Context, copy_context
from types import GenericAlias, TracebackType
from typing import Any, Generic, TypeVar

from ..interface import AbstractEventLoop, CancelledError, InvalidStateError
from ..support import current, describe
from ..support.likeness import LikeFuture
from ..support.reports import Unretrieved
from .handles import Handle

__all__ = ["TRANSITIONS", "Future", "isfuture"]

T = TypeVar("T")

PENDING = "PENDING"
CANCELLED = "CANCELLED"
FINISHED = "FINISHED"
_new = object.__new__

TRANSITIONS = (
    (PENDING, "set_result", FINISHED),
    (PENDING, "set_exception", FINISHED),
    (PENDING, "cancel", CANCELLED),
)


class Future(LikeFuture, Generic[T]):
    """A result that is set later; ``await`` it to get the result.

    *loop* is the loop whose tasks it wakes (default: the current one).  Awaiting
    raises what was set with `set_exception`, or CancelledError; cancelling a task
    that awaits a future cancels the future.  Counterpart: ``asyncio.Future``.
    """

    # What every future needs has a slot; what few need is a default of the class and goes
    # into the instance's dictionary when it is set: making a future must be cheap.
    __slots__ = (
        *("__dict__", "__weakref__", "_asyncio_future_blocking", "_exception"),
        *("_loop", "_result", "_state", "_waiters"),
    )
    _cancel_message: Any = None
    _cancelled_exc: CancelledError | None = None
    _exception_tb: TracebackType | None = None
    _source_traceback: Any = None
    _unretrieved: Any = None

    __class_getitem__: Any = classmethod(GenericAlias)

    def __init__(self, *, loop: AbstractEventLoop | None = None) -> None:
        self._loop: Any = current.get_event_loop() if loop is None else loop
        self._state = PENDING
        self._waiters: Any = None  # one entry of the ready queue, or a list of them
        self._exception: BaseException | None = None
        self._result: Any
        #: True from an ``await`` until the task has taken notice, to tell it from a mistaken
        #: ``yield future``.  `__await__` sets it to the loop, which is true and says who is meant.
        self._asyncio_future_blocking: Any = False
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
        return [(_callback_of(entry), entry._context) for entry in self._entries()]

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
        except AttributeError:
            return False

    def result(self) -> T:
        """Return the result, or raise the exception that was set.

        Raises CancelledError when cancelled, InvalidStateError when not done yet.
        """
        try:
            if self._state is FINISHED and self._exception is None:
                return self._result  # type: ignore[no-any-return]
        except AttributeError:
            pass
        error = self.exception("Result is not set.")
        try:
            # The traceback of the moment it was set: no await may make it longer.
            raise error.with_traceback(self._exception_tb)  # type: ignore[union-attr]
        finally:
            del error, self  # no cycle through this frame

    def exception(self, _not_done: str = "Exception is not set.") -> BaseException | None:
        """Return the exception that was set, or None when there is a result.

        Raises CancelledError when cancelled, InvalidStateError when not done yet.
        """
        try:
            if self._state is not FINISHED:
                if self._state is CANCELLED:
                    raise self._make_cancelled_error()
                raise InvalidStateError(_not_done)
        except AttributeError:
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
        if not isinstance(exception, BaseException):
            raise TypeError("invalid exception object")
        self._exception = exception
        self._exception_tb = exception.__traceback__
        self._result = None
        self._state = FINISHED
        self._let_in_to_throw()
        self._unretrieved = self._watched()

    def _watched(self) -> Any:
        return Unretrieved(self, Future.__slots__)

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel the future; whoever awaits it gets CancelledError(*msg*).

        Returns False, and does nothing, when it is done already.
        """
        if self._state is not PENDING:
            self._log_traceback = False
            return False
        self._state = CANCELLED
        if msg is not self._cancel_message:
            self._cancel_message = msg
        self._let_in_to_throw()
        return True

    def _let_in_to_throw(self) -> None:
        """Let in everybody who waits, and have the tasks among them throw at their next step."""
        waiters = self._waiters
        if waiters is None:
            return
        self._waiters = None
        try:
            ready = self._loop.ready
        except AttributeError:
            self._call_soon_each(waiters)
            return
        for entry in waiters if type(waiters) is list else (waiters,):
            if type(entry) is not Handle:  # a task
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
        """Have the loop call ``fn(future)`` soon after the future is done, in the order added.

        It is called in *context* (default: a copy of the current contextvars context).
        """
        if self._state is not PENDING:
            self._loop.call_soon(fn, self, context=context)
            return
        handle: Handle = _new(Handle)  # cheaper, as in `Loop.call_soon`
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
        # A program's __eq__ may add callbacks: compare over a copy, remove by identity.
        doomed = [entry for entry in tuple(self._entries()) if _callback_of(entry) == fn]
        if doomed:
            kept = [e for e in self._entries() if not any(e is gone for gone in doomed)]
            self._waiters = kept or None
        return len(doomed)

    def __await__(self) -> Generator[Any, None, T]:
        try:
            if self._state is PENDING:
                self._asyncio_future_blocking = self._loop
                yield self  # the task waits here until the future is done
            if self._state is FINISHED and self._exception is None:
                return self._result  # type: ignore[no-any-return]
            if self._state is PENDING:
                raise RuntimeError("await wasn't used with future")
            return self.result()
        except BaseException:
            del self  # the traceback holds this frame: no cycle through it
            raise

    __iter__ = __await__  # for ``yield from future``


def _callback_of(entry: Any) -> Any:
    return entry._callback if type(entry) is Handle else entry._wakeup


def isfuture(obj: object) -> bool:
    """Return True if *obj* is a future of either library, or one that behaves like it.

    Counterpart: ``asyncio.isfuture``.
    """
    return isinstance(obj, Future) or (
        hasattr(obj.__class__, "_asyncio_future_blocking")
        and getattr(obj, "_asyncio_future_blocking", None) is not None
    )
