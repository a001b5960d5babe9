"""Belief: a task that was cancelled ends as cancelled.

Truth: CancelledError is an exception like others.  An `except` that is too wide swallows it, the
task goes on, and whoever asked is not told.
Look: "goes on although it was told to stop", with the line at which it waits next.
"""

import asyncio


async def stubborn() -> str:
    while True:
        try:
            await asyncio.sleep(0.02)
            return "a result after all"
        except BaseException as error:  # meant for whatever can go wrong
            print("  failed, try again:", type(error).__name__)


async def main() -> None:
    task = asyncio.create_task(stubborn(), name="stubborn")
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    print("cancelled:", task.cancelled(), "requests:", task.cancelling())
    print("result:", task.result())


if __name__ == "__main__":
    asyncio.run(main())
