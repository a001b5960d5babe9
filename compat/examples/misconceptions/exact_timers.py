"""Belief: a timer fires exactly at its time, and of equal ones the first goes first.

Truth: it fires not before its time: what runs then must end first.  They are a heap, which knows
the earliest and keeps no order among equals.
Look: all four are late by as long as main's step took, and their order is not that of the lines.
"""

import asyncio
import time


def fired(name: str) -> None:
    print("timer", name)


async def main() -> None:
    loop = asyncio.get_running_loop()
    when = loop.time() + 0.02
    for name in "abcd":
        loop.call_at(when, fired, name)
    time.sleep(0.1)
    print("main ends its step, and the timers are overdue")
    await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main())
