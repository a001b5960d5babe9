"""Hello with two delays: one after the other, then both at once.

Teaches: `await` on a coroutine waits until it has ended, so two awaits in a row take the sum of
both delays; a task starts on its own, so two tasks take only the longer delay.
Look for: the shorter delay is the second line of the first half and the first of the second half.
"""

import asyncio


async def say_after(delay: float, what: str) -> None:
    """Print `what` after `delay` seconds."""
    await asyncio.sleep(delay)
    print(" ", what)


async def one_after_the_other() -> None:
    """Wait for hello (0.1 s), and only then start the second delay: 0.15 s in all."""
    await say_after(0.1, "hello")
    await say_after(0.05, "world")


async def both_at_once() -> None:
    """Start both delays, then wait for both: 0.1 s in all."""
    hello = asyncio.create_task(say_after(0.1, "hello"))
    world = asyncio.create_task(say_after(0.05, "world"))
    print("  both are on their way")
    await hello
    await world


async def main() -> None:
    """Say it in both ways."""
    print("one after the other:")
    await one_after_the_other()
    print("both at once:")
    await both_at_once()


if __name__ == "__main__":
    asyncio.run(main())
