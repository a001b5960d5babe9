"""The loops of a World, observed: each is the World's own, and tells what happens in it.

Read next: worlds.py
"""

from __future__ import annotations

from typing import Any

from ..core.loop import OWN, Loop
from ..core.timers import TimerHandle
from ..eventloop import EventLoop
from ..support.watch import Telling, Watch
from ..sync.observed import ObservedFuture, ObservedTask
from ..testing.labels import entry_label
from ..testing.loops import (
    AsyncioWorldFuture,
    AsyncioWorldLoop,
    AsyncioWorldTask,
    WorldFuture,
    WorldLoop,
    WorldTask,
    WorldTimer,
)
from ..testing.world import World
from .asyncio_loop import (
    AsyncioLoop,
    TellingFuture,
    TellingQueue,
    TellingSelector,
    TellingTask,
)

__all__ = ["LOOPS", "ObservedAsyncioWorldLoop", "ObservedWorldLoop", "WorldWatch"]

_set_class: Any = object.__dict__["__class__"].__set__


class WorldWatch(Watch):
    """Takes entries as the schedule says, tells the trace, and the recorder."""

    def _take(self) -> Any:
        self.finish()
        world, ready = self._loop.world, self._loop.ready
        index = world.pick(ready) if world.level != "fifo" and len(ready) > 1 else 0
        entry = self.entry = ready[index]
        self.index = index
        del ready[index]
        world.trace.append(entry_label(entry))
        self._tell("before_entry", entry)
        self._started = self._loop.time()
        return entry


# -- miniloop's loop in a World, observed ------------------------------------------------


class _Future(ObservedFuture, WorldFuture):
    __slots__ = ()


class _Task(ObservedTask, WorldTask):
    __slots__ = ()


class _TellingOfCancel:
    __slots__ = ()

    def cancel(self: Any) -> None:
        if self._callback is not None:
            self._loop._tell("callback_cancelled", self)
        super().cancel()  # type: ignore[misc]


class _Timer(_TellingOfCancel, WorldTimer):
    __slots__ = ()


class _DebugTimer(_TellingOfCancel, TimerHandle):
    __slots__ = ()


OWN.update((_Future, _Task))
_TIMERS: dict[type, type] = {WorldTimer: _Timer, TimerHandle: _DebugTimer}
for _like, _mine in ((WorldFuture, _Future), (WorldTask, _Task), *_TIMERS.items()):
    _mine.__name__, _mine.__qualname__ = _like.__name__, _like.__qualname__


class ObservedWorldLoop(WorldLoop):
    """miniloop's loop in a World, which tells *observer* what happens in it."""

    _task_class = _Task
    _settle = Loop._settle
    _waiting = EventLoop._waiting
    _before_select = Loop._before_select

    def __init__(self, world: World, observer: object) -> None:
        self._set_out(world)
        EventLoop.__init__(self, world.selector, world.time, world.pick, observer)

    def create_future(self) -> Any:
        """Return a new future of this loop."""
        future = super().create_future()
        _set_class(future, _Future)
        return future

    def create_task(self, coro: Any, **options: Any) -> Any:
        """Run *coro* as a task, and tell."""
        task = super().create_task(coro, **options)
        self._tell("task_created", task, coro)
        return task

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]
        """Set a timer, and tell."""
        timer = super().call_at(when, callback, *args, context=context)
        timer.__class__ = _TIMERS[type(timer)]
        self._tell("timer_set", timer)
        return timer


# -- asyncio's ---------------------------------------------------------------------------


class _AsyncioFuture(TellingFuture, AsyncioWorldFuture):
    pass


class _AsyncioTask(TellingTask, AsyncioWorldTask):
    pass


_AsyncioFuture.__name__ = _AsyncioFuture.__qualname__ = AsyncioWorldFuture.__name__
_AsyncioTask.__name__ = _AsyncioTask.__qualname__ = AsyncioWorldTask.__name__


class _Queue(TellingQueue):
    """asyncio's ready queue, which tells the trace as well."""

    def __init__(self, tell: Telling, world: World) -> None:
        super().__init__(tell)
        self._world = world

    def popleft(self) -> Any:
        handle = super().popleft()
        assert self._world.trace is not None
        self._world.trace.append(entry_label(handle))
        return handle


class ObservedAsyncioWorldLoop(AsyncioLoop, AsyncioWorldLoop):  # type: ignore[misc]
    """The standard library's loop in a World, which tells *observer* what happens in it."""

    _future_class = _AsyncioFuture
    _task_class = _AsyncioTask

    def __init__(self, world: World, observer: object) -> None:
        self._tell = Telling(None)
        selector = TellingSelector(world.selector, lambda *told: self._tell(*told))
        AsyncioWorldLoop.__init__(self, world, selector)
        self._tell = Telling(observer)
        self._ready = selector.queue = _Queue(self._tell, world)
        self._tell("loop_made", self)

    create_future = AsyncioWorldLoop.create_future

    def create_task(self, coro: Any, **options: Any) -> Any:
        """Run *coro* as a task, and tell."""
        task = AsyncioWorldLoop.create_task(self, coro, **options)
        self._tell("task_created", task, coro)
        return task


LOOPS: dict[str, Any] = {"miniloop": ObservedWorldLoop, "asyncio": ObservedAsyncioWorldLoop}
