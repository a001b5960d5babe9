"""shield: what has begun goes on, although nobody waits for it any more.

Teaches: cancelling a task cancels what it awaits, unless that is shielded: then only the waiting
ends. The shielded work needs an owner of its own who waits for it in the end.
Look for: the unprotected parcel is never posted; the shielded one is, after its sender has left.
"""

import asyncio


async def post(parcel: str) -> str:
    """Post a parcel: takes a while."""
    print(f"  {parcel}: on its way")
    try:
        await asyncio.sleep(0.2)
    except asyncio.CancelledError:
        print(f"  {parcel}: turned back")
        raise
    print(f"  {parcel}: arrived")
    return f"receipt for {parcel}"


async def sender(parcel: "asyncio.Task[str]", protect: bool) -> None:
    """Wait for a parcel, protected or not."""
    try:
        if protect:
            await asyncio.shield(parcel)
        else:
            await parcel
    except asyncio.CancelledError:
        print("  the sender leaves")
        raise


async def cancel_the_sender(name: str, protect: bool) -> None:
    """Send something and cancel the one who waits for it."""
    parcel = asyncio.create_task(post(name))
    waiting = asyncio.create_task(sender(parcel, protect))
    await asyncio.sleep(0)  # both begin
    waiting.cancel()
    await asyncio.wait([waiting])
    print("  is the parcel still on its way?", not parcel.done())
    await asyncio.wait([parcel])
    print("  in the end:", "nothing" if parcel.cancelled() else parcel.result())


async def main() -> None:
    """Without and with a shield."""
    print("unprotected:")
    await cancel_the_sender("the vase", protect=False)
    print("shielded:")
    await cancel_the_sender("the book", protect=True)


if __name__ == "__main__":
    asyncio.run(main())
