"""Event: many tasks wait for one signal.

Teaches: `wait` waits until somebody calls `set`, and all that wait go on in the order in which
they came; while the event is set, nobody waits any more; `clear` makes them wait again.
Look for: the latecomer does not wait at all, and after `clear` the next one does.
"""

import asyncio


async def swimmer(name: str, start: asyncio.Event) -> None:
    """Wait for the signal, then swim."""
    print(f"  {name} is on the block")
    await start.wait()
    print(f"  {name} dives")


async def main() -> None:
    """Two heats with one event."""
    start = asyncio.Event()
    heat = [asyncio.create_task(swimmer(name, start)) for name in ("Ann", "Bob", "Cid")]
    await asyncio.sleep(0.05)
    print("  ready... set?", start.is_set())
    start.set()
    print("  go! set?", start.is_set())
    await asyncio.gather(*heat)

    print("a latecomer:")
    await swimmer("Dan", start)

    print("the next heat:")
    start.clear()
    eve = asyncio.create_task(swimmer("Eve", start))
    await asyncio.sleep(0.05)
    print("  still on the block?", not eve.done())
    start.set()
    await eve


if __name__ == "__main__":
    asyncio.run(main())
