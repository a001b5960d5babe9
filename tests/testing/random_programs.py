"""Random programs for Worlds: a few tasks that do whatever asyncio offers to each other.

A program is made from a number and nothing else, and each of its tasks is a list of
operations that a small interpreter carries out; what happens is noted in a log, which is
the program's result.  Nothing in it need make sense: it may deadlock, leak and raise.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from miniloop.testing.world import World

__all__ = ["OPERATIONS", "scenario_from"]

#: How many tasks there are at first, how many operations each does, and how deep they nest.
TASKS = 4
LENGTH = 7
DEPTH = 2


class Stage:
    """What the tasks of one program share."""

    def __init__(self, world: World, numbers: random.Random) -> None:
        self.world = world
        self.numbers = numbers
        self.log: list[Any] = []
        self.queue: asyncio.Queue[int] = asyncio.Queue(2)
        self.lock = asyncio.Lock()
        self.semaphore = asyncio.Semaphore(2)
        self.event = asyncio.Event()
        self.condition = asyncio.Condition()
        self.futures = [asyncio.get_running_loop().create_future() for _ in range(3)]
        self.tasks: list[asyncio.Task[None]] = []

    async def perform(self, name: str, depth: int) -> None:
        """Be a task: do some operations and note how each ended."""
        for number in range(self.numbers.randrange(1, LENGTH)):
            operation = self.numbers.choice(OPERATIONS)
            self.log.append((name, number, operation.__name__))
            try:
                await operation(self, f"{name}.{number}", depth)
            except (ValueError, TimeoutError, asyncio.QueueEmpty, asyncio.QueueFull) as error:
                self.log.append((name, number, type(error).__name__))
            except RuntimeError as error:
                self.log.append((name, number, "RuntimeError", str(error)[:20]))
            except asyncio.CancelledError:
                self.log.append((name, number, "cancelled"))
                if self.numbers.random() < 0.9:
                    raise
        self.log.append((name, "ends"))

    def some_task(self) -> asyncio.Task[None]:
        """Return one of the tasks."""
        return self.numbers.choice(self.tasks)


Operation = Callable[[Stage, str, int], Awaitable[None]]


async def turn(stage: Stage, name: str, depth: int) -> None:
    await asyncio.sleep(0)


async def sleep(stage: Stage, name: str, depth: int) -> None:
    await asyncio.sleep(stage.numbers.choice([0.5, 1, 1, 2]))


async def put(stage: Stage, name: str, depth: int) -> None:
    await stage.queue.put(depth)


async def put_at_once(stage: Stage, name: str, depth: int) -> None:
    stage.queue.put_nowait(depth)


async def get(stage: Stage, name: str, depth: int) -> None:
    async with asyncio.timeout(3):
        stage.log.append((name, await stage.queue.get()))


async def locked(stage: Stage, name: str, depth: int) -> None:
    async with stage.lock:
        await asyncio.sleep(0)


async def limited(stage: Stage, name: str, depth: int) -> None:
    async with stage.semaphore:
        await asyncio.sleep(stage.numbers.choice([0, 1]))


async def set_event(stage: Stage, name: str, depth: int) -> None:
    stage.event.set()


async def clear_event(stage: Stage, name: str, depth: int) -> None:
    stage.event.clear()


async def wait_for_event(stage: Stage, name: str, depth: int) -> None:
    await asyncio.wait_for(stage.event.wait(), stage.numbers.choice([0, 1, 5]))


async def notify(stage: Stage, name: str, depth: int) -> None:
    async with stage.condition:
        stage.condition.notify(stage.numbers.randrange(3))


async def wait_for_notice(stage: Stage, name: str, depth: int) -> None:
    async with asyncio.timeout(4), stage.condition:
        await stage.condition.wait()


async def cancel(stage: Stage, name: str, depth: int) -> None:
    stage.log.append((name, stage.some_task().cancel()))


async def set_future(stage: Stage, name: str, depth: int) -> None:
    future = stage.numbers.choice(stage.futures)
    if not future.done():
        future.set_result(name)


async def await_future(stage: Stage, name: str, depth: int) -> None:
    future = stage.numbers.choice(stage.futures)
    async with asyncio.timeout(2):
        stage.log.append((name, await asyncio.shield(future)))


async def spawn(stage: Stage, name: str, depth: int) -> None:
    if depth:
        stage.tasks.append(asyncio.create_task(stage.perform(name, depth - 1)))


async def gather(stage: Stage, name: str, depth: int) -> None:
    if depth:
        parts = [stage.perform(f"{name}{part}", depth - 1) for part in "ab"]
        results = await asyncio.gather(*parts, return_exceptions=True)
        stage.log.append((name, [type(result).__name__ for result in results]))


async def group(stage: Stage, name: str, depth: int) -> None:
    if depth:
        async with asyncio.TaskGroup() as tasks:
            for part in "ab":
                tasks.create_task(stage.perform(f"{name}{part}", depth - 1))


async def in_a_thread(stage: Stage, name: str, depth: int) -> None:
    stage.log.append((name, await asyncio.to_thread(len, name)))


async def from_outside(stage: Stage, name: str, depth: int) -> None:
    stage.world.sometime(stage.log.append, (name, "landed"))


async def cancel_from_outside(stage: Stage, name: str, depth: int) -> None:
    stage.world.sometime(stage.some_task().cancel)


async def call_later(stage: Stage, name: str, depth: int) -> None:
    asyncio.get_running_loop().call_later(1, stage.log.append, (name, "rings"))


async def fail(stage: Stage, name: str, depth: int) -> None:
    raise ValueError(name)


OPERATIONS: tuple[Operation, ...] = (
    turn,
    sleep,
    put,
    put_at_once,
    get,
    locked,
    limited,
    set_event,
    clear_event,
    wait_for_event,
    notify,
    wait_for_notice,
    cancel,
    set_future,
    await_future,
    spawn,
    gather,
    group,
    in_a_thread,
    from_outside,
    cancel_from_outside,
    call_later,
    fail,
)


def scenario_from(seed: int) -> Callable[[World], Coroutine[Any, Any, list[Any]]]:
    """Return the program with number *seed*."""

    async def scenario(world: World) -> list[Any]:
        stage = Stage(world, random.Random(seed))
        for number in range(TASKS):
            stage.tasks.append(asyncio.create_task(stage.perform(str(number), DEPTH)))
        while pending := [task for task in stage.tasks if not task.done()]:
            await asyncio.wait(pending, timeout=30)
            if world.now > 1100:
                break
        for task in stage.tasks:
            if task.done() and not task.cancelled():
                stage.log.append((task.get_name(), repr(task.exception())))
        return stage.log

    return scenario
