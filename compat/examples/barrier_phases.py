"""Barrier: nobody goes on before everybody has come.

Teaches: `wait` at a barrier waits until as many tasks as it has parties are there, then all go
on, and the barrier can be used again for the next phase. `wait` gives each task a different
number, which is handy to pick the one that does something for all. `abort` breaks the barrier:
whoever waits there gets BrokenBarrierError.
Look for: no roof before every kitchen, whatever each builder's pace.
"""

import asyncio

BUILDERS = [("Ann", 0.05), ("Bob", 0.15), ("Cid", 0.1)]


async def build(name: str, pace: float, barrier: asyncio.Barrier) -> None:
    """Build in three phases, meeting the others after each."""
    for phase in ("cellar", "kitchen", "roof"):
        await asyncio.sleep(pace)
        print(f"  {name} has done the {phase}")
        place = await barrier.wait()
        if place == 0:
            print(f"every {phase} is done")


async def stranded(name: str, barrier: asyncio.Barrier) -> None:
    """Wait at a barrier that never fills."""
    try:
        await barrier.wait()
    except asyncio.BrokenBarrierError:
        print(f"  {name} will not wait any longer")


async def main() -> None:
    """Build three houses in step, then break a barrier."""
    barrier = asyncio.Barrier(len(BUILDERS))
    await asyncio.gather(*(build(name, pace, barrier) for name, pace in BUILDERS))

    lonely = asyncio.Barrier(3)
    waiters = [asyncio.create_task(stranded(name, lonely)) for name in ("Dan", "Eve")]
    await asyncio.sleep(0.05)
    print(f"{lonely.n_waiting} of {lonely.parties} came to the next house:")
    await lonely.abort()
    await asyncio.gather(*waiters)
    print("broken?", lonely.broken)


if __name__ == "__main__":
    asyncio.run(main())
