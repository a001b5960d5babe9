"""Handles, futures, tasks and coroutines as text: ``repr``, stacks, creation places.

The words and their order are asyncio's, since people search logs for them and
programs print them.  Nothing here changes what it describes, or knows
its class: it looks at the attributes that both libraries' objects have.

Where it differs from asyncio
    One function per kind of object instead of a ``_repr_info`` method on each.

Read next: reports.py
"""

from __future__ import annotations

import functools
import inspect
import linecache
import logging
import reprlib
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any, TextIO

from ..interface import SHOW_ARGUMENTS

logger = logging.getLogger("asyncio")  # the name that programs have configured for years

# Debug mode records a stack for every handle and future: deep ones cost too much.
CREATION_DEPTH = 10
#: Modules whose functions make futures and tasks for a program: the place is where it calls them.
PASSED_OVER = {
    f"{package}.{name}"
    for package in ("miniloop.sync", "asyncio")
    for name in ("combinators", "runners", "sleeping", "taskgroups", "tasks", "timeouts")
}


def creation_stack(skip: int) -> traceback.StackSummary:
    """Return where the caller's caller is, oldest frame first, *skip* frames up from here."""
    frame = sys._getframe(skip)
    while frame.f_back is not None and frame.f_globals.get("__name__") in PASSED_OVER:
        frame = frame.f_back
    stack = traceback.StackSummary.extract(
        traceback.walk_stack(frame), limit=CREATION_DEPTH, lookup_lines=False
    )
    stack.reverse()
    return stack


def _source_of(function: Any) -> tuple[str, int] | None:
    function = inspect.unwrap(function)
    if inspect.isfunction(function):
        return function.__code__.co_filename, function.__code__.co_firstlineno
    if isinstance(function, functools.partial | functools.partialmethod):
        return _source_of(function.func)
    return None


def _arguments(args: Any, kwargs: Any, debug: bool) -> str:
    # Arguments may hold secrets, so they are shown only where asyncio shows them.
    if not (debug or SHOW_ARGUMENTS):
        return "()"
    shown = [reprlib.repr(value) for value in args or ()]
    shown += [f"{name}={reprlib.repr(value)}" for name, value in (kwargs or {}).items()]
    return f"({', '.join(shown)})"


def _call(function: Any, args: Any, kwargs: Any, debug: bool, suffix: str = "") -> str:
    if isinstance(function, functools.partial):
        suffix = _arguments(args, kwargs, debug) + suffix
        return _call(function.func, function.args, function.keywords, debug, suffix)
    name = (
        getattr(function, "__qualname__", None)
        or getattr(function, "__name__", None)
        or repr(function)
    )
    return f"{name}{_arguments(args, kwargs, debug)}{suffix}"


def callback(function: Callable[..., object] | None, args: Any, debug: bool = False) -> str:
    """Return ``name() at file:line`` of a callback."""
    text = _call(function, args, None, debug)
    source = _source_of(function)
    return f"{text} at {source[0]}:{source[1]}" if source else text


def handle(subject: Any, cancelled: bool = False) -> str:
    """Return the ``repr`` of a handle or timer, or what it will be once it is *cancelled*."""
    info = [type(subject).__name__]
    if cancelled or subject._callback is None:
        info.append("cancelled")
    if hasattr(subject, "_when"):
        info.append(f"when={subject._when}")
    if subject._callback is not None:
        info.append(callback(subject._callback, subject._args, subject._loop.get_debug()))
    if stack := getattr(subject, "_source_traceback", None):
        info.append(f"created at {stack[-1][0]}:{stack[-1][1]}")
    return f"<{' '.join(info)}>"


def _callbacks(pairs: list[tuple[Any, Any]]) -> str:
    shown = [
        # A task that waits goes by the name that it has everywhere else.
        "Task.task_wakeup()"
        if getattr(function, "__name__", "") == "_wakeup"
        else callback(function, ())
        for function, _ in (*pairs[:1], *pairs[1:][-1:])
    ]
    if len(pairs) > 2:
        shown.insert(1, f"<{len(pairs) - 2} more>")
    return f"cb=[{', '.join(shown)}]"


def _future_info(subject: Any) -> list[str]:
    info = [subject._state.lower()]
    if subject._state == "FINISHED":
        if subject._exception is not None:
            info.append(f"exception={subject._exception!r}")
        else:
            info.append(f"result={reprlib.repr(subject._result)}")
    if pairs := subject._callbacks:
        info.append(_callbacks(pairs))
    if subject._source_traceback:
        frame = subject._source_traceback[-1]
        info.append(f"created at {frame[0]}:{frame[1]}")
    return info


@reprlib.recursive_repr()
def future(subject: Any) -> str:
    """Return the ``repr`` of a future."""
    return f"<{type(subject).__name__} {' '.join(_future_info(subject))}>"


@reprlib.recursive_repr()
def task(subject: Any) -> str:
    """Return the ``repr`` of a task."""
    info = _future_info(subject)
    if subject.cancelling() and not subject.done():
        info[0] = "cancelling"
    info.insert(1, f"name={subject.get_name()!r}")
    if subject._fut_waiter is not None:
        info.insert(2, f"wait_for={subject._fut_waiter!r}")
    if subject._coro is not None:
        info.insert(2, f"coro=<{coroutine(subject._coro)}>")
    return f"<{type(subject).__name__} {' '.join(info)}>"


def _either(subject: Any, *names: str) -> Any:
    return next((value for name in names if (value := getattr(subject, name, None))), None)


def coroutine(subject: Any) -> str:
    """Return ``name() running at file:line``, or where it was defined once it is done."""
    name = _either(subject, "__qualname__", "__name__")
    # Compiled coroutines may lack a name; say so rather than fail inside a repr.
    name = f"{name or f'<{type(subject).__name__} without __name__>'}()"
    code = _either(subject, "cr_code", "gi_code")
    if code is None:
        return f"{name} running" if _either(subject, "cr_running", "gi_running") else name
    filename = code.co_filename or "<empty co_filename>"
    frame = _either(subject, "gi_frame", "cr_frame")
    if frame is None:
        return f"{name} done, defined at {filename}:{code.co_firstlineno}"
    return f"{name} running at {filename}:{frame.f_lineno}"


def task_frames(subject: Any, limit: int | None) -> list[FrameType]:
    """Return the frames of a suspended task, oldest first, or those of its traceback."""
    frames: list[FrameType] = []
    frame = _either(subject._coro, "cr_frame", "gi_frame", "ag_frame")
    if frame is not None:
        while frame is not None and (limit is None or len(frames) < limit):
            frames.append(frame)
            frame = frame.f_back
        frames.reverse()
    elif (error := subject._exception) is not None:
        step = error.__traceback__
        while step is not None and (limit is None or len(frames) < limit):
            frames.append(step.tb_frame)
            step = step.tb_next
    return frames


def print_task_stack(subject: Any, limit: int | None, file: TextIO | None) -> None:
    """Write what `task_frames` finds to *file*, in the form of a traceback."""
    lines = []
    for frame in subject.get_stack(limit=limit):
        code = frame.f_code
        linecache.checkcache(code.co_filename)
        line = linecache.getline(code.co_filename, frame.f_lineno, frame.f_globals)
        lines.append((code.co_filename, frame.f_lineno, code.co_name, line))
    error = subject._exception
    if not lines:
        print(f"No stack for {subject!r}", file=file)
    elif error is not None:
        print(f"Traceback for {subject!r} (most recent call last):", file=file)
    else:
        print(f"Stack for {subject!r} (most recent call last):", file=file)
    traceback.print_list(lines, file=file)
    if error is not None:
        for text in traceback.format_exception_only(type(error), error):
            print(text, file=file, end="")


def advice(context: dict[str, Any]) -> str:
    """Return what to do about what ``call_exception_handler`` was given, or nothing."""
    message = context.get("message") or ""
    if message.startswith("Task was destroyed"):
        waiter = getattr(context.get("task"), "_fut_waiter", None)
        waited = "for its turn" if waiter is None else f"for {waiter!r}"
        return (
            f"It waited {waited}, and nobody held it: a loop holds its tasks only weakly. "
            "Keep a reference to a task until it is done, or start it in a TaskGroup."
        )
    if message.endswith("exception was never retrieved"):
        return "Nobody awaited it: await it, gather it, or look at its exception()."
    return ""


def report(context: dict[str, Any], debug: bool = False) -> str:
    """Return the log text for what ``call_exception_handler`` was given.

    In debug mode it says what to do about it as well.
    """
    lines = [context.get("message") or "Unhandled exception in event loop"]
    for key in sorted(context):
        value = context[key]
        if key in ("message", "exception"):
            continue
        if key in ("source_traceback", "handle_traceback"):
            what = "Object" if key == "source_traceback" else "Handle"
            stack = "".join(traceback.format_list(value)).rstrip()
            text = f"{what} created at (most recent call last):\n{stack}"
        else:
            text = repr(value)
        lines.append(f"{key}: {text}")
    if debug and (hint := advice(context)):
        lines.append(f"hint: {hint}")
    return "\n".join(lines)
