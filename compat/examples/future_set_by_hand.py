"""A Future set by hand: a box that one side fills and the other side waits for.

Teaches: a Future is pending, then has a result, an exception, or is cancelled, and never changes
again. Awaiting a pending one waits; callbacks run in a later turn of the loop, not inside
`set_result`. Tasks are futures whose result is set by a coroutine's return.
Look for: "main: set" is printed before the callback and before the waiters go on.
"""

import asyncio


async def reader(name: str, letter: "asyncio.Future[str]") -> None:
    """Wait for the letter and read it."""
    print(f"  {name} waits for the letter")
    print(f"  {name} reads: {await letter}")


async def with_a_result() -> None:
    """Several wait for one result."""
    letter: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    readers = [asyncio.create_task(reader(name, letter)) for name in ("Ann", "Bob")]
    letter.add_done_callback(lambda box: print("  callback: done?", box.done()))
    await asyncio.sleep(0.05)
    print("  main: done?", letter.done())
    letter.set_result("come home")
    print("  main: set; done?", letter.done())
    await asyncio.gather(*readers)
    try:
        letter.set_result("stay")
    except asyncio.InvalidStateError:
        print("  main: a future is set only once")


async def with_an_exception() -> None:
    """Waiting for a future that fails."""
    letter: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    letter.set_exception(LookupError("no such address"))
    try:
        await letter
    except LookupError as error:
        print("  raised:", error)


async def cancelled() -> None:
    """Waiting for a future that is cancelled."""
    letter: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.05, letter.cancel)
    try:
        await letter
    except asyncio.CancelledError:
        print("  cancelled?", letter.cancelled())


async def main() -> None:
    """A result, an exception, a cancellation."""
    print("a result:")
    await with_a_result()
    print("an exception:")
    await with_an_exception()
    print("a cancellation:")
    await cancelled()


if __name__ == "__main__":
    asyncio.run(main())
