"""Comprehensions that wait: `async for` and `await` inside brackets.

Teaches: list, set and dict comprehensions and generator expressions take `async for`, with
conditions, and `await` for each element. They wait for one element after the other; to wait for
all at once, use gather.
Look for: "one after the other" asks in order of the list, although the answers differ in speed.
"""

import asyncio
from collections.abc import AsyncIterator

PRICES = {"apple": 3, "bread": 4, "cream": 3}


async def basket() -> AsyncIterator[str]:
    """Give the goods one at a time."""
    for item in PRICES:
        await asyncio.sleep(0)
        yield item


async def price(item: str, delay: float = 0.0) -> int:
    """Ask for the price of one item."""
    await asyncio.sleep(delay)
    print(f"    {item} costs {PRICES[item]}")
    return PRICES[item]


async def main() -> None:
    """Write each kind of comprehension once."""
    print("list:", [item async for item in basket()])
    print("with a condition:", [item async for item in basket() if "r" in item])
    print("set:", sorted({len(item) async for item in basket()}))
    print("dict:", {item: PRICES[item] async for item in basket()})
    capitals = (item.upper() async for item in basket())
    print("generator expression:", [item async for item in capitals])

    delays = {"apple": 0.15, "bread": 0.1, "cream": 0.05}
    print("one after the other:")
    print("  sum:", sum([await price(item, delays[item]) for item in PRICES]))
    print("all at once:")
    print("  sum:", sum(await asyncio.gather(*(price(item, delays[item]) for item in PRICES))))
    print("both together:", {item: await price(item) async for item in basket()})


if __name__ == "__main__":
    asyncio.run(main())
