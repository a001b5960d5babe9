"""Lock, Event, Condition, semaphores and Barrier: who goes first, and what is never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from miniloop.sync.barriers import Barrier
from miniloop.sync.locks import BoundedSemaphore, Condition, Event, Lock, Semaphore

from .loops import OURS

Run = Callable[..., Any]
BOUND = [Lock, Event, Condition, Semaphore, BoundedSemaphore]


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await OURS.sleep(0)


def test_what_is_free_needs_no_loop() -> None:
    lock = Lock()
    with pytest.raises(StopIteration) as stopped:
        lock.acquire().send(None)
    assert stopped.value.value is True
    assert lock.locked()
    assert lock._loop is None


@pytest.mark.parametrize("make", BOUND)
def test_no_running_loop_is_looked_for_when_they_are_made(make: Callable[[], Any]) -> None:
    assert "object at 0x" in repr(make())


@pytest.mark.parametrize("make", [Lock, lambda: Semaphore(1)], ids=["lock", "semaphore"])
def test_waiters_go_in_the_order_they_came(run_anywhere: Run, make: Callable[[], Any]) -> None:
    async def main() -> list[int]:
        lock = make()
        order = []

        async def worker(number: int) -> None:
            async with lock:
                await turns()
                order.append(number)

        await OURS.gather(*[worker(number) for number in range(5)])
        return order

    assert run_anywhere(main()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("make", [Lock, lambda: Semaphore(1)], ids=["lock", "semaphore"])
def test_nobody_overtakes_those_in_line(run_anywhere: Run, make: Callable[[], Any]) -> None:
    async def main() -> list[str]:
        lock = make()
        order = []

        async def worker(name: str) -> None:
            async with lock:
                order.append(name)

        await lock.acquire()
        patient = OURS.create_task(worker("patient"))
        await turns()
        lock.release()
        # The lock is free, but its next holder has not run yet.
        await worker("hasty")
        await patient
        return order

    assert run_anywhere(main()) == ["patient", "hasty"]


def test_nobody_overtakes_a_chosen_waiter_even_if_there_is_enough(run_anywhere: Run) -> None:
    async def main() -> list[str]:
        semaphore = Semaphore(0)
        order = []

        async def patient() -> None:
            await semaphore.acquire()
            order.append("patient")

        async def hasty() -> None:
            async with semaphore:
                order.append("hasty")

        task = OURS.create_task(patient())
        await turns()
        semaphore.release()
        semaphore.release()
        assert semaphore.locked()  # one unit is left, but somebody is in line
        await hasty()
        await task
        return order

    assert run_anywhere(main()) == ["patient", "hasty"]


@pytest.mark.parametrize("make", [Lock, lambda: Semaphore(1)], ids=["lock", "semaphore"])
def test_a_chosen_waiter_that_is_cancelled_passes_its_turn_on(
    run_anywhere: Run, make: Callable[[], Any]
) -> None:
    async def main() -> None:
        lock = make()
        await lock.acquire()
        first, second = (OURS.create_task(lock.acquire()) for _ in range(2))
        await turns()
        lock.release()
        first.cancel()
        await turns()
        assert first.cancelled()
        assert second.done()
        assert lock.locked()

    run_anywhere(main())


def test_lock_and_bounded_semaphore_refuse_a_release_too_many() -> None:
    with pytest.raises(RuntimeError, match="Lock is not acquired"):
        Lock().release()
    with pytest.raises(ValueError, match="released too many times"):
        BoundedSemaphore(3).release()
    Semaphore(0).release()


@pytest.mark.parametrize("make", [Semaphore, BoundedSemaphore])
def test_a_semaphore_cannot_begin_below_zero(make: Callable[[int], Any]) -> None:
    with pytest.raises(ValueError, match=">= 0"):
        make(-1)


def test_repr_says_state_and_waiters(run_anywhere: Run) -> None:
    async def main() -> None:
        lock, event, semaphore = Lock(), Event(), Semaphore(2)
        assert repr(lock).endswith(" [unlocked]>")
        assert repr(event).endswith(" [unset]>")
        assert repr(semaphore).endswith(" [unlocked, value:2]>")
        await lock.acquire()
        event.set()
        waiter = OURS.create_task(lock.acquire())
        await turns()
        assert repr(lock).endswith(" [locked, waiters:1]>")
        assert repr(event).endswith(" [set]>")
        assert repr(Condition(lock)).endswith(" [locked]>")
        assert repr(Barrier(3)).endswith(" [filling, waiters:0/3]>")
        lock.release()
        await waiter

    run_anywhere(main())


def test_an_event_wakes_all_in_order_even_if_cleared_at_once(run_anywhere: Run) -> None:
    async def main() -> list[int]:
        event = Event()
        order = []

        async def waiter(number: int) -> None:
            assert await event.wait() is True
            order.append(number)

        tasks = [OURS.create_task(waiter(number)) for number in range(4)]
        await turns()
        tasks[2].cancel()
        event.set()
        event.clear()
        await OURS.wait(tasks)
        assert not event.is_set()
        return order

    assert run_anywhere(main()) == [0, 1, 3]


def test_a_condition_wakes_as_many_as_are_notified(run_anywhere: Run) -> None:
    async def main() -> None:
        condition = Condition()
        woken = []

        async def waiter(number: int) -> None:
            async with condition:
                await condition.wait()
                woken.append(number)

        tasks = [OURS.create_task(waiter(number)) for number in range(4)]
        await turns()
        async with condition:
            condition.notify(2)
        await turns(5)
        assert woken == [0, 1]
        async with condition:
            condition.notify_all()
        await OURS.wait(tasks)
        assert woken == [0, 1, 2, 3]

    run_anywhere(main())


def test_a_notification_is_not_lost_with_a_cancelled_waiter(run_anywhere: Run) -> None:
    async def main() -> None:
        condition = Condition()
        tasks = []

        async def waiter() -> None:
            async with condition:
                await condition.wait()

        tasks = [OURS.create_task(waiter()) for _ in range(2)]
        await turns()
        async with condition:
            condition.notify()
            tasks[0].cancel()
        await OURS.wait(tasks)
        assert tasks[0].cancelled()
        assert not tasks[1].cancelled()

    run_anywhere(main())


def test_a_condition_holds_its_lock_again_whatever_happens(run_anywhere: Run) -> None:
    async def main() -> None:
        condition = Condition()

        async def waiter() -> None:
            async with condition:
                try:
                    await condition.wait()
                finally:
                    assert condition.locked()

        task = OURS.create_task(waiter())
        await turns()
        await condition.acquire()
        for _ in range(3):  # in line for the lock, and cancelled over and over
            task.cancel("again")
            await turns()
            assert not task.done()
        condition.release()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not condition.locked()

    run_anywhere(main())


def test_a_condition_must_be_held(run_anywhere: Run) -> None:
    async def main() -> None:
        condition = Condition()
        with pytest.raises(RuntimeError, match="cannot wait on un-acquired lock"):
            await condition.wait()
        with pytest.raises(RuntimeError, match="cannot notify on un-acquired lock"):
            condition.notify()

    run_anywhere(main())


def test_wait_for_returns_what_the_predicate_says(run_anywhere: Run) -> None:
    async def main() -> Any:
        condition = Condition()
        values = [0, 0, 7]

        async def notifier() -> None:
            for _ in range(2):
                async with condition:
                    condition.notify()
                await turns()

        task = OURS.create_task(notifier())
        async with condition:
            result = await condition.wait_for(lambda: values.pop(0))
        await task
        return result

    assert run_anywhere(main()) == 7


def test_a_barrier_numbers_its_parties_and_can_be_used_again(run_anywhere: Run) -> None:
    async def main() -> list[int]:
        barrier = Barrier(3)
        numbers = await OURS.gather(*[barrier.wait() for _ in range(3)])
        async with OURS.TaskGroup() as group:
            again = [group.create_task(barrier.wait()) for _ in range(3)]
        assert [task.result() for task in again] == [0, 1, 2]
        assert barrier.n_waiting == 0
        return list(numbers)

    assert run_anywhere(main()) == [0, 1, 2]


@pytest.mark.parametrize("end", ["reset", "abort"])
def test_a_barrier_that_ends_lets_go_of_everybody(run_anywhere: Run, end: str) -> None:
    async def main() -> None:
        barrier = Barrier(3)
        tasks = [OURS.create_task(barrier.wait()) for _ in range(2)]
        await turns()
        assert barrier.n_waiting == 2
        await getattr(barrier, end)()
        results = await OURS.gather(*tasks, return_exceptions=True)
        assert {type(each) for each in results} == {asyncio.BrokenBarrierError}
        assert barrier.broken == (end == "abort")
        if end == "abort":
            with pytest.raises(asyncio.BrokenBarrierError):
                await barrier.wait()
            await barrier.reset()
        assert "filling, waiters:0/3" in repr(barrier)

    run_anywhere(main())


@pytest.mark.parametrize("make", BOUND)
def test_loop_argument_binds_at_once(run_anywhere: Run, make: Callable[..., Any]) -> None:
    other = asyncio.new_event_loop()
    bound = make(loop=other)
    waits = bound.wait if hasattr(bound, "wait") else bound.acquire

    async def main() -> None:
        if hasattr(bound, "acquire"):
            await bound.acquire()
        with pytest.raises(RuntimeError, match="is bound to a different event loop"):
            await waits()

    try:
        run_anywhere(main())
    finally:
        other.close()


def test_a_condition_and_its_lock_must_agree_about_the_loop() -> None:
    loops = [asyncio.new_event_loop() for _ in range(2)]
    lock = Lock(loop=loops[0])
    assert Condition(lock, loop=loops[0])._lock is lock
    with pytest.raises(ValueError, match="must agree with lock"):
        Condition(lock, loop=loops[1])
    for loop in loops:
        loop.close()


@pytest.mark.parametrize("base", [Lock, Semaphore])
def test_a_subclass_with_its_own_acquire_or_release_is_heeded(
    run_anywhere: Run, base: type
) -> None:
    class Mixin:
        calls: list[str]

        async def acquire(self) -> Any:
            self.calls.append("acquire")
            return await super().acquire()  # type: ignore[misc]

    class Mixed(Mixin, base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.calls = []

        def release(self) -> None:
            self.calls.append("release")
            super().release()

    async def main() -> list[str]:
        lock = Mixed()
        async with lock:
            assert lock.locked()
        return lock.calls

    assert run_anywhere(main()) == ["acquire", "release"]
