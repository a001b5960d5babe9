"""Step 4 of 9: a task, which is a coroutine that the loop drives, and a future of its end.

`await` is `yield from` under another name, and `async def` makes the generator.  A task holds
one, steps it, waits for what it yields, and is itself a future: whoever awaits the task waits
for the coroutine's return.

Notice: awaiting a coroutine runs it at once, within the same step, as a call does.  Only a
task takes turns with others.

Next: five_callbacks.py
"""

from collections import deque
from collections.abc import Coroutine, Generator
from typing import Any

ready: deque["Task"] = deque()


class Future:
    """A result that is set later."""

    def __init__(self) -> None:
        self.done, self.result = False, None
        self.waiters: list[Task] = []

    def set_result(self, result: Any) -> None:
        """Let in every task that waits."""
        self.done, self.result = True, result
        ready.extend(self.waiters)
        self.waiters.clear()

    def __await__(self) -> Generator["Future", None, Any]:
        if not self.done:
            yield self
        return self.result


class Task(Future):
    """A coroutine on its way."""

    def __init__(self, coroutine: Coroutine[Future, None, Any]) -> None:
        super().__init__()
        self.coroutine = coroutine
        ready.append(self)  # its first step comes when its turn comes

    def step(self) -> None:
        """Run the coroutine as far as it goes."""
        try:
            future = self.coroutine.send(None)
        except StopIteration as end:
            self.set_result(end.value)
        else:
            future.waiters.append(self)


def run(coroutine: Coroutine[Future, None, Any]) -> Any:
    """Run a coroutine and all tasks that it makes; return its result."""
    main = Task(coroutine)
    while ready:
        ready.popleft().step()
    return main.result


async def square(number: int) -> int:
    print("squaring", number)
    return number * number


async def main() -> int:
    direct = await square(2)  # a call: no other task could run in between
    tasks = [Task(square(3)), Task(square(4))]
    print("the tasks are made, and have not begun")
    results: list[int] = [await task for task in tasks]
    return direct + sum(results)


print("the sum is", run(main()))
