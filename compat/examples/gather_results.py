"""gather: run several coroutines at once and get the list of their results.

Teaches: `gather` starts all of its arguments, and its list has the order of the arguments, not
the order in which they ended. A gather is itself awaitable, so gathers can be nested.
Look for: the forecasts arrive as Oslo, Rome, Cairo; the list says Cairo, Oslo, Rome.
"""

import asyncio


async def forecast(city: str, delay: float, degrees: int) -> int:
    """Ask for the weather; the answer takes `delay` seconds."""
    print(f"  asking for {city}")
    await asyncio.sleep(delay)
    print(f"  answer from {city}")
    return degrees


async def main() -> None:
    """Ask for three cities at once, then for two groups of them."""
    print("three at once:")
    cities = ["Cairo", "Oslo", "Rome"]
    answers = await asyncio.gather(
        forecast("Cairo", 0.15, 35), forecast("Oslo", 0.05, 8), forecast("Rome", 0.1, 24)
    )
    for city, degrees in zip(cities, answers, strict=True):
        print(f"  {city}: {degrees} degrees")

    print("a gather of gathers:")
    north, south = await asyncio.gather(
        asyncio.gather(forecast("Oslo", 0.05, 8), forecast("Tromso", 0.15, 2)),
        asyncio.gather(forecast("Cairo", 0.1, 35)),
    )
    print("  north:", north)
    print("  south:", south)
    print("a gather of nothing:", await asyncio.gather())


if __name__ == "__main__":
    asyncio.run(main())
