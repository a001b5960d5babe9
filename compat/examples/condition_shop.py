"""Condition: wait, under a lock, until something is true.

Teaches: whoever changes the shelf holds the condition's lock and notifies; whoever waits gives
the lock back while waiting and has it again afterwards. `wait_for` looks at its predicate again
after each notification, since others may have been faster.
Look for: the customer who wants four loaves came first and is served last, when there are enough;
`notify(1)` wakes one of those who wait, `notify_all` all of them.
"""

import asyncio


class Shop:
    """A shelf with loaves, and the condition that guards it."""

    def __init__(self) -> None:
        self.loaves = 0
        self.changed = asyncio.Condition()

    async def buy(self, who: str, wanted: int) -> None:
        """Wait until there are enough loaves, then take them."""
        async with self.changed:
            print(f"  {who} wants {wanted}")
            await self.changed.wait_for(lambda: self.loaves >= wanted)
            self.loaves -= wanted
            print(f"  {who} takes {wanted}, {self.loaves} left")

    async def bake(self, count: int) -> None:
        """Put loaves on the shelf and tell everybody."""
        async with self.changed:
            self.loaves += count
            print(f"  the baker brings {count}, now there are {self.loaves}")
            self.changed.notify_all()


async def sleeper(name: str, bell: asyncio.Condition) -> None:
    """Wait for one notification."""
    async with bell:
        await bell.wait()
        print(f"  {name} wakes; lock held? {bell.locked()}")


async def main() -> None:
    """Sell bread, then ring a bell."""
    shop = Shop()
    customers = [
        asyncio.create_task(shop.buy(who, wanted))
        for who, wanted in (("Ann", 4), ("Bob", 1), ("Cid", 2))
    ]
    for count in (2, 2, 3):
        await asyncio.sleep(0.05)
        await shop.bake(count)
    await asyncio.gather(*customers)

    bell = asyncio.Condition()
    sleepers = [asyncio.create_task(sleeper(name, bell)) for name in ("Dan", "Eve", "Fay")]
    await asyncio.sleep(0.05)
    async with bell:
        print("ring for one:")
        bell.notify(1)
    await asyncio.sleep(0.05)
    async with bell:
        print("ring for all:")
        bell.notify_all()
    await asyncio.gather(*sleepers)


if __name__ == "__main__":
    asyncio.run(main())
