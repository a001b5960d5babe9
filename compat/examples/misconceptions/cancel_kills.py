"""Belief: cancel() ends the task.

Truth: it asks.  The task is done only after its next step, in which CancelledError comes out of
the await where it waits, and `finally` runs.  A task that has not begun never runs its body.
Look: from "asks to stop" to "is thrown into", one iteration later; in between it is not done.
"""

import asyncio


async def worker() -> None:
    try:
        await asyncio.sleep(3600)
    finally:
        print("the worker cleans up")


async def newcomer() -> None:
    print("this is never printed")


async def main() -> None:
    begun = asyncio.create_task(worker(), name="worker")
    await asyncio.sleep(0)
    fresh = asyncio.create_task(newcomer(), name="newcomer")
    begun.cancel()
    fresh.cancel()
    print("main has asked both, and they are done:", begun.done(), fresh.done())
    await asyncio.wait([begun, fresh])
    print("now they are cancelled:", begun.cancelled(), fresh.cancelled())


if __name__ == "__main__":
    asyncio.run(main())
