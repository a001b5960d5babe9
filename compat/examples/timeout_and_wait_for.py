"""timeout and wait_for: a deadline for a block, or for one await.

Teaches: `wait_for` cancels what it waits for when the time is over and raises TimeoutError;
`asyncio.timeout` does so with whatever its block waits for, can be moved while it runs, and can
be nested: each one knows whether it was the one that ran out.
Look for: the slow answer is told of its cancellation before TimeoutError comes out, and in the
nested case only the outer deadline has expired.
"""

import asyncio


async def answer(delay: float) -> str:
    """Answer after `delay` seconds."""
    try:
        await asyncio.sleep(delay)
    except asyncio.CancelledError:
        print("  (too late, cancelled)")
        raise
    return "an answer"


async def for_one_await() -> None:
    """Limit a single await."""
    print("  in time:", await asyncio.wait_for(answer(0.01), timeout=1.0))
    try:
        await asyncio.wait_for(answer(60.0), timeout=0.05)
    except asyncio.TimeoutError:
        print("  TimeoutError")


async def for_a_block() -> None:
    """Limit a block of several awaits."""
    try:
        async with asyncio.timeout(0.15):
            print("  first:", await answer(0.01))
            print("  second:", await answer(60.0))
    except TimeoutError:
        print("  TimeoutError outside of the block")


async def with_more_time() -> None:
    """Move a deadline that would have been too early."""
    async with asyncio.timeout(0.05) as deadline:
        deadline.reschedule(asyncio.get_running_loop().time() + 1.0)
        print("  after all:", await answer(0.1))
    print("  expired?", deadline.expired())


async def nested() -> None:
    """See which of two deadlines ran out."""
    try:
        async with asyncio.timeout(0.05) as outer:
            async with asyncio.timeout(1.0) as inner:
                await answer(60.0)
    except TimeoutError:
        print("  outer expired?", outer.expired(), "inner expired?", inner.expired())


async def main() -> None:
    """All four cases."""
    print("wait_for:")
    await for_one_await()
    print("timeout:")
    await for_a_block()
    print("a deadline that is moved:")
    await with_more_time()
    print("one inside the other:")
    await nested()


if __name__ == "__main__":
    asyncio.run(main())
