"""Belief: async code is concurrent.

Truth: one await after the other is one wait after the other.  What is to overlap must be several
tasks: gather() makes them.
Look: in the first half there is never more than one timer in the heap, in the second there are
three.
"""

import asyncio

SECONDS = {"a": 0.06, "b": 0.04, "c": 0.02}


async def fetch(name: str) -> None:
    await asyncio.sleep(SECONDS[name])
    print("  got", name)


async def main() -> None:
    print("await in a loop:")
    for name in SECONDS:
        await fetch(name)
    print("gather:")
    await asyncio.gather(*[fetch(name) for name in SECONDS])


if __name__ == "__main__":
    asyncio.run(main())
