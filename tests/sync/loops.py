"""The loops that the tests of this floor run on, with a clock that nobody waits for.

A virtual clock moves on when, and only when, the loop would go to sleep: it
jumps to the moment that the loop would have slept until.  A loop that would
sleep for ever has deadlocked, and the test fails at once.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import selectors
from collections.abc import Callable, Coroutine, Mapping
from types import SimpleNamespace
from typing import Any

import miniloop
from miniloop.eventloop import EventLoop

SYNC_MODULES = (
    "barriers",
    "combinators",
    "graph",
    "locks",
    "queues",
    "runners",
    "sleeping",
    "taskgroups",
    "threads",
    "timeouts",
)


class Deadlock(Exception):
    """Everybody waits, and nothing will ever happen."""


class VirtualSelector(selectors.DefaultSelector):
    """A selector that moves its own clock on instead of sleeping."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Return what is ready now; if nothing is, let *timeout* seconds pass in no time."""
        events = super().select(0)
        if not events:
            if timeout is None:
                raise Deadlock
            self.now += max(0.0, timeout)
        return events


class VirtualAsyncioLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop on a virtual clock."""

    def __init__(self) -> None:
        self.virtual = VirtualSelector()
        super().__init__(self.virtual)

    def time(self) -> float:
        """Return the virtual time."""
        return self.virtual.now


def virtual_miniloop() -> EventLoop:
    """Return a loop of ours on a virtual clock."""
    selector = VirtualSelector()
    return EventLoop(selector=selector, clock=lambda: selector.now)


def _uvloop() -> Any:
    return importlib.import_module("uvloop").new_event_loop()


#: Loops on which time takes no time.
VIRTUAL: Mapping[str, Callable[[], Any]] = {
    "asyncio": VirtualAsyncioLoop,
    "miniloop": virtual_miniloop,
}
#: Loops of another make whose clock cannot be replaced.
FOREIGN: Mapping[str, Callable[[], Any]] = (
    {"uvloop": _uvloop} if importlib.util.find_spec("uvloop") else {}
)
#: Loops that live in the real world.
REAL: Mapping[str, Callable[[], Any]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "miniloop": EventLoop,
    **FOREIGN,
}


def our_names() -> SimpleNamespace:
    """Return every public name of this floor and the two of the core that go with them."""
    names: dict[str, Any] = {}
    for name in SYNC_MODULES:
        module = importlib.import_module(f"miniloop.sync.{name}")
        public = getattr(module, "__all__", None) or ["sleep"]
        names.update({each: getattr(module, each) for each in public if each != "TRANSITIONS"})
    names.update({each: getattr(miniloop, each) for each in ("Task", "create_task")})
    return SimpleNamespace(**names)


OURS = our_names()


def run(factory: Callable[[], Any], main: Coroutine[Any, Any, Any]) -> Any:
    """Run *main* on a new loop from *factory*; fail on what the loop had to report."""
    reported: list[dict[str, Any]] = []
    loop = factory()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    try:
        result = loop.run_until_complete(main)
        _cancel_rest(loop)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    assert not reported, reported
    return result


def _cancel_rest(loop: Any) -> None:
    rest = asyncio.all_tasks(loop)
    for task in rest:
        task.cancel()
    if rest:
        loop.run_until_complete(asyncio.wait(rest))
