"""Threads beside the loop: a blocking call goes into a thread, and the loop goes on.

Teaches: a blocking call stops the whole loop, so it goes into an executor: a pool of one's own or
the loop's default one (`run_in_executor`), or with `to_thread`, which also takes the context
variables along. The result is awaited like any other; an exception crosses over, too.
Look for: the heart beats while the threads sleep; results come in the order of asking.
"""

import asyncio
import contextvars
import threading
import time
from concurrent.futures import ThreadPoolExecutor

colour: contextvars.ContextVar[str] = contextvars.ContextVar("colour", default="none")


def slow_square(number: int) -> int:
    """Block for a while, as a driver or a big file would."""
    time.sleep(0.1)
    return number * number


def divide(left: int, right: int) -> float:
    """Divide, or fail."""
    return left / right


async def beat(done: asyncio.Event) -> str:
    """Show that the loop goes on: beat until told to end."""
    beats = 0
    while not done.is_set():
        beats += 1
        await asyncio.sleep(0.01)
    return "the heart went on beating" if beats > 1 else "the heart stood still"


async def main() -> None:
    """A pool, the default executor, to_thread."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    heart = asyncio.create_task(beat(done))
    with ThreadPoolExecutor(max_workers=2) as pool:
        jobs = [loop.run_in_executor(pool, slow_square, number) for number in (2, 3, 4)]
        print("squares:", await asyncio.gather(*jobs))
    done.set()
    print(await heart)

    try:
        await loop.run_in_executor(None, divide, 1, 0)
    except ZeroDivisionError as error:
        print("raised in a thread:", error)

    here = threading.get_ident()
    print("another thread?", await asyncio.to_thread(threading.get_ident) != here)
    colour.set("blue")
    print("to_thread sees the colour", await asyncio.to_thread(colour.get))


if __name__ == "__main__":
    asyncio.run(main())
