"""What a queue can do: with and without waiting, full and empty.

Teaches: `put` and `get` wait, `put_nowait` and `get_nowait` raise instead; `maxsize` bounds the
queue.
Look for: the third `put` waits until `get` has made room, and getters are served in the order in
which they came.
"""

import asyncio


async def without_waiting() -> None:
    """Use the methods that never wait."""
    queue: asyncio.Queue[str] = asyncio.Queue(maxsize=2)
    print("  empty?", queue.empty(), "full?", queue.full(), "maxsize:", queue.maxsize)
    queue.put_nowait("a")
    queue.put_nowait("b")
    print("  after two puts: empty?", queue.empty(), "full?", queue.full())
    try:
        queue.put_nowait("c")
    except asyncio.QueueFull:
        print("  the third put_nowait raises QueueFull")
    print("  out come", queue.get_nowait(), "and", queue.get_nowait())
    try:
        queue.get_nowait()
    except asyncio.QueueEmpty:
        print("  the third get_nowait raises QueueEmpty")


async def put_all(queue: "asyncio.Queue[int]", count: int) -> None:
    """Put numbers, waiting for room where needed."""
    for number in range(1, count + 1):
        await queue.put(number)
        print(f"  put {number}")


async def a_putter_waits() -> None:
    """Put three things where only two have room."""
    queue: asyncio.Queue[int] = asyncio.Queue(maxsize=2)
    putter = asyncio.create_task(put_all(queue, 3))
    await asyncio.sleep(0.05)
    print("  full?", queue.full(), "- so the putter waits")
    print("  got", await queue.get())
    await putter
    print("  got", await queue.get(), "and", await queue.get())


async def getters_wait() -> None:
    """Let two wait for what is not there yet: first come, first served."""
    queue: asyncio.Queue[str] = asyncio.Queue()
    getters = [asyncio.create_task(queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    await queue.put("for the first")
    await queue.put("for the second")
    print(" ", await asyncio.gather(*getters))


async def main() -> None:
    """Try everything."""
    print("without waiting:")
    await without_waiting()
    print("a putter waits for room:")
    await a_putter_waits()
    print("getters wait for items:")
    await getters_wait()


if __name__ == "__main__":
    asyncio.run(main())
