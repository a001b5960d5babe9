"""Belief: in async code a call that takes long is waited for in the background.

Truth: a blocking call stops the whole loop: nothing else runs, and every timer comes late.  In a
thread it stops only that thread.
Look: one long step of main, and after it the timer of the heartbeat is late by nearly as much;
while the thread is blocked the beats come in time.
"""

import asyncio
import threading
import time


async def heartbeat(after: threading.Event) -> None:
    for number in (1, 2):
        await asyncio.sleep(0.02)
        print("  beat", number)
    after.set()


async def main() -> None:
    beats = asyncio.create_task(heartbeat(threading.Event()), name="heartbeat")
    await asyncio.sleep(0.01)
    print("main blocks the loop")
    time.sleep(0.2)
    print("main blocks it no more")
    await beats

    after = threading.Event()
    print("main blocks a thread, until there were beats")
    beats = asyncio.create_task(heartbeat(after), name="second heartbeat")
    await asyncio.to_thread(after.wait)
    await beats
    print("main has its answer")


if __name__ == "__main__":
    asyncio.run(main())
