"""Belief: a task that nobody keeps is safe; or: it is always collected.

Truth: the loop itself has only a weak reference.  A task lives as long as what it waits for is
held by somebody: the timer heap holds a sleeper, and nobody holds a future that only the task
knows.
Look: after the collection the sleeper still waits for its timer, and the orphan is gone: "Task
was destroyed but it is pending".  Of each `miniloop why` says by what it is kept alive.
"""

import asyncio
import gc


async def sleeper() -> None:
    await asyncio.sleep(0.02)
    print("the sleeper wakes: the timer heap has held it")


async def orphan() -> None:
    await asyncio.get_running_loop().create_future()
    print("this is never printed")


async def main() -> None:
    asyncio.create_task(sleeper(), name="sleeper")  # noqa: RUF006
    asyncio.create_task(orphan(), name="orphan")  # noqa: RUF006
    await asyncio.sleep(0)
    print("main collects garbage")
    gc.collect()
    await asyncio.sleep(0.04)


if __name__ == "__main__":
    asyncio.run(main())
