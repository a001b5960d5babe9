"""A queue with workers: jobs on one side, two workers on the other, and join() in between.

Teaches: workers take jobs from a queue as they get free; `task_done` tells the queue that a job
has been dealt with, and `join` waits until that is true of every job. The workers themselves
never end: when all is done they are cancelled.
Look for: the workers alternate, the last job is taken by whoever is free, and "all jobs done" is
printed only after the last "has painted".
"""

import asyncio


async def painter(name: str, walls: "asyncio.Queue[str]") -> None:
    """Paint walls until cancelled."""
    painted = 0
    try:
        while True:
            wall = await walls.get()
            print(f"  {name} takes the {wall} wall ({walls.qsize()} left)")
            await asyncio.sleep(0.05)
            painted += 1
            print(f"  {name} has painted the {wall} wall")
            walls.task_done()
    except asyncio.CancelledError:
        print(f"  {name} goes home after {painted} walls")
        raise


async def main() -> None:
    """Put the jobs in, let two workers take them out."""
    walls: asyncio.Queue[str] = asyncio.Queue()
    for colour in ("red", "green", "blue", "white", "black"):
        walls.put_nowait(colour)
    print(f"{walls.qsize()} walls to paint")

    painters = [asyncio.create_task(painter(name, walls)) for name in ("Ada", "Ben")]
    await walls.join()
    print("all jobs done; empty?", walls.empty())

    for task in painters:
        task.cancel()
    outcomes = await asyncio.gather(*painters, return_exceptions=True)
    print("painters ended by:", [type(outcome).__name__ for outcome in outcomes])


if __name__ == "__main__":
    asyncio.run(main())
