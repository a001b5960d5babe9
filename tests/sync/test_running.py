"""run_until_complete: what comes out, and what is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest

import miniloop
from miniloop.eventloop import EventLoop

from ..core.pairs import LIBRARIES, Library, Side, outcome, turn

pytestmark = pytest.mark.parametrize("library", LIBRARIES, ids=repr)


async def answer() -> int:
    """Return something."""
    return 42


def test_anything_that_can_be_awaited(library: Library) -> None:
    class Awaitable:
        def __await__(self) -> Generator[Any, None, str]:
            yield
            return "awaited"

    side = Side(library)
    run = side.loop.run_until_complete
    assert run(answer()) == 42
    assert run(side.loop.create_task(answer())) == 42
    assert run(Awaitable()) == "awaited"
    future = side.loop.create_future()
    side.loop.call_soon(future.set_result, "set")
    assert run(future) == "set"
    assert run(future) == "set"
    assert outcome(run, 5) == (
        "raised",
        "TypeError",
        ("'An asyncio.Future, a coroutine or an awaitable is required'",),
    )
    side.close()


def test_what_it_raises_comes_out(library: Library) -> None:
    async def fail() -> None:
        raise LookupError("failed")

    async def cancelled() -> None:
        raise asyncio.CancelledError("why")

    side = Side(library)
    assert outcome(side.loop.run_until_complete, fail()) == (
        "raised",
        "LookupError",
        ("'failed'",),
    )
    assert outcome(side.loop.run_until_complete, cancelled())[1] == "CancelledError"
    side.close()


def test_stopped_too_early(library: Library) -> None:
    async def main() -> None:
        side.loop.call_soon(side.loop.stop)
        await side.names.sleep(1000)

    side = Side(library)
    task = side.loop.create_task(main())
    with pytest.raises(RuntimeError, match="Event loop stopped before Future completed"):
        side.loop.run_until_complete(task)
    assert not task.done()
    assert not task._callbacks
    side.loop.run_until_complete(task)
    side.close()


def test_a_future_of_another_loop_is_refused(library: Library) -> None:
    side, other = Side(library), EventLoop()
    with pytest.raises(ValueError, match="The future belongs to a different loop"):
        side.loop.run_until_complete(other.create_future())
    side.close()
    other.close()


def test_it_ends_in_the_very_iteration_after_the_end(library: Library) -> None:
    """As many turns as asyncio takes: what was queued before the end still runs, and no more."""
    side = Side(library)

    async def main() -> None:
        side.loop.call_soon(side.log.append, "with the callback that stops")
        side.loop.call_soon(lambda: side.loop.call_soon(side.log.append, "next time"))

    side.loop.run_until_complete(main())
    assert side.log == ["with the callback that stops"]
    turn(side.loop)
    assert side.log == ["with the callback that stops", "next time"]
    side.close()


def test_a_loop_that_cannot_run_leaves_no_coroutine_behind(library: Library) -> None:
    side = Side(library)
    side.loop.close()
    coro = answer()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        side.loop.run_until_complete(coro)
    coro.close()
    side.close()


def test_a_base_exception_of_the_task_is_raised_once_and_not_reported(library: Library) -> None:
    class Fatal(BaseException):
        pass

    async def main() -> None:
        raise Fatal

    side = Side(library)
    with pytest.raises(Fatal):
        side.loop.run_until_complete(main())
    assert side.loop.run_until_complete(answer()) == 42
    assert side.reports == []
    side.close()


def test_our_futures_run_on_either_loop(library: Library) -> None:
    side = Side(library)
    future: miniloop.Future[str] = miniloop.Future(loop=side.loop)
    side.loop.call_later(5, future.set_result, "ours")
    assert side.loop.run_until_complete(future) == "ours"
    assert side.loop.time() == 5
    side.close()


@pytest.mark.parametrize("count", [0, 1, 5])
def test_the_executor_is_waited_for(library: Library, count: int) -> None:
    loop: Any = {"asyncio": asyncio.SelectorEventLoop, "miniloop": EventLoop}[library.name]()
    done: list[int] = []

    async def main() -> None:
        for number in range(count):
            loop.run_in_executor(None, done.append, number)
        await loop.shutdown_default_executor()
        assert sorted(done) == list(range(count))
        refused: Callable[..., Any] = loop.run_in_executor
        assert outcome(refused, None, int) == (
            "raised",
            "RuntimeError",
            ("'Executor shutdown has been called'",),
        )

    loop.run_until_complete(main())
    loop.close()
