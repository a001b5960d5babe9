"""Async generators: `yield` inside `async def`.

Teaches: an async generator is the short way to write an async iterator; generators can be
stacked like pipes; `asend` hands a value in; `aclose` ends one early and runs its `finally`,
which may itself await.
Look for: values flow through the pipe one at a time, and "well closed" comes with `aclose`.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator


async def count(limit: int) -> AsyncGenerator[int, None]:
    """Count slowly."""
    try:
        for number in range(1, limit + 1):
            await asyncio.sleep(0.02)
            print(f"  (count {number})")
            yield number
    finally:
        await asyncio.sleep(0)
        print("  (well closed)")


async def squares(numbers: AsyncIterator[int]) -> AsyncGenerator[int, None]:
    """Square what comes in."""
    async for number in numbers:
        yield number * number


async def average() -> AsyncGenerator[float, float]:
    """Take numbers by asend, give the average so far."""
    total, items = 0.0, 0
    mean = 0.0
    while True:
        total += yield mean
        items += 1
        mean = total / items
        await asyncio.sleep(0)


async def main() -> None:
    """Stack generators, leave one early, talk to one."""
    print("one pipe into the other:")
    async for square in squares(count(3)):
        print("  got", square)

    print("leaving early:")
    numbers = count(100)
    async for number in numbers:
        if number == 2:
            break
    await numbers.aclose()

    print("handing values in:")
    mean = average()
    await anext(mean)  # run it up to its first yield
    for value in (10.0, 20.0, 60.0):
        print(f"  after {value} the average is {await mean.asend(value)}")
    await mean.aclose()


if __name__ == "__main__":
    asyncio.run(main())
