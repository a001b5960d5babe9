"""A coroutine that is driven step by step.

A step runs the coroutine up to its next ``yield``.  The loop takes a task from its
ready queue and steps it in place (see ``loop.py``); here is the rest: how a task
starts, what it does about an unusual ``yield``, and how it ends.

States
    ready   -- step: yields None --------> ready
            -- step: yields a future ----> waiting
            -- step: returns or raises --> done
    waiting -- future done --------------> ready
            -- cancel -------------------> ready

Invariants
    ready    in the ready queue exactly once
    waiting  ``_fut_waiter`` is the pending future, and the task (or its
             ``_wakeup``) is among that future's waiters
    done     in neither, and no longer in the registry of live tasks
    ``_throws`` is set if the next step may have to throw something in: the loop
    looks at this one flag and asks `Task._told` for the rest.

To cancel is to ask: the awaited future is cancelled, and CancelledError comes back
through the await.  Where nothing is awaited the next step throws (``_must_cancel``).

Where it differs from asyncio
    There is no handle per step.  Any awaitable can be made a task, and so can a
    plain generator.

Read next: loop.py
"""

from __future__ import annotations

import inspect
import itertools
from contextvars import Context, copy_context
from types import CoroutineType, FrameType
from typing import Any, TextIO, TypeVar
from weakref import ref

from ..interface import (
    AbstractEventLoop,
    CancelledError,
    InvalidStateError,
    current_tasks,
    eager_tasks,
    forget_task,
    remember_task,
)
from ..support import current, describe
from ..support.awaitables import as_coroutine
from ..support.likeness import LikeTask
from ..support.reports import BY_ITSELF, report_unretrieved
from .coroutines import iscoroutine
from .futures import CANCELLED, PENDING, Future, isfuture

__all__ = ["TRANSITIONS", "Task"]

T = TypeVar("T")

TRANSITIONS = (
    ("ready", "step: yields None", "ready"),
    ("ready", "step: yields a future", "waiting"),
    ("ready", "step: returns or raises", "done"),
    ("waiting", "future done", "ready"),
    ("waiting", "cancel", "ready"),
)

_next_number = itertools.count(1).__next__


class Task(LikeTask, Future[T]):
    """A future that runs *coro*, a coroutine or other awaitable, and takes its result.

    *loop* is to run it (default: the current one), *name* shows in its ``repr``,
    *context* is the contextvars context to run in (default: a copy of the current
    one).  With *eager_start*, and the loop running, the first step runs at once.
    Raises TypeError when *coro* cannot be run.  Counterpart: ``asyncio.Task``.
    """

    __slots__ = (
        *("_cancel_message", "_cancelled_exc", "_context", "_coro", "_error", "_fut_waiter"),
        *("_must_cancel", "_name", "_num_cancels_requested", "_reference", "_send", "_throws"),
    )
    _error: BaseException | None
    _log_destroy_pending = True

    def __init__(
        self,
        coro: Any,
        *,
        loop: AbstractEventLoop | None = None,
        name: object = None,
        context: Context | None = None,
        eager_start: bool = False,
    ) -> None:
        if loop is None:
            loop = current.get_event_loop()
        self._begin(coro, loop, name, context, eager_start and loop.is_running())
        if loop.get_debug():
            self._source_traceback = describe.creation_stack(2)

    def _begin(
        self, coro: Any, loop: Any, name: object, context: Context | None, eagerly: bool | None
    ) -> None:
        """Take *coro* and get in line; apart from `__init__` because loops call it directly."""
        if type(coro) is not CoroutineType and not iscoroutine(coro):
            if isfuture(coro) or not (inspect.isawaitable(coro) or inspect.isgenerator(coro)):
                raise TypeError(f"a coroutine was expected, got {coro!r}")
            coro = as_coroutine(coro)
        self._coro, self._send = coro, coro.send
        self._loop = loop
        self._state = PENDING
        self._waiters = self._exception = self._fut_waiter = self._error = None
        self._cancel_message = self._cancelled_exc = None
        self._asyncio_future_blocking = self._throws = self._must_cancel = False
        self._num_cancels_requested = 0
        self._context = copy_context() if context is None else context
        self._name = _next_number() if name is None else str(name)
        self._reference = reference = ref(self)
        if eagerly:
            self._start_eagerly()
            return
        try:
            loop.ready.append(self)
        except AttributeError:
            loop.call_soon(self._step, context=self._context)
        remember_task(reference)

    def __repr__(self) -> str:
        return describe.task(self)

    def __del__(self) -> None:
        try:
            if self._state is PENDING:
                forget_task(self._reference)
                if self._log_destroy_pending:
                    context = {"task": self, "message": "Task was destroyed but it is pending!"}
                    if self._source_traceback:
                        context["source_traceback"] = self._source_traceback
                    self._loop.call_exception_handler(context)
            elif self._exception is not None and self._unretrieved is not None:
                report_unretrieved(self)
        except AttributeError:  # __init__ did not get far enough
            return

    def _watched(self) -> Any:
        return BY_ITSELF

    def get_coro(self) -> Any:
        """Return the coroutine that the task runs."""
        return self._coro

    def get_context(self) -> Context:
        """Return the contextvars context that the task runs in."""
        return self._context

    def get_name(self) -> str:
        """Return the task's name, ``Task-N`` unless it was given one."""
        return self._name if isinstance(self._name, str) else f"Task-{self._name}"

    def set_name(self, value: object) -> None:
        """Name the task ``str(value)``."""
        self._name = str(value)

    def set_result(self, result: T) -> None:
        """Raise RuntimeError: a task's result comes from its coroutine."""
        raise RuntimeError("Task does not support set_result operation")

    def set_exception(self, exception: type[BaseException] | BaseException) -> None:
        """Raise RuntimeError: a task's exception comes from its coroutine."""
        raise RuntimeError("Task does not support set_exception operation")

    def get_stack(self, *, limit: int | None = None) -> list[FrameType]:
        """Return the frames of the coroutine, or of its last traceback: *limit* at most."""
        return describe.task_frames(self, limit)

    def print_stack(self, *, limit: int | None = None, file: TextIO | None = None) -> None:
        """Print what `get_stack` returns to *file* (default: standard output)."""
        describe.print_task_stack(self, limit, file)

    def cancel(self, msg: Any | None = None) -> bool:
        """Ask the task to stop: CancelledError(*msg*) is raised where it waits.

        It may clean up, or refuse.  Returns False when it is done already.
        """
        if self._state is not PENDING:
            self._log_traceback = False
            return False
        self._num_cancels_requested += 1
        waiter = self._fut_waiter
        if waiter is not None and waiter.cancel(msg=msg):
            return True  # the task is woken by the future's end
        self._must_cancel = self._throws = True
        self._cancel_message = msg
        return True

    def cancelling(self) -> int:
        """Return how many calls of `cancel` have not been taken back by `uncancel`."""
        return self._num_cancels_requested

    def uncancel(self) -> int:
        """Take one call of `cancel` back (the last: nothing is thrown); return what is left."""
        if self._num_cancels_requested > 0:
            self._num_cancels_requested -= 1
            if self._num_cancels_requested == 0:
                self._must_cancel = False
        return self._num_cancels_requested

    def _start_eagerly(self) -> None:
        eager_tasks.add(self)
        try:
            self._context.run(self._step)
        finally:
            eager_tasks.discard(self)
        if not self.done():
            remember_task(self._reference)

    def _step(self) -> None:
        """Run one step where the loop does not: at an eager start, on a loop of another make."""
        if self.done():
            raise InvalidStateError(f"step(): already done: {self!r}")
        loop = self._loop
        outer = current_tasks.get(loop)
        current_tasks[loop] = self
        try:
            resume, value = self._told()
            yielded = resume(value)
        except BaseException as end:
            self._end(end)
        else:
            self._suspend(yielded)
        finally:
            value = None  # no cycle through this frame
            if outer is None:
                del current_tasks[loop]
            else:
                current_tasks[loop] = outer
            self = None  # type: ignore[assignment]  # a traceback may keep this frame

    def _wakeup(self, future: Any) -> None:
        """Step on because *future*, which is not one of this loop's own, is done."""
        try:
            future.result()
        except BaseException as error:
            self._error = error
            self._throws = True
        self._step()

    def _told(self) -> Any:
        """Return how the coroutine is to be resumed, and with what, when `_throws` is set."""
        self._throws = False
        waiter = self._fut_waiter
        self._fut_waiter = None
        if (error := self._error) is not None:
            self._error = None
        elif waiter is not None:
            cancelled = type(waiter) is Future and waiter._state is CANCELLED  # the usual
            error = waiter._make_cancelled_error() if cancelled else _outcome(waiter)
        if self._must_cancel:
            self._must_cancel = False
            if not isinstance(error, CancelledError):
                error = self._make_cancelled_error()
        if error is None:  # `uncancel` was in time
            return self._send, None
        return self._coro.throw, error

    def _suspend(self, yielded: Any) -> None:
        """Wait for what the coroutine *yielded*, or tell it what is wrong with it."""
        blocking = getattr(yielded, "_asyncio_future_blocking", None)
        if yielded is None:
            wrong = ""
        elif blocking is not None:
            if loop_of(yielded) is not self._loop:
                wrong = f"Task {self!r} got Future {yielded!r} attached to a different loop"
            elif not blocking:
                wrong = f"yield was used instead of yield from in task {self!r} with {yielded!r}"
            elif yielded is self:
                wrong = f"Task cannot await on itself: {self!r}"
            else:
                yielded._asyncio_future_blocking = False
                yielded.add_done_callback(self._wakeup, context=self._context)
                self._fut_waiter = yielded
                if self._must_cancel and yielded.cancel(msg=self._cancel_message):
                    self._must_cancel = False
                return
        elif inspect.isgenerator(yielded):
            what = "yield was used instead of yield from for generator"
            wrong = f"{what} in task {self!r} with {yielded!r}"
        else:
            wrong = f"Task got bad yield: {yielded!r}"
        if wrong:
            self._error = RuntimeError(wrong)
            self._throws = True
        try:
            self._loop.ready.append(self)
        except AttributeError:
            self._loop.call_soon(self._step, context=self._context)

    def _end(self, error: BaseException) -> None:
        """End as the coroutine did: with a result, in *error* if that is a StopIteration."""
        forget_task(self._reference)
        if self._state is not PENDING:  # by Future.set_result(task, ...) behind its back
            wrong = InvalidStateError(f"step(): already done: {self!r}")
            report = {"message": str(wrong), "exception": wrong, "task": self}
            self._loop.call_exception_handler(report)
        elif isinstance(error, StopIteration):
            if self._throws and self._must_cancel:  # asked for in the very last step
                self._must_cancel = False
                Future.cancel(self, self._cancel_message)
            else:
                Future.set_result(self, error.value)
        else:
            if (step := error.__traceback__) is not None:
                error.__traceback__ = step.tb_next or step  # it begins in the coroutine
            if isinstance(error, CancelledError):
                self._cancelled_exc = error
                Future.cancel(self)
            else:
                Future.set_exception(self, error)
                if isinstance(error, (KeyboardInterrupt, SystemExit)):
                    raise error  # it must stop the program


def _outcome(future: Any) -> BaseException | None:
    """Return what awaiting *future*, which may not be done yet, would raise."""
    if isinstance(future, Future):
        if future._state is PENDING:
            return None
        if future._state is CANCELLED:
            return future._make_cancelled_error()
        error = future.exception()
        return error and error.with_traceback(future._exception_tb)
    try:
        if future.done():
            future.result()
    except BaseException as error:
        return error
    return None


def loop_of(future: Any) -> Any:
    """Return the loop of *future*, which may be of any make."""
    get_loop = getattr(future, "get_loop", None)
    return get_loop() if get_loop is not None else future._loop
