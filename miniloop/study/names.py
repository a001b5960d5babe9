"""What to call things in a recording: names that are the same in every run.

A task gets a number when it is first seen and its name when it is first told of, because
programs name a task right after they made it.

Read next: awaited.py
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

from ..testing.labels import is_library

__all__ = ["Names", "callback_name", "short"]

#: What a task is called that nobody has named.
_NUMBERED = re.compile(r"Task-\d+|None")  # None: from a bug in asyncio 3.13.0
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")

#: The bodies of both libraries' loops.
_BODIES = ("iterations", "_run_once")
#: What a loop in a World is run by.
_WORLD = "miniloop.testing.world"

#: Among how many things in a dictionary or a list one is looked for.
MOST_ITEMS = 50
#: How long the words for a value may be.
LONGEST = 60


def short(value: object, longest: int = LONGEST) -> str:
    """Return the `repr` of *value*, without addresses and cut to *longest* characters."""
    try:
        text = _ADDRESS.sub("at ...", repr(value))
    except Exception as error:
        text = f"<{type(value).__name__}: its repr raises {type(error).__name__}>"
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 3] + "..."


def callback_name(callback: Any) -> str:
    """Return what a callback is called where it is written: ``Timeout._on_timeout``."""
    while hasattr(callback, "func"):
        callback = callback.func
    function = getattr(callback, "__func__", callback)
    name = getattr(function, "__qualname__", None) or type(callback).__name__
    return str(name).rpartition("<locals>.")[2]


class Names:
    """The names of one recording.

    *folder* is the program's: places in it are told relative to it.  Modules whose names
    begin with one of *ignored* are not the program's.
    """

    def __init__(self, folder: str | None = None, ignored: Iterable[str] = ()) -> None:
        self._folder = os.path.realpath(folder or os.getcwd()) + os.sep
        self._ignored = tuple(ignored)
        self._library: dict[str, bool] = {}
        self._files: dict[str, str] = {}
        self._numbers: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        #: For each task: the name it was given, or what it runs; and what it is called here.
        self._given: list[str] = []
        self._labels: list[str | None] = []
        self._used: Counter[str] = Counter()
        self._futures = 0
        self._fds: dict[int, int] = {}
        self._fd_count = 0
        self._thing_names: Counter[str] = Counter()
        self._things: WeakKeyDictionary[Any, str] = WeakKeyDictionary()

    # -- tasks -----------------------------------------------------------------

    def task(self, task: Any, coro: Any = None) -> int:
        """Return the number of *task*, which is given one if it has none; see `label`.

        *coro* is what it runs, if the task need not be asked.
        """
        known = getattr(task, "_recorded", None)
        if known is not None and known[0] is self:
            return int(known[1])
        number: int | None = self._numbers.get(task)
        if number is None:
            number = self._numbers[task] = len(self._given)
            self._given.append("")
            self._labels.append(None)
            with suppress(AttributeError):  # one of C
                task._recorded = (self, number)  # others may look at the task as well
            self.named(task, coro)
        return number

    def named(self, task: Any, coro: Any = None) -> None:
        """Look up what *task* is called now."""
        number = self._numbers[task]
        if self._labels[number] is None:
            name = task.get_name()
            self._given[number] = name
            if _NUMBERED.fullmatch(name):
                self._given[number] = _function(task.get_coro() if coro is None else coro)

    def label(self, number: int) -> str:
        """Return the name of a task, the same from the first time on."""
        label = self._labels[number]
        if label is None:
            name = self._given[number]
            self._used[name] += 1
            count = self._used[name]
            label = name if count == 1 else f"{name}#{count}"
            while count > 1 and label in self._used:
                count += 1
                label = f"{name}#{count}"
            self._used[label] += label != name
            self._labels[number] = label
        return label

    # -- other things ----------------------------------------------------------

    def future(self, future: Any) -> str:
        """Return the name of a future: ``future 3``."""
        name: str | None = getattr(future, "_recorded", None)
        if name is None:
            self._futures += 1
            name = f"future {self._futures}"
            try:
                future._recorded = name
            except AttributeError:
                return "a future"
        return name

    def fd(self, number: int) -> int:
        """Return the number of a descriptor, in the order in which they were first watched."""
        if number not in self._fds:
            self._fd_count += 1
            self._fds[number] = self._fd_count
        return self._fds[number]

    def forget_fd(self, number: int) -> None:
        """The descriptor is watched no more: what comes with its number is another."""
        self._fds.pop(number, None)

    def thing(self, thing: Any, frames: list[FrameType]) -> str:
        """Return what the program calls a lock or a queue: ``Lock bank.lock``."""
        try:
            if thing not in self._things:
                name = self._found(thing, frames)
                self._thing_names[name] += 1
                count = self._thing_names[name]
                self._things[thing] = name if count == 1 else f"{name}#{count}"
            return self._things[thing]
        except TypeError:  # neither hash nor weak reference
            return self._found(thing, frames)

    def _found(self, thing: Any, frames: list[FrameType]) -> str:
        kind = type(thing).__name__.lstrip("_")
        for frame in reversed(frames):
            if not self.is_library(frame):
                name = _name_in(frame, thing)
                if name:
                    return f"{kind} {name}"
        return kind

    @property
    def files(self) -> dict[str, str]:
        """The paths of the files that places were told of, by their names here."""
        return {name: path for path, name in self._files.items()}

    # -- places ----------------------------------------------------------------

    def is_library(self, frame: FrameType) -> bool:
        """Return whether *frame* is in the interpreter's library, a loop, or who records."""
        module = frame.f_globals.get("__name__", "")
        known = self._library.get(module)
        if known is None:
            known = module.startswith(self._ignored) if self._ignored else False
            known = self._library[module] = known or is_library(module)
        return known

    def place(self, frame: FrameType) -> str:
        """Return where *frame* stands: ``file.py:12``."""
        return f"{self.file(frame.f_code.co_filename)}:{frame.f_lineno}"

    def file(self, path: str) -> str:
        """Return a file's name relative to the program's folder, or with its own folder's."""
        name = self._files.get(path)
        if name is None:
            real = os.path.realpath(path)
            if real.startswith(self._folder):
                name = real.removeprefix(self._folder)
            else:
                name = "/".join(real.split(os.sep)[-2:])
            self._files[path] = name
        return name

    def caller(self) -> str:
        """Return the program's own line that is being run; empty if there is none."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if not self.is_library(frame):
                return self.place(frame)
            if frame.f_code.co_name in _BODIES or frame.f_globals.get("__name__") == _WORLD:
                return ""  # further out is who runs the loop
            frame = frame.f_back
        return ""


def _function(coro: Any) -> str:
    name = getattr(coro, "__qualname__", None) or type(coro).__name__
    return str(name).rpartition("<locals>.")[2]


def _name_in(frame: FrameType, thing: Any) -> str:
    """Return what *frame* calls *thing*: a variable of its own or its module's, or an attribute."""
    names = dict(frame.f_locals)
    for name in frame.f_code.co_names:
        if name in frame.f_globals:
            names.setdefault(name, frame.f_globals[name])
    for name, value in names.items():
        if value is thing:
            return name
    for name, value in names.items():
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, dict):
            for attribute, inner in list(attributes.items()):
                if inner is thing:
                    return f"{name}.{attribute}"
    return _place_in(names, thing)


def _place_in(names: dict[str, Any], thing: Any) -> str:
    """Return in which dictionary or list of *names* the *thing* is: ``locks['ann']``."""
    for name, value in names.items():
        pairs: Iterable[tuple[Any, Any]] = ()
        if type(value) is dict:
            pairs = islice(list(value.items()), MOST_ITEMS)
        elif type(value) in (list, tuple):
            pairs = islice(enumerate(value), MOST_ITEMS)
        for key, inner in pairs:
            if inner is thing and type(key) in (str, int):
                return f"{name}[{short(key, 20)}]"
    return ""
