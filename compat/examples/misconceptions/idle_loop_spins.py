"""Belief: a loop that has nothing to do goes round and round, and asks every task.

Truth: it computes how long it is until the first timer, and sleeps in the selector for as long.
Nobody is asked: who has something to tell puts the task into the queue.
Look: one wait of half a second, with the timer that it is for, and no iteration meanwhile.
"""

import asyncio


async def main() -> None:
    print("main sleeps")
    await asyncio.sleep(0.5)
    print("main is back")


if __name__ == "__main__":
    asyncio.run(main())
