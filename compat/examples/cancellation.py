"""Cancellation: `cancel` raises CancelledError inside the task, at the await where it waits.

Teaches: `cancel` only asks; the task can clean up (and even wait while doing so), can carry on
against advice, or can end before it ever began. CancelledError is a BaseException, so that
`except Exception` does not swallow it.
Look for: the diver's "coming up" before main goes on; the task that never ran a line; and
`cancelled()`, which tells who obeyed.
"""

import asyncio


async def diver() -> str:
    """Dive until called, and come up slowly."""
    print("  diver: going down")
    try:
        await asyncio.sleep(60)
    except Exception:
        print("  diver: this line is never printed")
    except asyncio.CancelledError as signal:
        print(f"  diver: called up ({signal})")
        await asyncio.sleep(0.05)
        raise
    finally:
        print("  diver: coming up")
    return "nothing found"


async def stubborn() -> str:
    """Ignore the first call."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        print("  stubborn: not now")
    await asyncio.sleep(0)
    return "the treasure"


async def report(task: "asyncio.Task[str]") -> None:
    """Wait for a task and say how it ended."""
    try:
        print("  it returned", await task)
    except asyncio.CancelledError:
        print("  it was cancelled")
    print(f"  done: {task.done()}, cancelled: {task.cancelled()}")


async def main() -> None:
    """Cancel in three situations."""
    print("a task that cleans up:")
    task = asyncio.create_task(diver())
    await asyncio.sleep(0)
    print("  cancel:", task.cancel("storm ahead"))
    await report(task)
    print("  cancel again:", task.cancel())

    print("a task that carries on:")
    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    task.cancel()
    await report(task)

    print("a task that never began:")
    task = asyncio.create_task(diver())
    task.cancel()
    await report(task)


if __name__ == "__main__":
    asyncio.run(main())
