"""What a task waits for, read off its frames at the moment in which it suspends.

Read next: recorder.py
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

from ..interface import CancelledError
from .names import Names

__all__ = ["awaited", "frames_of", "holders", "is_handled"]

#: What tasks wait for together, by the name of its class; both libraries call them so.
KINDS = {
    "Lock": "Lock",
    "Semaphore": "Semaphore",
    "BoundedSemaphore": "Semaphore",
    "Event": "Event",
    "Condition": "Condition",
    "Queue": "Queue",
    "LifoQueue": "Queue",
    "PriorityQueue": "Queue",
    "Barrier": "Barrier",
    "TaskGroup": "TaskGroup",
    "StreamReader": "stream",
    "StreamReaderProtocol": "stream",
    "FlowControlMixin": "stream",
    "StreamWriter": "stream",
}

#: What a task waits in, by the function's name.
FUNCTIONS = {
    "wait": "wait",
    "_wait": "wait",
    "to_thread": "thread",
    "create_connection": "connect",
    "sock_recv": "fd",
    "sock_recv_into": "fd",
    "sock_recvfrom": "fd",
    "sock_sendall": "fd",
    "sock_sendto": "fd",
    "sock_accept": "fd",
    "sock_connect": "fd",
}

#: What looks after a future that a thread will complete, in either library.
_FROM_THREADS = ("pass_on_cancel", "_call_check_cancel")

#: Among how many tasks the holder of a lock is looked for.
MOST_HOLDERS = 200


def frames_of(coro: Any) -> list[FrameType]:
    """Return the frames of a suspended coroutine and of what it awaits, innermost last."""
    frames = []
    for inner in _chain(coro):
        for name in ("cr_frame", "gi_frame", "ag_frame"):
            frame = getattr(inner, name, None)
            if frame is not None:
                frames.append(frame)
    return frames


def _chain(coro: Any) -> Iterator[Any]:
    for _ in range(100):
        if coro is None:
            return
        yield coro
        coro = (
            getattr(coro, "cr_await", None)
            or getattr(coro, "gi_yieldfrom", None)
            or getattr(coro, "ag_await", None)
        )


def awaited(
    task: Any, waiter: Any, frames: list[FrameType], names: Names, others: Iterable[Any]
) -> dict[str, Any]:
    """Return what *task*, whose *frames* these are, waits for: a kind and words for it.

    *waiter* is the future in its way, *others* the tasks among which a lock's holder is.
    """
    if hasattr(waiter, "get_coro"):
        number = names.task(waiter)
        return {"kind": "task", "label": number, "task": number}
    timer = getattr(waiter, "_recorded_timer", None)
    if timer is not None:
        return {"kind": "timer", "label": "sleep", "timer": timer}
    on = _by_frames(task, frames, names, others)
    on = on or _by_type(waiter, names) or {"kind": "future", "label": names.future(waiter)}
    on["future"] = names.future(waiter)
    return on


def _by_frames(
    task: Any, frames: list[FrameType], names: Names, others: Iterable[Any]
) -> dict[str, Any] | None:
    for frame in reversed(frames):
        if not names.is_library(frame):
            return None
        thing = frame.f_locals.get("self")
        kind = KINDS.get(type(thing).__name__)
        if kind is not None:
            on: dict[str, Any] = {"kind": kind, "label": names.thing(thing, frames)}
            if kind in ("Queue", "stream"):
                on["label"] += f" ({_method(thing, frames)})"
            if kind == "Lock":
                found = holders(thing, (other for other in others if other is not task))
                if found:
                    on["held_by"] = [names.task(one) for one in found]
            return on
        kind = FUNCTIONS.get(frame.f_code.co_name)
        if kind is not None:
            return {"kind": kind, "label": frame.f_code.co_name}
    return None


def _method(thing: Any, frames: list[FrameType]) -> str:
    """Return which method of *thing* the program has called: ``readline``."""
    calls = [frame.f_code.co_name for frame in frames if frame.f_locals.get("self") is thing]
    return calls[0]


def _by_type(waiter: Any, names: Names) -> dict[str, Any] | None:
    if type(waiter).__name__ == "_GatheringFuture":  # in either library
        children = [one for one in waiter._children if hasattr(one, "get_coro")]
        tasks = [names.task(one) for one in children[:MOST_HOLDERS]]
        return {"kind": "gather", "label": "gather", "tasks": tasks}
    for callback in getattr(waiter, "_callbacks", None) or ():
        if getattr(callback[0], "__name__", "") in _FROM_THREADS:
            return {"kind": "thread", "label": "what a thread does"}
    return None


def holders(thing: Any, tasks: Iterable[Any]) -> list[Any]:
    """Return those of *tasks* that are inside an ``async with`` of *thing*."""
    found = []
    for count, task in enumerate(tasks):
        if count >= MOST_HOLDERS:
            break
        if any(_inside(coro, thing) for coro in _chain(task.get_coro())):
            found.append(task)
    return found


def is_handled(coro: Any) -> bool:
    """Return whether *coro*, or what it awaits, stands where a CancelledError is handled."""
    return any(
        isinstance(referent, CancelledError)
        for inner in _chain(coro)
        if hasattr(inner, "close")  # a coroutine or a generator, not a future
        for referent in gc.get_referents(inner)
    )


def _inside(coro: Any, thing: Any) -> bool:
    return any(
        getattr(referent, "__name__", "") == "__aexit__"
        and getattr(referent, "__self__", None) is thing
        for referent in gc.get_referents(coro)
    )
