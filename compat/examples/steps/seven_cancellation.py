"""Step 7 of 9: cancellation, which is an exception at the place where a task waits.

A task cannot be stopped from outside: it is only ever stopped at a yield.  So to cancel it is
to ask: the next time it is stepped, an exception is thrown in where it waits, instead of a
result.  It may clean up in `finally`, and it may even catch the exception and go on.

Notice: after `cancel()` the task is not done yet; it must have its turn first.  One that is
cancelled before its first step never runs its body at all.

Next: eight_streams.py
"""

from collections import deque
from collections.abc import Coroutine, Generator

ready: deque["Task"] = deque()


class Cancelled(BaseException):
    """Thrown into a task that was asked to stop."""


class Turn:
    """What to await to give up the turn."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class Task:
    """A coroutine on its way that can be asked to stop."""

    def __init__(self, name: str, coroutine: Coroutine[None, None, None]) -> None:
        self.name, self.coroutine = name, coroutine
        self.asked, self.state = False, "pending"
        ready.append(self)

    def cancel(self) -> None:
        """Ask it to stop."""
        self.asked = True

    def step(self) -> None:
        """Go on, or throw."""
        try:
            if self.asked:
                self.asked = False
                self.coroutine.throw(Cancelled())
            else:
                self.coroutine.send(None)
        except StopIteration:
            self.state = "done"
        except Cancelled:
            self.state = "cancelled"
        else:
            ready.append(self)


async def polite() -> None:
    try:
        while True:
            await Turn()
    finally:
        print("  polite cleans up")


async def deaf() -> None:
    for _ in range(2):
        try:
            await Turn()
        except Cancelled:
            print("  deaf goes on all the same")


async def newcomer() -> None:
    print("  this is never printed")


tasks = [Task("polite", polite()), Task("deaf", deaf())]
for _ in range(len(ready)):
    ready.popleft().step()
tasks.append(Task("newcomer", newcomer()))
for task in tasks:
    task.cancel()
    print(task.name, "was asked, and is", task.state)
while ready:
    ready.popleft().step()
for task in tasks:
    print(task.name, "is", task.state)
