"""Belief: an exception in a task shows up when it is raised.

Truth: the task keeps it for whoever awaits the task or asks for it.  If nobody does, it is told
when the task is collected: late, or never while somebody holds the task.
Look: "keeps ValueError" in one iteration, and "nobody has looked at" only after `del`.
"""

import asyncio
import gc


async def fails() -> None:
    raise ValueError("broken")


async def main() -> None:
    forgotten = asyncio.create_task(fails(), name="forgotten")
    seen = asyncio.create_task(fails(), name="seen")
    await asyncio.wait([forgotten, seen])
    print("both have failed, and nothing was heard of it")
    print("main asks one of them:", repr(seen.exception()))
    print("main forgets the other")
    del forgotten
    gc.collect()
    print("main goes on")


if __name__ == "__main__":
    asyncio.run(main())
