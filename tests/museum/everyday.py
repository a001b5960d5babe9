"""What everybody has written once: between two awaits, the world has moved on.

Read next: index.py
"""

from __future__ import annotations

import asyncio
from collections import deque

from miniloop.testing import World

from .exhibit import Exhibit, Scenario
from .locks import Lock

__all__ = ["EXHIBITS"]


# -- read, wait, write ----------------------------------------------------------------------------


async def deposit_meanwhile(world: World, read_late: bool) -> None:
    """A deposit comes while somebody withdraws; both count."""
    balance = 100

    def deposit() -> None:
        nonlocal balance
        balance += 50

    async def withdraw() -> None:
        nonlocal balance
        seen = balance
        await asyncio.sleep(0.1)  # it is written down
        balance = (balance if read_late else seen) - 30

    world.sometime(deposit)
    await asyncio.sleep(1)
    await withdraw()
    await asyncio.sleep(60)
    assert balance == 120, "the deposit is lost"


async def update_is_lost(world: World) -> None:
    await deposit_meanwhile(world, False)


async def update_is_kept(world: World) -> None:
    await deposit_meanwhile(world, True)


# -- look, wait, act ------------------------------------------------------------------------------


class Shared:
    """One connection for everybody, opened when it is needed first."""

    def __init__(self) -> None:
        self.opened = 0
        self.connection: str | None = None
        self.lock = Lock()

    async def connect(self) -> str:
        if self.connection is None:
            async with self.lock:
                if self.connection is None:
                    self.connection = await self.open()
        return self.connection

    async def open(self) -> str:
        self.opened += 1
        await asyncio.sleep(0.1)
        return "connection"


class Stampede(Shared):
    """Between looking and having opened it anybody else can look."""

    async def connect(self) -> str:
        if self.connection is None:
            self.connection = await self.open()
        return self.connection


async def two_requests(world: World, shared: Shared) -> None:
    """However many want it, it is opened once."""
    requests: list[asyncio.Task[str]] = []
    world.sometime(lambda: requests.append(asyncio.create_task(shared.connect())))
    await asyncio.sleep(1)
    await shared.connect()
    await asyncio.sleep(60)
    await asyncio.wait(requests)
    assert shared.opened == 1, "it is opened twice"


async def opened_twice(world: World) -> None:
    await two_requests(world, Stampede())


async def opened_once(world: World) -> None:
    await two_requests(world, Shared())


# -- load, wait, remember -------------------------------------------------------------------------


class Cache:
    """What was read from the database is remembered until it changes."""

    def __init__(self) -> None:
        self.database = "old"
        self.known: str | None = None
        self.version = 0

    async def read(self) -> str:
        if self.known is not None:
            return self.known
        version = self.version
        value = self.database
        await asyncio.sleep(0.1)  # the answer is under way
        self.remember(value, version)
        return value

    def remember(self, value: str, version: int) -> None:
        if version == self.version:
            self.known = value

    def change(self) -> None:
        self.database = "new"
        self.known = None
        self.version += 1


class StaleCache(Cache):
    """What was read is remembered, even if it has changed since."""

    def remember(self, value: str, version: int) -> None:
        self.known = value


async def change_meanwhile(world: World, cache: Cache) -> None:
    """When all is quiet what is read is what is there."""
    world.sometime(cache.change)
    await asyncio.sleep(1)
    await cache.read()
    await asyncio.sleep(60)
    assert await cache.read() == cache.database, "it is out of date for ever"


async def cache_is_stale(world: World) -> None:
    await change_meanwhile(world, StaleCache())


async def cache_is_fresh(world: World) -> None:
    await change_meanwhile(world, Cache())


# -- wait, work, clear ----------------------------------------------------------------------------


async def mailbox(world: World, clear_first: bool) -> None:
    """Every letter is read."""
    letters: deque[str] = deque(["first"])
    arrived = asyncio.Event()
    arrived.set()
    read: list[str] = []

    async def work() -> None:
        while len(read) < 2:
            await arrived.wait()
            if clear_first:
                arrived.clear()
            batch = list(letters)
            letters.clear()
            for letter in batch:
                await asyncio.sleep(0.1)
                read.append(letter)
            if not clear_first:
                arrived.clear()

    def arrive() -> None:
        letters.append("second")
        arrived.set()

    world.sometime(arrive)
    await asyncio.sleep(1)
    await work()


async def wakeup_is_lost(world: World) -> None:
    await mailbox(world, False)


async def wakeup_is_kept(world: World) -> None:
    await mailbox(world, True)


# -- half of it, wait, the other half -------------------------------------------------------------


async def cancelled_transfer(world: World, at_once: bool) -> None:
    """Whatever is cancelled, no money appears or disappears."""
    accounts = {"mine": 100, "yours": 0}

    async def note() -> None:
        await asyncio.sleep(0.1)

    async def transfer() -> None:
        await note()
        accounts["mine"] -= 30
        if not at_once:
            await note()
        accounts["yours"] += 30
        await note()

    task = asyncio.create_task(transfer())
    world.sometime(task.cancel)
    await asyncio.wait([task])
    assert sum(accounts.values()) == 100, "it is only half done"


async def half_done(world: World) -> None:
    await cancelled_transfer(world, False)


async def all_or_nothing(world: World) -> None:
    await cancelled_transfer(world, True)


# -- shielded, and left alone ---------------------------------------------------------------------


async def shielded_write(world: World, wait_for_it: bool) -> None:
    """What has begun to be written is written to its end before the file is closed."""
    lines: list[str] = []
    closed = False

    async def write() -> None:
        lines.append("begin")
        await asyncio.sleep(0.1)
        if not closed:
            lines.append("end")

    async def save() -> None:
        inner = asyncio.ensure_future(write())
        try:
            await asyncio.shield(inner)
        except asyncio.CancelledError:
            if wait_for_it:
                await asyncio.wait([inner])
            raise

    async def session() -> None:
        nonlocal closed
        await asyncio.sleep(0.1)  # the file is opened
        try:
            await save()
        finally:
            closed = True

    task = asyncio.create_task(session())
    world.sometime(task.cancel)
    await asyncio.wait([task])
    await asyncio.sleep(60)
    assert lines.count("begin") == lines.count("end"), "the file was closed in the middle"


async def shield_is_left(world: World) -> None:
    await shielded_write(world, False)


async def shield_is_awaited(world: World) -> None:
    await shielded_write(world, True)


# -- an answer for one who has gone ---------------------------------------------------------------


async def late_answer(world: World, look_first: bool) -> None:
    """An answer to somebody who does not want it any more is no error."""
    waiting: dict[int, asyncio.Future[str]] = {}

    async def ask(number: int) -> str:
        waiting[number] = asyncio.get_running_loop().create_future()
        try:
            return await waiting[number]
        finally:
            del waiting[number]

    def answered() -> None:
        for future in waiting.values():
            if not (look_first and future.done()):
                future.set_result("answer")

    task = asyncio.create_task(ask(1))
    world.sometime(task.cancel)
    asyncio.get_running_loop().call_later(1, answered)
    await asyncio.wait([task])
    await asyncio.sleep(2)


async def answer_too_late(world: World) -> None:
    await late_answer(world, False)


async def answer_ignored(world: World) -> None:
    await late_answer(world, True)


# -- started, and forgotten -----------------------------------------------------------------------


async def fire_and_forget(world: World, remember: bool) -> None:
    """When the server has stopped nothing of it runs any more."""
    started: list[asyncio.Task[None]] = []
    accepting = True

    async def write_log() -> None:
        await asyncio.sleep(0.1)

    def request() -> None:
        if accepting:
            started.append(asyncio.create_task(write_log()))

    world.sometime(request)
    await asyncio.sleep(1)
    await asyncio.sleep(1)
    accepting = False
    if remember and started:
        await asyncio.wait(started)


async def task_is_forgotten(world: World) -> None:
    await fire_and_forget(world, False)


async def task_is_remembered(world: World) -> None:
    await fire_and_forget(world, True)


# -- taken from the queue, and never done ---------------------------------------------------------


async def worker_is_cancelled(world: World, whatever_happens: bool) -> None:
    """When one of two workers is cancelled the other one does the rest, and `join` returns."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    for number in range(4):
        queue.put_nowait(number)

    async def work() -> None:
        while True:
            await queue.get()
            try:
                await asyncio.sleep(0.1)
            except asyncio.CancelledError:
                if whatever_happens:
                    queue.task_done()
                raise
            queue.task_done()

    workers = [asyncio.create_task(work()) for _ in range(2)]
    await queue.join()
    world.sometime(workers[0].cancel)
    await asyncio.sleep(1)
    for number in range(4):
        queue.put_nowait(number)
    await queue.join()
    for worker in workers:
        worker.cancel()
    await asyncio.wait(workers)


async def join_never_ends(world: World) -> None:
    await worker_is_cancelled(world, False)


async def join_ends(world: World) -> None:
    await worker_is_cancelled(world, True)


# -- two locks ------------------------------------------------------------------------------------


async def two_locks(world: World, in_order: bool) -> None:
    """Two transfers, one in each direction; both come to their end."""
    locks = {"mine": Lock(), "yours": Lock()}

    async def transfer(source: str, target: str) -> None:
        first, second = sorted((source, target)) if in_order else (source, target)
        async with locks[first]:
            await asyncio.sleep(0.1)
            async with locks[second]:
                await asyncio.sleep(0.1)

    requests: list[asyncio.Task[None]] = []

    def request() -> None:
        requests.append(asyncio.create_task(transfer("yours", "mine")))

    world.sometime(request)
    await asyncio.sleep(1)
    await transfer("mine", "yours")
    await asyncio.sleep(60)
    await asyncio.wait(requests)


async def embrace(world: World) -> None:
    await two_locks(world, False)


async def one_after_the_other(world: World) -> None:
    await two_locks(world, True)


def _everyday(
    name: str, mechanism: str, broken: Scenario, fixed: Scenario, kind: str = "exception"
) -> Exhibit:
    return Exhibit(name, "", mechanism, broken, fixed, 1, kind)


EXHIBITS = (
    _everyday(
        "lost update",
        "a balance is read, something is awaited, it is written",
        update_is_lost,
        update_is_kept,
    ),
    _everyday(
        "stampede",
        "a connection is missing, and before it is there another task misses it",
        opened_twice,
        opened_once,
    ),
    _everyday(
        "stale cache",
        "it changes between being read and being remembered",
        cache_is_stale,
        cache_is_fresh,
    ),
    _everyday(
        "lost wake-up",
        "an event is cleared after the work, and what came during the work is forgotten",
        wakeup_is_lost,
        wakeup_is_kept,
        "deadlock",
    ),
    _everyday(
        "half done",
        "cancelled at an await between two writes that belong together",
        half_done,
        all_or_nothing,
    ),
    _everyday(
        "shielded, and left alone",
        "`shield` keeps the inner task alive, and the caller closes what it uses",
        shield_is_left,
        shield_is_awaited,
    ),
    _everyday(
        "an answer for nobody",
        "the answer comes after its future was cancelled, before the entry is gone",
        answer_too_late,
        answer_ignored,
        "reported",
    ),
    _everyday(
        "fire and forget",
        "a task that nobody keeps still runs when the program ends",
        task_is_forgotten,
        task_is_remembered,
        "leak",
    ),
    _everyday(
        "a worker that is scaled down",
        "cancelled with an item in hand it never says `task_done`, and `join` waits for ever",
        join_never_ends,
        join_ends,
        "deadlock",
    ),
    _everyday(
        "two locks",
        "one takes A and wants B, the other takes B and wants A",
        embrace,
        one_after_the_other,
        "deadlock",
    ),
)
