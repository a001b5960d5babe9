"""Belief: create_task() starts the task.

Truth: it puts the task at the end of the ready queue; whoever made it goes on, and the task has
its first turn in the next iteration.
Look: when main prints, the child is in the queue, below the line that this iteration ends at.
"""

import asyncio


async def child() -> None:
    print("the child begins")


async def main() -> None:
    task = asyncio.create_task(child(), name="child")
    print("main goes on: the child is in the queue")
    await task


if __name__ == "__main__":
    asyncio.run(main())
