"""Three kinds of queues: they differ only in what comes out next.

Teaches: `Queue` gives what has waited longest, `LifoQueue` what came last, `PriorityQueue` the
smallest, which for tuples means the smallest first element. All other methods are the same, so
the worker below does not know which kind it serves.
Look for: the same patients, three orders; an emergency that comes while others wait is next.
"""

import asyncio

PATIENTS = [(2, "a cough"), (3, "a form to sign"), (1, "a broken arm")]

Patients = asyncio.Queue[tuple[int, str]]


async def doctor(room: Patients) -> None:
    """See one patient after the other."""
    while True:
        urgency, complaint = await room.get()
        print(f"  {complaint} (urgency {urgency})")
        await asyncio.sleep(0.05)
        room.task_done()


async def surgery(room: Patients) -> None:
    """Fill the waiting room, let the doctor empty it, send in one more on the way."""
    for patient in PATIENTS:
        room.put_nowait(patient)
    seeing = asyncio.create_task(doctor(room))
    await asyncio.sleep(0)
    room.put_nowait((0, "an emergency"))
    await room.join()
    seeing.cancel()
    await asyncio.wait([seeing])


async def main() -> None:
    """The same morning with each kind of queue."""
    kinds: list[type[Patients]] = [asyncio.Queue, asyncio.LifoQueue, asyncio.PriorityQueue]
    for kind in kinds:
        print(f"{kind.__name__}:")
        await surgery(kind())


if __name__ == "__main__":
    asyncio.run(main())
