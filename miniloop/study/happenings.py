"""What happens to tasks, futures, timers and descriptors, as a recorder tells of it.

`Happenings` has the methods of an observer that ``sync/observed.py`` calls.  It knows which
task runs, but not how entries come into the queue and out of it: that is the recorder's.

Read next: recorder.py
"""

from __future__ import annotations

import selectors
import threading
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from .awaited import awaited, frames_of, is_handled
from .journal import Journal
from .names import callback_name, short

__all__ = ["MODES", "Happenings", "outcome_of", "timer_words"]

#: The events that a descriptor is watched for, in the order of its handles.
MODES = {selectors.EVENT_READ: "r", selectors.EVENT_WRITE: "w"}

#: What the callback of a timer is for, where the program did not write it.
_TIMERS = {"_wake": "sleep", "_set_result_unless_cancelled": "sleep"}
_TIMERS |= {"Timeout._on_timeout": "timeout", "_release": "timeout", "_release_waiter": "timeout"}
_SELF_PIPE = ("Wakeup._arrived", "BaseSelectorEventLoop._read_from_self")


class Happenings(Journal):
    """A journal that is told what is done to tasks, futures, timers and descriptors."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._thread = threading.get_ident()
        #: The number of each entry in the queue, by its id.
        self.numbers: dict[int, int] = {}
        #: The thread that added a callback, by its id, if it was another one.
        self._foreign: dict[int, str] = {}
        self._tasks: WeakSet[Any] = WeakSet()
        #: Those that were told of before their first step, which they make at once.
        self._eager: WeakSet[Any] = WeakSet()
        #: The event that said that a task is done.
        self._ends: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        #: The future that was set last, and the event that said so.
        self._done: tuple[Any, int] = (None, 0)
        #: Timers by the ids of their handles, and what they are for.
        self._timers: dict[int, int] = {}
        self._timer_words: dict[int, str] = {}
        self._timer_count = 0
        #: Who was told to stop, by the number of the task; and whether it is told just now.
        self._cancels: dict[int, int] = {}
        self._delivering = False
        #: Who was told to stop and is about it: in `finally`, or in the `except` that caught it.
        #: It is told where it waited last.
        self._leaving: dict[int, str] = {}
        #: What each descriptor is watched for.
        self._fd_modes: dict[int, str] = {}
        self._cause: int | None = None

    def look(self, to_timers: bool = False) -> None:
        """Tell of what was put into the queue since this was last done, or up to a due timer."""

    def callback_from_thread(self, callback: Any) -> None:
        """``call_soon_threadsafe(callback)`` was called by another thread."""
        self._foreign[id(callback)] = threading.current_thread().name

    # -- tasks -----------------------------------------------------------------

    def _new(self, task: Any, eagerly: Any = None) -> int:
        """Tell of a task that was not known; *eagerly* is its coroutine if it ran at once."""
        self._tasks.add(task)
        coro = task.get_coro() if eagerly is None else eagerly
        own: dict[str, Any] = {"task": self.names.task(task, coro)}
        code = getattr(coro, "cr_code", None)
        if code is not None:
            self.codes[own["task"]] = code
        own["coro"] = getattr(coro, "__qualname__", type(coro).__name__)
        if self.task is not None and self.task is not task:
            own["parent"] = self.names.task(self.task)
        frame = getattr(coro, "cr_frame", None)
        if frame is not None and self.names.is_library(frame):
            own["library"] = True
        if eagerly is not None:
            own["eager"] = True
        return self.tell("task_new", None, self.names.caller(), **own)

    def task_created(self, task: Any, coro: Any) -> None:
        """*task* was made."""
        self.look(to_timers=True)
        if task not in self._tasks:  # it was not put into the queue: it starts at once
            self._new(task, coro)
            self._eager.add(task)
        if task in self._eager and (task.done() or getattr(task, "_fut_waiter", None) is not None):
            self._eager.discard(task)
            self._stepped(task)

    def _deliver(self, task: Any) -> None:
        """Tell that *task* is told to stop in this step, if it is."""
        number = self.names.task(task)
        if number in self._leaving and self.pending:
            self._tell_run()  # the long way, which sees where it stands
        waiter = getattr(task, "_fut_waiter", None)
        self._delivering = getattr(task, "_must_cancel", False) or (
            number in self._cancels and waiter is not None and waiter.cancelled()
        )
        if self._delivering:
            self.tell("cancel_delivered", self._cancels.get(number), task=number)

    def _stepped(self, task: Any) -> None:
        """Tell how the step of *task* ended, unless that was told."""
        if task.done():
            self._ended(task)
        else:
            waiter = getattr(task, "_fut_waiter", None)
            if waiter is not None:
                self._suspended(task, waiter)

    def _suspended(self, task: Any, waiter: Any) -> int:
        number = self.names.task(task)
        coro = task.get_coro()
        frames = frames_of(coro)
        own = [frame for frame in frames if not self.names.is_library(frame)]
        place = self.names.place(own[-1]) if own else ""
        if self._delivering or number in self._leaving:
            self._delivering = False
            self._leaving.pop(number, None)
            if any(one.f_code.co_name == "__aexit__" and one not in own for one in frames):
                pass  # a group waits for its children on the way out: it sees to the request
            elif is_handled(coro):
                self._leaving[number] = place
            elif task.cancelling() and not getattr(task, "_must_cancel", False):
                self.tell("cancel_swallowed", src=place, task=number)
        if waiter is None:
            on: dict[str, Any] = {"kind": "turn", "label": "another turn"}
        else:
            on = awaited(task, waiter, frames, self.names, self._tasks)
        stack = [f"{self.names.place(one)} {one.f_code.co_name}" for one in own]
        return self.tell("suspend", None, place, task=number, on=on, stack=stack)

    def _ended(self, task: Any) -> int:
        """Tell that *task* is done; return the event that said so."""
        known = self._end_of(task)
        if known:
            return known
        number = self.names.task(task)
        self._delivering = False
        self._cancels.pop(number, None)
        outcome = outcome_of(task)
        handled = self._leaving.pop(number, "")
        if handled and outcome == "result" and task.cancelling():
            self.tell("cancel_swallowed", src=handled, task=number)
        own: dict[str, Any] = {}
        if outcome == "exception":
            own["error"] = _error(_peek(task))
        elif outcome == "result":
            value = task.result()
            if value is not None:
                own["value"] = short(value)
        told = self.tell("task_done", task=number, outcome=outcome, **own)
        self._ends[task] = told
        self._done = (task, told)
        if outcome == "exception":
            self.tell("exception_stored", told, task=number, error=own["error"])
        return told

    def _end_of(self, task: Any) -> int:
        """Return the event that said that *task* is done; 0 if none did."""
        return self._ends.get(task, 0)

    def cancel_requested(self, task: Any, message: Any) -> None:
        """Somebody wants *task* to stop."""
        number = self.names.task(task)
        own: dict[str, Any] = {"task": number}
        if self.task is not None:
            own["from"] = self.names.task(self.task)
        if message is not None:
            own["message"] = short(message)
        told = self.tell("cancel_request", self._cause, self.names.caller(), **own)
        self._cancels[number] = told
        if getattr(task, "_fut_waiter", None) is not None:
            self._cause = told  # of the cancellation of that

    # -- futures ---------------------------------------------------------------

    def future_done(self, future: Any, outcome: str, error: Any) -> None:
        """*future* will be done in a moment."""
        if threading.get_ident() != self._thread:
            return
        own: dict[str, Any] = {"future": self.names.future(future), "outcome": outcome}
        if error is not None:
            own["error"] = _error(error)
        by = self._cause if outcome == "cancelled" else None
        self._cause = None
        told = self.tell("future_set", by, self.names.caller(), **own)
        self._done = (future, told)

    def waiters_let_in(self, future: Any) -> None:
        """Everybody who waited for *future* is in the queue."""
        if threading.get_ident() == self._thread:
            self.look(to_timers=True)

    def exception_retrieved(self, future: Any) -> None:
        """Somebody has looked at the exception of *future*."""
        self.tell("exception_retrieved", None, self.names.caller(), **self._who(future))

    # -- timers, callbacks, descriptors ----------------------------------------

    def timer_set(self, timer: Any) -> None:
        """A timer was set."""
        self._timer_count += 1
        number = self._timer_count
        words = timer_words(timer._callback)
        self._timers[id(timer)] = number
        self._timer_words[number] = words
        own: dict[str, Any] = {"timer": number, "when": round(timer._when - self.offset, 6)}
        own["label"] = words
        if self.task is not None and words in _TIMERS.values():
            own["task"] = self.names.task(self.task)
        if timer._args:
            try:
                timer._args[0]._recorded_timer = number
            except AttributeError:
                pass  # not a future
        self.tell("timer_set", None, self.names.caller(), **own)

    def callback_cancelled(self, handle: Any) -> None:
        """A callback of ``call_soon``, or a timer, will not run."""
        if threading.get_ident() != self._thread:
            return
        timer = self._timers.pop(id(handle), None)
        if timer is not None:
            self._timer_words.pop(timer, None)
            self.tell("timer_cancel", None, self.names.caller(), timer=timer)
        elif id(handle) in self.numbers:
            self.tell("drop", None, self.names.caller(), entry=self.numbers[id(handle)])

    def descriptor_watched(self, fd: int, event: int, callback: Any, args: Any) -> None:
        """*fd* is watched from now on."""
        label = callback_name(callback)
        own: dict[str, Any] = {"fd": self.names.fd(fd), "mode": MODES[event]}
        self._fd_modes[fd] = self._fd_modes.get(fd, "") + MODES[event]
        own["label"] = "self-pipe" if label in _SELF_PIPE else label
        self.tell("fd_add", None, self.names.caller(), **own)

    def descriptor_left(self, fd: int, event: int) -> None:
        """*fd* is watched no more for *event*."""
        number, modes = self.names.fd(fd), self._fd_modes.get(fd, "")
        self.tell("fd_remove", None, self.names.caller(), fd=number, mode=MODES[event])
        self._fd_modes[fd] = modes = modes.replace(MODES[event], "")
        if not modes:
            self.names.forget_fd(fd)

    # -- what nobody looked at -------------------------------------------------

    def reported(self, context: dict[str, Any]) -> None:
        """The exception handler is called."""
        if threading.get_ident() != self._thread:
            return
        error = context.get("exception")
        own: dict[str, Any] = {"message": short(context.get("message", ""))[1:-1]}
        if error is not None:
            own["error"] = _error(error)
        if "never retrieved" in own["message"] and error is not None:
            future = context.get("future") or context.get("task")
            self.tell("exception_lost", error=own["error"], **self._who(future))
        self.tell("report", None, self.names.caller(), **own)

    def _who(self, future: Any) -> dict[str, Any]:
        if hasattr(future, "get_coro"):
            return {"task": self.names.task(future)}
        return {"future": self.names.future(future)}

    def never_awaited(self, coro: str, place: str) -> None:
        """A coroutine was collected that was never awaited, made at *place*."""
        self.tell("never_awaited", 0, place, coro=coro)

    def output(self, stream: str, text: str) -> None:
        """The program has printed a line."""
        if threading.get_ident() == self._thread:
            self.tell("output", None, self.names.caller(), stream=stream, text=text)


def timer_words(callback: Any) -> str:
    """Return what a timer with this callback is for."""
    name = callback_name(callback)
    return _TIMERS.get(name, name)


def outcome_of(future: Any) -> str:
    """Return how *future*, which is done, ended: "result", "exception" or "cancelled"."""
    if future.cancelled():
        return "cancelled"
    return "result" if _peek(future) is None else "exception"


def _peek(future: Any) -> BaseException | None:
    """Return the exception of *future* without having seen it."""
    error: BaseException | None = getattr(future, "_exception", None)
    return error


def _error(error: Any) -> str:
    if isinstance(error, type):
        return error.__name__
    text = short(str(error))[1:-1]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
