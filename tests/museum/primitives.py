"""Programs that use what waits, of either library, and hold whatever is cancelled.

Each takes the names it uses, `miniloop`'s or `asyncio`'s, and returns a scenario whose
``afterwards`` uses the same object once more.

Read next: structures.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from miniloop.testing import World

from .exhibit import Scenario

__all__ = ["LONG", "PRIMITIVES", "Program"]

#: Seconds: longer than anything takes, however slow the machine.
LONG = 60

#: Takes `miniloop` or `asyncio`, and returns what is explored.
Program = Callable[[Any], Scenario]


class Kept:
    """What a run keeps for afterwards: *thing*, if it has come to that."""

    def __init__(self) -> None:
        self.thing: Any = None
        self._world: World | None = None

    def then(self, scenario: Scenario, afterwards: Scenario) -> Scenario:
        async def once_more(world: World) -> None:
            if self._world is world:
                await afterwards()

        def begin(world: World) -> Any:
            self._world = world
            return scenario(world) if scenario.__code__.co_argcount else scenario()

        begin.__qualname__ = scenario.__qualname__
        begin.afterwards = once_more  # type: ignore[attr-defined]
        return begin


def lock(names: Any) -> Scenario:
    """One at a time."""
    kept = Kept()

    async def scenario() -> None:
        lock = names.Lock()
        kept.thing = lock
        inside = 0

        async def work() -> None:
            nonlocal inside
            async with lock:
                inside += 1
                try:
                    await names.sleep(0)
                    assert inside == 1, "two are inside"
                finally:
                    inside -= 1

        await names.wait([names.create_task(work()) for _ in range(3)])

    async def afterwards() -> None:
        async with names.timeout(LONG), kept.thing:
            pass
        assert not kept.thing.locked()

    return kept.then(scenario, afterwards)


def semaphore(names: Any) -> Scenario:
    """Two at a time, and all units come back."""
    kept = Kept()

    async def scenario() -> None:
        semaphore = names.BoundedSemaphore(2)
        kept.thing = semaphore
        inside = 0

        async def work() -> None:
            nonlocal inside
            async with semaphore:
                inside += 1
                try:
                    await names.sleep(0)
                    assert inside <= 2, "three are inside"
                finally:
                    inside -= 1

        await names.wait([names.create_task(work()) for _ in range(4)])

    async def afterwards() -> None:
        async with names.timeout(LONG), kept.thing, kept.thing:
            assert kept.thing.locked()
        assert not kept.thing.locked()

    return kept.then(scenario, afterwards)


def event(names: Any) -> Scenario:
    """Set from outside; everybody who waits goes on, and those who come later too."""
    kept = Kept()

    async def scenario(world: World) -> None:
        event = names.Event()
        kept.thing = event
        waiters = [names.create_task(event.wait()) for _ in range(2)]
        world.sometime(event.set)
        await names.wait(waiters)
        await event.wait()

    async def afterwards() -> None:
        kept.thing.clear()
        waiter = names.create_task(kept.thing.wait())
        await names.sleep(0)
        kept.thing.set()
        await waiter

    return kept.then(scenario, afterwards)


def condition(names: Any) -> Scenario:
    """When all is quiet there is no item that somebody waits for."""
    kept = Kept()

    async def scenario() -> None:
        condition = names.Condition()
        kept.thing = condition
        items: list[int] = []

        async def consume() -> None:
            async with condition:
                await condition.wait_for(lambda: items)
                items.pop()

        async def produce() -> None:
            for number in range(2):
                async with condition:
                    items.append(number)
                    condition.notify()
                await names.sleep(0)

        consumers = [names.create_task(consume()) for _ in range(3)]
        await names.wait([names.create_task(produce())])
        await names.sleep(LONG)
        waiting = [consumer for consumer in consumers if not consumer.done()]
        assert not (items and waiting), "there is an item, and somebody waits for it"
        for consumer in waiting:
            consumer.cancel()
        await names.wait(consumers)

    async def afterwards() -> None:
        async with names.timeout(LONG), kept.thing:
            kept.thing.notify_all()
        assert not kept.thing.locked()

    return kept.then(scenario, afterwards)


def barrier(names: Any) -> Scenario:
    """Two meet; when one does not come the other is told; then two meet again."""
    kept = Kept()

    async def meet() -> None:
        try:
            await kept.thing.wait()
        except names.BrokenBarrierError:
            pass

    async def scenario() -> None:
        kept.thing = names.Barrier(2)
        parties = [names.create_task(meet()) for _ in range(2)]
        await names.wait(parties, timeout=LONG)
        await kept.thing.abort()
        await names.wait(parties)

    async def afterwards() -> None:
        await kept.thing.reset()
        async with names.timeout(LONG):
            numbers = await names.gather(kept.thing.wait(), kept.thing.wait())
        assert sorted(numbers) == [0, 1]
        assert kept.thing.n_waiting == 0

    return kept.then(scenario, afterwards)


def _queue(names: Any, kind: str) -> Scenario:
    kept = Kept()

    async def scenario() -> None:
        queue = getattr(names, kind)(1)
        kept.thing = queue
        put: list[int] = []
        got: list[int] = []

        async def produce(first: int) -> None:
            for item in (first, first + 1):
                await queue.put(item)
                put.append(item)

        async def consume() -> None:
            while True:
                got.append(await queue.get())
                queue.task_done()

        producers = [names.create_task(produce(number)) for number in (0, 2)]
        consumers = [names.create_task(consume()) for _ in range(2)]
        await names.wait(producers, timeout=LONG)
        if not all(consumer.done() for consumer in consumers):
            assert all(producer.done() for producer in producers), "a producer waits in vain"
            await queue.join()
        for task in producers + consumers:
            task.cancel()
        await names.wait(producers + consumers)
        while not queue.empty():
            got.append(queue.get_nowait())
        assert sorted(got) == sorted(put), "an item is lost, or comes twice"

    async def afterwards() -> None:
        async with names.timeout(LONG):
            while not kept.thing.empty():
                kept.thing.get_nowait()
            await kept.thing.put(7)
            assert await kept.thing.get() == 7

    return kept.then(scenario, afterwards)


def queue(names: Any) -> Scenario:
    """What is put is got once, and nobody waits in vain."""
    return _queue(names, "Queue")


def priority_queue(names: Any) -> Scenario:
    """The same, the least first."""
    return _queue(names, "PriorityQueue")


def shutdown(names: Any) -> Scenario:
    """A queue is shut down from outside: everybody goes home, and nothing is lost."""

    async def scenario(world: World) -> None:
        queue = names.Queue(1)
        put: list[int] = []
        got: list[int] = []

        async def produce() -> None:
            try:
                for item in range(3):
                    await queue.put(item)
                    put.append(item)
            except names.QueueShutDown:
                pass

        async def consume() -> None:
            try:
                while True:
                    got.append(await queue.get())
            except names.QueueShutDown:
                pass

        tasks = [names.create_task(each()) for each in (produce, consume, consume)]
        world.sometime(queue.shutdown)
        await names.sleep(1)
        await names.wait(tasks)
        assert len(got) + queue.qsize() == len(put), "an item is lost"

    return scenario


PRIMITIVES: tuple[Program, ...] = (
    lock,
    semaphore,
    event,
    condition,
    barrier,
    queue,
    priority_queue,
    shutdown,
)
