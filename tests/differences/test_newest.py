"""Differences that vanish on newer interpreters: their semantics are offered on all."""

from __future__ import annotations

import asyncio
import inspect
import sys
import warnings
from collections.abc import Callable, Generator
from typing import Any

import pytest

from .conftest import Cell


def has(cell: Cell, *version: int) -> bool:
    """Tell whether the cell's names have what asyncio has from *version* on."""
    return cell.our_names or sys.version_info >= version


def test_queue_shutdown(cell: Cell) -> None:
    assert hasattr(cell.names.Queue, "shutdown") is has(cell, 3, 13)
    assert hasattr(cell.names, "QueueShutDown") is has(cell, 3, 13)


def test_as_completed_iterates_both_ways(cell: Cell) -> None:
    async def main() -> bool:
        futures = [asyncio.get_running_loop().create_future()]
        futures[0].set_result(None)
        iterator = cell.names.as_completed(futures)
        both = hasattr(iterator, "__aiter__")
        for each in iterator:
            await each
        return both

    assert cell.run(main) is has(cell, 3, 13)


def test_stop_iteration_in_a_future(cell: Cell) -> None:
    loop = cell.make_loop()
    future = cell.names.Future(loop=loop)
    expected: Any = RuntimeError if has(cell, 3, 13) else TypeError

    def set_and_get() -> None:
        future.set_exception(StopIteration())
        future.result()

    with pytest.raises(expected, match="StopIteration interacts badly with generators"):
        set_and_get()
    loop.close()


def test_uncancel_in_time(cell: Cell) -> None:
    async def main() -> bool:
        loop = asyncio.get_running_loop()
        task = cell.names.Task(cell.names.sleep(0), loop=loop)
        task.cancel()
        task.uncancel()
        await cell.names.wait([task])
        return bool(task.cancelled())

    assert cell.run(main) is (not has(cell, 3, 13))


def test_wait_for_awaits_in_place(cell: Cell) -> None:
    async def current() -> Any:
        return asyncio.current_task()

    async def main() -> bool:
        return await cell.names.wait_for(current(), 10) is asyncio.current_task()

    assert cell.run(main) is has(cell, 3, 12)


def test_inactive_group_closes(cell: Cell) -> None:
    async def main() -> bool:
        coro = cell.names.sleep(0)
        with pytest.raises(RuntimeError, match="has not been entered"):
            cell.names.TaskGroup().create_task(coro)
        closed = inspect.getcoroutinestate(coro) == inspect.CORO_CLOSED
        coro.close()
        return closed

    assert cell.run(main) is has(cell, 3, 13)


def test_groups_pass_cancellation_on(cell: Cell) -> None:
    log: list[str] = []

    async def child() -> None:
        try:
            await cell.names.sleep(60)
        except asyncio.CancelledError:
            raise LookupError from None

    async def parent() -> None:
        try:
            async with cell.names.TaskGroup() as group:
                group.create_task(child())
        except ExceptionGroup:
            log.append("group")
        await cell.names.sleep(0)
        log.append("lost")

    async def main() -> None:
        task = cell.names.create_task(parent())
        for _ in range(2):
            await cell.names.sleep(0)
        task.cancel()
        await cell.names.wait([task])

    cell.run(main)
    assert log == (["group"] if has(cell, 3, 13) else ["group", "lost"])


def test_expired_timeouts_are_told(cell: Cell) -> None:
    async def main() -> BaseException | None:
        try:
            async with cell.names.timeout(0):
                try:
                    await cell.names.sleep(60)
                except asyncio.CancelledError:
                    raise LookupError from None
        except LookupError as error:
            return error.__context__
        return None

    assert isinstance(cell.run(main), TimeoutError) is has(cell, 3, 13)


def test_group_options(cell: Cell) -> None:
    if not cell.our_loop:
        pytest.skip("the loop's create_task understands no further options")

    async def answer() -> int:
        return 42

    async def main() -> bool:
        async with cell.names.TaskGroup() as group:
            coro = answer()
            try:
                return bool(group.create_task(coro, eager_start=True).done())
            except TypeError:
                coro.close()
                return False

    assert cell.run(main) is has(cell, 3, 14)


def test_run_takes_awaitables(cell: Cell) -> None:
    class Awaitable:
        def __await__(self) -> Generator[None, None, int]:
            yield
            return 42

    with cell.names.Runner(loop_factory=cell.make_loop) as runner:
        if has(cell, 3, 14):
            assert runner.run(Awaitable()) == 42
        else:
            with pytest.raises(ValueError, match="a coroutine was expected"):
                runner.run(Awaitable())
    takes_factory = "loop_factory" in inspect.signature(cell.names.run).parameters
    assert takes_factory is has(cell, 3, 12)


def test_shield_reports(cell: Cell) -> None:
    reported: list[Any] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reported.append(context["message"]))
        inner = loop.create_future()
        outer = cell.names.shield(inner)
        outer.cancel()
        await cell.names.sleep(0)
        inner.set_exception(LookupError())
        await cell.names.sleep(0)
        assert isinstance(inner.exception(), LookupError)

    cell.run(main)
    assert bool(reported) is has(cell, 3, 14)


@pytest.mark.parametrize("name", ["capture_call_graph", "print_call_graph", "format_call_graph"])
def test_call_graph(cell: Cell, name: str) -> None:
    assert hasattr(cell.names, name) is has(cell, 3, 14)
    if cell.our_names and name == "format_call_graph":

        async def main() -> str:
            text: str = cell.names.format_call_graph()
            return text

        assert "main()" in cell.run(main)


def started_order(start: Callable[[Any, list[Any]], Any], cell: Cell) -> list[int]:
    """Return in which order coroutines began that were given in order."""
    began: list[int] = []

    async def begin(number: int) -> None:
        began.append(number)

    async def main() -> None:
        await start(cell.names, [begin(number) for number in range(50)])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        cell.run(main)
    return began


def test_order_of_sets(cell: Cell) -> None:
    async def complete(names: Any, coros: list[Any]) -> None:
        for each in names.as_completed(coros):
            await each

    ordered = started_order(complete, cell) == list(range(50))
    cancelled: list[int] = []

    async def child(number: int) -> None:
        try:
            await cell.names.sleep(100)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    async def main() -> None:
        async with cell.names.TaskGroup() as group:
            for number in range(50):
                group.create_task(child(number))
            await cell.names.sleep(0)
            raise LookupError

    with pytest.raises(BaseExceptionGroup):
        cell.run(main)
    assert sorted(cancelled) == list(range(50))
    if cell.our_names:
        assert ordered
        assert cancelled == list(range(50))
