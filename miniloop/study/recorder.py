"""The recorder: an observer of a loop that writes down what happens, each with its cause.

It keeps what it is told in the shortest form there is, and puts it into words when the
loop has time, before it waits, or at the end: a program is recorded at full speed and
looked at later.

An entry of the ready queue is known by the number of the event that added it.  What
happens while an entry runs is caused by its ``run``; a ``wake`` by the ``future_set``
that let the task in.  What another thread adds is told by the loop's own thread, when
it sees it.

Read next: fast.py
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Iterable
from typing import Any

from ..sync.observed import ObservedTask
from .fast import RecorderWatch
from .happenings import MODES, Happenings, outcome_of
from .names import callback_name
from .recording import Recording

__all__ = ["Recorder"]

#: For how long, in seconds, the loop must be going to wait for there to be time for words.
IDLE = 0.001


class Recorder(Happenings):
    """An observer for ``EventLoop(observer=...)`` that makes a recording.

    Places are told relative to *folder* (default: the working directory).  Frames of
    modules whose names begin with one of *ignored* are not the program's.  With a
    *writer* the events go to a file as they come, else they are kept.  After *limit*
    events the rest is counted and dropped.  One recorder watches one loop after another,
    in the thread in which it was made.
    """

    watch_class = RecorderWatch

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._loop: Any = None
        #: Called before each entry runs, if there is one: it returns when the entry may.
        self.gate: Callable[[], object] | None = None
        #: The loop's queue, if nobody tells what is put into it.
        self._queue: Any = None
        self._looking = False
        #: Whether this iteration has begun with a poll that was told of.
        self.polled = False
        #: When a poll began that nothing has come of yet, on the clock; None if there is none.
        self.poll: float | None = None
        #: Which event made a handle ready, and with which descriptor.
        self._fd_ready: dict[int, tuple[int, int]] = {}

    def tell(self, kind: str, by: int | None = None, src: str = "", **own: Any) -> int:
        """Add an event, after those about what was put into the queue meanwhile."""
        self.look(to_timers=True)
        return super().tell(kind, by, src, **own)

    def recording(self) -> Recording:
        """Return what was recorded up to this moment; empty if it went to a file."""
        self.look(to_timers=True)
        if self.pending:
            self._tell_run()
        return super().recording()

    # -- the loop --------------------------------------------------------------

    def loop_made(self, loop: Any) -> None:
        """Begin with *loop*; its clock goes on where that of the loop before stopped."""
        self.flush()
        self._loop, self.clock = loop, loop.time
        self._queue = getattr(loop, "ready", None)
        self.seen = 0
        self.offset = loop.time() - self.now
        for kept in (self.numbers, self._foreign, self._timers, self._timer_words, self._cancels):
            kept.clear()
        for fd, key in sorted(dict(loop._selector.get_map()).items()):
            for event, handle in zip(MODES, key.data, strict=True):
                if handle is not None:
                    self.descriptor_watched(fd, event, handle._callback, handle._args)

    def loop_started(self) -> None:
        """``run_forever`` was entered."""
        self.tell("loop_start", src=self.names.caller())

    def loop_stopped(self) -> None:
        """``run_forever`` is left."""
        self.leave()
        self.tell("loop_stop", 0)
        self.polled = False

    def loop_closed(self) -> None:
        """The loop was closed; it is not kept."""
        self.tell("loop_close", src=self.names.caller())
        self._loop = self._queue = self.clock = None

    def before_select(self, timeout: float | None) -> None:
        """The loop will wait for *timeout* seconds."""
        self._begin_iteration(polls=True)
        if timeout is None or timeout > IDLE:
            self.flush()
        shown = None if timeout is None else round(timeout, 6)
        self.tell("select_begin", 0, timeout=shown, why=self._why(timeout))

    def _tell_poll(self) -> None:
        """Tell of the poll that has begun."""
        self.poll = None
        self.before_select(0)

    def _begin_iteration(self, polls: bool) -> None:
        self.leave()
        self.polled = polls
        told: dict[str, Any] = {} if polls else {"polls": False}
        self.tell("iter_begin", 0, ready=len(self._loop._ready), **told)

    def _why(self, timeout: float | None) -> str:
        """Return why the loop waits for *timeout* seconds."""
        if timeout is None:
            return "no timer is set: for ever"
        if len(self._loop._ready):
            return "entries are ready"
        first = self.first_timer(self._loop)
        if first is None or self._loop._stopping:
            return "the loop is stopping"
        number = self._timers.get(id(first), 0)
        words = f"timer {number} ({self._timer_words.get(number, 'a timer')}) is due first"
        return words if timeout else f"{words}, and overdue"

    def first_timer(self, loop: Any) -> Any:
        """Return the timer of *loop* that is due first, or None."""
        if hasattr(loop, "timers"):
            return loop.timers.heap[0][-1] if loop.timers.heap else None
        return loop._scheduled[0] if loop._scheduled else None

    def after_select(self, events: Iterable[tuple[Any, int]]) -> None:
        """The selector has returned."""
        events = list(events)
        if self.poll is not None:
            if not events:
                return
            self._tell_poll()
        fds = [(self.names.fd(key.fd), _mode(mask)) for key, mask in events]
        told = self.tell("select_end", self.n, fds=fds)
        for (key, mask), (number, mode) in zip(events, fds, strict=True):
            ready = self.tell("fd_ready", told, fd=number, mode=mode)
            for event, handle in zip(MODES, key.data or (), strict=False):
                if mask & event and handle is not None:
                    self._fd_ready[id(handle)] = (ready, number)

    def before_run(self, count: int) -> None:
        """Exactly *count* entries run in this iteration."""
        if self.poll is not None:
            self._tell_poll()
            self.tell("select_end", self.n, fds=[])
        if not self.polled:
            self._begin_iteration(polls=False)
        self.look()
        self._fd_ready.clear()
        self.polled = False
        self.check_limit()
        self.tell("run_phase", 0, count=count)

    # -- entries ---------------------------------------------------------------

    def look(self, to_timers: bool = False) -> None:
        """Tell of what was put into the queue since this was last done, or up to a due timer."""
        queue = self._queue
        if queue is None or self._looking:
            return
        self._looking = True
        try:
            while self.seen < len(queue):
                entry = queue[self.seen]
                if to_timers and id(entry) in self._timers:
                    break
                self.seen += 1
                self.added(entry)
        finally:
            self._looking = False

    def entry_added(self, entry: Any) -> None:
        """*entry* was put into the ready queue."""
        if self._queue is None:
            self.added(entry)
        else:
            self.look()

    def added(self, entry: Any) -> None:
        """Tell of *entry*, and why it is in the queue now."""
        if self.task is not None and self.task.done():
            self._ended(self.task)
        task = _task_of(entry)
        if task is not None:
            own, by, src = self._task_added(task)
        elif id(entry) in self._timers:
            own, by, src = self._timer_due(entry)
        else:
            own, by, src = self._callback_added(entry)
        thread = self._foreign.pop(id(getattr(entry, "_callback", None)), None)
        if thread is not None:
            own, by, src = own | {"why": "threadsafe", "thread": thread}, 0, ""
        number = self.tell("add", by, src, entry=self.n + 1, **own)
        if task is None and entry._callback is None:
            self.tell("drop", number, entry=number)
        if type(entry) is ObservedTask:
            # Less than 0 before its first step, in which it is told by which name it goes, and
            # while it has to be looked at for what becomes of a request to stop.
            slow = own["why"] == "created" or self.names.task(entry) in self._leaving
            entry._added = -number if slow else number  # type: ignore[attr-defined]
        else:
            self.numbers[id(entry)] = number

    def _callback_added(self, entry: Any) -> tuple[dict[str, Any], int, str]:
        if entry._callback is None:  # it left the heap together with those that are due
            return {"what": "timer", "label": "a cancelled timer", "why": "due"}, 0, ""
        words = callback_name(entry._callback)
        if id(entry) in self._fd_ready:
            by, fd = self._fd_ready[id(entry)]
            return {"what": "fd", "label": words, "fd": fd, "why": "ready"}, by, ""
        done, told = self._done
        own = {"what": "callback", "label": words}
        if done is not None and entry._args and entry._args[0] is done:
            return own | {"why": "done callback"}, told, ""
        return own | {"why": "call_soon"}, self.run_n, self.names.caller()

    def _timer_due(self, entry: Any) -> tuple[dict[str, Any], int, str]:
        timer = self._timers.pop(id(entry))
        self.tick()
        late = round(max(self.now - (entry._when - self.offset), 0.0), 6)
        by = self.tell("timer_due", 0, timer=timer, late=late)
        words = self._timer_words.pop(timer)
        return {"what": "timer", "label": words, "timer": timer, "why": "due"}, by, ""

    def _task_added(self, task: Any) -> tuple[dict[str, Any], int, str]:
        own = {"what": "task", "label": self.names.task(task), "task": self.names.task(task)}
        if task not in self._tasks:
            return own | {"why": "created"}, self._new(task), self.names.caller()
        if task is self.task:
            return own | {"why": "yielded"}, self._suspended(task, None), ""
        waiter = getattr(task, "_fut_waiter", None)
        if waiter is None or not waiter.done():
            return own | {"why": "woken"}, self.run_n, self.names.caller()
        return own | {"why": "woken"}, self._woken(task, waiter), ""

    def _woken(self, task: Any, waiter: Any) -> int:
        """Tell that *task* is let in because *waiter* is done; return that event."""
        if hasattr(waiter, "get_coro"):
            by = self._ended(waiter) if waiter is self.task else self._end_of(waiter)
            who: dict[str, Any] = {"from": self.names.task(waiter)}
        else:
            by = self._done[1] if self._done[0] is waiter else self.run_n
            who = {"future": self.names.future(waiter)}
        number = self.names.task(task)
        return self.tell("wake", by, task=number, **who, outcome=outcome_of(waiter))

    def before_entry(self, entry: Any) -> None:
        """*entry* is about to run."""
        if not self._number_of(entry):  # another thread has put it there just now
            self.added(entry)
        if self.gate is not None:
            self._wait_at_gate()
        number = self._number_of(entry)
        self.numbers.pop(id(entry), None)
        self.tick()
        self.begin(entry, number)

    def _wait_at_gate(self) -> None:
        """Write what has happened, and wait to be let on."""
        assert self.gate is not None
        self.flush()
        self.gate()

    def _number_of(self, entry: Any) -> int:
        """Return the event that has added *entry* to the queue; 0 if none was told of."""
        if type(entry) is ObservedTask:
            return int(abs(getattr(entry, "_added", 0)))
        return self.numbers.get(id(entry), 0)

    def begin(self, entry: Any, number: int) -> None:
        """*entry*, which is in the queue as *number*, runs from now on."""
        self.entry, self.entry_n, self.began = entry, number, self.now + self.offset
        self.task = task = _task_of(entry)
        if self._queue is not None:
            self.seen = len(self._queue)
        self.n += 1
        self.run_n = self.n
        self.pending = True
        self.pick = getattr(self._loop._watch, "index", 0) if hasattr(self._loop, "_watch") else 0
        if task is not None:
            if task not in self._tasks:
                self._new(task)
            self.task_number = self.names.task(task)
            self.names.named(task)
            self._deliver(task)

    def after_entry(self, entry: Any, seconds: float) -> None:
        """*entry* has run."""
        self.tick()
        self.ended = self.ended or self.now + self.offset
        self.leave()

    def leave(self) -> None:
        """What ran has run."""
        if self.entry is None:
            return
        if self._is_plain():
            self._gave_up()
            return
        self.look(to_timers=True)
        task = self.task
        skipped: dict[str, Any] = {}
        if task is not None:
            self._stepped(task)
        elif self.pending and self.entry._callback is None:
            skipped = {"skipped": True}
        ended = self.ended or self.now + self.offset  # what is told now is no part of the step
        self.ended = 0.0
        took = round(max(ended - self.began, 0.0), 6)
        self.tell("ran", self.run_n, entry=self.entry_n, took=took, **skipped)
        self.run_n = 0
        self.entry = self.task = self._cause = None

    def _is_plain(self) -> bool:
        """Return whether what ran is a task that has done nothing but give up its turn.

        Never where somebody chooses: whose turn it was would not be known from the order.
        """
        if getattr(self._loop, "_chooser", None) is not None:
            return False
        queue, entry = self._queue, self.entry
        last = queue and len(queue) == self.seen + 1 and queue[-1] is entry
        return bool(self.pending and last and type(entry) is ObservedTask)

    def _gave_up(self) -> None:
        """The task that ran has done nothing but give up its turn."""
        assert self.clock is not None
        entry = self.entry
        frame = getattr(entry._coro, "cr_frame", None)
        if not self.full:  # -1: a generator
            self.log += (self.clock(), -1 if frame is None else frame.f_lasti)
        entry._added = self.run_n + 2
        self.n = self.run_n + 3
        self.seen += 1
        self.run_n = 0
        self.pending = False
        self.entry = self.task = None


def _task_of(entry: Any) -> Any:
    """Return the task whose step *entry* is, or None."""
    if hasattr(entry, "get_coro"):
        return entry
    owner = getattr(entry._callback, "__self__", None)
    return owner if hasattr(owner, "get_coro") else None


def _mode(mask: int) -> str:
    return ("r" if mask & selectors.EVENT_READ else "") + (
        "w" if mask & selectors.EVENT_WRITE else ""
    )
