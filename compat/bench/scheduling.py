"""What a loop does all day without a network: switch, spawn, wake, time, wait, cancel.

The rules of a workload:

1.  It takes everything from ``names``, and from the running loop only public methods.
2.  It counts its operations where they happen (in the callback, after the await), and
    returns the count: a loop that forgets to run something is not fast, it is wrong.
3.  Its structure (the number of tasks, the depth of a queue) is fixed, and a longer run
    is more units of the same, so that contestants of different speed do the same work.

Read next: child.py
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from compat.bench.model import Suite

SUITE = Suite("scheduling")

CROWD = 100
BATCH = 1000
NEVER_SECONDS = 60.0
# Delays are at least 1 ms because uvloop rounds to milliseconds and would not make a
# timer for less; they are out of order and all different, as a heap meets them.
SHORTEST_SECONDS = 0.001
DELAYS_SECONDS = [SHORTEST_SECONDS + (i * 379 % BATCH) * 1e-6 for i in range(BATCH)]


async def nothing() -> int:
    """Be a task that ends in its first step, and count for one."""
    return 1


@SUITE.row(per_unit=CROWD)
async def switch(names: ModuleType, units: int) -> int:
    """Give way once by sleep(0), in one of 100 tasks that take turns."""
    sleep = names.sleep

    async def take_turns() -> int:
        done = 0
        for _ in range(units):
            await sleep(0)
            done += 1
        return done

    return sum(await names.gather(*[take_turns() for _ in range(CROWD)]))


@SUITE.row(per_unit=1)
async def spawn_await(names: ModuleType, units: int) -> int:
    """Make a task and await it, one after the other."""
    create_task = names.create_task
    done = 0
    for _ in range(units):
        done += await create_task(nothing())
    return done


@SUITE.row(per_unit=BATCH)
async def spawn_many(names: ModuleType, units: int) -> int:
    """Make a task, one of 1000 that are then gathered."""
    create_task = names.create_task
    done = 0
    for _ in range(units):
        done += sum(await names.gather(*[create_task(nothing()) for _ in range(BATCH)]))
    return done


@SUITE.row(per_unit=1)
async def future(names: ModuleType, units: int) -> int:
    """Await a future whose result a callback sets."""
    loop = names.get_running_loop()
    done = 0
    for _ in range(units):
        waiter = loop.create_future()
        loop.call_soon(waiter.set_result, 1)
        done += await waiter
    return done


@SUITE.row(per_unit=1)
async def callbacks(names: ModuleType, units: int) -> int:
    """Run a callback that asks for the next one by call_soon."""
    loop = names.get_running_loop()
    finished = loop.create_future()
    done = 0

    def link() -> None:
        nonlocal done
        done += 1
        if done < units:
            loop.call_soon(link)
        else:
            finished.set_result(None)

    loop.call_soon(link)
    await finished
    return done


@SUITE.row(per_unit=BATCH)
async def timers(names: ModuleType, units: int) -> int:
    """Let a call_later of 1 to 2 ms run out, one of 1000 at a time."""
    loop = names.get_running_loop()
    done = 0

    def ring(finished: Any) -> None:
        nonlocal done
        done += 1
        if done % BATCH == 0:
            finished.set_result(None)

    for _ in range(units):
        finished = loop.create_future()
        for delay in DELAYS_SECONDS:
            loop.call_later(delay, ring, finished)
        await finished
    return done


@SUITE.row(per_unit=BATCH)
async def sleeps(names: ModuleType, units: int) -> int:
    """Sleep for 1 to 2 ms, in one of 1000 tasks at a time."""
    sleep = names.sleep

    async def doze(delay: float) -> int:
        done = 0
        for _ in range(units):
            await sleep(delay)
            done += 1
        return done

    return sum(await names.gather(*[doze(delay) for delay in DELAYS_SECONDS]))


@SUITE.row(per_unit=1)
async def timeout(names: ModuleType, units: int) -> int:
    """Enter and leave an `async with timeout` around a sleep(0)."""
    sleep = names.sleep
    limit = names.timeout
    done = 0
    for _ in range(units):
        async with limit(NEVER_SECONDS):
            await sleep(0)
            done += 1
    return done


@SUITE.row(per_unit=10)
async def timer_cancel(names: ModuleType, units: int) -> int:
    """Arm a call_later and cancel it, ten in each turn."""
    loop = names.get_running_loop()
    sleep = names.sleep
    done = 0
    for _ in range(units):
        for _ in range(10):
            handle = loop.call_later(NEVER_SECONDS, nothing)
            handle.cancel()
            done += 1
        await sleep(0)
    return done


@SUITE.row(per_unit=BATCH)
async def queue(names: ModuleType, units: int) -> int:
    """Hand an item from a producer to a consumer, through a Queue(10)."""
    items = names.Queue(10)
    amount = units * BATCH

    async def produce() -> None:
        for _ in range(amount):
            await items.put(1)

    async def consume() -> int:
        done = 0
        for _ in range(amount):
            done += await items.get()
        return done

    producer = names.create_task(produce())
    done = await names.create_task(consume())
    await producer
    return int(done)


@SUITE.row(per_unit=20)
async def semaphore(names: ModuleType, units: int) -> int:
    """Enter a Semaphore(3) that 20 tasks want, hold it over a sleep(0)."""
    sleep = names.sleep
    gate = names.Semaphore(3)

    async def visit() -> int:
        done = 0
        for _ in range(units):
            async with gate:
                await sleep(0)
                done += 1
        return done

    return sum(await names.gather(*[visit() for _ in range(20)]))


@SUITE.row(per_unit=2)
async def event(names: ModuleType, units: int) -> int:
    """Wake the other one of two tasks through its Event."""
    ping, pong = names.Event(), names.Event()

    async def play(mine: Any, other: Any) -> int:
        done = 0
        for _ in range(units):
            await mine.wait()
            mine.clear()
            done += 1
            other.set()
        return done

    players = names.gather(play(ping, pong), play(pong, ping))
    ping.set()
    return sum(await players)


@SUITE.row(per_unit=1)
async def cancel(names: ModuleType, units: int) -> int:
    """Make a task that waits, cancel it and await its end."""
    loop = names.get_running_loop()
    create_task, sleep, cancelled = names.create_task, names.sleep, names.CancelledError

    async def wait() -> None:
        await loop.create_future()

    done = 0
    for _ in range(units):
        task = create_task(wait())
        await sleep(0)
        task.cancel()
        try:
            await task
        except cancelled:
            done += 1
    return done
