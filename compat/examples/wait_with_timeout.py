"""wait: look at several tasks after some time, or at the first that ends, without losing any.

Teaches: `asyncio.wait` gives two sets, what is done and what is still pending; a timeout there is
not an error and cancels nothing; `return_when` says what to wait for. Sets have no order, so this
program sorts by name before it prints.
Look for: the same three parcels move from pending to done, and the last is called back by hand.
"""

import asyncio
from collections.abc import Iterable


async def deliver(delay: float) -> str:
    """Bring a parcel in `delay` seconds."""
    await asyncio.sleep(delay)
    return f"came after {delay} s"


def names(tasks: Iterable["asyncio.Task[str]"]) -> str:
    """The names of the tasks, sorted, since sets have no order."""
    return ", ".join(sorted(task.get_name() for task in tasks)) or "none"


async def main() -> None:
    """Wait three times for the same tasks."""
    parcels = {
        asyncio.create_task(deliver(0.05), name="letter"),
        asyncio.create_task(deliver(0.1), name="box"),
        asyncio.create_task(deliver(0.3), name="crate"),
        asyncio.create_task(deliver(60.0), name="piano"),
    }

    done, pending = await asyncio.wait(parcels, timeout=0.2)
    print(f"after the timeout: done {names(done)}; pending {names(pending)}")

    done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
    print(f"the first to end:  done {names(done)}; pending {names(pending)}")

    done, pending = await asyncio.wait(pending, timeout=0)
    print(f"not waiting at all: done {names(done)}; pending {names(pending)}")

    for task in pending:
        task.cancel()
    await asyncio.wait(pending)
    for task in sorted(parcels, key=lambda task: task.get_name()):
        outcome = "was called back" if task.cancelled() else task.result()
        print(f"  {task.get_name()} {outcome}")


if __name__ == "__main__":
    asyncio.run(main())
