"""async with: a block whose beginning and end may wait.

Teaches: `__aenter__` and `__aexit__` are coroutines; the end is run however the block is left: by
running out, by an exception, by cancellation. An `__aexit__` that returns True swallows the
exception.
Look for: what was opened last is closed first, and every "open" has its "closed".
"""

import asyncio
from types import TracebackType


class Door:
    """A door that takes a moment to open and to close."""

    def __init__(self, name: str, soundproof: bool = False) -> None:
        self.name = name
        self.soundproof = soundproof

    async def __aenter__(self) -> "Door":
        await asyncio.sleep(0)
        print(f"  {self.name} door open")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        await asyncio.sleep(0)
        why = kind.__name__ if kind is not None else "nothing special"
        print(f"  {self.name} door closed after {why}")
        return self.soundproof


async def wait_inside() -> None:
    """Stay in a room until cancelled."""
    async with Door("garden"):
        await asyncio.sleep(60)


async def main() -> None:
    """Leave blocks in all ways."""
    print("two doors:")
    async with Door("outer") as outer, Door("inner") as inner:
        print(f"  between {outer.name} and {inner.name}")

    print("an exception:")
    try:
        async with Door("kitchen"):
            raise ValueError("the milk boils over")
    except ValueError as error:
        print("  outside one hears:", error)

    print("an exception behind a soundproof door:")
    async with Door("cellar", soundproof=True):
        raise ValueError("nobody hears this")

    print("cancelled inside:")
    task = asyncio.create_task(wait_inside())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])
    print("  cancelled?", task.cancelled())


if __name__ == "__main__":
    asyncio.run(main())
