"""Callbacks: what a loop did before there were coroutines, and still does underneath.

Teaches: `call_soon` puts a function at the end of the ready queue; `call_later` and `call_at` do
so when their time has come; the handle that each returns can be cancelled. A callback that raises
does not stop the loop: the exception handler is told.
Look for: the order of times, not of calls; the nested `call_soon` runs in the next turn, after
all that was ready; and the cancelled egg timer never rings.
"""

import asyncio
from typing import Any


def say(what: str) -> None:
    """Print a line."""
    print(" ", what)


def tick(number: int, rest: "asyncio.Future[str]") -> None:
    """Call itself again, a little later, until the count is over."""
    print("  tick", number)
    if number == 1:
        rest.set_result("boom")
    else:
        asyncio.get_running_loop().call_later(0.05, tick, number - 1, rest)


def on_error(loop: asyncio.AbstractEventLoop, details: dict[str, Any]) -> None:
    """Be told of exceptions that nobody can catch."""
    print("  the loop reports:", repr(details["exception"]))


async def main() -> None:
    """Use each kind of callback."""
    loop = asyncio.get_running_loop()

    print("call_soon:")
    loop.call_soon(say, "first")
    loop.call_soon(lambda: loop.call_soon(say, "third, since it was asked for in this turn"))
    loop.call_soon(say, "second")
    say("main is still at work")
    await asyncio.sleep(0.05)

    print("call_later and call_at:")
    now = loop.time()
    loop.call_later(0.15, say, "after 0.15 s")
    egg_timer = loop.call_later(0.1, say, "the egg timer")
    loop.call_at(now + 0.05, say, "after 0.05 s")
    egg_timer.cancel()
    print("  egg timer cancelled?", egg_timer.cancelled())
    await asyncio.sleep(0.25)

    print("a callback that calls itself:")
    rest: asyncio.Future[str] = loop.create_future()
    loop.call_soon(tick, 3, rest)
    print(" ", await rest)

    print("a callback that raises:")
    loop.set_exception_handler(on_error)
    loop.call_soon(int, "not a number")
    await asyncio.sleep(0)
    print("  and the loop goes on")


if __name__ == "__main__":
    asyncio.run(main())
