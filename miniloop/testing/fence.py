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
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .failures import Escape
from .hashes import Hashes
from .labels import asked_at

if TYPE_CHECKING:
    from .world import World

__all__ = ["caller", "fenced", "inside"]

#: The World that runs in a thread, by the thread's number.
_worlds: dict[int, World] = {}

#: Seconds from the epoch to the moment at which Worlds begin: 2020-01-01.
EPOCH = 1577836800.0


def here() -> World | None:
    """Return the World that runs in this thread, or None."""
    return _worlds.get(_thread.get_ident())


def caller(world: World) -> str:
    """Return file and line of the program in *world* that asked: the innermost of its code.

    What a thread would run has nobody around it; then it is who gave it to the executor.
    """
    return asked_at() or world.executor.place or "somewhere"


def _forbidden(what: str) -> Callable[[World], Callable[..., Any]]:
    def choose(world: World) -> Callable[..., Any]:
        def refuse(*args: Any, **options: Any) -> Any:
            error = Escape(f"{what} at {caller(world)}: it would leave the World")
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


def _unless_said(
    real: Callable[..., Any], now: Callable[..., Any], last: int = 0
) -> Callable[[World], Callable[..., Any]]:
    """Return *real* where somebody says which moment, as argument *last*, and else *now*."""

    def choose(world: World) -> Callable[..., Any]:
        def tell(*args: Any) -> Any:
            if len(args) > last and args[last] is not None:
                return real(*args)
            return now(world, *args[:last])

        return tell

    return choose


def _clock_gettime(scale: int) -> Callable[[World], Callable[..., Any]]:
    def choose(world: World) -> Callable[..., Any]:
        def read(clock: int) -> Any:
            return _clock(scale, EPOCH if clock == time.CLOCK_REALTIME else 0.0)(world)()

        return read

    return choose


def _seed(world: World) -> Callable[..., None]:
    """Seed a generator that nobody gave a seed with one of the World's."""

    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        _real_seed(self, world.random.getrandbits(64) if a is None else a, version)

    return seed


_real_seed = random.Random.seed


#: asyncio's own module, for the one function in it that depends on addresses.
_tasks: Any = sys.modules.get("asyncio.tasks")


class _InOrder:
    """What is awaited, as tasks in the order in which it was given."""

    def __init__(self, given: Any, loop: Any) -> None:
        self._given = given
        self._loop = loop

    def __iter__(self) -> Iterator[Any]:
        for one in dict.fromkeys(self._given):
            yield _tasks.ensure_future(one, loop=self._loop)


def _as_completed(world: World) -> Callable[..., Any]:
    """Return `asyncio.as_completed`, which begins with a set of what may be coroutines.

    That would iterate by their addresses; tasks hash in their order.
    """

    def as_completed(given: Any, **options: Any) -> Any:
        one_alone = hasattr(given, "_asyncio_future_blocking") or hasattr(given, "cr_frame")
        return _real_as_completed(given if one_alone else _InOrder(given, world.loop), **options)

    return as_completed


_real_as_completed: Any = getattr(_tasks, "as_completed", None)


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


#: What leaves the World: where it is found, what it is called there, and in an error.
_WAYS_OUT: tuple[tuple[Any, str, str], ...] = (
    (time, "sleep", "time.sleep()"),
    (os, "fork", "os.fork()"),
    (os, "forkpty", "os.forkpty()"),
    (os, "system", "a subprocess"),
    (os, "posix_spawn", "a subprocess"),
    (os, "posix_spawnp", "a subprocess"),
    (sys.modules.get("_posixsubprocess"), "fork_exec", "a subprocess"),
    (subprocess.Popen, "__init__", "a subprocess"),
    (signal, "signal", "signal.signal()"),
    (signal, "setitimer", "signal.setitimer()"),
    (signal, "alarm", "signal.alarm()"),
    (signal, "raise_signal", "signal.raise_signal()"),
    (signal, "pthread_kill", "signal.pthread_kill()"),
    (os, "kill", "os.kill()"),
    (os, "killpg", "os.killpg()"),
    (threading.Thread, "start", "a thread"),
    (_thread, "start_new_thread", "a thread"),
)


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
        (os, "urandom", lambda world: world.random.randbytes),
        (os, "getrandom", lambda world: lambda size, flags=0: world.random.randbytes(size)),
        (random.Random, "seed", _seed),
        (random, "seed", lambda world: functools.partial(_seed(world), _shared())),
        (uuid, "uuid1", lambda world: uuid.uuid4),
        (_tasks, "as_completed", _as_completed),
        (warnings, "_warn_unawaited_coroutine", lambda world: world.checks.never_awaited),
    ]
    found += _clocks()
    found += [(place, name, _forbidden(what)) for place, name, what in _WAYS_OUT]
    return [one for one in found if hasattr(one[0], one[1])]


def _shared() -> random.Random:
    """Return the generator behind the functions of `random`."""
    generator: random.Random = random.random.__self__  # type: ignore[attr-defined]
    return generator


def _clocks() -> list[tuple[Any, str, Callable[[World], Any]]]:
    """Return what of `time` is replaced; computing costs no time, so no processor's either."""
    gmtime, asctime, strftime = time.gmtime, time.asctime, time.strftime

    def moment(world: World) -> Any:
        return gmtime(EPOCH + world.now)

    def as_text(world: World) -> str:
        return asctime(moment(world))

    def formatted(world: World, form: str) -> str:
        return strftime(form, moment(world))

    return [
        (time, "time", _clock(1, EPOCH)),
        (time, "time_ns", _clock(10**9, EPOCH)),
        *((time, name, _clock(1)) for name in ("monotonic", "perf_counter")),
        *((time, f"{name}_ns", _clock(10**9)) for name in ("monotonic", "perf_counter")),
        *((time, f"{name}_time", lambda _: lambda: 0.0) for name in ("process", "thread")),
        *((time, f"{name}_time_ns", lambda _: lambda: 0) for name in ("process", "thread")),
        (time, "clock_gettime", _clock_gettime(1)),
        (time, "clock_gettime_ns", _clock_gettime(10**9)),
        (time, "gmtime", _unless_said(gmtime, moment)),
        (time, "localtime", _unless_said(time.localtime, moment)),
        (time, "asctime", _unless_said(asctime, as_text)),
        (time, "ctime", _unless_said(time.ctime, as_text)),
        (time, "strftime", _unless_said(strftime, formatted, 1)),
    ]


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
