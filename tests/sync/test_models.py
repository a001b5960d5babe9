"""Queue, Semaphore, Lock and Condition against models that know no loop.

After every step the loop runs until nothing moves any more; then the object and
its model must agree on who has what and who waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from miniloop.interface import QueueEmpty, QueueFull
from miniloop.sync.locks import Condition, Lock, Semaphore
from miniloop.sync.queues import LifoQueue, PriorityQueue, Queue

from .loops import OURS, VIRTUAL

pick = st.integers(0, 1000)


class Machine(RuleBasedStateMachine):
    """A loop, and tasks that each perform one operation."""

    factory: Callable[[], Any]

    def __init__(self) -> None:
        super().__init__()
        self.loop = type(self).factory()
        self.waiting: list[Any] = []  # tasks that must be waiting now, in order

    def teardown(self) -> None:
        """Cancel what still waits and close the loop."""
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.settle()
        self.loop.close()

    def settle(self) -> None:
        """Run the loop until nothing moves any more."""

        async def turns() -> None:
            for _ in range(8):
                await OURS.sleep(0)

        self.loop.run_until_complete(turns())

    def start(self, coro: Any) -> Any:
        """Start *coro*, let everything settle, and return the task."""
        task = self.loop.create_task(coro)
        self.settle()
        return task

    def cancel(self, number: int) -> Any:
        """Cancel one of those who wait, let everything settle, and return the task."""
        task = self.waiting.pop(number % len(self.waiting))
        task.cancel()
        self.settle()
        assert task.cancelled()
        return task

    @invariant()
    def who_must_wait_waits(self) -> None:
        assert not any(task.done() for task in self.waiting)


class QueueMachine(Machine):
    """A queue of any kind; its model is a list of items and two lines of tasks."""

    @initialize(make=st.sampled_from([Queue, PriorityQueue, LifoQueue]), maxsize=st.integers(0, 2))
    def make(self, make: Any, maxsize: int) -> None:
        self.queue = make(maxsize)
        self.room = maxsize or 10**9
        self.items: list[int] = []
        self.to_put: dict[Any, int] = {}

    def take(self) -> int:
        """Take out of the model what the queue must give next."""
        if isinstance(self.queue, PriorityQueue):
            return self.items.pop(self.items.index(min(self.items)))
        return self.items.pop(-1 if isinstance(self.queue, LifoQueue) else 0)

    def getters(self) -> bool:
        return bool(self.waiting) and self.waiting[0] not in self.to_put

    @rule(item=st.integers(0, 5))
    def put(self, item: int) -> None:
        task = self.start(self.queue.put(item))
        if self.getters():
            assert self.waiting.pop(0).result() == item
        elif len(self.items) < self.room:
            self.items.append(item)
        else:
            self.waiting.append(task)
            self.to_put[task] = item
            return
        assert task.done()

    @rule()
    def get(self) -> None:
        task = self.start(self.queue.get())
        if not self.items:
            self.waiting.append(task)
            return
        assert task.result() == self.take()
        self.let_a_putter_in()

    def let_a_putter_in(self) -> None:
        if self.waiting and self.waiting[0] in self.to_put:
            putter = self.waiting.pop(0)
            assert putter.done()
            self.items.append(self.to_put.pop(putter))

    @rule(item=st.integers(0, 5))
    def put_nowait(self, item: int) -> None:
        try:
            self.queue.put_nowait(item)
        except QueueFull:
            assert len(self.items) == self.room
            return
        self.settle()
        if self.getters():
            assert self.waiting.pop(0).result() == item
        else:
            self.items.append(item)

    @rule()
    def get_nowait(self) -> None:
        try:
            item = self.queue.get_nowait()
        except QueueEmpty:
            assert not self.items
            return
        assert item == self.take()
        self.settle()
        self.let_a_putter_in()

    @precondition(lambda self: self.waiting)
    @rule(number=pick)
    def cancel_one(self, number: int) -> None:
        self.to_put.pop(self.cancel(number), None)

    @invariant()
    def contents_agree(self) -> None:
        if hasattr(self, "queue"):
            assert sorted(self.queue._queue) == sorted(self.items)
            assert self.queue.full() == (len(self.items) >= self.room)
            assert self.queue.empty() == (not self.items)
            assert len(self.queue._putters) == len(self.to_put)
            assert len(self.queue._getters) == len(self.waiting) - len(self.to_put)


class SemaphoreMachine(Machine):
    """A semaphore; its model is a number and a line of tasks."""

    @initialize(value=st.integers(0, 3))
    def make(self, value: int) -> None:
        self.semaphore = Semaphore(value)
        self.value = value

    @rule()
    def acquire(self) -> None:
        task = self.start(self.semaphore.acquire())
        if self.value and not self.waiting:
            self.value -= 1
            assert task.result() is True
        else:
            self.waiting.append(task)

    @rule(count=st.integers(1, 3))
    def release(self, count: int) -> None:
        for _ in range(count):
            self.semaphore.release()
        self.settle()
        for _ in range(count):
            if self.waiting:
                assert self.waiting.pop(0).result() is True
            else:
                self.value += 1

    @precondition(lambda self: self.waiting)
    @rule(number=pick)
    def cancel_one(self, number: int) -> None:
        self.cancel(number)

    @precondition(lambda self: self.waiting)
    @rule()
    def release_and_cancel_the_chosen_one(self) -> None:
        self.semaphore.release()
        self.cancel(0)
        if self.waiting:
            assert self.waiting.pop(0).result() is True
        else:
            self.value += 1

    @invariant()
    def value_agrees(self) -> None:
        if hasattr(self, "semaphore"):
            assert self.semaphore._value == self.value
            assert self.semaphore.locked() == (self.value == 0)


class ConditionMachine(Machine):
    """A lock and its condition; the model is who holds it and two lines of tasks.

    ``waiting`` is the line for the lock, ``asleep`` the line for a notification.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lock = Lock()
        self.condition = Condition(self.lock)
        self.held = False
        self.asleep: list[Any] = []
        self.cancelled: set[Any] = set()

    def pass_on(self) -> None:
        """Let the model's lock go to the first in its line."""
        self.held = False
        if self.waiting:
            task = self.waiting.pop(0)
            self.held = True
            assert task.done()
            assert task.cancelled() == (task in self.cancelled)
            if task in self.cancelled and self.asleep:
                # It may have been notified, so it has notified somebody else.
                self.waiting.append(self.asleep.pop(0))

    def teardown(self) -> None:
        """Let everybody have the lock in turn, since nobody ends without it."""
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.settle()
        while self.lock.locked():
            self.lock.release()
            self.settle()
        super().teardown()

    @rule()
    def acquire(self) -> None:
        task = self.start(self.lock.acquire())
        if self.held:
            self.waiting.append(task)
        else:
            self.held = True
            assert task.result() is True

    @precondition(lambda self: self.held)
    @rule()
    def release(self) -> None:
        self.condition.release()
        self.settle()
        self.pass_on()

    @precondition(lambda self: self.held)
    @rule()
    def wait(self) -> None:
        self.asleep.append(self.start(self.condition.wait()))
        self.pass_on()

    @precondition(lambda self: self.held)
    @rule(count=st.integers(1, 3))
    def notify(self, count: int) -> None:
        self.condition.notify(count)
        self.settle()
        self.waiting += self.asleep[:count]
        del self.asleep[:count]

    @precondition(lambda self: self.held and self.asleep)
    @rule(number=pick)
    def cancel_one_asleep(self, number: int) -> None:
        task = self.asleep.pop(number % len(self.asleep))
        task.cancel()
        self.settle()
        self.cancelled.add(task)
        self.waiting.append(task)  # it must have the lock before it may end

    @precondition(lambda self: self.asleep and not self.held)
    @rule(number=pick)
    def cancel_one_asleep_when_the_lock_is_free(self, number: int) -> None:
        task = self.asleep.pop(number % len(self.asleep))
        task.cancel()
        self.settle()
        assert task.cancelled()
        self.held = True
        self.waiting += self.asleep[:1]
        del self.asleep[:1]

    @precondition(lambda self: self.waiting)
    @rule(number=pick)
    def cancel_one_in_line(self, number: int) -> None:
        task = self.waiting[number % len(self.waiting)]
        task.cancel()
        self.settle()
        self.waiting.remove(task)
        if task.get_coro().__name__ == "wait":
            assert not task.done()
            self.cancelled.add(task)
            self.waiting.append(task)  # it begins again at the end
        else:
            assert task.cancelled()

    @invariant()
    def lock_agrees(self) -> None:
        assert self.lock.locked() == self.held
        assert len(self.lock._waiters or ()) == len(self.waiting)
        assert len(self.condition._waiters) == len(self.asleep)


def cases(machine: type[Machine]) -> list[Any]:
    """Return a test case of *machine* for each kind of loop."""
    result = []
    for name, factory in VIRTUAL.items():
        own = type(f"{machine.__name__}On{name}", (machine,), {"factory": staticmethod(factory)})
        case = own.TestCase  # type: ignore[attr-defined]
        case.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
        result.append(case)
    return result


TestQueueOnAsyncio, TestQueueOnMiniloop = cases(QueueMachine)
TestSemaphoreOnAsyncio, TestSemaphoreOnMiniloop = cases(SemaphoreMachine)
TestConditionOnAsyncio, TestConditionOnMiniloop = cases(ConditionMachine)
