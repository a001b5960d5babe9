"""The loop by hand: what `asyncio.run` does for a program.

Teaches: a loop is an object; `run_until_complete` runs it until one future is done,
`run_forever` until somebody calls `stop`; between two runs nothing is lost, and nothing happens.
`asyncio.Runner` is the modern form: it makes the loop, and in the end it cancels what is left and
closes the loop.
Look for: the second part goes on where the first was stopped, and the Runner cancels the
forgotten task.
"""

import asyncio


async def clock(name: str, ticks: int) -> str:
    """Tick a few times."""
    for number in range(1, ticks + 1):
        print(f"  {name}: tick {number}")
        await asyncio.sleep(0)
    return f"{name} ran down"


async def stop_watch() -> str:
    """Tick twice, and stop the loop at each tick."""
    for number in (1, 2):
        print(f"  stop watch: tick {number}, stop")
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0.1)
    return "stop watch ran down"


async def forgotten() -> None:
    """Wait for ever; somebody will have to end this."""
    try:
        await asyncio.sleep(60)
    finally:
        print("  forgotten: cancelled")


async def start() -> "asyncio.Task[None]":
    """Start a task and do not wait for it."""
    return asyncio.create_task(forgotten())


def by_hand() -> None:
    """Make a loop, run it several times, close it."""
    loop = asyncio.new_event_loop()
    print("until complete:")
    print(" ", loop.run_until_complete(clock("watch", 2)))

    print("in parts:")
    task = loop.create_task(stop_watch())
    for part in (1, 2):
        loop.run_forever()
        print(f"  part {part} is over; clock done? {task.done()}")
    print(" ", loop.run_until_complete(task))

    loop.close()
    print("running?", loop.is_running(), "closed?", loop.is_closed())


def with_runner() -> None:
    """Let a Runner do the same."""
    with asyncio.Runner() as runner:
        print(" ", runner.run(clock("pocket", 1)))
        task = runner.run(start())
        print("  is the task still there between the runs?", not task.done())
        print(" ", runner.run(clock("tower", 1)))
        loop = runner.get_loop()
    print("  it was all one loop, closed now?", loop.is_closed())


if __name__ == "__main__":
    by_hand()
    print("a Runner:")
    with_runner()
