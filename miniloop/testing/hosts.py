"""Hosts: whose code runs, at which address, and what a power cut does to it.

A task belongs to the host that started it, through a context variable; so do the
sockets it makes.  Code that no host was named for runs on ``localhost``.

States of a host
    up   -- crash ----> down
    down -- restart --> up

Read next: world.py
"""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any

from ..core.handles import Handle
from .network.names import LOCALHOST
from .outside import Lane

if TYPE_CHECKING:
    from .world import World

__all__ = ["HOST", "TRANSITIONS", "Boot", "Host", "bury", "is_dead"]

TRANSITIONS = (("up", "crash", "down"), ("down", "restart", "up"))


class Boot:
    """One life of a host, from a start to the next crash: code of an earlier one stays dead."""

    __slots__ = ("dead", "host")

    def __init__(self, host: Host) -> None:
        self.host = host
        self.dead = False


#: The boot of the host whose code runs in a context.
HOST: ContextVar[Boot | None] = ContextVar("miniloop_host", default=None)


class Host:
    """One machine of a World, with a *name* and an *address*."""

    def __init__(self, world: World, name: str, address: str = LOCALHOST) -> None:
        self._world = world
        self.name = name
        self.address = address
        self.boot = Boot(self)
        self._lanes: dict[str, Lane] = {}

    def __repr__(self) -> str:
        return f"<Host {self.name} at {self.address}{'' if self.up else ', down'}>"

    @property
    def up(self) -> bool:
        """False after a crash, until it is restarted."""
        return not self.boot.dead

    def lane_from(self, other: Host) -> Lane:
        """Return what keeps the datagrams from *other* in their order."""
        return self._lanes.setdefault(other.name, deque())

    def spawn(self, coro: Coroutine[Any, Any, Any], name: str | None = None) -> Any:
        """Run *coro* on this host; return its task.

        Raises RuntimeError when the host is down.
        """
        if not self.up:
            coro.close()
            raise RuntimeError(f"the host {self.name} is down")
        context = copy_context()
        context.run(HOST.set, self.boot)
        return self._world.loop.create_task(coro, name=name, context=context)

    def crash(self) -> None:
        """Cut the power: nothing of the host's code runs any more, not even a ``finally``.

        Its sockets are gone without a word to the other ends.
        """
        if self.up:
            self.boot.dead = True
            self._world.crashed(self)

    def restart(self) -> None:
        """Have the power back: new code can be spawned, and packets get an answer again."""
        if not self.up:
            self.boot = Boot(self)


def is_dead(context: Any) -> bool:
    """Return whether what runs in *context* belongs to a host that has crashed since."""
    boot = context.get(HOST)
    return boot is not None and boot.dead


def bury(loop: Any) -> None:
    """Take what belongs to dead hosts out of the queue and the timers of *loop*."""
    ready = loop.entries()
    for position, entry in enumerate(ready):
        if not is_dead(entry._context):
            continue
        if hasattr(entry, "get_coro"):
            ready[position] = _nothing(loop)
            if (tell := getattr(loop, "_tell", None)) is not None:
                tell("entry_replaced", entry, ready[position])
        else:
            entry.cancel()
    for timer in loop.timer_handles():
        if is_dead(timer._context):
            timer.cancel()


def _nothing(loop: Any) -> Handle:
    handle = Handle(loop.stop, (), loop)
    handle.cancel()
    return handle
