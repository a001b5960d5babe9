"""The call graph: who awaits whom, whatever stands in between and whoever made it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Generator
from types import SimpleNamespace
from typing import Any

import pytest

from miniloop.core.coroutines import coroutine
from miniloop.sync.graph import (
    FutureCallGraph,
    capture_call_graph,
    format_call_graph,
    future_add_to_awaited_by,
    future_discard_from_awaited_by,
    print_call_graph,
)

from .loops import OURS

Run = Callable[..., Any]
NAMES = pytest.mark.parametrize("names", [OURS, asyncio], ids=["ours", "asyncio's"])


def shape(graph: FutureCallGraph | None) -> Any:
    """Return *graph* as name, function names and shapes of the awaiters."""
    assert graph is not None
    get_name = getattr(graph.future, "get_name", lambda: "future")
    functions = [entry.frame.f_code.co_name for entry in graph.call_stack]
    return get_name(), functions, [shape(each) for each in graph.awaited_by]


async def started(names: Any, coro: Any, name: str, turns: int = 3) -> Any:
    """Return the task *name*, after some turns of the loop."""
    task = names.create_task(coro, name=name)
    for _ in range(turns):
        await names.sleep(0)
    return task


def test_of_the_current_task(run: Run) -> None:
    async def inner() -> Any:
        return shape(capture_call_graph()), format_call_graph()

    async def main() -> Any:
        current = asyncio.current_task()
        assert current is not None
        current.set_name("main")
        return await inner()

    captured, text = run(main())
    assert captured == ("main", ["inner", "main"], [])
    lines = text.splitlines()
    assert lines[0].startswith("* Task(name='main', id=0x")
    assert lines[1] == "  + Call stack:"
    assert "in async test_of_the_current_task.<locals>.inner()" in lines[2]
    assert len(lines) == 4


@NAMES
def test_through_every_combinator(run: Run, names: SimpleNamespace) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def awaits(make: Callable[[Any], Any], task: Any) -> None:
            await make(task)

        async def group(task: Any) -> None:
            async def child() -> None:
                await task

            async with names.TaskGroup() as tasks:
                tasks.create_task(child(), name="child")

        async def in_turn(task: Any) -> None:
            for each in names.as_completed([task]):
                await each

        ways: dict[str, Callable[[Any], Any]] = {
            "plain": lambda task: task,
            "gather": names.gather,
            "shield": names.shield,
            "wait": lambda task: names.wait([task]),
            "wait_for": lambda task: names.wait_for(task, 1000),
            "nothing to wait": lambda task: names.wait_for(names.gather(task), None),
            "as_completed": in_turn,
        }
        for way, make in ways.items():
            future = loop.create_future()

            async def leaf(future: Any = future) -> None:
                await future

            task = await started(names, leaf(), "leaf")
            waiter = await started(names, awaits(make, task), way)
            graph = shape(capture_call_graph(future))
            assert graph[0] == "future"
            [(name, functions, waiters)] = graph[2]
            assert (name, functions) == ("leaf", ["leaf"])
            [(name, functions, waiters)] = waiters
            assert (name, functions[-1]) == (way, "awaits")
            assert waiters == []
            future.set_result(None)
            await waiter
        future = loop.create_future()
        waiter = await started(names, group(future), "parent")
        graph = shape(capture_call_graph(future))
        [(name, functions, waiters)] = graph[2]
        assert (name, functions) == ("child", ["child"])
        [(name, functions, waiters)] = waiters
        assert (name, functions[-1]) == ("parent", "group")
        future.set_result(None)
        await waiter

    run(main())


def test_generators_of_every_kind_are_shown(run: Run) -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().create_future()

        @coroutine
        def old() -> Generator[Any, Any, None]:
            yield from future

        async def items() -> AsyncIterator[int]:
            text.append(format_call_graph())
            yield 1
            await old()

        async def loop_over() -> None:
            async for _ in items():
                pass

        text: list[str] = []
        task = await started(OURS, loop_over(), "consumer")
        assert "in async generator " in text[0]
        graph = shape(capture_call_graph(task))
        assert graph[1][-1] == "loop_over"
        plain = await started(OURS, old(), "old")
        assert shape(capture_call_graph(plain))[1][0] == "old"
        assert "in generator " in format_call_graph(plain)
        future.set_result(None)
        await OURS.wait([task, plain])

    run(main())


def test_limit_and_depth_cut_stacks(run: Run) -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().create_future()

        async def innermost() -> None:
            await future

        async def middle() -> None:
            await innermost()

        async def outermost() -> None:
            await middle()

        task = await started(OURS, outermost(), "task")

        def functions(limit: int) -> Any:
            return shape(capture_call_graph(task, limit=limit))[1]

        assert functions(9) == ["innermost", "middle", "outermost"]
        assert functions(2) == ["middle", "outermost"]
        assert functions(-2) == ["innermost", "middle"]
        assert functions(0) == []
        current = asyncio.current_task()
        assert current is not None
        assert shape(capture_call_graph(limit=1))[1] == ["main"]
        assert shape(capture_call_graph(depth=2)) == (current.get_name(), [], [])
        future.set_result(None)
        await task

    run(main())


def test_print_writes_what_format_returns(run: Run) -> None:
    async def main() -> None:
        task = await started(OURS, OURS.sleep(10), "sleeper")
        file = io.StringIO()
        print_call_graph(task, file=file)
        assert file.getvalue() == format_call_graph(task) + "\n"
        assert "in async sleep()" in file.getvalue()
        task.cancel()

    run(main())


def test_what_cannot_be_seen_can_be_declared(run: Run) -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        task = await started(OURS, OURS.sleep(10), "declared")
        future_add_to_awaited_by(future, task)
        future_add_to_awaited_by(future, task)
        future_add_to_awaited_by("not a future", task)
        assert [each[0] for each in shape(capture_call_graph(future))[2]] == ["declared"]
        future_discard_from_awaited_by(future, task)
        future_discard_from_awaited_by(future, task)
        future_discard_from_awaited_by("not a future", task)
        assert shape(capture_call_graph(future)) == ("future", [], [])
        task.cancel()

    run(main())


def test_a_circle_of_waiting_ends(run: Run) -> None:
    async def main() -> None:
        tasks: list[Any] = []

        async def wait_for_other(number: int) -> None:
            await OURS.wait([tasks[1 - number]])

        tasks += [OURS.create_task(wait_for_other(n), name=str(n)) for n in (0, 1)]
        for _ in range(3):
            await OURS.sleep(0)
        name, _, [(waiter, _, waiters)] = shape(capture_call_graph(tasks[0]))
        assert (name, waiter, waiters) == ("0", "1", [])

    run(main())


def test_outside_of_everything() -> None:
    with pytest.raises(RuntimeError, match="outside of a running event loop"):
        capture_call_graph()
    with pytest.raises(TypeError, match="does not appear to be compatible"):
        capture_call_graph(42)


def test_no_current_task_no_graph(run: Run) -> None:
    async def main() -> None:
        graphs: list[Any] = []
        asyncio.get_running_loop().call_soon(
            lambda: graphs.extend([capture_call_graph(), format_call_graph()])
        )
        await OURS.sleep(0)
        await OURS.sleep(0)
        assert graphs == [None, ""]

    run(main())
