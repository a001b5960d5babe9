"""Step 6 of 9: the selector, which waits for the world outside.

When nothing is ready there is one place to wait: the selector, which the operating system
wakes when one of the descriptors can be read or written.  The seconds until the first timer
are its time limit.  So the loop has one wait for everything.

Notice: the reader is told that there is something to read; it reads by itself.  A descriptor
that is not read is reported again in every round.

Next: seven_cancellation.py
"""

import heapq
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any

Call = tuple[Callable[..., Any], tuple[Any, ...]]


class Loop:
    """A queue, a heap of timers, and a selector."""

    def __init__(self) -> None:
        self.ready: deque[Call] = deque()
        self.timers: list[tuple[float, int, Call]] = []
        self.selector = selectors.DefaultSelector()

    def call_later(self, seconds: float, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function when its time has come."""
        when = time.monotonic() + seconds
        heapq.heappush(self.timers, (when, len(self.timers), (function, arguments)))

    def add_reader(
        self, sock: socket.socket, function: Callable[..., Any], *arguments: Any
    ) -> None:
        """Call a function whenever there is something to read."""
        self.selector.register(sock, selectors.EVENT_READ, (function, arguments))

    def run(self) -> None:
        """Go round until there is nothing left to wait for."""
        while self.ready or self.timers or self.selector.get_map():
            self.round()

    def round(self) -> None:
        """Do what a loop does in one iteration: timeout, select, arrivals, due, run."""
        timeout: float | None = None
        if self.ready:
            timeout = 0
        elif self.timers:
            timeout = max(0, self.timers[0][0] - time.monotonic())
        events = self.selector.select(timeout)
        for key, _ in events:
            self.ready.append(key.data)
        while self.timers and self.timers[0][0] <= time.monotonic():
            self.ready.append(heapq.heappop(self.timers)[2])
        for _ in range(len(self.ready)):
            function, arguments = self.ready.popleft()
            function(*arguments)


def read() -> None:
    data = near.recv(100)
    print("read", data)
    if not data:
        loop.selector.unregister(near)


loop = Loop()
near, far = socket.socketpair()
loop.add_reader(near, read)
loop.call_later(0.01, far.send, b"hello")
loop.call_later(0.02, far.close)
loop.run()
near.close()
loop.selector.close()
