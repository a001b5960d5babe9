"""Who waits for what, and who could end it: what a deadlock is made of.

Nothing is recorded while a program runs.  When it is stuck, the frames of its tasks tell:
the future that each waits for, the lock or queue that keeps that future, the tasks that
are inside an ``async with`` of it or have it at hand, and, through `gather`, `wait` and
groups, the tasks that are waited for.

Read next: report.py
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

from ..sync.graph import capture_call_graph
from .labels import is_library, place_of, task_label

__all__ = ["who_waits"]

#: What an object keeps its waiters in.
_CONTAINERS = (deque, list, set, dict, tuple)
#: Whose waiters nothing but another task wakes, and whose waiters the network does.
_BETWEEN_TASKS = ("asyncio.locks", "asyncio.queues", "miniloop.sync")
_NETWORK = ("asyncio.", "miniloop.net")


def who_waits(tasks: Sequence[Any], stuck: bool = True) -> str:
    """Return a line for each of *tasks*, all pending: what it waits for, and who could wake it.

    *stuck* says that nothing is on its way any more: only then is it certain that what no
    other task can do nobody can.  A cycle among the tasks is drawn in a last line.
    """
    waits = [_Wait(task, stuck) for task in tasks]
    for wait in waits:
        wait.look_at(waits)
    _tell_apart(waits)
    for wait in waits:  # who waits for it, however far away, cannot be who wakes it
        wait.others = [one for one in wait.others if not _path_back(wait, one, [one], set())]
    lines = [f"  {wait.words()}" for wait in waits]
    cycle = _cycle(waits)
    if cycle:
        lines.append(f"  in a circle: {_drawn(cycle)}")
    return "\n".join(lines)


class _Wait:
    """What one task waits for."""

    def __init__(self, task: Any, stuck: bool) -> None:
        self.task = task
        self.stuck = stuck
        self.label = task_label(task)
        self.place = place_of(task.get_coro())
        self.future = getattr(task, "_fut_waiter", None)
        self.frames = list(_frames(task.get_coro()))
        self.thing = _keeper(self.future, self.frames)
        #: What the program calls it, the waiting task's own name for it first.
        self.names: list[str] = []
        self.name = ""
        #: Tasks that it waits for, by themselves or because they hold what it waits for.
        self.awaited: list[_Wait] = []
        self.holders: list[_Wait] = []
        self.others: list[_Wait] = []

    def look_at(self, waits: Sequence[_Wait]) -> None:
        """Find among *waits* who could wake it, and what the program calls what it waits for."""
        frames = self.frames + [frame for other in waits for frame in other.frames]
        self.names = _names_of(self.future if self.thing is None else self.thing, frames)
        self.name = self.names[0]
        for other in waits:
            if other is self:
                continue
            if other.task is self.future or _awaits(self.task, other.task):
                self.awaited.append(other)
            elif self.thing is not None and other.thing is self.thing:
                continue  # it waits for the same
            elif self.thing is not None and other.is_inside(self.thing):
                self.holders.append(other)
            elif self.future is not None and other.knows(self.thing, self.future):
                self.others.append(other)

    def is_inside(self, thing: Any) -> bool:
        """Return whether the task is in the body of an ``async with`` of *thing*."""
        return any(
            getattr(referent, "__name__", "") == "__aexit__"
            and getattr(referent, "__self__", None) is thing
            for coro in _coroutines(self.task.get_coro())
            for referent in gc.get_referents(coro)
        )

    def knows(self, thing: Any, future: Any) -> bool:
        """Return whether one of the task's own frames has *thing*, or *future*, at hand."""
        wanted = [one for one in (thing, future) if one is not None]
        return any(
            value is one
            for frame in self.frames
            if not is_library(frame.f_globals.get("__name__", ""))
            for _, value in _at_hand(frame)
            for one in wanted
        )

    def words(self) -> str:
        """Say all of it in a line."""
        line = f"{self.label} waits {f'at {self.place}' if self.place else 'in the library'}"
        if self.future is None:
            return f"{line}, and could go on"
        if self.awaited:
            return f"{line} for {_names(self.awaited)}"
        if (seconds := self.seconds_left()) is not None:
            return f"{line}, and goes on in {seconds:.3g} s"
        line += f" for {self.name}"
        if self.holders:
            return f"{line}, held by {_names(self.holders)}"
        if self.others:
            return f"{line}; only {_names(self.others)} could wake it"
        between = self.thing is None or _module(self.thing).startswith(_BETWEEN_TASKS)
        if between and self.stuck:
            return f"{line}; nobody can wake it"
        if not between and _module(self.thing).startswith(_NETWORK):
            return f"{line}, and nothing is on its way to it" if self.stuck else line
        return f"{line}; no task has it at hand"

    def seconds_left(self) -> float | None:
        """Return when a timer wakes the task, or ends its patience; None if there is no such."""
        loop = self.task.get_loop()
        for timer in loop.timer_handles() if hasattr(loop, "timer_handles") else ():
            owner = getattr(timer._callback, "__self__", None)
            wakes = any(one is self.future for one in timer._args or ())
            if not timer.cancelled() and (wakes or getattr(owner, "_task", None) is self.task):
                return max(float(timer.when() - loop.time()), 0.0)
        return None


def _module(thing: Any) -> str:
    return type(thing).__module__


def _names(waits: Sequence[_Wait]) -> str:
    labels = [wait.label for wait in waits]
    if len(labels) > 4:
        labels = [*labels[:3], f"{len(labels) - 3} others"]
    return " and ".join(filter(None, [", ".join(labels[:-1]), labels[-1]]))


def _awaits(task: Any, other: Any) -> bool:
    graph = capture_call_graph(other, limit=0)
    return graph is not None and any(entry.future is task for entry in graph.awaited_by)


def _coroutines(coro: Any) -> Iterator[Any]:
    """Yield *coro* and what it awaits, as deep as it goes."""
    for _ in range(100):
        if coro is None:
            return
        yield coro
        awaited = getattr(coro, "cr_await", None) or getattr(coro, "gi_yieldfrom", None)
        coro = awaited or getattr(coro, "ag_await", None)


def _frames(coro: Any) -> Iterator[FrameType]:
    for inner in _coroutines(coro):
        for name in ("cr_frame", "gi_frame", "ag_frame"):
            frame = getattr(inner, name, None)
            if frame is not None:
                yield frame


def _keeper(future: Any, frames: Sequence[FrameType]) -> Any:
    """Return the lock, queue or other thing that keeps *future* among its waiters, or None."""
    if future is None:
        return None
    for frame in reversed(frames):
        thing = frame.f_locals.get("self")
        for kept in list(getattr(thing, "__dict__", {}).values()):
            inside = isinstance(kept, _CONTAINERS) and any(one is future for one in kept)
            if kept is future or inside:
                return thing
    return None


def _at_hand(frame: FrameType) -> Iterator[tuple[str, Any]]:
    """Yield what *frame* can name: its variables, what they have as attributes, its globals."""
    names = dict(frame.f_locals)
    for name in frame.f_code.co_names:
        if name in frame.f_globals:
            names.setdefault(name, frame.f_globals[name])
    yield from names.items()
    for name, value in names.items():
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, dict):
            for attribute, inner in list(attributes.items()):
                yield f"{name}.{attribute}", inner


def _names_of(thing: Any, frames: Sequence[FrameType]) -> list[str]:
    """Return what the program calls *thing*: ``the Lock bank.lock``; never empty."""
    kind = type(thing).__name__.removeprefix("AsyncioWorld").removeprefix("World")
    kind = "future" if kind == "Future" else kind
    names: dict[str, None] = {}
    for frame in frames:
        if not is_library(frame.f_globals.get("__name__", "")):
            names.update(
                (f"the {kind} {name}", None) for name, at in _at_hand(frame) if at is thing
            )
    return list(names) or [f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind}"]


def _tell_apart(waits: Sequence[_Wait]) -> None:
    """Call no two things by one name: two tasks may each call its own lock ``lock``."""
    called: dict[str, set[int]] = {}
    for wait in waits:
        for name in wait.names:
            called.setdefault(name, set()).add(id(wait.thing or wait.future))
    for wait in waits:
        wait.name = next((name for name in wait.names if len(called[name]) == 1), wait.name)


def _cycle(waits: Sequence[_Wait]) -> list[_Wait]:
    """Return tasks of which each waits for the next and the last for the first, or []."""
    for start in waits:
        path = _path_back(start, start, [start], set())
        if path:
            return path
    return []


def _path_back(start: _Wait, at: _Wait, path: list[_Wait], seen: set[int]) -> list[_Wait]:
    for following in (*at.awaited, *at.holders):
        if following is start:
            return path
        if id(following) not in seen:
            seen.add(id(following))
            found = _path_back(start, following, [*path, following], seen)
            if found:
                return found
    return []


def _drawn(cycle: list[_Wait]) -> str:
    words = [cycle[0].label]
    for wait, following in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
        if following in wait.awaited:
            words.append(following.label)
        else:
            words.append(f"{wait.name}, held by {following.label}")
    return " -> ".join(words)
