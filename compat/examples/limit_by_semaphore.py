"""Bounded concurrency with a semaphore: at most two downloads at once.

Teaches: all jobs are started together, but each must take one of the semaphore's places first;
whoever leaves makes room for the one that has waited longest.
Look for: the peak, which is six without the semaphore and two with it, and that the places are
handed out in the order of asking.
"""

import asyncio
import contextlib


class Meter:
    """Counts how many downloads run now and how many ran at most."""

    def __init__(self) -> None:
        self.running = 0
        self.peak = 0

    def __enter__(self) -> None:
        self.running += 1
        self.peak = max(self.peak, self.running)

    def __exit__(self, *_: object) -> None:
        self.running -= 1


async def download(
    number: int, limit: contextlib.AbstractAsyncContextManager[object], meter: Meter
) -> int:
    """Wait for a place, then work for a while."""
    async with limit:
        with meter:
            print(f"  download {number} starts")
            await asyncio.sleep(0.05)
            return number * number


async def main() -> None:
    """The same six downloads without and with a limit."""
    print("without a limit:")
    meter = Meter()
    free = contextlib.nullcontext()
    await asyncio.gather(*(download(number, free, meter) for number in range(1, 7)))
    print("  most at once:", meter.peak)

    print("with a semaphore of two:")
    meter = Meter()
    semaphore = asyncio.Semaphore(2)
    results = await asyncio.gather(*(download(number, semaphore, meter) for number in range(1, 7)))
    print("  most at once:", meter.peak)
    print("  results:", results)
    print("  all places free again?", not semaphore.locked())

    bounded = asyncio.BoundedSemaphore(1)
    try:
        bounded.release()
    except ValueError:
        print("a bounded semaphore notices a release too many")


if __name__ == "__main__":
    asyncio.run(main())
