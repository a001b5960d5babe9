"""What every loop lets a program set: debug mode, exception handler, task factory.

`Controls` is the base of ``core.loop.Loop`` and holds what does not decide what
runs next.  It keeps the flags that the heart looks at up to date:

    ``_careful``  calls must be checked, because of debug mode or because it is closed
    ``_watch``    who stands in the run phase (see ``watch.py``), or None

Read next: watch.py
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from typing import Any

from ..interface import _get_running_loop, in_debug_mode
from . import describe
from .reports import Reports
from .watch import CheckedQueue, ObservedQueue, Telling, Watch

__all__ = ["Controls"]


class Controls:
    """The switches of one loop."""

    _watch_class = Watch

    def __init__(self, chooser: Callable[[list[Any]], int] | None, observer: object | None) -> None:
        self._chooser = chooser
        self._observer = observer
        self._tell = Telling(observer)
        self._closed = False
        self._thread_id: int | None = None
        self._task_factory: Callable[..., Any] | None = None
        self._reports = Reports(self)
        self._coroutine_origin_depth = 0
        #: Callbacks and steps that take longer, in seconds, are logged in debug mode.
        self.slow_callback_duration = 0.1
        #: Handles and tasks that are due; the next to run is on the left.
        self.ready: deque[Any] = deque() if observer is None else ObservedQueue(self._tell)
        self.set_debug(in_debug_mode())

    def is_running(self) -> bool:
        """Return True while the loop runs."""
        return self._thread_id is not None

    def is_closed(self) -> bool:
        """Return True once the loop was closed."""
        return self._closed

    def _check_closed(self) -> None:
        if self._closed:
            raise RuntimeError("Event loop is closed")

    def _check_running(self) -> None:
        if self.is_running():
            raise RuntimeError("This event loop is already running")
        if _get_running_loop() is not None:
            raise RuntimeError("Cannot run the event loop while another loop is running")

    # -- debug mode ------------------------------------------------------------

    def get_debug(self) -> bool:
        """Return True in debug mode."""
        return self._debug

    def set_debug(self, enabled: bool) -> None:
        """Turn debug mode on or off: checks on every call, creation stacks, slow callbacks."""
        self._debug = bool(enabled)
        self._careful = self._debug or self._closed
        watched = self._debug or self._chooser is not None or self._observer is not None
        parts = (self, self._chooser, self._tell)
        watch_class: Any = getattr(self._observer, "watch_class", None)
        if not isinstance(watch_class, type):
            watch_class = self._watch_class
        self._watch = watch_class(*parts) if watched else None
        if self._debug and type(self.ready) is deque and not self.is_running():
            self.ready = CheckedQueue(self, self.ready)  # a run keeps the one it began with
        if self.is_running():
            self.call_soon_threadsafe(self._track_origins)  # type: ignore[attr-defined]

    def _track_origins(self) -> None:
        """Have the interpreter note where coroutines are made, in debug mode only."""
        sys.set_coroutine_origin_tracking_depth(
            describe.CREATION_DEPTH if self._debug else self._coroutine_origin_depth
        )

    # -- exceptions ------------------------------------------------------------

    def set_exception_handler(
        self, handler: Callable[[Any, dict[str, Any]], object] | None
    ) -> None:
        """Have ``handler(loop, context)`` called for what nobody can catch; None: log it.

        Raises TypeError when *handler* is neither callable nor None.
        """
        self._reports.set_handler(handler)

    def get_exception_handler(self) -> Callable[[Any, dict[str, Any]], object] | None:
        """Return the handler that was set, or None."""
        return self._reports.handler

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Log *context* as an error: what happened, to what, and where that was made."""
        self._reports.log(context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Report what nobody can catch: *context* says what, and where it came from."""
        self._reports.report(context)

    # -- task factory ----------------------------------------------------------

    def set_task_factory(self, factory: Callable[..., Any] | None) -> None:
        """Have ``factory(loop, coro, **options)`` make every task; None for plain tasks.

        *options* are ``context`` and ``eager_start``, where they were given.
        Raises TypeError when *factory* is neither callable nor None.
        """
        if factory is not None and not callable(factory):
            raise TypeError("task factory must be a callable or None")
        self._task_factory = factory

    def get_task_factory(self) -> Callable[..., Any] | None:
        """Return the task factory, or None."""
        return self._task_factory

    def _make_task(self, coro: Any, name: object, **options: Any) -> Any:
        """Return a task from the task factory, named *name* if it can be."""
        assert self._task_factory is not None
        given = {option: value for option, value in options.items() if value is not None}
        task = self._task_factory(self, coro, **given)
        if name is not None and hasattr(task, "set_name"):
            task.set_name(name)
        return task
