"""The fence around a World: what the program inside reaches for is the World's, or an error.

While a World runs in a thread, that thread's sockets, names, clocks and random numbers
are simulated, and a thread, a subprocess, a signal handler or a real sleep raises
`Escape`, which names the line that asked.  Other threads see nothing of it.

What is replaced is a handful of functions in modules of the standard library, and every
name under which a loaded module had imported one of them.  All of it is put back when
the last World is done.

Read next: loops.py
"""

from __future__ import annotations

import _thread
import datetime
import functools
import gc
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .failures import Escape
from .hashes import Hashes

if TYPE_CHECKING:
    from .world import World

__all__ = ["caller", "fenced", "inside"]

#: The World that runs in a thread, by the thread's number.
_worlds: dict[int, World] = {}

#: Seconds from the epoch to the moment at which Worlds begin: 2020-01-01.
EPOCH = 1577836800.0

_HERE = os.path.dirname(__file__)
_LIBRARY = os.path.dirname(os.__file__)


def here() -> World | None:
    """Return the World that runs in this thread, or None."""
    return _worlds.get(_thread.get_ident())


def caller() -> str:
    """Return file and line of the innermost code that is neither ours nor the interpreter's."""
    for frame in reversed(traceback.extract_stack()[:-1]):
        path = frame.filename
        if not path.startswith((_HERE, os.path.dirname(_HERE), "<")) and not (
            path.startswith(_LIBRARY) and "site-packages" not in path
        ):
            return f"{os.path.basename(path)}:{frame.lineno}"
    return "somewhere"


def _forbidden(what: str) -> Callable[[World], Callable[..., Any]]:
    def choose(world: World) -> Callable[..., Any]:
        def refuse(*args: Any, **options: Any) -> Any:
            error = Escape(f"{what} at {caller()}: it would leave the World")
            world.escaped(error)
            raise error

        return refuse

    return choose


def _instead(original: Any, choose: Callable[[World], Any]) -> Callable[..., Any]:
    """Return what stands in for *original*: in a World what *choose* returns for it."""

    def stand_in(*args: Any, **options: Any) -> Any:
        world = _worlds.get(_thread.get_ident())
        if world is None:
            return original(*args, **options)
        return choose(world)(*args, **options)

    stand_in.__name__ = getattr(original, "__name__", "stand_in")
    stand_in.__doc__ = getattr(original, "__doc__", None)
    return stand_in


def _clock(scale: int, epoch: float = 0.0) -> Callable[[World], Callable[..., Any]]:
    def choose(world: World) -> Callable[..., Any]:
        if scale == 1:
            return lambda: epoch + world.now
        return lambda: int((epoch + world.now) * scale)

    return choose


class _Datetime(datetime.datetime):
    """`datetime.datetime` whose now is the World's."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        world = here()
        if world is None:
            return _real_datetime.now(tz)
        moment = _real_datetime.fromtimestamp(EPOCH + world.now, tz or datetime.UTC)
        return moment.replace(tzinfo=tz)

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(datetime.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> Any:
        return cls.now()


_real_datetime = datetime.datetime


def _new_socket(cls: Any, *args: Any, **options: Any) -> Any:
    """Stand in for ``socket.socket.__new__``: in a World a simulated socket comes out."""
    world = _worlds.get(_thread.get_ident())
    if world is None or cls is not socket.socket:
        return _real_new(cls)
    return world.network.socket(
        *args, **{_SOCKET_ARGUMENTS.get(k, k): v for k, v in options.items()}
    )


_real_new = socket.socket.__new__
_SOCKET_ARGUMENTS = {"type": "kind"}


def _replacements() -> list[tuple[Any, str, Callable[[World], Any]]]:
    """Return what is replaced: where, its name, and what a World has instead."""
    found: list[tuple[Any, str, Callable[[World], Any]]] = [
        (socket, "socketpair", lambda world: _pair(world)),
        (socket, "getaddrinfo", lambda world: world.network.names.getaddrinfo),
        (socket, "gethostname", lambda world: lambda: world.here().name),
        (
            socket,
            "gethostbyname",
            lambda world: lambda host: world.network.names.resolve(host, socket.AF_INET, 0)[0][1],
        ),
        (socket, "getnameinfo", lambda world: world.network.names.getnameinfo),
        (time, "sleep", _forbidden("time.sleep()")),
        (time, "time", _clock(1, EPOCH)),
        (time, "time_ns", _clock(10**9, EPOCH)),
        (time, "monotonic", _clock(1)),
        (time, "monotonic_ns", _clock(10**9)),
        (time, "perf_counter", _clock(1)),
        (time, "perf_counter_ns", _clock(10**9)),
        (os, "urandom", lambda world: world.random.randbytes),
        (os, "fork", _forbidden("os.fork()")),
        (signal, "signal", _forbidden("signal.signal()")),
        (subprocess.Popen, "__init__", _forbidden("a subprocess")),
        (threading.Thread, "start", _forbidden("a thread")),
        (uuid, "uuid1", lambda world: uuid.uuid4),
        (warnings, "_warn_unawaited_coroutine", lambda world: world.checks.never_awaited),
    ]
    return [one for one in found if hasattr(one[0], one[1])]


def _pair(world: World) -> Callable[..., Any]:
    def socketpair(family: Any = None, type: Any = None, proto: int = 0) -> Any:  # noqa: A002
        family = socket.AF_UNIX if family is None else family
        return world.network.pair(family, socket.SOCK_STREAM if type is None else type, proto)

    return socketpair


class _Fence:
    """Puts the stand-ins up, and takes them down again."""

    def __init__(self) -> None:
        self._users = 0
        self._random: Any = None
        self._lock = threading.Lock()
        self._originals: dict[int, tuple[Any, Any]] = {}
        self._places: list[tuple[Any, str, Any, Any]] = []
        self._seen: dict[str, int] = {}
        self._hashes = Hashes(here)

    def up(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._random = random.getstate()
                self._prepare()
                self._find_aliases()
                for place, name, _, stand_in in self._places:
                    setattr(place, name, stand_in)
                socket.socket.__new__ = staticmethod(_new_socket)  # type: ignore[method-assign]
            self._hashes.up()

    def down(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                for place, name, original, _ in self._places:
                    setattr(place, name, original)
                del socket.socket.__new__
                self._hashes.down()
                random.setstate(self._random)

    def _prepare(self) -> None:
        if self._originals:
            return
        for place, name, choose in _replacements():
            original = vars(place)[name]
            stand_in = _instead(original, choose)
            self._places.append((place, name, original, stand_in))
            if isinstance(place, ModuleType):
                self._originals[id(original)] = (original, stand_in)
        self._originals[id(_real_datetime)] = (_real_datetime, _Datetime)

    def _find_aliases(self) -> None:
        """Find the names under which modules that were loaded since have imported one."""
        for module_name, module in list(sys.modules.items()):
            names = getattr(module, "__dict__", None)
            if names is None or module_name.startswith("miniloop"):
                continue
            if self._seen.get(module_name) == len(names):
                continue
            self._seen[module_name] = len(names)
            if module_name in _LEFT_ALONE:
                continue
            for name, value in list(names.items()):
                known = self._originals.get(id(value))
                if known is not None and known[0] is value:
                    place = (module, name, *known)
                    if place not in self._places:
                        self._places.append(place)


#: Modules that keep the real functions: what runs and reports the tests.
_LEFT_ALONE = {"_thread", "_socket", "_datetime", "posix", "_signal", "_pydatetime"}

_fence = _Fence()


@functools.lru_cache(maxsize=16)
def _seeded(seed: int) -> Any:
    """Return the state of ``random`` after ``random.seed(seed)``: to set it takes half as long."""
    return random.Random(seed).getstate()


@contextmanager
def fenced() -> Iterator[None]:
    """Have the fence up meanwhile; for whoever runs many Worlds in a row."""
    _fence.up()
    try:
        yield
    finally:
        _fence.down()


@contextmanager
def inside(world: World) -> Iterator[None]:
    """Run what follows in *world*: in this thread, the stand-ins are the World's.

    No garbage is collected meanwhile: what a cycle keeps alive, an asynchronous generator
    that somebody has left for one, would end at another step of each run.
    """
    number = _thread.get_ident()
    outer = _worlds.get(number)
    collects = gc.isenabled()
    gc.disable()
    _fence.up()
    _worlds[number] = world
    random.setstate(_seeded(world.seed))
    try:
        yield
    finally:
        if outer is None:
            del _worlds[number]
        else:
            _worlds[number] = outer
        _fence.down()
        if collects:
            gc.enable()
