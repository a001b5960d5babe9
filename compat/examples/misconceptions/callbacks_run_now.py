"""Belief: what is added to the loop now runs now, or at least before the next wait.

Truth: an iteration runs exactly those entries that were in the queue when it began.  What they
add waits for the next one.
Look: `third` is added while `second` has not run yet, and runs after it, an iteration later.
"""

import asyncio


def first(loop: asyncio.AbstractEventLoop) -> None:
    print("first adds the third")
    loop.call_soon(third)


def second() -> None:
    print("second runs")


def third() -> None:
    print("third runs")


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.call_soon(first, loop)
    loop.call_soon(second)
    print("main has added two")
    await asyncio.sleep(0)
    print("main is back, before the third")
    await asyncio.sleep(0)


if __name__ == "__main__":
    asyncio.run(main())
