"""What a loop with an observer tells it, besides what the run phase tells.

`observe` puts itself in front of the methods of one loop, so that a loop without an
observer has none of this.  Its futures, tasks and handles are of subclasses that tell
what is done to them, and its selector is wrapped.  The observer may have

    loop_made(loop), loop_started(), loop_stopped(), loop_closed()
    after_select(events)                  the selector has returned these (key, mask) pairs
    task_created(task, coro)              it may have been added to the queue before that; twice
                                          for one that starts eagerly: before and after its start
    cancel_requested(task, message)       somebody calls ``task.cancel(message)``
    cancel_taken_back(task)               somebody calls ``task.uncancel()``
    future_done(future, outcome, error)   it will be in a moment: "result", "exception", "cancelled"
    waiters_let_in(future)                everybody who waited for it is in the ready queue
    exception_retrieved(future)           somebody looks at its exception for the first time
    callback_from_thread(callback)        another thread calls ``call_soon_threadsafe``
    timer_set(timer)                      ``call_at`` or ``call_later``
    callback_cancelled(handle)            of ``call_soon`` or of a timer, waiting or due
    descriptor_watched(fd, event, callback, args)    instead of what it was watched for before
    descriptor_left(fd, event)            it is no longer watched for that event
    reported(context)                     the exception handler is called

besides those in ``support/watch.py``.  A task that ends tells so by being done after its
step.  A subclass of the loop that makes its own futures or tasks tells less.  An observer that
must be fast may bring a watch of its own, as ``watch_class``; then ``entry_added`` is told
only where it costs nothing more, and it looks at the queue itself: the recorder does.

Read next: ../eventloop.py
"""

from __future__ import annotations

import selectors
import threading
from collections import deque
from collections.abc import Callable
from types import FunctionType
from typing import Any

from ..core.futures import PENDING, Future
from ..core.handles import Handle
from ..core.loop import OWN, Loop
from ..core.tasks import Task
from ..core.timers import TimerHandle

__all__ = ["ObservedFuture", "ObservedSelector", "ObservedTask", "observe"]

_new = object.__new__
#: A task says that it is one of asyncio's; this is the way round that.
_set_class: Any = object.__dict__["__class__"].__set__

#: The descriptor's two handles, in the order of their events.
_EVENTS = (selectors.EVENT_READ, selectors.EVENT_WRITE)


class ObservedFuture(Future[Any]):
    """A future that says when it is done, and when its exception was seen."""

    __slots__ = ()

    def set_result(self, result: Any) -> None:
        """Tell, and do what `Future` does."""
        if self._state is PENDING:
            self._loop._tell("future_done", self, "result", None)
        super().set_result(result)
        self._loop._tell("waiters_let_in", self)

    def set_exception(self, exception: type[BaseException] | BaseException) -> None:
        """Tell, and do what `Future` does."""
        if self._state is PENDING:
            self._loop._tell("future_done", self, "exception", exception)
        super().set_exception(exception)
        self._loop._tell("waiters_let_in", self)

    def cancel(self, msg: Any | None = None) -> bool:
        """Tell, and do what `Future` does."""
        if self._state is PENDING:
            self._loop._tell("future_done", self, "cancelled", None)
        cancelled = super().cancel(msg)
        if cancelled:
            self._loop._tell("waiters_let_in", self)
        return cancelled

    def exception(self, _not_done: str = "Exception is not set.") -> BaseException | None:
        """Tell, and do what `Future` does."""
        if self._unretrieved is not None:
            self._loop._tell("exception_retrieved", self)
        return super().exception(_not_done)


class ObservedTask(Task[Any]):
    """A task that says who wants it to stop, and when its exception was seen."""

    __slots__ = ()

    def cancel(self, msg: Any | None = None) -> bool:
        """Tell, and do what `Task` does."""
        if self._state is PENDING:
            self._loop._tell("cancel_requested", self, msg)
        return super().cancel(msg)

    def uncancel(self) -> int:
        """Tell, and do what `Task` does."""
        self._loop._tell("cancel_taken_back", self)
        return super().uncancel()

    def exception(self, _not_done: str = "Exception is not set.") -> BaseException | None:
        """Tell, and do what `Task` does."""
        if self._unretrieved is not None:
            self._loop._tell("exception_retrieved", self)
        return super().exception(_not_done)

    def _start_eagerly(self) -> None:
        self._loop._tell("task_created", self, self._coro)
        super()._start_eagerly()


class _ObservedHandle(Handle):
    """A callback that says when it is cancelled."""

    __slots__ = ()

    def cancel(self) -> None:
        if self._callback is not None:
            self._loop._tell("callback_cancelled", self)  # type: ignore[attr-defined]
        super().cancel()


class _ObservedTimer(TimerHandle):
    """A timer that says when it is cancelled."""

    __slots__ = ()

    def cancel(self) -> None:
        if self._callback is not None:
            self._loop._tell("callback_cancelled", self)  # type: ignore[attr-defined]
        super().cancel()


OWN.update((ObservedFuture, ObservedTask))
for _mine in (ObservedFuture, ObservedTask, _ObservedHandle, _ObservedTimer):
    _like = _mine.__bases__[0]  # what is printed does not depend on who watches
    _mine.__name__, _mine.__qualname__ = _like.__name__, _like.__qualname__
    _mine.__module__ = _like.__module__
    for _name, _method in vars(_mine).items():
        if isinstance(_method, FunctionType):
            _method.__qualname__ = f"{_like.__qualname__}.{_name}"


class ObservedSelector(selectors.BaseSelector):
    """The selector of a loop, which tells what is registered and what has come."""

    def __init__(self, selector: Any, tell: Callable[..., None]) -> None:
        self._inside = selector
        self._tell = tell

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Register, and tell for which of the events."""
        key: selectors.SelectorKey = self._inside.register(fileobj, events, data)
        self._changed(key.fd, None, data)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Modify, and tell what is new and what is gone."""
        before = self._inside.get_map()[fileobj].data
        key: selectors.SelectorKey = self._inside.modify(fileobj, events, data)
        self._changed(key.fd, before, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Unregister, and tell what is gone."""
        key: selectors.SelectorKey = self._inside.unregister(fileobj)
        self._changed(key.fd, key.data, None)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait, and tell what has come."""
        events: list[tuple[selectors.SelectorKey, int]] = self._inside.select(timeout)
        self._tell("after_select", events)
        return events

    def get_map(self) -> Any:
        """Return what is registered."""
        return self._inside.get_map()

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        """Return the key of what is registered."""
        key: selectors.SelectorKey = self._inside.get_key(fileobj)
        return key

    def close(self) -> None:
        """Close it."""
        self._inside.close()

    def _changed(self, fd: int, before: Any, after: Any) -> None:
        pairs = zip(_EVENTS, before or (None, None), after or (None, None), strict=True)
        for event, old, new in pairs:
            if new is not None and new is not old:
                self._tell("descriptor_watched", fd, event, new._callback, new._args)
            elif old is not None and new is None:
                self._tell("descriptor_left", fd, event)


def observe(loop: Any) -> None:
    """Have *loop*, which was just made with an observer, tell all that happens in it."""
    tell, observer = loop._tell, loop._observer
    looks = isinstance(getattr(observer, "watch_class", None), type)
    if looks:
        loop.ready = deque()
    loop._selector = ObservedSelector(loop._selector, tell)
    loop._edges = None  # there, events come without a word of the selector's
    _tell_runs(loop, tell)
    make, timer, from_anywhere = loop.call_soon, loop._timer, loop.call_soon_threadsafe

    def call_soon(callback: Any, *args: Any, context: Any = None) -> Any:
        handle = make(callback, *args, context=context)
        if type(handle) is Handle:  # the layout is the same
            handle.__class__ = _ObservedHandle
        if looks:
            tell("entry_added", handle)
        return handle

    def call_soon_threadsafe(callback: Any, *args: Any, context: Any = None) -> Any:
        if loop._thread_id not in (None, threading.get_ident()):
            tell("callback_from_thread", callback)
        return from_anywhere(callback, *args, context=context)

    def set_timer(when: float, callback: Any, args: Any, context: Any) -> Any:
        handle = timer(when, callback, args, context)
        if type(handle) is TimerHandle:
            handle.__class__ = _ObservedTimer
        tell("timer_set", handle)
        return handle

    loop.call_soon, loop._timer = call_soon, set_timer
    loop.call_soon_threadsafe = call_soon_threadsafe
    if type(loop).create_future is Loop.create_future:
        loop.create_future = lambda: ObservedFuture(loop=loop)
    if type(loop).create_task is Loop.create_task:
        loop.create_task = _making_tasks(loop, loop.create_task)
    tell("loop_made", loop)


def _tell_runs(loop: Any, tell: Callable[..., None]) -> None:
    """Have *loop* tell when it is run, stopped and closed, and what it reports."""
    enter, leave, close, report = loop._enter, loop._leave, loop.close, loop.call_exception_handler

    def entered() -> None:
        enter()
        tell("loop_started")

    def left() -> None:
        tell("loop_stopped")
        leave()

    def closed() -> None:
        fresh = not loop.is_closed()
        close()
        if fresh:
            tell("loop_closed")

    def reported(context: dict[str, Any]) -> None:
        tell("reported", context)
        report(context)

    loop._enter, loop._leave, loop.close = entered, left, closed
    loop.call_exception_handler = reported


def _making_tasks(loop: Any, make: Callable[..., Any]) -> Callable[..., Any]:
    def create_task(
        coro: Any, *, name: object = None, context: Any = None, eager_start: bool | None = None
    ) -> Any:
        if loop._closed or loop._debug or loop._task_factory is not None:
            task = make(coro, name=name, context=context, eager_start=eager_start)
            if type(task) is Task:
                _set_class(task, ObservedTask)
        else:
            task = _new(ObservedTask)
            task._begin(coro, loop, name, context, eager_start and loop.is_running())
        loop._tell("task_created", task, coro)
        return task

    return create_task
