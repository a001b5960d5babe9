"""What to call things in traces and reports: names that are the same in every run.

No numbers that depend on memory, no absolute paths: a task is its name and its
function, a place in the source is a file's name and a line.

Read next: loops.py
"""

from __future__ import annotations

import os
import sys
from types import FrameType
from typing import Any

__all__ = [
    "asked_at",
    "callback_label",
    "entry_label",
    "is_internal",
    "is_library",
    "landing_label",
    "place_of",
    "task_label",
]

#: Callbacks of these packages are called the same on both libraries' loops.
_INTERNAL = ("asyncio", "miniloop", "_asyncio", "functools", "concurrent")

#: What everything in a World is called by: a module, and a function in it.
_WORLD = (f"{__package__}.world", "_run_main")


def place_of(coro: Any) -> str:
    """Return where *coro* stands, ``file.py:line``, as deep as its awaits can be followed."""
    place = ""
    seen = 0
    while coro is not None and seen < 100:
        seen += 1
        frame = getattr(coro, "cr_frame", None) or getattr(coro, "gi_frame", None)
        frame = frame or getattr(coro, "ag_frame", None)
        if frame is not None and not is_library(frame.f_globals.get("__name__", "")):
            place = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
        coro = getattr(coro, "cr_await", None) or getattr(coro, "gi_yieldfrom", None)
    return place


def asked_at() -> str:
    """Return the line of the program that is being run, ``file.py:line``; empty if there is none.

    What is further out than the World is not looked at.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if (module, frame.f_code.co_name) == _WORLD:
            return ""
        if not is_library(module):
            return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def is_library(module: str) -> bool:
    """Return whether *module* is a loop's or the interpreter's, whose lines differ by version."""
    return is_internal(module) or module.partition(".")[0] in sys.stdlib_module_names


def is_internal(module: str) -> bool:
    """Return whether *module* is a loop's, of whichever library."""
    return module.partition(".")[0] in _INTERNAL


def task_label(task: Any) -> str:
    """Return a task's name and function: ``Task-2 (deposit)``."""
    coro = task.get_coro()
    world = getattr(task.get_loop(), "world", None)
    name = task.get_name() if world is None else world.name_of(task)
    frame = getattr(coro, "cr_frame", None) or getattr(coro, "gi_frame", None)
    function = getattr(coro, "__qualname__", type(coro).__name__)
    code: Any = getattr(frame, "f_code", None)
    stands_in = code is not None and function != code.co_qualname  # its name is another's
    if frame and is_internal(frame.f_globals.get("__name__", "")) and not stands_in:
        return f"{name} (the library's)"
    function = function.rpartition("<locals>.")[2]
    return f"{name} ({function})"


def callback_label(callback: Any) -> str:
    """Return what a plain callback is: its name, or ``the loop`` for those of the library."""
    while hasattr(callback, "func"):
        callback = callback.func
    function = getattr(callback, "__func__", callback)
    module = getattr(function, "__module__", None)
    if module is None:  # a method that is not written in Python is of its object's class
        module = type(getattr(function, "__self__", callback)).__module__
    if is_internal(module):
        return "the loop"
    name = getattr(function, "__qualname__", None) or type(callback).__name__
    return str(name).rpartition("<locals>.")[2]


def landing_label(callback: Any) -> str:
    """Return what an event from outside is: ``cancel of Task-2 (audit) at bank.py:14``."""
    while hasattr(callback, "func"):
        callback = callback.func
    if hasattr(callback, "words"):
        return str(callback.words())
    owner: Any = getattr(callback, "__self__", None)
    if not hasattr(owner, "get_coro"):
        return callback_label(callback)
    name = getattr(callback, "__name__", "call")
    if owner.done():
        return f"{name} of {task_label(owner)}, which is done"
    place = place_of(owner.get_coro())
    return f"{name} of {task_label(owner)}" + (f" at {place}" if place else "")


def entry_label(entry: Any) -> str:
    """Return what a ready entry is: a task about to make a step, or a callback.

    *entry* is a handle of either library, or one of our tasks.
    """
    if hasattr(entry, "get_coro"):
        return f"{task_label(entry)} {place_of(entry.get_coro())}".rstrip()
    callback = entry._callback
    if callback is None:
        return "nothing: cancelled"
    owner: Any = getattr(callback, "__self__", None)
    if hasattr(owner, "get_coro"):
        return f"{task_label(owner)} {place_of(owner.get_coro())}".rstrip()
    return callback_label(callback)
