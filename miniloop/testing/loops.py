"""The loops that run inside a World: miniloop's, and the standard library's own.

Both get the World's selector and clock, its executor, and tasks and futures whose hash is
the order in which they were made: a set of them iterates alike in every run.

Read next: hosts.py
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import Context, copy_context
from heapq import heappush
from selectors import BaseSelector
from typing import TYPE_CHECKING, Any

from ..core.futures import PENDING, Future
from ..core.loop import OWN
from ..core.tasks import Task
from ..core.timers import TimerHandle
from ..eventloop import EventLoop
from ..interface import AsyncioFuture, AsyncioSelectorEventLoop, AsyncioTask, current_tasks
from ..net.wakeup import Wakeup
from ..support import describe
from ..support.watch import Watch, check_call
from .labels import asked_at, entry_label
from .selector import polling

if TYPE_CHECKING:
    from .world import World

__all__ = [
    "LOOPS",
    "WORLD_TASKS",
    "AsyncioWorldFuture",
    "AsyncioWorldLoop",
    "AsyncioWorldTask",
    "WorldFuture",
    "WorldLoop",
    "WorldTask",
    "WorldTimer",
]

#: A timer may be late by up to so many times `LATE_SECONDS`.
LATE = 3
LATE_SECONDS = 1e-6

_NAN = float("nan")
_new = object.__new__


class WorldFuture(Future[Any]):
    """A future whose hash is its number."""

    __slots__ = ("_number",)
    _number: int

    def __hash__(self) -> int:
        return self._number


class WorldTask(Task[Any]):
    """A task whose hash is its number, and that knows the host it runs on."""

    __slots__ = ("_number", "boot")
    _number: int

    def __hash__(self) -> int:
        return self._number

    def cancel(self, msg: Any | None = None) -> bool:
        """Ask the task to stop; the World remembers that it was asked."""
        asked = super().cancel(msg)
        if asked:
            self._loop.world.checks.cancelled(self)
        return asked

    def set_name(self, value: object) -> None:
        """Call the task *value*; the number that it was called after, if the last, is free."""
        self._loop.world.renamed(self.get_name())
        super().set_name(value)


OWN.update((WorldFuture, WorldTask))


class WorldTimer(TimerHandle):
    """A timer outside of debug mode, which is all that is said less."""

    __slots__ = ()

    def cancel(self) -> None:
        """Cancel the callback."""
        if self._callback is not None:
            if self._scheduled:
                self._loop.timers.cancelled += 1  # type: ignore[attr-defined]
            self._callback = self._args = None


WorldTimer.__name__ = TimerHandle.__name__  # what its ``repr`` says


class _NoWakeup(Wakeup):
    """Nobody outside of the thread can wake a loop that lives in a World."""

    def _open(self) -> None:
        pass

    renew = close = wake = _open

    def fileno(self) -> int:
        """Return -1: there is no socket."""
        return -1


class _Picker(Watch):
    """Takes entries as the schedule says, and tells the trace."""

    _choosers: Any
    _next: Callable[[], Any]
    _short: bool

    def select(self, timeout: float | None) -> None:
        """Nothing is told beforehand."""

    def finish(self) -> None:
        """Nor is anything told afterwards."""

    def run(self, count: int) -> Callable[[], Any]:
        """Begin a run phase; return what to take the entries with."""
        try:
            if self._choosers.taker is not None or not self._short:
                return self._next
        except AttributeError:
            pass
        self._next = self._taker()
        return self._next

    def _taker(self) -> Callable[[], Any]:
        """Return what takes the next entry: a function on its own, as it is called so often."""
        world = self._loop.world
        ready, trace, pick = self._loop.ready, world.trace, world.pick
        popleft, choosers = ready.popleft, world.choices.choosers
        plain = world.level == "any" and trace is None
        short = choosers.taking(ready) if plain else None
        self._choosers, self._short = choosers, short is not None

        def take_any() -> Any:
            count = len(ready)
            if count > 1 and (index := choosers["pick"](count)):
                entry = ready[index]
                del ready[index]
                return entry
            return popleft()

        def take() -> Any:
            index = pick(ready) if world.level != "fifo" and len(ready) > 1 else 0
            entry = ready[index]
            del ready[index]
            if trace is not None:
                trace.append(entry_label(entry))
            return entry

        return short or (take_any if plain else take)


class _InWorld:
    """What both loops do alike in a World."""

    world: World

    def _set_out(self, world: World) -> None:
        self.world = world
        self._numbers = itertools.count()

    def run_in_executor(
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Return a future for ``func(*args)``, called when the World says."""
        chosen = self.world.executor if executor is None else executor
        return super().run_in_executor(chosen, func, *args)  # type: ignore[misc]

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """There are no threads to wait for."""

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """Return the addresses of *host* as the World knows them, at once."""
        return self.world.network.names.getaddrinfo(host, port, **options)

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> Any:
        """Return the name at an address as the World knows it, at once."""
        return self.world.network.names.getnameinfo(sockaddr, flags)

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:
        """Remember *callback*: `World.signal` calls it."""
        self.world.signal_handlers[sig] = (callback, args)

    def remove_signal_handler(self, sig: int) -> bool:
        """Forget the callback for *sig*; return whether there was one."""
        return self.world.signal_handlers.pop(sig, None) is not None

    async def subprocess_exec(self, *args: Any, **options: Any) -> Any:
        """Raise Escape: there are no processes in a World."""
        raise self.world.escape("a subprocess")

    subprocess_shell = subprocess_exec

    def _late(self, when: float, callback: Any) -> float:
        if when <= self.world.now:
            return when
        late = self.world.choices.choose("timer", 1 + LATE, lambda: self._timer_words(callback))
        return when + late * LATE_SECONDS if late else when

    def _timer_words(self, callback: Any) -> str:
        place = asked_at()
        return self.world.describe(callback) + (f", set at {place}" if place else "")


class WorldLoop(_InWorld, EventLoop):  # type: ignore[misc]
    """miniloop's loop in a World."""

    _wakeup_class = _NoWakeup
    _watch_class = _Picker
    _task_class = WorldTask

    def __init__(self, world: World) -> None:
        self._set_out(world)
        watched = world.level != "fifo" or world.trace is not None
        super().__init__(
            selector=world.selector, clock=world.time, chooser=world.pick if watched else None
        )

    def _waiting(self) -> Callable[[float | None], Any]:
        return polling(self)

    def create_future(self) -> WorldFuture:  # type: ignore[override]
        """Return a new future of this loop."""
        future = _new(WorldFuture)
        future._number = next(self._numbers)
        future._loop = self
        future._state = PENDING
        future._waiters = future._exception = None
        future._asyncio_future_blocking = False
        return future

    def create_task(
        self,
        coro: Any,
        *,
        name: object = None,
        context: Context | None = None,
        eager_start: bool | None = None,
    ) -> Any:
        """Run *coro* as a task, which is called after its number unless it has a name."""
        world = self.world
        if name is None:
            name = f"Task-{world.next_task_number()}"
        if world.around is not None:
            coro = world.around(coro)
        if self._closed or self._task_factory is not None:
            task = super().create_task(coro, name=name, context=context, eager_start=eager_start)
        else:
            task = _new(self._task_class)
            task._number = next(self._numbers)
            task._begin(coro, self, name, context, eager_start and self.is_running())
        world.add_task(task, context)
        return task

    def _settle(self, current: Any) -> Any:
        if current is not None:
            current_tasks.pop(self, None)

    def _before_select(self) -> float | None:
        if not self.ready:
            return super()._before_select()
        if self.timers.cancelled:
            self.timers.drop_cancelled()
        return 0

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> TimerHandle:
        """Call ``callback(*args)`` at *when*, or a little later if the schedule says so."""
        if when is None:
            raise TypeError("when cannot be None")
        world = self.world
        if when > world.now:
            if world.trace is not None:
                when = self._late(when, callback)
            elif late := world.choices.choosers["timer"](1 + LATE):
                when += late * LATE_SECONDS
        if self._careful or callback is None:
            check_call(self, callback, "call_at")
        timer: TimerHandle = _new(TimerHandle if self._debug else WorldTimer)
        timer._callback = callback
        timer._args = args
        timer._loop = self
        timer._context = copy_context() if context is None else context
        timer._source_traceback = describe.creation_stack(2) if self._debug else None
        timer._when = when
        timer._scheduled = True
        # In a World many timers are due at the same instant.  None is less than the other,
        # and no number says so faster than one that is neither less than nor equal to any:
        # of two timers the order would be asked in Python, twice.
        heap: list[Any] = self.timers.heap
        heappush(heap, (when, -_NAN, timer))  # a new number each time
        return timer

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Any, *args: Any, context: Context | None = None
    ) -> TimerHandle:
        """Call ``callback(*args)`` after *delay* seconds, or a little later; see `call_at`."""
        if delay is None:
            raise TypeError("delay must not be None")
        timer = self.call_at(self.world.now + delay, callback, *args, context=context)
        if timer._source_traceback:
            del timer._source_traceback[-1]  # it is this very line
        return timer

    def next_timer(self) -> float | None:
        """Return the moment of the first timer, or None."""
        return self.timers.heap[0][0] if self.timers.heap else None

    def timer_after(self, when: float) -> float | None:
        """Return the moment of the second timer if it is after *when*, or None."""
        later = [entry[0] for entry in self.timers.heap[1:3] if entry[-1]._callback is not None]
        return min((moment for moment in later if moment > when), default=None)

    def entries(self) -> deque[Any]:
        """Return the ready queue."""
        return self.ready

    def timer_handles(self) -> list[Any]:
        """Return the timers that wait, in the order in which they are due."""
        return [one[-1] for one in sorted(self.timers.heap, key=lambda one: one[0])]


class AsyncioWorldFuture(AsyncioFuture):  # type: ignore[type-arg]
    """asyncio's own future, with its number for a hash."""

    number = 0

    def __hash__(self) -> int:
        return self.number


class AsyncioWorldTask(AsyncioTask):  # type: ignore[type-arg]
    """asyncio's own task, stepped by its own code, with its number for a hash."""

    number: int

    def __init__(self, coro: Any, *, loop: Any, **options: Any) -> None:
        self.number = next(loop._numbers)
        super().__init__(coro, loop=loop, **options)

    def __hash__(self) -> int:
        return self.number

    def cancel(self, msg: Any | None = None) -> bool:
        """Ask the task to stop; the World remembers that it was asked."""
        asked = super().cancel(msg)
        if asked:
            loop: Any = self.get_loop()
            loop.world.checks.cancelled(self)
        return asked

    def set_name(self, value: object) -> None:
        """Call the task *value*; the number that it was called after, if the last, is free."""
        loop: Any = self.get_loop()
        loop.world.renamed(self.get_name())
        super().set_name(value)


class _TracedQueue(deque[Any]):
    """asyncio's ready queue, which tells the trace what is taken out to be run."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def popleft(self) -> Any:
        """Take the next handle, which runs now."""
        handle = super().popleft()
        assert self._world.trace is not None
        self._world.trace.append(entry_label(handle))
        return handle


class AsyncioWorldLoop(_InWorld, AsyncioSelectorEventLoop):  # type: ignore[misc]
    """The standard library's loop in a World: its code, its C tasks and futures."""

    _scheduled: list[Any]
    _check_closed: Callable[[], None]
    _future_class = AsyncioWorldFuture
    _task_class = AsyncioWorldTask

    def __init__(self, world: World, selector: BaseSelector | None = None) -> None:
        self._set_out(world)
        #: Every transport that was made, to be thrown away with the World.
        self.transports: list[Any] = []
        AsyncioSelectorEventLoop.__init__(self, world.selector if selector is None else selector)
        if world.trace is not None:
            self._ready = _TracedQueue(world)

    def _make_self_pipe(self) -> None:
        self._internal_fds = 0

    def _close_self_pipe(self) -> None:
        pass

    _write_to_self = _close_self_pipe

    def _make_socket_transport(self, *args: Any, **options: Any) -> Any:
        try:
            transport = super()._make_socket_transport(*args, **options)  # type: ignore[misc]
        except BaseException as error:
            _silence(error)
            raise
        self.transports.append(transport)
        return transport

    def _make_datagram_transport(self, *args: Any, **options: Any) -> Any:
        transport = super()._make_datagram_transport(*args, **options)  # type: ignore[misc]
        self.transports.append(transport)
        return transport

    def time(self) -> float:
        """Return the World's time, in seconds."""
        return self.world.now

    def create_future(self) -> Any:
        """Return a new future of this loop."""
        future = self._future_class(loop=self)
        future.number = next(self._numbers)
        return future

    def create_task(self, coro: Any, *, name: Any = None, **options: Any) -> Any:
        """Run *coro* as a task, which is called after its number unless it has a name."""
        if name is None:
            name = f"Task-{self.world.next_task_number()}"
        if self.world.around is not None:
            coro = self.world.around(coro)
        if self.get_task_factory() is not None:
            task = super().create_task(coro, name=name, **options)
        else:
            self._check_closed()
            task = self._task_class(coro, loop=self, name=name, **options)
        self.world.add_task(task, options.get("context"))
        return task

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> Any:
        """Call ``callback(*args)`` at *when*, or a little later if the schedule says so."""
        if when is None:
            raise TypeError("when cannot be None")
        return super().call_at(self._late(when, callback), callback, *args, context=context)

    def next_timer(self) -> float | None:
        """Return the moment of the first timer, or None."""
        return self._scheduled[0]._when if self._scheduled else None

    def timer_after(self, when: float) -> float | None:
        """Return the moment of the second timer if it is after *when*, or None."""
        later = [handle._when for handle in self._scheduled[1:3] if not handle._cancelled]
        return min((moment for moment in later if moment > when), default=None)

    def entries(self) -> deque[Any]:
        """Return the ready queue."""
        return self._ready

    def timer_handles(self) -> list[Any]:
        """Return the timers that wait, in the order in which they are due."""
        return sorted(self._scheduled, key=lambda handle: handle._when)


def _silence(error: BaseException) -> None:
    """Have the transport that was half made when *error* came be collected without a word.

    asyncio's transports raise in their making when the server was closed meanwhile; what
    is left of one complains when it is collected, which may be in another World.
    """
    traceback = error.__traceback__
    while traceback is not None:
        made: Any = traceback.tb_frame.f_locals.get("self")
        if hasattr(made, "_sock_fd"):
            made._sock = None
        traceback = traceback.tb_next


WORLD_TASKS = (WorldTask, AsyncioWorldTask)

#: What makes a loop for a World, by the library whose loop it is.
LOOPS: dict[str, Callable[[Any], Any]] = {"miniloop": WorldLoop, "asyncio": AsyncioWorldLoop}
