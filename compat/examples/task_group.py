"""TaskGroup: a block that its tasks cannot outlive.

Teaches: the block ends when all of its tasks have ended, also those that were added while it ran;
when one fails, the others are cancelled, the block's own text included, and the failure comes out
as an ExceptionGroup.
Look for: "the camp is empty" comes last in each part; the cook is told to stop when somebody
falls.
"""

import asyncio


async def work(name: str, seconds: float) -> str:
    """Do something until it is done or cancelled."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        print(f"  {name} stops")
        raise
    print(f"  {name} is done")
    return f"{name}'s work"


async def fall(seconds: float) -> None:
    """Fail after a while."""
    await asyncio.sleep(seconds)
    print("  somebody falls")
    raise ValueError("a twisted ankle")


async def leader(group: asyncio.TaskGroup) -> None:
    """Give work to one more helper."""
    await asyncio.sleep(0.05)
    print("  the leader calls a helper")
    group.create_task(work("helper", 0.05))


async def all_well() -> None:
    """Everything ends, also what was added on the way."""
    async with asyncio.TaskGroup() as group:
        cook = group.create_task(work("cook", 0.2))
        group.create_task(leader(group))
        print("  end of the block's text")
    print("  the camp is empty;", cook.result(), "is kept")


async def one_fails() -> None:
    """One failure ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work("cook", 60.0))
            group.create_task(fall(0.05))
            await work("the block itself", 60.0)
    except* ValueError as errors:
        print("  failures:", [str(error) for error in errors.exceptions])
    print("  the camp is empty")


async def main() -> None:
    """Two camps."""
    print("all is well:")
    await all_well()
    print("one fails:")
    await one_fails()


if __name__ == "__main__":
    asyncio.run(main())
