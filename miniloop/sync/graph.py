"""Who awaits whom: the call graph of tasks, through futures and groups, as data and text.

Nothing is recorded while a program runs, so the graph costs nothing until it is
asked for.  It is then read off what is there anyway: the future that each task
waits for, and the callbacks of a future, which lead to what `gather`, `wait`,
`shield`, `as_completed` and task groups, of either library, do for some task.
A library with combinators of its own can tell about them
(`future_add_to_awaited_by`).

Invariants
    A graph holds frames, and frames hold everything: drop it soon.
    A future is shown once on each path, so cycles of waiting end.

Where it differs from asyncio
    asyncio has this from Python 3.14 on, and keeps books on every await; here
    it works on every interpreter, and for asyncio's C tasks too.
    A child of `gather` is awaited by whoever awaits the gathering future, not
    by whoever made it.

Read next: ../eventloop.py
"""

from __future__ import annotations

import functools
import inspect
import sys
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, TextIO

from ..core.futures import Future, isfuture
from ..interface import _get_running_loop, live_tasks
from .tasks import current_task

__all__ = [
    "FrameCallGraphEntry",
    "FutureCallGraph",
    "capture_call_graph",
    "format_call_graph",
    "future_add_to_awaited_by",
    "future_discard_from_awaited_by",
    "print_call_graph",
]

# How a Future suspends its task is of no interest to whoever looks at a stack.
_AWAIT_CODE = Future.__await__.__code__

# future -> those that were declared to await it
_declared: weakref.WeakKeyDictionary[Any, list[Any]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class FrameCallGraphEntry:
    """One frame of a call stack: of a function, a coroutine or a generator.

    Counterpart: ``asyncio.FrameCallGraphEntry`` (3.14).
    """

    frame: FrameType


@dataclass(frozen=True, slots=True)
class FutureCallGraph:
    """A future or task, its call stack (innermost first), and the graphs of its awaiters.

    Counterpart: ``asyncio.FutureCallGraph`` (3.14).
    """

    future: Any
    call_stack: tuple[FrameCallGraphEntry, ...]
    awaited_by: tuple[FutureCallGraph, ...]


def future_add_to_awaited_by(fut: Any, waiter: Any, /) -> None:
    """Declare that *waiter* awaits *fut*, in a way that cannot be seen.

    No effect unless both are futures.  Take it back with
    `future_discard_from_awaited_by`.
    Counterpart: ``asyncio.future_add_to_awaited_by`` (3.14).
    """
    if isfuture(fut) and isfuture(waiter):
        waiters = _declared.setdefault(fut, [])
        if waiter not in waiters:
            waiters.append(waiter)


def future_discard_from_awaited_by(fut: Any, waiter: Any, /) -> None:
    """Take back that *waiter* awaits *fut*; harmless when it was never declared.

    Counterpart: ``asyncio.future_discard_from_awaited_by`` (3.14).
    """
    waiters = _declared.get(fut) if isfuture(fut) else None
    if waiters and waiter in waiters:
        waiters.remove(waiter)


def capture_call_graph(
    future: Any = None, /, *, depth: int = 1, limit: int | None = None
) -> FutureCallGraph | None:
    """Return the call graph of *future*, or of the current task if None.

    For the current task the *depth* innermost frames are left out.  *limit*
    keeps, of each stack, at most that many of the outermost frames, or if
    negative of the innermost ones; with 0 there are none.
    Returns None when there is no current task.  Raises RuntimeError when no
    loop is running and no future given, TypeError when *future* is none.
    Counterpart: ``asyncio.capture_call_graph`` (3.14).
    """
    loop = _get_running_loop()
    task = None if loop is None else current_task(loop)
    if future is None:
        if loop is None:
            raise RuntimeError(
                "capture_call_graph() is called outside of a running "
                "event loop and no *future* to introspect was provided"
            )
        future = task
        if future is None:
            return None
    if not isfuture(future):
        raise TypeError(f"{future!r} object does not appear to be compatible with asyncio.Future")
    waiting = _Waiting()
    if future is not task:
        return waiting.graph(future, limit, frozenset())
    stack = _running_stack(task, sys._getframe(depth)) if limit != 0 else []
    return FutureCallGraph(
        future, _limited(stack, limit), waiting.awaited_by(future, limit, frozenset())
    )


def format_call_graph(future: Any = None, /, *, depth: int = 1, limit: int | None = None) -> str:
    """Return the call graph as text; arguments as for `capture_call_graph`.

    Counterpart: ``asyncio.format_call_graph`` (3.14).
    """
    graph = capture_call_graph(future, depth=depth + 1, limit=limit)
    return "" if graph is None else "\n".join(_lines(graph, 0))


def print_call_graph(
    future: Any = None,
    /,
    *,
    file: TextIO | None = None,
    depth: int = 1,
    limit: int | None = None,
) -> None:
    """Print the call graph to *file* (default: standard output).

    The other arguments are those of `capture_call_graph`.
    Counterpart: ``asyncio.print_call_graph`` (3.14).
    """
    print(format_call_graph(future, depth=depth + 1, limit=limit), file=file)


class _Waiting:
    """What all tasks wait for, at one moment."""

    def __init__(self) -> None:
        self.tasks: dict[int, list[Any]] = {}  # id of a future -> tasks that await it
        for task in live_tasks():
            waiter = getattr(task, "_fut_waiter", None)
            if waiter is not None and not waiter.done():
                self.tasks.setdefault(id(waiter), []).append(task)

    def graph(self, future: Any, limit: int | None, path: frozenset[int]) -> FutureCallGraph:
        """Return the graph of *future*, which is not running; *path* leads to it."""
        get_coro = getattr(future, "get_coro", None)
        stack = list(_suspended_stack(get_coro())) if get_coro and limit != 0 else []
        return FutureCallGraph(future, _limited(stack, limit), self.awaited_by(future, limit, path))

    def awaited_by(
        self, future: Any, limit: int | None, path: frozenset[int]
    ) -> tuple[FutureCallGraph, ...]:
        """Return the graphs of all that await *future*."""
        path = path | {id(future)}
        return tuple(
            self.graph(waiter, limit, path)
            for waiter in self.waiters(future)
            if id(waiter) not in path
        )

    def waiters(self, future: Any) -> list[Any]:
        """Return the tasks that await *future*, each once, in the order they are found."""
        found = {id(task): task for task in self.tasks.get(id(future), ())}
        for declared in (_declared.get(future), getattr(future, "_asyncio_awaited_by", None)):
            found.update((id(waiter), waiter) for waiter in declared or ())
        seen = {id(future)}
        callbacks = list(_callbacks(future))
        for callback in callbacks:
            for reached in _reached(callback):
                if id(reached) in seen:
                    continue
                seen.add(id(reached))
                if hasattr(reached, "get_coro"):
                    found[id(reached)] = reached
                    continue
                found.update((id(task), task) for task in self.tasks.get(id(reached), ()))
                callbacks.extend(_callbacks(reached))
        return list(found.values())


def _callbacks(future: Any) -> Iterator[Any]:
    """Yield the functions that will be called when *future* is done."""
    for entry in getattr(future, "_callbacks", None) or ():
        yield entry[0] if isinstance(entry, tuple) else entry


def _reached(callback: Any) -> Iterator[Any]:
    """Yield the futures that *callback* will complete, and the tasks that it works for."""
    if isinstance(callback, functools.partial):
        yield from filter(isfuture, callback.args)
        callback = callback.func
    owner = getattr(callback, "__self__", None)
    if isfuture(owner):
        if not hasattr(owner, "get_coro"):
            yield owner  # what `gather` returned
        return  # a task's own wake-up is found by what it waits for
    if owner is not None:
        parent = getattr(owner, "_parent_task", None)  # a task group
        if parent is not None:
            yield parent
        yield from getattr(getattr(owner, "_done", None), "_getters", ())  # as_completed
    for cell in getattr(callback, "__closure__", None) or ():
        try:
            held = cell.cell_contents
        except ValueError:
            continue  # not assigned yet
        if isfuture(held):
            yield held
        else:
            yield from getattr(held, "_getters", ())  # as_completed, up to Python 3.12


def _suspended_stack(coro: Any) -> Iterator[FrameCallGraphEntry]:
    """Yield the frames of a coroutine that is not running, outermost first."""
    while coro is not None and getattr(coro, "gi_code", None) is not _AWAIT_CODE:
        for prefix, awaits in (("cr", "cr_await"), ("ag", "ag_await"), ("gi", "gi_yieldfrom")):
            if hasattr(coro, awaits):
                frame = getattr(coro, f"{prefix}_frame")
                if frame is not None:
                    yield FrameCallGraphEntry(frame)
                coro = getattr(coro, awaits)
                break
        else:
            return


def _running_stack(task: Any, frame: FrameType | None) -> list[FrameCallGraphEntry]:
    """Return the frames from the outermost of *task*'s coroutine down to *frame*.

    There are none when *frame* is further out than that.
    """
    coro = task.get_coro()
    outermost = getattr(coro, "cr_frame", None) or getattr(coro, "gi_frame", None)
    stack = []
    while frame is not None:
        stack.append(FrameCallGraphEntry(frame))
        if frame is outermost:
            return stack[::-1]
        frame = frame.f_back
    return []


def _limited(
    stack: list[FrameCallGraphEntry], limit: int | None
) -> tuple[FrameCallGraphEntry, ...]:
    """Return *stack*, which begins with the outermost frame, cut and the other way round."""
    if limit is not None:
        stack = stack[:limit] if limit >= 0 else stack[limit:]
    return tuple(reversed(stack))


def _lines(graph: FutureCallGraph, level: int) -> Iterator[str]:
    indent = level * "    "
    future = graph.future
    if hasattr(future, "get_coro"):
        yield f"{indent}* Task(name={future.get_name()!r}, id={id(future):#x})"
    else:
        yield f"{indent}* Future(id={id(future):#x})"
    if graph.call_stack:
        yield f"{indent}  + Call stack:"
    for entry in graph.call_stack:
        frame = entry.frame
        code = frame.f_code
        yield (
            f"{indent}  |   File {code.co_filename!r}, line {frame.f_lineno}, "
            f"in {_kind(code)}{code.co_qualname}()"
        )
    if graph.awaited_by:
        yield f"{indent}  + Awaited by:"
    for waiter in graph.awaited_by:
        yield from _lines(waiter, level + 1)


def _kind(code: CodeType) -> str:
    if code.co_flags & inspect.CO_COROUTINE:
        return "async "
    if code.co_flags & inspect.CO_ASYNC_GENERATOR:
        return "async generator "
    if code.co_flags & inspect.CO_GENERATOR:
        return "generator "
    return ""
