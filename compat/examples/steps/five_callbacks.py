"""Step 5 of 9: callbacks and contexts, the other kind of entry in the queue.

Not everything is a coroutine: "call this function soon" is an entry as well.  Each entry
brings the context in which it runs, a snapshot of the context variables at the moment it was
made: that is how a request's number follows the request and nobody else.

Notice: the callback sees the value of when it was asked for, not of when it runs.  And what
a callback adds waits for the next round: exactly those run that were there when it began.

Next: six_selector.py
"""

from collections import deque
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any

request = ContextVar("request", default="none")
ready: deque["Handle"] = deque()


class Handle:
    """A function that is called soon, unless it is cancelled."""

    def __init__(self, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self.function: Callable[..., None] | None = function
        self.arguments = arguments
        self.context = copy_context()

    def cancel(self) -> None:
        """Stay in the queue, and do nothing when the turn comes."""
        self.function = None

    def run(self) -> None:
        """Call it, in its own context."""
        if self.function is not None:
            self.context.run(self.function, *self.arguments)


def call_soon(function: Callable[..., None], *arguments: Any) -> Handle:
    """Ask for a call at the end of the queue."""
    handle = Handle(function, arguments)
    ready.append(handle)
    return handle


def run() -> None:
    """Run in rounds until nothing is left."""
    number = 0
    while ready:
        number += 1
        print("round", number)
        for _ in range(len(ready)):  # a number, fixed now
            ready.popleft().run()


def show(word: str) -> None:
    print(f"  {word}: request {request.get()}")
    if word == "first":
        call_soon(show, "asked for by the first")


for number in (1, 2):
    request.set(str(number))
    call_soon(show, "first" if number == 1 else "second")
call_soon(show, "never").cancel()
request.set("of the main program")
run()
