"""Exception groups: several things fail at once, and nothing is lost.

Teaches: a TaskGroup collects what all of its tasks raised; `except*` takes the group apart by
type, and more than one such block can run; what nobody took goes on as a smaller group. Groups
nest like the TaskGroups that made them.
Look for: both handlers run for one failure of the whole; the inner group arrives inside the outer.
"""

import asyncio


async def fail(error: Exception) -> None:
    """Fail in the next turn of the loop."""
    await asyncio.sleep(0)
    raise error


async def run_all(*errors: Exception) -> None:
    """A group in which each task fails with one of the errors."""
    async with asyncio.TaskGroup() as group:
        for error in errors:
            group.create_task(fail(error))


async def by_type() -> None:
    """Handle each type on its own."""
    try:
        await run_all(KeyError("lost key"), OSError("wet wood"), KeyError("lost map"))
    except* KeyError as errors:
        print("  key errors:", [error.args[0] for error in errors.exceptions])
    except* OSError as errors:
        print("  OS errors:", [error.args[0] for error in errors.exceptions])


async def what_is_left() -> None:
    """Handle one type; the rest goes on."""
    try:
        try:
            await run_all(KeyError("lost key"), ZeroDivisionError("no apples"))
        except* KeyError:
            print("  the key was found again")
    except ExceptionGroup as rest:
        print("  left over:", [type(error).__name__ for error in rest.exceptions])


async def nested() -> None:
    """A group inside a group."""
    try:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(run_all(KeyError("inner")))
            outer.create_task(fail(OSError("outer")))
    except ExceptionGroup as group:
        for error in group.exceptions:
            inner = [str(e) for e in error.exceptions] if isinstance(error, ExceptionGroup) else ""
            print(" ", type(error).__name__, inner)


async def main() -> None:
    """Three ways to fail together."""
    print("taken apart by type:")
    await by_type()
    print("what nobody took:")
    await what_is_left()
    print("a group in a group:")
    await nested()


if __name__ == "__main__":
    asyncio.run(main())
