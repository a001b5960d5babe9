"""Belief: a task that waits uses a thread, or at least the processor.

Truth: it is an object in somebody's list.  It has a step when it begins and one when it is let
in again, and between the two it costs nothing but memory.
Look: two short steps in each lane with a long wait between, and all lanes in one thread.
"""

import asyncio
import threading

threads: set[int] = set()


async def waiter(seconds: float) -> None:
    threads.add(threading.get_ident())
    await asyncio.sleep(seconds)
    threads.add(threading.get_ident())


async def main() -> None:
    waiters = [waiter(0.1 + number / 100) for number in range(5)]
    await asyncio.gather(*waiters)
    print("five tasks have waited, in threads:", len(threads))


if __name__ == "__main__":
    asyncio.run(main())
