"""Processes beside the loop: computing that would keep a thread's lock goes elsewhere.

Teaches: with a ProcessPoolExecutor the work runs on other processors. Functions, arguments and
results are pickled, so the functions stand at the top of the file; and a worker process may
import this file again, so the program starts under `if __name__ == "__main__"`.
Look for: results in the order of asking; a failure keeps its type on the way.
"""

import asyncio
import os
from concurrent.futures import ProcessPoolExecutor


def count_primes(limit: int) -> int:
    """Count the primes below `limit`, the slow way."""
    primes = 0
    for number in range(2, limit):
        if all(number % divisor for divisor in range(2, int(number**0.5) + 1)):
            primes += 1
    return primes


def fail(reason: str) -> None:
    """Raise in the worker process."""
    raise ValueError(reason)


async def main() -> None:
    """Compute in two processes."""
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(max_workers=2) as pool:
        limits = [100, 1000, 5000]
        jobs = [loop.run_in_executor(pool, count_primes, limit) for limit in limits]
        print("the loop is free while they compute")
        for limit, primes in zip(limits, await asyncio.gather(*jobs), strict=True):
            print(f"  {primes} primes below {limit}")

        elsewhere = await loop.run_in_executor(pool, os.getpid)
        print("in another process?", elsewhere != os.getpid())

        try:
            await loop.run_in_executor(pool, fail, "no such number")
        except ValueError as error:
            print("a failure comes back:", error)


if __name__ == "__main__":
    asyncio.run(main())
