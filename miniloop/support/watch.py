"""The seams of the run phase: who chooses, who is told, who takes the time.

A loop without chooser, observer and debug mode has no `Watch`, and pays nothing.
With one, the run phase takes its entries through `Watch._take`, which

    asks the chooser which of the entries that are left in this iteration is next,
    tells the observer what is about to run, and what has run,
    logs in debug mode what took longer than ``slow_callback_duration``.

A chooser is a function from the list of entries that are left (oldest first) to
the index of the one to run.  An observer is any object with some of these
methods, in the manner of trio's Instrument:

    before_select(timeout)         the loop will wait for *timeout* seconds (None: for ever)
    before_run(count)              *count* entries will run in this iteration
    entry_added(entry)             a handle or task was put into the ready queue
    before_entry(entry)            it is about to run (a task: to make one step)
    after_entry(entry, seconds)    it has run, and took so long on the loop's clock

``sync/observed.py`` has the rest of them.  One that raises is logged and detached, with all
of its methods: watching must not change the program.

Read next: current.py
"""

from __future__ import annotations

import inspect
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from . import describe

__all__ = ["CheckedQueue", "ObservedQueue", "Telling", "Watch", "check_call"]

#: What an observer may have; those of the second half are told by ``sync/observed.py``.
METHODS = (
    "loop_made",
    "before_select",
    "before_run",
    "entry_added",
    "before_entry",
    "after_entry",
    "loop_started",
    "loop_stopped",
    "loop_closed",
    "after_select",
    "task_created",
    "cancel_requested",
    "cancel_taken_back",
    "future_done",
    "waiters_let_in",
    "callback_from_thread",
    "exception_retrieved",
    "timer_set",
    "callback_cancelled",
    "descriptor_watched",
    "descriptor_left",
    "reported",
    "entry_replaced",
)


def check_thread(loop: Any) -> None:
    """Raise RuntimeError when *loop* runs in another thread."""
    if loop._thread_id not in (None, threading.get_ident()):
        raise RuntimeError(
            "Non-thread-safe operation invoked on an event loop other than the current one"
        )


def check_call(loop: Any, callback: Any, method: str, any_thread: bool = False) -> None:
    """Refuse *callback* for *method* of a closed loop, and what debug mode finds wrong with it.

    Raises RuntimeError when the loop is closed or runs in another thread (unless
    *any_thread*), TypeError when the callback is a coroutine or cannot be called.
    """
    loop._check_closed()
    if not any_thread:
        check_thread(loop)
    if isinstance(callback, Coroutine) or inspect.iscoroutinefunction(callback):
        raise TypeError(f"coroutines cannot be used with {method}()")
    if not callable(callback):
        raise TypeError(f"a callable object was expected by {method}(), got {callback!r}")


class Telling:
    """Calls an observer's methods: those that it has, until one of them raises."""

    def __init__(self, observer: object | None) -> None:
        self._methods = {
            name: method for name in METHODS if (method := getattr(observer, name, None))
        }

    def __call__(self, method: str, *args: Any) -> None:
        """Call a method, if the observer has it; one that raises is the last."""
        if method in self._methods:
            try:
                self._methods[method](*args)
            except Exception:
                self._methods.clear()
                describe.logger.exception("Observer failed in %s() and was detached", method)


class CheckedQueue(deque[Any]):
    """A ready queue that refuses what nobody would run, or not in time.

    That of a closed loop, and in debug mode: to complete a future, cancel a task or make one in
    another thread than the loop's puts entries here without a call that could be checked.
    """

    def __init__(self, loop: Any, entries: Iterable[Any] = ()) -> None:
        super().__init__(entries)
        self._loop = loop

    def append(self, entry: Any, /) -> None:
        """Put *entry* at the end.  Raises RuntimeError in another thread, or when closed."""
        if self._loop._careful:
            self._loop._check_closed()
            check_thread(self._loop)
        super().append(entry)

    def extend(self, entries: Iterable[Any], /) -> None:
        """Put *entries* at the end, in their order; see `append`."""
        for entry in entries:
            self.append(entry)

    def append_from_thread(self, entry: Any, /) -> None:
        """Put *entry* at the end, from whatever thread."""
        super().append(entry)


class ObservedQueue(deque[Any]):
    """A ready queue that tells what is put into it."""

    def __init__(self, tell: Telling) -> None:
        super().__init__()
        self._tell = tell

    def append(self, entry: Any, /) -> None:
        """Put *entry* at the end."""
        super().append(entry)
        self._tell("entry_added", entry)

    def extend(self, entries: Iterable[Any], /) -> None:
        """Put *entries* at the end, in their order."""
        for entry in entries:
            self.append(entry)


class Watch:
    """Stands between the ready queue and the run phase of one loop."""

    def __init__(
        self,
        loop: Any,
        chooser: Callable[[list[Any]], int] | None,
        tell: Telling,
    ) -> None:
        self._loop = loop
        self._chooser = chooser
        self._tell = tell
        self._left = 0
        self._started = 0.0
        #: Which of those that were left was taken.
        self.index = 0
        #: What runs now; the loop's reports say where it was made.
        self.entry: Any = None

    def select(self, timeout: float | None) -> None:
        """The loop will wait for *timeout* seconds."""
        self._tell("before_select", timeout)

    def run(self, count: int) -> Callable[[], Any]:
        """Begin a run phase of *count* entries; return what to take them with."""
        self.finish()
        self._left = count
        self._tell("before_run", count)
        return self._take

    def _take(self) -> Any:
        self.finish()
        ready = self._loop.ready
        index = 0
        if self._chooser is not None and self._left > 1:
            index = self._chooser([ready[position] for position in range(self._left)])
            if not 0 <= index < self._left:
                raise ValueError(f"the chooser picked {index} of {self._left} entries")
        self._left -= 1
        self.index = index
        entry = self.entry = ready[index]
        del ready[index]
        self._tell("before_entry", entry)
        self._started = self._loop.time()
        return entry

    def finish(self) -> None:
        """What was taken last has run."""
        entry, self.entry = self.entry, None
        if entry is None:
            return
        seconds = self._loop.time() - self._started
        self._tell("after_entry", entry, seconds)
        if self._loop.get_debug() and seconds >= self._loop.slow_callback_duration:
            # A callback that steps a task stands for the task.
            owner = getattr(getattr(entry, "_callback", None), "__self__", None)
            what = owner if hasattr(owner, "get_coro") else entry
            describe.logger.warning("Executing %s took %.3f seconds", what, seconds)
