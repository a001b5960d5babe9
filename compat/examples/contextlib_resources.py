"""contextlib and async: a generator as context manager, a stack of them, and aclosing.

Teaches: `@asynccontextmanager` turns an async generator with one `yield` into an `async with`
block; `AsyncExitStack` holds as many of them as one likes and leaves them in reverse order;
`aclosing` ends an async generator that is left early at once, not when it is collected.
Look for: the order of "back", and the generator's "tap closed" before the block's end.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager


@asynccontextmanager
async def borrowed(book: str) -> AsyncIterator[str]:
    """Have a book for the time of the block."""
    await asyncio.sleep(0)
    print(f"  {book}: borrowed")
    try:
        yield book.title()
    finally:
        await asyncio.sleep(0)
        print(f"  {book}: back")


async def drops() -> AsyncGenerator[int, None]:
    """Drip for ever."""
    try:
        number = 0
        while True:
            number += 1
            yield number
            await asyncio.sleep(0)
    finally:
        print("  tap closed")


async def main() -> None:
    """Use each of the three."""
    print("a generator as context manager:")
    async with borrowed("the odyssey") as title:
        print("  reading", title)

    print("an exception reaches the generator, too:")
    try:
        async with borrowed("the trial"):
            raise RuntimeError("coffee on page 7")
    except RuntimeError as error:
        print("  sorry:", error)

    print("a stack of them:")
    async with AsyncExitStack() as stack:
        titles = [await stack.enter_async_context(borrowed(name)) for name in ("emma", "dune")]
        stack.callback(print, "  lights out")
        print("  reading", " and ".join(titles))

    print("leaving a generator early:")
    async with aclosing(drops()) as tap:
        async for number in tap:
            print("  drop", number)
            if number == 3:
                break
    print("  done")


if __name__ == "__main__":
    asyncio.run(main())
