"""asyncio's own loop, observed: its code, its C tasks and futures, and a recorder that is told.

The loop's queue, selector and a few methods are overridden to tell what they do; tasks and
futures are subclasses that tell what is done to them and are stepped by C code as ever.
What asyncio does not let one see is in `UNSEEN`, and in every recording's header.

Read next: recording.py
"""

from __future__ import annotations

import selectors
import threading
from collections import deque
from collections.abc import Callable
from types import FunctionType
from typing import Any

from ..interface import AsyncioFuture, AsyncioSelectorEventLoop, AsyncioTask
from ..support.watch import Telling
from ..sync.observed import ObservedSelector

__all__ = [
    "UNSEEN",
    "AsyncioLoop",
    "TellingFuture",
    "TellingQueue",
    "TellingSelector",
    "TellingTask",
]

#: What a recording of asyncio's loop lacks.
UNSEEN = (
    "the cancelling of a callback that is ready already",
    "futures that were not made by loop.create_future()",
)


class TellingFuture(AsyncioFuture):  # type: ignore[type-arg]
    """asyncio's future, which tells what is done to it."""

    def set_result(self, result: Any) -> None:
        """Tell, and do what asyncio's does."""
        if not self.done():
            _tell(self, "future_done", "result", None)
        super().set_result(result)

    def set_exception(self, exception: Any) -> None:
        """Tell, and do what asyncio's does."""
        if not self.done():
            _tell(self, "future_done", "exception", exception)
        super().set_exception(exception)

    def cancel(self, msg: Any | None = None) -> bool:
        """Tell, and do what asyncio's does."""
        if not self.done():
            _tell(self, "future_done", "cancelled", None)
        return super().cancel(msg)

    def exception(self) -> BaseException | None:
        """Tell, and do what asyncio's does."""
        if self._log_traceback:
            _tell(self, "exception_retrieved")
        return super().exception()


class TellingTask(AsyncioTask):  # type: ignore[type-arg]
    """asyncio's task, stepped by its own code, which tells who wants it to stop."""

    def cancel(self, msg: Any | None = None) -> bool:
        """Tell, and do what asyncio's does."""
        if not self.done():
            _tell(self, "cancel_requested", msg)
        return super().cancel(msg)

    def exception(self) -> BaseException | None:
        """Tell, and do what asyncio's does."""
        if self._log_traceback:
            _tell(self, "exception_retrieved")
        return super().exception()


for _mine, _called in ((TellingFuture, "Future"), (TellingTask, "Task")):
    _mine.__name__ = _mine.__qualname__ = _called
    _mine.__module__ = "asyncio"
    for _name, _method in vars(_mine).items():
        if isinstance(_method, FunctionType):  # as callbacks they are called by it
            _method.__qualname__ = f"{_called}.{_name}"


def _tell(future: Any, method: str, *args: Any) -> None:
    future.get_loop()._tell(method, future, *args)


class TellingQueue(deque[Any]):
    """asyncio's ready queue, which tells what is put into it and what is taken to be run."""

    def __init__(self, tell: Telling) -> None:
        super().__init__()
        self._tell = tell
        self._thread = threading.get_ident()
        self.begun = True
        self.running: Any = None

    def append(self, handle: Any, /) -> None:
        """Put *handle* at the end."""
        super().append(handle)
        if threading.get_ident() == self._thread:
            self._tell("entry_added", handle)
        else:
            self._tell("callback_from_thread", handle._callback)

    def popleft(self) -> Any:
        """Take the next handle, which runs now."""
        self.left()
        self.begin()
        self.running = super().popleft()
        self._tell("before_entry", self.running)
        return self.running

    def begin(self) -> None:
        """The run phase begins, if it has not begun yet."""
        if not self.begun:
            self.begun = True
            self._tell("before_run", len(self))

    def left(self) -> None:
        """What was taken last has run."""
        if self.running is not None:
            running, self.running = self.running, None
            self._tell("after_entry", running, 0.0)


class TellingSelector(ObservedSelector):
    """asyncio's selector, which tells of each poll as well."""

    def __init__(self, selector: Any, tell: Any) -> None:
        super().__init__(selector, tell)
        self.queue: Any = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Tell, wait, and tell what has come."""
        self.queue.begin()
        self.queue.left()
        self._tell("before_select", timeout)
        events = super().select(timeout)
        self.queue.begun = False
        return events


def _silent(*_: Any) -> None:
    """Say nothing: the loop is being made."""


class AsyncioLoop(AsyncioSelectorEventLoop):
    """The standard library's loop, which tells *observer* what happens in it."""

    call_soon: Any
    _ready: Any

    def __init__(self, observer: object, selector: selectors.BaseSelector | None = None) -> None:
        self._tell: Any = _silent
        inside = selectors.DefaultSelector() if selector is None else selector
        proxy = TellingSelector(inside, lambda *told: self._tell(*told))
        super().__init__(proxy)
        self._tell = tell = Telling(observer)
        self._ready = proxy.queue = TellingQueue(tell)
        tell("loop_made", self)

    def run_forever(self) -> None:
        """Run until stopped, and tell."""
        self._ready.begun = True
        self._tell("loop_started")
        try:
            super().run_forever()
        finally:
            self._ready.begin()
            self._ready.left()
            self._tell("loop_stopped")

    def close(self) -> None:
        """Close, and tell."""
        fresh = not self.is_closed()
        super().close()
        if fresh:
            self._tell("loop_closed")

    def create_future(self) -> Any:
        """Return a new future of this loop."""
        return TellingFuture(loop=self)

    def create_task(self, coro: Any, **options: Any) -> Any:
        """Run *coro* as a task."""
        if self.get_task_factory() is not None or self.is_closed():
            task = super().create_task(coro, **options)
        else:
            task = TellingTask(coro, loop=self, **options)
        self._tell("task_created", task, coro)
        return task

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, **options: Any
    ) -> Any:
        """Set a timer, and tell."""
        timer = super().call_at(when, callback, *args, **options)
        self._tell("timer_set", timer)
        return timer

    def _timer_handle_cancelled(self, handle: Any) -> None:
        self._tell("callback_cancelled", handle)
        super()._timer_handle_cancelled(handle)  # type: ignore[misc]

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Report, and tell."""
        self._tell("reported", context)
        super().call_exception_handler(context)
