"""A loop that runs, looked at without a recording: its state, why a task waits, a dump on a signal.

`snapshot` reads the loop's own queue, heap and selector, and the frames of its tasks, into the
same `State` that recordings are played with, so that every view of a recording is one of a
running program too.  It changes nothing, and works on asyncio's loop as well.

Read next: html.py
"""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import IO, Any

from ..interface import _get_running_loop, current_tasks, live_tasks
from .awaited import awaited, frames_of
from .happenings import MODES, timer_words
from .names import Names, callback_name
from .state import Entry, State, TaskState, Timer
from .text import WIDTH, panes
from .waits import why as why_of_state

__all__ = ["dump", "dump_on", "snapshot", "why"]


def snapshot(loop: Any, folder: str | None = None) -> State:
    """Return the state of *loop*, a loop of miniloop's or of asyncio's on selectors.

    Places are told relative to *folder* (default: the working directory).
    Raises TypeError for a loop that cannot be looked into, such as uvloop's.
    """
    return _Looking(loop, folder).state


class _Looking:
    """One look at a loop."""

    def __init__(self, loop: Any, folder: str | None) -> None:
        if not hasattr(loop, "_ready") or not hasattr(loop, "_selector"):
            raise TypeError(f"{loop!r} cannot be looked into")
        self.names = Names(folder)
        #: The timer that will complete a future, by the future's id.
        self._sleeping: dict[int, int] = {}
        self.state = State(t=loop.time(), phase="run" if loop.is_running() else "")
        tasks = [task for task in live_tasks() if task.get_loop() is loop and not task.done()]
        self.tasks = sorted(tasks, key=lambda task: (len(task.get_name()), task.get_name()))
        for task in self.tasks:
            self.names.task(task)
        self._timers(loop)
        for number, entry in enumerate(loop._ready, 1):
            self.state.ready.append(self._entry(number, entry))
        self._descriptors(loop)
        current = current_tasks.get(loop)
        for task in self.tasks:
            self._task(task, task is current)

    def _label(self, task: Any) -> str:
        return self.names.label(self.names.task(task))

    def _entry(self, number: int, entry: Any) -> Entry:
        task = entry if hasattr(entry, "get_coro") else None
        callback = getattr(entry, "_callback", None)
        owner = getattr(callback, "__self__", None)
        if task is None and hasattr(owner, "get_coro"):
            task = owner
        if task is not None:
            label = self._label(task)
            return Entry(number, "task", label, "", label)
        if callback is None:
            return Entry(number, "callback", "a callback", "", dropped=True)
        return Entry(number, "callback", callback_name(callback), "")

    def _timers(self, loop: Any) -> None:
        heap = loop.timers.heap if hasattr(loop, "timers") else loop._scheduled
        handles = [one[-1] if isinstance(one, tuple) else one for one in heap]
        waiting = [handle for handle in handles if not handle.cancelled()]
        for number, handle in enumerate(sorted(waiting, key=lambda one: one.when()), 1):
            words = timer_words(handle._callback)
            self.state.timers[number] = Timer(number, handle.when(), words)
            if handle._args and hasattr(handle._args[0], "_asyncio_future_blocking"):
                self._sleeping[id(handle._args[0])] = number

    def _descriptors(self, loop: Any) -> None:
        for fd, key in sorted(dict(loop._selector.get_map() or {}).items()):
            for mode, handle in zip(MODES.values(), key.data or (), strict=False):
                if handle is not None and handle._callback is not None:
                    self.state.fds.setdefault(fd, {})[mode] = callback_name(handle._callback)

    def _task(self, task: Any, runs: bool) -> None:
        name = self._label(task)
        told = self.state.tasks[name] = TaskState(name)
        told.coro = getattr(task.get_coro(), "__qualname__", "")
        told.cancels = task.cancelling()
        waiter = getattr(task, "_fut_waiter", None)
        queued = any(entry.task == name for entry in self.state.ready)
        told.state = "running" if runs else "waiting" if waiter and not queued else "ready"
        frames = frames_of(task.get_coro())
        own = [frame for frame in frames if not self.names.is_library(frame)]
        told.at = self.names.place(own[-1]) if own else ""
        told.stack = [f"{self.names.place(one)} {one.f_code.co_name}" for one in own]
        if told.state == "waiting":
            told.on = self._on(task, waiter, frames)

    def _on(self, task: Any, waiter: Any, frames: list[FrameType]) -> dict[str, Any]:
        timer = self._sleeping.get(id(waiter))
        if timer is not None:
            return {"kind": "timer", "label": "sleep", "timer": timer}
        on = awaited(task, waiter, frames, self.names, self.tasks)
        for key in ("task", "label"):
            if type(on.get(key)) is int:
                on[key] = self.names.label(on[key])
        for key in ("held_by", "tasks"):
            if key in on:
                on[key] = [self.names.label(one) for one in on[key]]
        return on


def why(task: Any, folder: str | None = None) -> list[str]:
    """Return lines that say why *task* does not run: what it waits for, who can wake it.

    Raises TypeError when it is no task, or one of a loop that cannot be looked into.
    """
    if not hasattr(task, "get_coro"):
        raise TypeError(f"{task!r} is not a task")
    looking = _Looking(task.get_loop(), folder)
    if task.done():
        return [f"{task.get_name()} is done"]
    return why_of_state(looking.state, looking._label(task))


def dump(loop: Any = None, file: IO[str] | None = None, folder: str | None = None) -> None:
    """Print the state of *loop* (default: the one that runs), and why each task waits.

    To *file* (default: standard error).  Raises RuntimeError when no loop runs.
    """
    loop = _get_running_loop() if loop is None else loop
    if loop is None:
        raise RuntimeError("no running event loop")
    state = snapshot(loop, folder)
    lines = [*panes(state, WIDTH), "", "why"]
    print(*lines, sep="\n", file=file or sys.stderr)
    for name, task in state.tasks.items():
        if task.state == "waiting":
            lines = [f"  {line}" for line in why_of_state(state, name)]
            print(*lines, sep="\n", file=file or sys.stderr)


def dump_on(number: int = signal.SIGUSR1, folder: str | None = None) -> None:
    """Have `dump` called whenever the process gets signal *number*; main thread only.

    A program that is stuck says why then: ``kill -USR1 PID``.  Raises ValueError in
    another thread than the main one.
    """

    def told(_number: int, _frame: FrameType | None) -> None:
        loop = _get_running_loop()
        if loop is None:
            sys.stderr.write("no event loop runs\n")
        else:
            dump(loop, folder=folder)

    signal.signal(number, told)
