"""Belief: when one of those that gather() waits for fails, the others are cancelled.

Truth: gather() fails at once and the others go on, with nobody who waits for them.  A TaskGroup
cancels them, and waits until they have ended.
Look: after "gather has failed" the lane of `slow` goes on; in the group it is asked to stop.
"""

import asyncio


async def fails() -> None:
    raise ValueError("broken")


async def slow() -> None:
    await asyncio.sleep(0.02)
    print("  slow has gone on to its end")


async def main() -> None:
    try:
        await asyncio.gather(fails(), slow())
    except ValueError:
        print("gather has failed")
    await asyncio.sleep(0.04)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails(), name="fails in a group")
            group.create_task(slow(), name="slow in a group")
    except* ValueError:
        print("the group has failed, and nobody goes on")


if __name__ == "__main__":
    asyncio.run(main())
