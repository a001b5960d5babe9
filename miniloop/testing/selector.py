"""The World's selector and clock: what the loop hears of the outside, and when.

It stands where epoll stands, under a loop of either library.  When the loop polls,
what is due comes.  When the loop would sleep, time passes at once, up to whatever
happens first: an arrival, or the loop's next timer.  When nothing can ever happen
any more, that is a deadlock.

Three decisions are made here (see ``choices.py``), each 0 on asyncio:
    jump   in a poll with work ready: 1 lets time pass to the next timer or arrival,
           as when a step takes long
           in a sleep: 1 oversleeps to the timer after the next, so that both are due

Read next: world.py
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .failures import Deadlock, Livelock

if TYPE_CHECKING:
    from .world import World

__all__ = ["WorldSelector", "polling"]


class WorldSelector(selectors.BaseSelector):
    """Watches simulated sockets, which have descriptors that no kernel knows."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._keys: dict[int, selectors.SelectorKey] = {}
        #: Descriptors whose state has changed since they were last found not ready.
        self.active: dict[int, None] = {}
        #: How often in a row the loop has slept up to a timer that woke no task.
        self.idle = 0

    def changed(self, fd: int) -> None:
        """Look at *fd* in the next poll: something has happened to it."""
        if fd in self._keys:
            self.active[fd] = None

    def forget(self, fd: int) -> None:
        """Watch *fd* no longer, if it was watched: its host is gone."""
        self._keys.pop(fd, None)
        self.active.pop(fd, None)

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch *fileobj*; KeyError if it is watched already."""
        fd = _descriptor(fileobj)
        if fd in self._keys:
            raise KeyError(f"{fileobj!r} (FD {fd}) is already registered")
        self._world.network.socket_of(fd)
        key = self._keys[fd] = selectors.SelectorKey(fileobj, fd, events, data)
        self.active[fd] = None
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Watch *fileobj* no longer; KeyError if it was not watched."""
        fd = self._watched(fileobj)
        self.active.pop(fd, None)
        return self._keys.pop(fd)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch *fileobj* for other events; KeyError if it was not watched."""
        fd = self._watched(fileobj)
        key = self._keys[fd] = selectors.SelectorKey(self._keys[fd].fileobj, fd, events, data)
        self.active[fd] = None
        return key

    def _watched(self, fileobj: Any) -> int:
        try:
            fd = _descriptor(fileobj)
        except ValueError:  # closed meanwhile: look it up by what was registered
            fd = next((key.fd for key in self._keys.values() if key.fileobj is fileobj), -1)
        if fd not in self._keys:
            raise KeyError(f"{fileobj!r} is not registered")
        return fd

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """Return what is watched, by descriptor."""
        return self._keys

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        """Return what *fileobj* is watched for; KeyError if it is not."""
        return self._keys[self._watched(fileobj)]

    def close(self) -> None:
        """Watch nothing any more."""
        self._keys.clear()
        self.active.clear()

    # -- the poll --------------------------------------------------------------

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, letting up to *timeout* virtual seconds pass if nothing is.

        Raises Deadlock when nothing will ever be, Livelock when the run is too long.
        """
        world = self._world
        world.polls = polls = world.polls + 1
        if polls > world.limits.polls:
            raise Livelock(f"the loop has polled {world.limits.polls} times and is not done")
        if world.watchful:
            world.at_poll()
        if timeout is None or timeout > 0:
            return self._sleep(None if timeout is None else world.now + timeout)
        if self.idle and self._task_is_ready():
            self.idle = 0
        if world.ready:
            moment = world.next_moment()
            if moment is not None and moment - world.now <= world.longest_delay:
                self._maybe_jump(moment)
        world.outside.take_due(world.now)
        return self.what_is_ready()

    def _sleep(self, wake: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what comes first up to the moment *wake* (None: whenever)."""
        world = self._world
        while True:
            world.outside.take_due(world.now)
            events = self.what_is_ready()
            if events or world.ready:
                self.idle = 0
                return events
            moment = world.outside.next_moment(world.now)
            sleeps = wake is not None and (moment is None or wake <= moment)
            until = wake if sleeps else moment
            # What is held is late, but not for ever.
            too_long = until is None or until - world.now > world.longest_delay
            if too_long and world.outside.take_held(world.now):
                continue
            if world.paused_at is not None and (until is None or until > world.paused_at):
                world.pass_to(max(world.now, world.paused_at))
                world.loop.stop()
                return []
            if until is None:
                raise Deadlock("nothing is ready, and nothing is on its way")
            if sleeps:
                self.idle = self.idle + 1 if moment is None else 0
                if self.idle > world.limits.idle:
                    raise Deadlock("only timers that set themselves again are left")
                world.pass_to(self._oversleep(until))
                world.outside.take_due(world.now)
                return self.what_is_ready()
            world.pass_to(until)

    def _task_is_ready(self) -> bool:
        return any(
            hasattr(entry, "get_coro") or hasattr(_owner(entry), "get_coro")
            for entry in self._world.ready
        )

    def _maybe_jump(self, moment: float) -> None:
        world = self._world
        if world.trace is not None:
            jumps = world.choices.choose("jump", 2, lambda: f"after {world.last_step}")
        else:
            jumps = world.choices.choosers["jump"](2)
        if jumps:
            world.pass_to(moment)

    def _oversleep(self, wake: float) -> float:
        after = self._world.timer_after(wake)
        if after is None or after - wake > self._world.longest_delay:
            return wake
        late = self._world.choices.choose("jump", 2, lambda: f"after {self._world.last_step}")
        return after if late else wake

    def what_is_ready(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is watched and would not block, with the mask of that."""
        events: list[tuple[selectors.SelectorKey, int]] = []
        if not self.active:
            return events
        readiness = self._world.network.readiness
        for fd in list(self.active):
            key = self._keys[fd]
            if mask := readiness(fd, key.events):
                events.append((key, mask))
            else:
                del self.active[fd]
        return events


def polling(loop: Any) -> Callable[[float | None], Any]:
    """Return what a run of *loop*, miniloop's in a World, polls with.

    It does what `WorldSelector.select` says, shorter where entries are ready and nothing
    unusual is going on, which is at most polls; then None stands for no events.
    """
    world, ready, heap = loop.world, loop.ready, loop.timers.heap
    outside, selector = world.outside, world.selector
    select, active, coming = selector.select, selector.active, outside.coming
    choosers, most = world.choices.choosers, world.limits.polls

    def poll(timeout: float | None) -> Any:
        polls = world.polls + 1
        if not ready or world.watchful or selector.idle or polls > most:
            return select(timeout)
        world.polls = polls
        now = world.now
        moment = heap[0][0] if heap else None
        if coming and (moment is None or moment <= now or coming[0][0] < moment):
            moment = world.next_moment()
        near = moment is not None and now < moment and moment - now <= world.longest_delay
        if near and choosers["jump"](2):
            world.pass_to(moment)
            now = moment
        outside.asked += 1
        if coming and coming[0][0] <= now:
            outside.take(now)
        return selector.what_is_ready() if active else None

    return select if world.trace is not None else poll


def _owner(handle: Any) -> Any:
    return getattr(handle._callback, "__self__", None)


def _descriptor(fileobj: Any) -> int:
    """Return the descriptor of *fileobj*, a number or something with ``fileno()``."""
    fd = fileobj if isinstance(fileobj, int) else int(fileobj.fileno())
    if fd < 0:
        raise ValueError(f"Invalid file descriptor: {fd}")
    return fd
