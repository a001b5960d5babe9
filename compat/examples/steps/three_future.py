"""Step 3 of 9: a future, which is a result that is not there yet and who waits for it.

Sleeping is only one reason to wait.  A future stands for any: who needs its result yields it,
and is kept in its list; who has the result sets it, and everybody in the list goes to the end
of the queue.  Nobody asks again and again whether it is there.

Notice: `set_result` runs nobody.  It puts those who waited into the queue, and goes on.

Next: four_task.py
"""

from collections import deque
from collections.abc import Generator
from typing import Any

Waiting = Generator["Future", None, Any]

ready: deque[Waiting] = deque()


class Future:
    """A result that is set later."""

    def __init__(self) -> None:
        self.done, self.result = False, None
        self.waiters: list[Waiting] = []

    def set_result(self, result: Any) -> None:
        """Let in everybody who waits."""
        self.done, self.result = True, result
        ready.extend(self.waiters)
        self.waiters.clear()

    def __iter__(self) -> Waiting:
        if not self.done:
            yield self  # the loop puts us into our list
        return self.result


def step(generator: Waiting) -> None:
    """Let one go on; what it yields is what it waits for."""
    try:
        future = next(generator)
    except StopIteration:
        return
    future.waiters.append(generator)


def cook(meal: Future) -> Waiting:
    """Set the result that the others wait for."""
    print("the cook cooks")
    meal.set_result("soup")
    print("the cook goes on: nobody has eaten yet")
    yield from ()


def guest(name: str, meal: Future) -> Waiting:
    """Wait for the result."""
    print(f"{name} waits")
    print(f"{name} eats", (yield from meal))


soup = Future()
ready.extend([guest("a", soup), guest("b", soup), cook(soup)])
while ready:
    step(ready.popleft())
