"""Exceptions in tasks: who gets them, and what happens to the others.

Teaches: an exception stays in the task until somebody asks for it: by awaiting, with `result`, or
with `exception`. `gather` passes the first one on and lets the others run; with
`return_exceptions=True` it returns exceptions like results.
Look for: after the first gather has raised, "cake is ready" is still printed.
"""

import asyncio


class BurntError(Exception):
    """What may happen to a cake."""


async def bake(what: str, seconds: float, goes_wrong: bool = False) -> str:
    """Bake something, or burn it."""
    await asyncio.sleep(seconds)
    if goes_wrong:
        raise BurntError(f"{what} is burnt")
    print(f"  {what} is ready")
    return what


async def first_exception() -> None:
    """gather as it is: the first exception comes out."""
    cake = asyncio.create_task(bake("cake", 0.15))
    try:
        await asyncio.gather(bake("bread", 0.05), bake("toast", 0.1, goes_wrong=True), cake)
    except BurntError as error:
        print("  gather raised:", error)
    print("  cake done?", cake.done())
    print("  in the end:", await cake)


async def all_outcomes() -> None:
    """gather with return_exceptions: everything comes out."""
    outcomes = await asyncio.gather(
        bake("bread", 0.05),
        bake("toast", 0.1, goes_wrong=True),
        bake("cake", 0.15),
        return_exceptions=True,
    )
    for outcome in outcomes:
        kind = "failure" if isinstance(outcome, BaseException) else "success"
        print(f"  {kind}: {outcome}")


async def asking_the_task() -> None:
    """Ask a task without awaiting it."""
    task = asyncio.create_task(bake("pie", 0.05, goes_wrong=True))
    await asyncio.wait([task])
    print("  exception():", repr(task.exception()))
    for attempt in (1, 2):
        try:
            await task
        except BurntError as error:
            print(f"  await number {attempt} raises: {error}")


async def main() -> None:
    """Three ways to meet an exception."""
    print("the first exception:")
    await first_exception()
    print("all outcomes:")
    await all_outcomes()
    print("asking the task:")
    await asking_the_task()


if __name__ == "__main__":
    asyncio.run(main())
