"""Step 1 of 9: generators that take turns.

A generator stops at each `yield` and goes on where it stopped when it is asked to.  Put a few
into a queue, take the first, let it go on to its next `yield`, put it at the end: they take
turns, in one thread, and nobody interrupts anybody.  That queue is what the rest grows from.

Notice: nothing runs until the loop says so, and a generator that never yields would keep
all the others waiting.

Next: two_sleep.py
"""

from collections import deque
from collections.abc import Iterator


def count(name: str, to: int) -> Iterator[None]:
    """Print some numbers, giving up the turn after each."""
    for number in range(1, to + 1):
        print(f"{name} {number}")
        yield


def run(*generators: Iterator[None]) -> None:
    """Let them take turns until all have ended."""
    ready = deque(generators)
    while ready:
        generator = ready.popleft()
        try:
            next(generator)
        except StopIteration:
            print("one has ended")
        else:
            ready.append(generator)


run(count("a", 2), count("b", 3))
