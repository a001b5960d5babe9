"""Time that passes when nobody has anything to do, and in no time.

`VirtualSelector` fits under a loop of either library.  When the loop would go
to sleep, it moves the clock on to the moment that the loop would have slept
until; when it would sleep for ever, it says so.  The descriptors that a loop
registers are real, and are really polled.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
from collections.abc import Callable
from typing import Any

from miniloop.core.loop import PATIENCE
from miniloop.eventloop import EventLoop
from miniloop.net.seats import edges_of

#: Our loop as it is when it puts off polling: its turns cannot be counted from outside.
BUSY = "miniloop, seldom polling"
#: Our loop with what it does on the platform's own selector only.
OWN_SELECTOR = "miniloop, own selector"
#: Beyond any program of the grammar: one that gets here would never end.
MOST_TURNS = 3_000


class Endless(BaseException):
    """The program goes on and on."""


class VirtualSelector(selectors.DefaultSelector):
    """A selector with a clock of its own, which only its sleeping moves.

    ``now`` is the time in seconds, ``turns`` how often the loop has asked since
    that moment came, and ``idle`` is called when nothing is ready and nothing
    will ever be.  With ``collect`` set, what is unreachable is freed once.

    Of descriptors that were given a number it says what is ready by number (in an order
    that depends on ``salt``): to the kernel's order it would matter how often a loop
    asks, and registers what it could have left registered.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.turns = 0
        self.idle: Callable[[], object] = lambda: None
        self.collect = False
        self.numbers: dict[int, int] = {}
        self.salt = 0

    def call(self, fd: int, number: int) -> None:
        """Give the descriptor *fd* a *number*."""
        self.numbers[fd] = number

    def select(self, timeout: float | None = None) -> list[Any]:
        """Return what is ready; if nothing is, let *timeout* seconds pass at once.

        Raises Endless in a program that does not come to an end.
        """
        self.turns += 1
        if self.turns > MOST_TURNS:
            self.turns = 0
            raise Endless
        if self.collect:
            self.collect = False
            gc.collect()
        events = super().select(0)
        if not events:
            if timeout is None:
                self.turns = 0
                self.idle()
            elif timeout > 0:
                self.turns = 0
                self.now += timeout
        elif self.numbers:
            events.sort(key=lambda event: self.numbers.get(event[0].fd, -1) ^ self.salt)
        return events

    def time(self) -> float:
        """Return the time in seconds."""
        return self.now


class AsyncioLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop on a virtual clock."""

    def __init__(self, selector: VirtualSelector) -> None:
        self._virtual = selector
        super().__init__(selector)

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._virtual.now


def miniloop_loop(selector: VirtualSelector) -> EventLoop:
    """Return a loop of ours on the virtual clock of *selector*."""
    return EventLoop(selector=selector, clock=selector.time)


def busy_loop(selector: VirtualSelector) -> EventLoop:
    """Return a loop of ours that polls seldom, as it does with a selector of its own."""
    loop = own_selector_loop(selector)
    loop._patience = PATIENCE
    return loop


def own_selector_loop(selector: VirtualSelector) -> EventLoop:
    """Return a loop of ours that takes *selector* for its own, but polls in every turn."""
    loop = miniloop_loop(selector)
    loop._edges = edges_of(selector)
    return loop


#: What makes a loop, by the library whose loop it is.
LOOPS: dict[str, Callable[[VirtualSelector], Any]] = {
    "asyncio": AsyncioLoop,
    "miniloop": miniloop_loop,
    BUSY: busy_loop,
    OWN_SELECTOR: own_selector_loop,
}
