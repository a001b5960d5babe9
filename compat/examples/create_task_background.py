"""create_task: something goes on in the background while its maker does something else.

Teaches: a new task does not run at once, it runs when its maker first waits; a task has a name,
can be asked whether it is done, calls back when it is, and keeps its result. Keep a reference to
a task for as long as it runs: the loop itself may hold only a weak one.
Look for: "kettle on" comes only after "main goes on", at main's first await.
"""

import asyncio


async def boil(litres: int) -> str:
    """Boil water: takes a while."""
    print("  kettle on")
    await asyncio.sleep(0.1)
    print("  kettle off")
    return f"{litres} l of hot water"


def announce(task: "asyncio.Task[str]") -> None:
    """Say that a task has ended; the loop calls this."""
    print(f"  [{task.get_name()}] is done: {task.result()}")


async def main() -> None:
    """Prepare the cup while the water boils."""
    kettle = asyncio.create_task(boil(2), name="kettle")
    kettle.add_done_callback(announce)
    print("  main goes on; done yet?", kettle.done())
    for what in ("find a cup", "find the tea"):
        await asyncio.sleep(0)
        print(f"  main: {what}; done yet? {kettle.done()}")
    print("  main waits for the water")
    water = await kettle
    print(f"  main pours {water}; done yet? {kettle.done()}")
    print("  awaiting it again gives the same result:", await kettle)

    tasks = asyncio.all_tasks()
    current = asyncio.current_task()
    print(f"  tasks left: {len(tasks)}, and that is main itself: {tasks == {current}}")


if __name__ == "__main__":
    asyncio.run(main())
