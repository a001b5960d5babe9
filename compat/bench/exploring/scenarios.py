"""The programs whose schedules are explored: ordinary asyncio code, the same for every tool.

The rules of a scenario:

1.  Whatever the order of events, it comes to the same end, and checks that it did: a tool
    that cuts a run short is not fast, it is wrong.
2.  It takes everything from ``names``, and knows nothing of the tool.  Only the address of a
    server comes from outside: not every simulated machine calls itself 127.0.0.1, nor has
    every simulated server a socket that could tell the port.

Read next: tools.py
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from types import ModuleType
from typing import Any

Address = tuple[str, int]
Scenario = Callable[[ModuleType, Address], Awaitable[None]]

# Far longer than anything takes on an idle machine; where a tool lets a step take so long
# that it expires after all, the program tries again.
PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.001

COUNTING_TASKS, COUNTS = 3, 3
PRODUCERS, CONSUMERS, ITEMS, ROOM = 8, 12, 12, 4
CLIENTS, MESSAGES = 3, 3


async def counter(names: ModuleType, _address: Address) -> None:
    """Three tasks that count together, giving way before each of three steps."""
    count = 0

    async def add() -> None:
        nonlocal count
        for _ in range(COUNTS):
            await names.sleep(0)
            count += 1

    await names.gather(*[add() for _ in range(COUNTING_TASKS)])
    assert count == COUNTING_TASKS * COUNTS, f"counted up to {count}"


async def workshop(names: ModuleType, _address: Address) -> None:
    """Twenty tasks around a queue with little room, two locks, and timeouts."""
    queue: Any = names.Queue(ROOM)
    locks = [names.Lock(), names.Lock()]
    totals = [0, 0]

    async def produce(first: int) -> None:
        for item in range(first, first + ITEMS):
            await patiently(names, partial(queue.put, item))
        await names.sleep(PAUSE_SECONDS)

    async def consume() -> None:
        while (item := await patiently(names, queue.get)) is not None:
            async with locks[item % 2]:
                before = totals[item % 2]
                await names.sleep(0)
                totals[item % 2] = before + item
            await names.sleep(0)

    consumers = [names.create_task(consume()) for _ in range(CONSUMERS)]
    await names.gather(*[produce(number * ITEMS) for number in range(PRODUCERS)])
    for _ in consumers:
        await queue.put(None)
    await names.gather(*consumers)
    assert sum(totals) == sum(range(PRODUCERS * ITEMS)), f"the totals are {totals}"


async def patiently(names: ModuleType, ask: Callable[[], Awaitable[Any]]) -> Any:
    """Await ``ask()`` under a timeout, again and again until it is done in time."""
    while True:
        try:
            async with names.timeout(PATIENCE_SECONDS):
                return await ask()
        except TimeoutError:
            continue


async def network(names: ModuleType, address: Address) -> None:
    """A server that adds up what it is sent, and three clients, over streams."""
    served: list[int] = []
    all_served = names.Event()

    async def serve(reader: Any, writer: Any) -> None:
        total = 0
        while line := await reader.readline():
            total += int(line)
            writer.write(b"%d\n" % total)
            await writer.drain()
        writer.close()
        served.append(total)
        if len(served) == CLIENTS:
            all_served.set()

    async def ask(number: int) -> int:
        reader, writer = await names.open_connection(*address)
        for _ in range(MESSAGES):
            writer.write(b"%d\n" % number)
            await writer.drain()
            total = int(await reader.readline())
        writer.close()
        await writer.wait_closed()
        return total

    server = await names.start_server(serve, *address)
    if server.sockets:
        address = server.sockets[0].getsockname()
    totals = await names.gather(*[ask(number) for number in range(CLIENTS)])
    await all_served.wait()
    server.close()
    await server.wait_closed()
    assert totals == sorted(served) == [number * MESSAGES for number in range(CLIENTS)], (
        f"the clients got {totals}, the server gave {served}"
    )
