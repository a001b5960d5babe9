"""Belief: after `await asyncio.sleep(0)` what I have started has run.

Truth: it puts me at the end of the queue, so that only what is in the queue already goes before
me: one step of each.  What those add comes after me.
Look: main is back in the queue before the boss makes the worker.
"""

import asyncio


async def worker() -> None:
    print("the worker works")


async def boss() -> None:
    print("the boss makes the worker")
    await asyncio.create_task(worker(), name="worker")
    print("the boss is done")


async def main() -> None:
    task = asyncio.create_task(boss(), name="boss")
    await asyncio.sleep(0)
    print("main is back: the boss has begun, the worker has not")
    await task


if __name__ == "__main__":
    asyncio.run(main())
