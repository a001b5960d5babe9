"""The loop by hand: what `asyncio.run` does for a program.

Teaches: a loop is an object; `run_until_complete` runs it until one future is done,
`run_forever` until somebody calls `stop`; between two runs nothing is lost, and nothing happens.
`asyncio.Runner` is the modern form: it makes the loop, and in the end it cancels what is left and
closes the loop.
Look for: the second part goes on where the first was stopped, and the Runner cancels the
forgotten task.
"""

import asyncio


async def clock(name: str, ticks: int, pause: float = 0.0) -> str:
    """Tick a few times."""
    for number in range(1, ticks + 1):
        print(f"  {name}: tick {number}")
        await asyncio.sleep(pause)
    return f"{name} ran down"


async def forgotten() -> None:
    """Wait for ever; somebody will have to end this."""
    try:
        await asyncio.sleep(60)
    finally:
        print("  forgotten: cancelled")


async def start(tasks: "list[asyncio.Task[None]]") -> None:
    """Start a task and do not wait for it."""
    tasks.append(asyncio.create_task(forgotten()))
    await asyncio.sleep(0)


def by_hand() -> None:
    """Make a loop, run it several times, close it."""
    loop = asyncio.new_event_loop()
    print("until complete:")
    print(" ", loop.run_until_complete(clock("watch", 2)))

    print("in two parts:")
    task = loop.create_task(clock("wall", 4, pause=0.1))
    for part, seconds in ((1, 0.15), (2, 0.1)):
        loop.call_later(seconds, loop.stop)
        loop.run_forever()
        print(f"  part {part} is over; clock done? {task.done()}")
    print(" ", loop.run_until_complete(task))

    print("running?", loop.is_running(), "closed?", loop.is_closed())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    print("running?", loop.is_running(), "closed?", loop.is_closed())


def with_runner() -> None:
    """Let a Runner do the same."""
    tasks: list[asyncio.Task[None]] = []
    with asyncio.Runner() as runner:
        print(" ", runner.run(clock("pocket", 1)))
        runner.run(start(tasks))
        print("  the task goes on between the runs?", not tasks[0].done())
        same = runner.get_loop()
        print(" ", runner.run(clock("tower", 1)))
    print("  all in one loop, closed now?", same.is_closed())


if __name__ == "__main__":
    by_hand()
    print("a Runner:")
    with_runner()
