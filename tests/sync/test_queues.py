"""Queues: order, room, ends, and subclasses that do it their own way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from miniloop.interface import QueueEmpty, QueueFull, QueueShutDown
from miniloop.sync.queues import LifoQueue, PriorityQueue, Queue

from .loops import OURS

Run = Callable[..., Any]


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await OURS.sleep(0)


@pytest.mark.parametrize(
    ("make", "expected"),
    [(Queue, [2, 3, 1]), (LifoQueue, [1, 3, 2]), (PriorityQueue, [1, 2, 3])],
)
def test_each_queue_has_its_order(
    run_anywhere: Run, make: Callable[[], Queue[int]], expected: list[int]
) -> None:
    async def main() -> list[int]:
        queue = make()
        for item in (2, 3, 1):
            await queue.put(item)
        assert queue.qsize() == 3
        return [await queue.get() for _ in range(3)]

    assert run_anywhere(main()) == expected


def test_what_need_not_wait_needs_no_loop() -> None:
    queue: Queue[int] = Queue(1)
    with pytest.raises(StopIteration):
        queue.put(7).send(None)
    with pytest.raises(StopIteration) as stopped:
        queue.get().send(None)
    assert stopped.value.value == 7
    assert queue._loop is None


def test_getters_and_putters_are_served_in_the_order_they_came(run_anywhere: Run) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue(1)
        got = []

        async def getter(name: str) -> None:
            got.append((name, await queue.get()))

        getters = [OURS.create_task(getter(name)) for name in "abc"]
        await turns()
        putters = [OURS.create_task(queue.put(number)) for number in range(3)]
        await OURS.wait([*getters, *putters])
        assert got == [("a", 0), ("b", 1), ("c", 2)]

    run_anywhere(main())


def test_full_and_empty_are_said_at_once() -> None:
    queue: Queue[int] = Queue(1)
    assert queue.empty()
    assert not queue.full()
    with pytest.raises(QueueEmpty):
        queue.get_nowait()
    queue.put_nowait(1)
    assert queue.full()
    assert queue.maxsize == 1
    with pytest.raises(QueueFull):
        queue.put_nowait(2)
    assert not Queue(0).full()


def test_a_woken_getter_that_is_cancelled_wakes_the_next(run_anywhere: Run) -> None:
    async def main() -> None:
        queue: Queue[str] = Queue()
        first, second = (OURS.create_task(queue.get()) for _ in range(2))
        await turns()
        queue.put_nowait("item")
        first.cancel()
        await turns()
        assert first.cancelled()
        assert second.result() == "item"

    run_anywhere(main())


def test_a_woken_putter_that_is_cancelled_wakes_the_next(run_anywhere: Run) -> None:
    async def main() -> None:
        queue: Queue[str] = Queue(1)
        queue.put_nowait("old")
        first, second = (OURS.create_task(queue.put(item)) for item in ("lost", "new"))
        await turns()
        assert queue.get_nowait() == "old"
        first.cancel()
        await turns()
        assert first.cancelled()
        assert second.done()
        assert queue.get_nowait() == "new"
        assert not queue._putters

    run_anywhere(main())


def test_join_waits_for_the_last_task_done(run_anywhere: Run) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue()
        await queue.join()
        for item in range(2):
            queue.put_nowait(item)
        joiners = [OURS.create_task(queue.join()) for _ in range(2)]
        await turns()
        queue.task_done()
        await turns()
        assert not any(task.done() for task in joiners)
        queue.task_done()
        queue.put_nowait(3)  # too late for those who wait already
        await turns()
        assert all(task.done() for task in joiners)
        queue.task_done()
        with pytest.raises(ValueError, match="called too many times"):
            queue.task_done()

    run_anywhere(main())


@pytest.mark.parametrize("immediate", [False, True])
def test_shutdown_ends_the_queue(run_anywhere: Run, immediate: bool) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue(1)
        queue.put_nowait(1)
        putter = OURS.create_task(queue.put(2))
        joiner = OURS.create_task(queue.join())
        await turns()
        queue.shutdown(immediate)
        await turns()
        assert isinstance(putter.exception(), QueueShutDown)
        assert joiner.done() == immediate
        if not immediate:
            assert await queue.get() == 1
            queue.task_done()
            await joiner
        with pytest.raises(QueueShutDown):
            await queue.get()
        with pytest.raises(QueueShutDown):
            queue.get_nowait()
        with pytest.raises(QueueShutDown):
            await queue.put(3)
        with pytest.raises(QueueShutDown):
            queue.put_nowait(3)
        assert "shutdown" in repr(queue)

    run_anywhere(main())


def test_shutdown_wakes_those_who_wait_to_get(run_anywhere: Run) -> None:
    async def main() -> None:
        queue: Queue[int] = Queue()
        getters = [OURS.create_task(queue.get()) for _ in range(2)]
        await turns()
        queue.shutdown()
        done, _ = await OURS.wait(getters)
        assert {type(task.exception()) for task in done} == {QueueShutDown}

    run_anywhere(main())


def test_text_says_what_is_in_it(run_anywhere: Run) -> None:
    async def main() -> None:
        queue: Queue[str] = Queue(1)
        getter = OURS.create_task(queue.get())
        await turns()
        assert str(queue) == "<Queue maxsize=1 _getters[1]>"
        getter.cancel()
        await turns()
        queue.put_nowait("x")
        putter = OURS.create_task(queue.put("y"))
        await turns()
        assert str(queue) == "<Queue maxsize=1 _queue=['x'] _putters[1] tasks=1>"
        assert repr(queue).startswith(f"<Queue at {id(queue):#x} maxsize=1 ")
        putter.cancel()

    run_anywhere(main())


@pytest.mark.parametrize(
    "step", ["_put", "_get", "put_nowait", "get_nowait", "full", "empty", "qsize"]
)
def test_a_subclass_that_overrides_a_step_gets_every_call(run_anywhere: Run, step: str) -> None:
    calls = []

    def counted(self: Any, *args: Any) -> Any:
        calls.append(step)
        return getattr(Queue, step)(self, *args)

    own = type("Own", (Queue,), {step: counted})

    async def main() -> None:
        queue = own(1)
        await queue.put("item")
        assert await queue.get() == "item"

    run_anywhere(main())
    assert calls


def test_loop_argument_binds_at_once(run_anywhere: Run) -> None:
    other = asyncio.new_event_loop()
    queue: Queue[int] = Queue(loop=other)

    async def main() -> None:
        with pytest.raises(RuntimeError, match="is bound to a different event loop"):
            await queue.get()

    try:
        run_anywhere(main())
    finally:
        other.close()


def test_a_queue_that_somebody_waited_on_stays_with_that_loop() -> None:
    queue: Queue[int] = Queue()

    async def wait_for_an_item() -> None:
        with pytest.raises(TimeoutError):
            await OURS.wait_for(queue.get(), 0.001)

    with asyncio.Runner() as runner:
        runner.run(wait_for_an_item())
    with asyncio.Runner() as runner, pytest.raises(RuntimeError, match="different event loop"):
        runner.run(queue.get())
