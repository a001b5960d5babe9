"""async for: iterate over something whose next item takes a while.

Teaches: an async iterator has `__aiter__`, which is an ordinary method, and `__anext__`, a
coroutine that returns the next item or raises StopAsyncIteration; `aiter` and `anext` do the same
by hand. One iterator shared by two tasks gives each item to only one of them.
Look for: two readers of one radio share its news between them.
"""

import asyncio
from collections.abc import AsyncIterator


class Radio:
    """Sends a number of news items, one every 0.05 seconds."""

    def __init__(self, station: str, count: int) -> None:
        self.station = station
        self.count = count
        self.sent = 0

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        if self.sent == self.count:
            raise StopAsyncIteration
        self.sent += 1
        number = self.sent
        await asyncio.sleep(0.05)
        return f"{self.station} news {number}"


async def listen(who: str, radio: Radio) -> int:
    """Hear what one can get; returns how much that was."""
    heard = 0
    async for item in radio:
        print(f"  {who} hears {item}")
        heard += 1
    return heard


async def main() -> None:
    """Listen in three ways."""
    print("with async for:")
    async for item in Radio("morning", 2):
        print(" ", item)
    else:
        print("  end of transmission")

    print("by hand:")
    radio = aiter(Radio("noon", 1))
    print(" ", await anext(radio))
    print(" ", await anext(radio, "silence"))
    try:
        await anext(radio)
    except StopAsyncIteration:
        print("  StopAsyncIteration")

    print("two listeners, one radio:")
    shared = Radio("evening", 5)
    print("  heard:", await asyncio.gather(listen("Ann", shared), listen("Bob", shared)))


if __name__ == "__main__":
    asyncio.run(main())
