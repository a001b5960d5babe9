"""as_completed: handle each result as soon as it is there.

Teaches: `as_completed` gives one awaitable after the other; awaiting it gives the next result in
the order of finishing. With a timeout, what has not come in time is reported as TimeoutError, and
the tasks themselves go on until somebody cancels them.
Look for: the runners start in the order of their lanes and arrive in the order of their speed.
"""

import asyncio


async def runner(name: str, seconds: float) -> str:
    """Run the race."""
    print(f"  {name} starts")
    await asyncio.sleep(seconds)
    return name


async def race() -> None:
    """Hand out medals in the order of arrival."""
    lanes = [("Ann", 0.15), ("Bob", 0.05), ("Cid", 0.1)]
    # as_completed also takes bare coroutines, but then it does not say which one starts first
    runners = [asyncio.create_task(runner(name, seconds)) for name, seconds in lanes]
    medals = ["gold", "silver", "bronze"]
    for medal, arrival in zip(medals, asyncio.as_completed(runners), strict=True):
        print(f"  {medal} for {await arrival}")


async def race_with_closing_time() -> None:
    """Stop counting after 0.15 seconds."""
    tasks = [
        asyncio.create_task(runner("Ann", 0.05)),
        asyncio.create_task(runner("Bob", 60.0)),
    ]
    try:
        for arrival in asyncio.as_completed(tasks, timeout=0.15):
            print(f"  {await arrival} arrived in time")
    except asyncio.TimeoutError:
        print("  the gates close")
    for task in tasks:
        print("  sent home:", task.cancel())


async def main() -> None:
    """Two races."""
    print("everybody may finish:")
    await race()
    print("with a closing time:")
    await race_with_closing_time()


if __name__ == "__main__":
    asyncio.run(main())
