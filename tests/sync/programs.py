"""Random programs: tasks that share primitives, drawn by Hypothesis, run under any names.

A program is data, so that the same one can run with asyncio's names and with
ours, on either loop, and what it did can be compared step by step.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hypothesis import strategies as st

Operation = tuple[Any, ...]
Program = list[list[Operation]]

_small = st.integers(0, 2)
_which = st.integers(0, 1)

_simple = st.one_of(
    st.tuples(st.just("sleep"), st.sampled_from([0, 0, 0, 1, 2, 3])),
    st.tuples(st.just("put"), _which, _small),
    st.tuples(st.just("get"), _which),
    st.tuples(st.just("put_nowait"), _which, _small),
    st.tuples(st.just("get_nowait"), _which),
    st.tuples(st.just("task_done"), _which),
    st.tuples(st.just("join"), _which),
    st.tuples(st.just("shutdown"), _which, st.booleans()),
    st.tuples(st.just("acquire"), _small),
    st.tuples(st.just("release"), _small),
    st.tuples(st.just("set")),
    st.tuples(st.just("clear")),
    st.tuples(st.just("wait")),
    st.tuples(st.just("cond_wait")),
    st.tuples(st.just("notify"), st.integers(1, 3)),
    st.tuples(st.just("barrier")),
    st.tuples(st.just("barrier_reset")),
    st.tuples(st.just("barrier_abort")),
    st.tuples(st.just("cancel"), st.integers(0, 4)),
    st.tuples(st.just("raise")),
)


def _nested(
    inner: st.SearchStrategy[Operation], largest_group: int, scopes: bool
) -> st.SearchStrategy[Operation]:
    several = st.lists(inner, min_size=1, max_size=3)
    group = st.lists(inner, min_size=1, max_size=largest_group)
    nested = [
        st.tuples(st.just("hold"), _small, several),
        st.tuples(st.just("shield"), inner),
        st.tuples(st.just("gather"), st.booleans(), several),
        st.tuples(st.just("as_completed"), st.sampled_from([None, 1, 2]), several),
        st.tuples(
            st.just("wait_all"),
            st.sampled_from([None, 0, 1, 2]),
            st.sampled_from(["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"]),
            several,
        ),
    ]
    if scopes:
        nested += [
            st.tuples(st.just("within"), st.integers(0, 3), several),
            st.tuples(st.just("wait_for"), st.sampled_from([None, -1, 0, 1, 2]), inner),
            st.tuples(st.just("group"), group),
        ]
    return st.one_of(nested)


def programs(largest_group: int = 3, scopes: bool = True) -> st.SearchStrategy[Program]:
    """Return a strategy for programs of one to five tasks.

    asyncio cancels the tasks of a group in no particular order, so only groups
    of one can be compared with its own.  Without *scopes* nothing in a program
    takes a cancellation back, which asyncio's tasks did differently before 3.13.
    """
    operation = st.recursive(
        _simple, partial(_nested, largest_group=largest_group, scopes=scopes), max_leaves=6
    )
    return st.lists(st.lists(operation, min_size=1, max_size=6), min_size=1, max_size=5)


@dataclass
class World:
    """What the tasks of one run share, made with the names *names*."""

    names: Any
    trace: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = self.names
        self.queues = [names.Queue(1), names.PriorityQueue()]
        self.locks = [names.Lock(), names.Semaphore(2), names.BoundedSemaphore(1)]
        self.event = names.Event()
        self.condition = names.Condition()
        self.barrier = names.Barrier(2)
        self.tasks: list[Any] = []

    def note(self, *what: Any) -> None:
        """Add a line to the trace: the time and *what*."""
        self.trace.append((asyncio.get_running_loop().time(), *what))

    async def main(self, program: Program) -> list[Any]:
        """Run *program* to its end, or to the end of time; return the trace."""
        self.tasks = [
            self.names.create_task(self.body(str(number), body))
            for number, body in enumerate(program)
        ]
        # Whoever still waits after this time waits for ever.
        await self.names.wait(self.tasks, timeout=1000)
        self.note("end", *[repr(each).split("[")[-1] for each in (self.event, *self.locks)])
        while pending := [task for task in self.tasks if not task.done()]:
            await self.stop(pending)
        for number, task in enumerate(self.tasks):
            exc = None if task.cancelled() else task.exception()
            self.note("outcome", number, task.cancelled(), _plain(exc))
        return self.trace

    async def stop(self, tasks: list[Any]) -> None:
        """Cancel *tasks*, and free what one may have to hold before it can end."""
        for task in tasks:
            task.cancel()
        await self.names.wait(tasks, timeout=1)
        for lock in (self.locks[0], self.condition):
            if lock.locked():
                lock.release()

    async def stop_all(self) -> None:
        """Stop what the program left behind."""
        while rest := [*(asyncio.all_tasks() - {asyncio.current_task()})]:
            await self.stop(rest)

    async def body(self, name: str, operations: list[Operation]) -> None:
        """Run *operations* one after the other, noting each one's outcome."""
        for number, operation in enumerate(operations):
            step = f"{name}.{number}"
            try:
                result = await self.perform(step, operation)
            except Exception as exc:
                self.note(step, operation[0], "raised", _plain(exc))
            except BaseException as exc:
                self.note(step, operation[0], "raised", _plain(exc))
                raise
            else:
                self.note(step, operation[0], result)

    async def perform(self, step: str, operation: Operation) -> Any:
        """Do one thing and return what came of it."""
        kind, *arguments = operation
        return await getattr(self, f"do_{kind}")(step, *arguments)

    async def part(self, step: str, operation: Operation) -> Any:
        """Do one thing in a task of its own, which may fail."""
        self.note(step, "begins")
        return await self.perform(step, operation)

    async def do_sleep(self, _: str, delay: int) -> Any:
        return await self.names.sleep(delay, "slept")

    async def do_put(self, _: str, which: int, item: int) -> None:
        await self.queues[which].put(item)

    async def do_get(self, _: str, which: int) -> Any:
        return await self.queues[which].get()

    async def do_put_nowait(self, _: str, which: int, item: int) -> None:
        self.queues[which].put_nowait(item)

    async def do_get_nowait(self, _: str, which: int) -> Any:
        return self.queues[which].get_nowait()

    async def do_task_done(self, _: str, which: int) -> None:
        self.queues[which].task_done()

    async def do_join(self, _: str, which: int) -> None:
        await self.queues[which].join()

    async def do_shutdown(self, _: str, which: int, immediate: bool) -> None:
        self.queues[which].shutdown(immediate)

    async def do_acquire(self, _: str, which: int) -> Any:
        return await self.locks[which].acquire()

    async def do_release(self, _: str, which: int) -> None:
        self.locks[which].release()

    async def do_hold(self, step: str, which: int, operations: list[Operation]) -> None:
        async with self.locks[which] as nothing:
            assert nothing is None
            await self.body(step, operations)

    async def do_set(self, _: str) -> None:
        self.event.set()

    async def do_clear(self, _: str) -> None:
        self.event.clear()

    async def do_wait(self, _: str) -> Any:
        return await self.event.wait()

    async def do_cond_wait(self, step: str) -> Any:
        async with self.condition:
            self.note(step, "holds")
            return await self.condition.wait()

    async def do_notify(self, _: str, count: int) -> None:
        async with self.condition:
            self.condition.notify(count)

    async def do_barrier(self, _: str) -> Any:
        return await self.barrier.wait()

    async def do_barrier_reset(self, _: str) -> None:
        await self.barrier.reset()

    async def do_barrier_abort(self, _: str) -> None:
        await self.barrier.abort()

    async def do_cancel(self, _: str, which: int) -> Any:
        return self.tasks[which % len(self.tasks)].cancel()

    async def do_raise(self, step: str) -> None:
        raise LookupError(step)

    async def do_within(self, step: str, delay: int, operations: list[Operation]) -> Any:
        async with self.names.timeout(delay) as limit:
            await self.body(step, operations)
        return limit.expired()

    async def do_wait_for(self, step: str, delay: int | None, operation: Operation) -> Any:
        return await self.names.wait_for(self.part(step, operation), delay)

    async def do_shield(self, step: str, operation: Operation) -> Any:
        return await self.names.shield(self.caught(step, operation))

    async def do_gather(self, step: str, keep: bool, operations: list[Operation]) -> Any:
        parts = [self.part(f"{step}/{n}", each) for n, each in enumerate(operations)]
        return _plain(await self.names.gather(*parts, return_exceptions=keep))

    async def do_group(self, step: str, operations: list[Operation]) -> None:
        async with self.names.TaskGroup() as group:
            for number, operation in enumerate(operations):
                group.create_task(self.part(f"{step}/{number}", operation))
            await self.names.sleep(1)

    async def do_as_completed(
        self, step: str, delay: int | None, operations: list[Operation]
    ) -> Any:
        # Tasks, not coroutines: asyncio would start those in the order of a set.
        parts = [
            self.names.create_task(self.caught(f"{step}/{n}", each))
            for n, each in enumerate(operations)
        ]
        return [await each for each in self.names.as_completed(parts, timeout=delay)]

    async def do_wait_all(
        self, step: str, delay: int | None, when: str, operations: list[Operation]
    ) -> Any:
        parts = [
            self.names.create_task(self.part(f"{step}/{n}", each))
            for n, each in enumerate(operations)
        ]
        done, _ = await self.names.wait(parts, timeout=delay, return_when=when)
        return [_outcome(each) for each in parts if each in done]

    async def caught(self, step: str, operation: Operation) -> Any:
        """Do one thing; failures are results, so that none is left for the loop to report."""
        try:
            return await self.part(step, operation)
        except Exception as exc:
            return _plain(exc)


def _outcome(task: Any) -> Any:
    return "cancelled" if task.cancelled() else _plain(task.exception() or task.result())


def _plain(value: Any) -> Any:
    """Return *value* in a form that is equal for equal runs."""
    if isinstance(value, BaseExceptionGroup):
        return [type(value).__name__, value.message, *map(_plain, value.exceptions)]
    if isinstance(value, BaseException):
        return [type(value).__name__, str(value).partition(" at 0x")[0]]
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
