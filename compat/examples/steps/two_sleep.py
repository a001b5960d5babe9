"""Step 2 of 9: sleeping, which is waiting in another place than the queue.

Who sleeps yields a number of seconds.  The loop puts it into a heap, ordered by when it is to
wake, and only when the queue is empty does the loop itself sleep, until the first is due.

Notice: three sleeps of 0.01, 0.02 and 0.03 seconds take 0.03 together, not 0.06.  While all of
them sleep the loop does nothing at all: it does not look again and again.

Next: three_future.py
"""

import heapq
import itertools
import time
from collections import deque
from collections.abc import Iterator


def sleeper(name: str, seconds: float) -> Iterator[float]:
    """Sleep for a while."""
    print(f"{name} sleeps")
    yield seconds
    print(f"{name} wakes")


class Loop:
    """A queue of what can run, and a heap of what sleeps."""

    def __init__(self) -> None:
        self.ready: deque[Iterator[float]] = deque()
        self.timers: list[tuple[float, int, Iterator[float]]] = []
        self.number = itertools.count()  # of two that wake at once the first goes first

    def run(self, *generators: Iterator[float]) -> None:
        """Run until nothing is ready and nothing sleeps."""
        self.ready.extend(generators)
        while self.ready or self.timers:
            if not self.ready:
                time.sleep(max(0, self.timers[0][0] - time.monotonic()))
            while self.timers and self.timers[0][0] <= time.monotonic():
                self.ready.append(heapq.heappop(self.timers)[2])
            if self.ready:
                self.step(self.ready.popleft())

    def step(self, generator: Iterator[float]) -> None:
        """Let one go on; what it yields says for how long it sleeps."""
        try:
            seconds = next(generator)
        except StopIteration:
            return
        when = time.monotonic() + seconds
        heapq.heappush(self.timers, (when, next(self.number), generator))


started = time.monotonic()
Loop().run(sleeper("long", 0.03), sleeper("short", 0.01), sleeper("middle", 0.02))
print("together less than 0.06 s:", time.monotonic() - started < 0.06)
