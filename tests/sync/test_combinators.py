"""gather, wait, as_completed, shield: who is shown what, and who is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest

from miniloop.core.coroutines import coroutine
from miniloop.sync import combinators
from miniloop.sync.combinators import (
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    as_completed,
    gather,
    shield,
    wait,
)

from .loops import OURS

Run = Callable[..., Any]


async def fail(exc: BaseException, delay: float = 0) -> None:
    await OURS.sleep(delay)
    raise exc


def now() -> float:
    return asyncio.get_running_loop().time()


def test_gather_keeps_the_order_given_and_counts_doubles_once(run: Run) -> None:
    async def main() -> Any:
        twice = OURS.sleep(1, "twice")
        return await gather(OURS.sleep(3, "slow"), twice, OURS.sleep(2, "mid"), twice)

    assert run(main()) == ["slow", "twice", "mid", "twice"]


def test_gather_of_nothing_is_done(run: Run) -> None:
    async def main() -> Any:
        future = gather()
        assert future.done()
        return await future

    assert run(main()) == []


def test_gather_raises_the_first_failure_and_leaves_the_rest_running(run: Run) -> None:
    async def main() -> None:
        slow = OURS.create_task(OURS.sleep(5))
        with pytest.raises(LookupError):
            await gather(slow, fail(LookupError(), 1), fail(KeyError(), 2))
        assert now() == pytest.approx(1)
        await slow
        assert now() == pytest.approx(5)

    run(main())


def test_gather_returns_exceptions_when_told_to(run: Run) -> None:
    async def main() -> None:
        cancelled = OURS.create_task(OURS.sleep(5))
        asyncio.get_running_loop().call_later(1, cancelled.cancel)
        results = await gather(
            fail(LookupError()), OURS.sleep(1, "fine"), cancelled, return_exceptions=True
        )
        assert [type(each) for each in results] == [LookupError, str, asyncio.CancelledError]

    run(main())


@pytest.mark.parametrize("keep", [False, True])
def test_cancelling_gather_cancels_the_children(run: Run, keep: bool) -> None:
    async def main() -> None:
        children = [OURS.create_task(OURS.sleep(5)) for _ in range(3)]
        future = gather(*children, return_exceptions=keep)
        await OURS.sleep(1)
        assert future.cancel()
        assert not future.done()  # not before its children
        with pytest.raises(asyncio.CancelledError):
            await future
        assert all(child.cancelled() for child in children)
        assert not future.cancel()

    run(main())


def test_a_cancelled_child_does_not_cancel_gather(run: Run) -> None:
    async def main() -> None:
        child = OURS.create_task(OURS.sleep(5))
        future = gather(child, OURS.sleep(1))
        await OURS.sleep(0)
        child.cancel()
        with pytest.raises(asyncio.CancelledError):
            await future
        assert not future.cancelled()

    run(main())


def test_gather_with_a_refused_argument_does_not_lose_the_others(run: Run) -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="is required"):
            gather(fail(LookupError()), "not awaitable")
        await OURS.sleep(1)  # the failure is nobody's: seen, and not reported

    run(main())


def test_wait_ends_when_it_was_told_to(run: Run) -> None:
    async def main() -> None:
        tasks = [OURS.create_task(OURS.sleep(n)) for n in (1, 2, 6)]
        done, pending = await wait(tasks, return_when=FIRST_COMPLETED)
        assert (done, pending) == ({tasks[0]}, set(tasks[1:]))
        failing = OURS.create_task(fail(LookupError(), 1))
        done, pending = await wait([*tasks, failing], return_when=FIRST_EXCEPTION)
        assert failing in done
        assert isinstance(failing.exception(), LookupError)
        done, pending = await wait(tasks, timeout=2)
        assert pending == {tasks[2]}
        assert now() == pytest.approx(4)
        done, pending = await wait(tasks)
        assert (done, pending) == (set(tasks), set())

    run(main())


def test_cancelling_wait_cancels_nothing_else(run: Run) -> None:
    async def main() -> None:
        task = OURS.create_task(OURS.sleep(5, "whole"))
        waiter = OURS.create_task(wait([task]))
        await OURS.sleep(1)
        waiter.cancel()
        assert await task == "whole"
        assert waiter.cancelled()

    run(main())


def test_wait_takes_what_old_programs_gave_it(run: Run) -> None:
    @coroutine
    def old() -> Generator[Any, Any, str]:
        yield
        return "generator"

    def plain() -> Generator[Any, Any, str]:
        yield
        return "plain"

    async def main() -> set[Any]:
        loop = asyncio.get_running_loop()
        done, _ = await wait([old(), plain(), OURS.sleep(0, "coroutine")], loop=loop)
        return {task.result() for task in done}

    assert run(main()) == {"generator", "plain", "coroutine"}


def test_wait_says_what_it_cannot_take(run: Run) -> None:
    async def main() -> None:
        task = OURS.create_task(OURS.sleep(0))
        with pytest.raises(TypeError, match="expect a list of futures, not"):
            await wait(task)
        with pytest.raises(ValueError, match="Set of Tasks/Futures is empty"):
            await wait([])
        with pytest.raises(ValueError, match="Set of Tasks/Futures is empty"):
            await wait(iter([]))
        with pytest.raises(ValueError, match="Invalid return_when value: -1"):
            await wait([task], return_when=-1)  # type: ignore[arg-type]
        other = asyncio.new_event_loop()
        with pytest.raises(RuntimeError, match="is bound to a different event loop"):
            await wait([task], loop=other)
        other.close()

    run(main())


def test_as_completed_both_ways(run: Run) -> None:
    async def main() -> None:
        plain = [await each for each in as_completed([OURS.sleep(n, n) for n in (3, 1, 2)])]
        assert plain == [1, 2, 3]
        tasks = [OURS.create_task(OURS.sleep(n, n)) for n in (3, 1, 2)]
        found = [each async for each in as_completed(tasks)]
        assert found == [tasks[1], tasks[2], tasks[0]]
        assert all(each.done() for each in found)

    run(main())


def test_as_completed_shows_failures_and_runs_out_of_time(run: Run) -> None:
    async def main() -> None:
        outcomes = []
        slow = OURS.create_task(OURS.sleep(100))
        for each in as_completed([fail(LookupError(), 1), slow, OURS.sleep(2, 2)], timeout=5):
            try:
                outcomes.append(await each)
            except (LookupError, TimeoutError) as exc:
                outcomes.append(type(exc))
        assert outcomes == [LookupError, 2, TimeoutError]
        with pytest.raises(TimeoutError):
            async for _ in as_completed([slow], timeout=1):
                pass
        assert not slow.cancelled()

    run(main())


def test_as_completed_starts_tasks_in_the_order_given(run: Run) -> None:
    async def main() -> list[int]:
        started = []

        async def note(number: int) -> None:
            started.append(number)

        for each in as_completed([note(number) for number in range(20)]):
            await each
        return started

    assert run(main()) == list(range(20))


def test_as_completed_wants_several(run: Run) -> None:
    async def main() -> None:
        task = OURS.create_task(OURS.sleep(0))
        with pytest.raises(TypeError, match="expects an iterable of awaitables, not"):
            as_completed(task)
        await task
        assert list(as_completed([])) == []

    run(main())


def test_shield_is_cancelled_alone(run: Run) -> None:
    async def main() -> None:
        inner = OURS.create_task(OURS.sleep(2, "saved"))
        outer = shield(inner)
        await OURS.sleep(1)
        outer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await outer
        assert await inner == "saved"
        assert shield(inner) is inner

    run(main())


def test_shield_passes_results_failures_and_cancellations_on(run: Run) -> None:
    async def main() -> None:
        assert await shield(OURS.sleep(1, "done")) == "done"
        with pytest.raises(LookupError):
            await shield(fail(LookupError()))
        inner = OURS.create_task(OURS.sleep(5))
        outer = shield(inner)
        await OURS.sleep(0)
        inner.cancel()
        with pytest.raises(asyncio.CancelledError):
            await outer
        assert outer.cancelled()

    run(main())


def test_a_failure_behind_a_cancelled_shield_is_reported(run: Run) -> None:
    async def main() -> None:
        reported = []
        loop = asyncio.get_running_loop()
        handler = loop.get_exception_handler()
        loop.set_exception_handler(lambda _, context: reported.append(context["message"]))
        inner = OURS.create_task(fail(LookupError(), 2))
        for _ in range(2):  # shielded twice, reported once
            outer = shield(inner)
            outer.cancel()
        await OURS.sleep(5)
        loop.set_exception_handler(handler)
        assert reported == ["LookupError exception in shielded future"]

    run(main())


@pytest.mark.parametrize("name", ["gather", "shield"])
def test_a_future_of_another_loop_is_refused(run: Run, name: str) -> None:
    async def main() -> None:
        other = asyncio.new_event_loop()
        with pytest.raises(ValueError, match="belongs to a different loop"):
            getattr(combinators, name)(other.create_future(), loop=asyncio.get_running_loop())
        other.close()

    run(main())
