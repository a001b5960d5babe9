"""Belief: `while not ready: await asyncio.sleep(0)` waits.

Truth: it polls: the task wakes itself, over and over, the loop never sleeps, and a processor is
busy with it.  An Event says the same once, when it is so.
Look: hundreds of iterations in which the loop never waits; then two steps and one wait.
"""

import asyncio

looks = 0


def arrived() -> bool:
    """Say yes when asked often enough, which stands for something that takes its time."""
    global looks
    looks += 1
    return looks > 200


async def poller() -> None:
    while not arrived():
        await asyncio.sleep(0)
    print("the poller has seen it, looks:", looks)


async def waiter(event: asyncio.Event) -> None:
    await event.wait()
    print("the waiter was told")


async def main() -> None:
    global looks
    looks = 0
    await asyncio.create_task(poller(), name="poller")
    event = asyncio.Event()
    asyncio.get_running_loop().call_later(0.02, event.set)
    await asyncio.create_task(waiter(event), name="waiter")


if __name__ == "__main__":
    asyncio.run(main())
