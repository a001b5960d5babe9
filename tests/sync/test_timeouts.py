"""Timeouts: whose cancellation it was, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from miniloop.sync.timeouts import Timeout, timeout, timeout_at, wait_for

from .loops import OURS

Run = Callable[..., Any]


def now() -> float:
    return asyncio.get_running_loop().time()


def test_what_takes_too_long_times_out_at_that_time(run: Run) -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError) as caught:
            async with timeout(2) as limit:
                await OURS.sleep(10)
        assert limit.expired()
        assert isinstance(caught.value.__cause__, asyncio.CancelledError)
        assert repr(limit) == "<Timeout [expired]>"
        return now()

    assert run(main()) == pytest.approx(2)


def test_what_is_quick_enough_leaves_no_timer_behind(run: Run) -> None:
    async def main() -> None:
        async with timeout(2) as limit:
            await OURS.sleep(1)
        assert not limit.expired()
        assert repr(limit) == "<Timeout [finished]>"
        await OURS.sleep(5)

    run(main())


@pytest.mark.parametrize("delay", [0, -1])
def test_no_time_at_all_cancels_in_the_next_turn(run: Run, delay: float) -> None:
    async def main() -> None:
        steps = []
        with pytest.raises(TimeoutError):  # noqa: PT012 - the block is what is tested
            async with timeout(delay):
                steps.append("begun")
                await OURS.sleep(0)
                steps.append("went on")
        assert steps == ["begun"]

    run(main())


def test_none_is_for_ever(run: Run) -> None:
    async def main() -> None:
        async with timeout(None) as limit:
            assert limit.when() is None
            assert repr(limit) == "<Timeout [active] when=None>"
            await OURS.sleep(1000)

    run(main())


def test_the_inner_of_two_timeouts_is_its_own(run: Run) -> None:
    async def main() -> None:
        async with timeout(3) as outer:
            with pytest.raises(TimeoutError):
                async with timeout(1):
                    await OURS.sleep(10)
            assert now() == pytest.approx(1)
        assert not outer.expired()

    run(main())


def test_the_outer_of_two_timeouts_goes_through_the_inner(run: Run) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with timeout(1) as outer, timeout(3) as inner:
                await OURS.sleep(10)
        assert outer.expired()
        assert not inner.expired()

    run(main())


def test_a_cancellation_by_somebody_else_stays_a_cancellation(run: Run) -> None:
    async def main() -> None:
        async def sleeper() -> None:
            async with timeout(1):
                task.cancel()
                await OURS.sleep(10)

        task = OURS.create_task(sleeper())
        await OURS.wait([task])
        assert task.cancelled()

    run(main())


def test_a_cancellation_that_was_refused_before_does_not_count(run: Run) -> None:
    async def main() -> None:
        current = asyncio.current_task()
        assert current is not None
        current.cancel()
        with pytest.raises(asyncio.CancelledError):
            await OURS.sleep(1)
        assert current.cancelling() == 1
        with pytest.raises(TimeoutError):
            async with timeout(1):
                await OURS.sleep(10)
        assert current.cancelling() == 1

    run(main())


def test_both_at_once_is_a_cancellation(run: Run) -> None:
    async def main() -> None:
        async def sleeper() -> None:
            async with timeout(1):
                await OURS.sleep(10)

        task = OURS.create_task(sleeper())
        await OURS.sleep(0)
        asyncio.get_running_loop().call_at(1, task.cancel)
        await OURS.wait([task])
        assert task.cancelled()

    run(main())


def test_reschedule_moves_the_deadline(run: Run) -> None:
    async def main() -> None:
        async def late() -> None:
            async with timeout_at(1) as limit:
                limit.reschedule(5)
                assert limit.when() == 5
                await OURS.sleep(10)

        with pytest.raises(TimeoutError):
            await late()
        assert now() == pytest.approx(5)
        async with timeout_at(6) as limit:
            limit.reschedule(None)
            await OURS.sleep(10)
        with pytest.raises(RuntimeError, match="Cannot change state of finished Timeout"):
            limit.reschedule(None)

    run(main())


def test_a_timeout_is_entered_once_and_in_a_task(run: Run) -> None:
    async def main() -> None:
        limit = timeout(1)
        with pytest.raises(RuntimeError, match="has not been entered"):
            limit.reschedule(2)
        async with limit:
            pass
        with pytest.raises(RuntimeError, match="has already been entered"):
            await limit.__aenter__()
        outside: list[BaseException] = []

        def callback() -> None:
            try:
                Timeout(None).__aenter__().send(None)
            except RuntimeError as exc:
                outside.append(exc)

        asyncio.get_running_loop().call_soon(callback)
        await OURS.sleep(0)
        await OURS.sleep(0)
        assert "should be used inside a task" in str(outside)

    run(main())


def test_an_exception_on_the_way_out_is_told_about_the_timeout(run: Run) -> None:
    async def main() -> None:
        async def fail_late() -> None:
            async with timeout(1):
                try:
                    await OURS.sleep(10)
                finally:
                    raise LookupError

        with pytest.raises(LookupError) as caught:
            await fail_late()
        assert isinstance(caught.value.__context__, TimeoutError)
        assert isinstance(caught.value.__context__.__cause__, asyncio.CancelledError)

    run(main())


def test_wait_for_returns_in_time_or_cancels(run: Run) -> None:
    async def main() -> None:
        assert await wait_for(OURS.sleep(1, "done"), 2) == "done"
        assert await wait_for(OURS.sleep(1, "done"), None) == "done"
        task = OURS.create_task(OURS.sleep(10))
        with pytest.raises(TimeoutError):
            await wait_for(task, 1)
        assert task.cancelled()

    run(main())


def test_wait_for_with_no_time_only_looks(run: Run) -> None:
    async def main() -> None:
        done = asyncio.get_running_loop().create_future()
        done.set_result("there")
        assert await wait_for(done, 0) == "there"
        started = []

        async def late() -> None:
            started.append(True)

        with pytest.raises(TimeoutError):
            await wait_for(late(), 0)
        assert not started

    run(main())


def test_wait_for_waits_for_the_end_of_what_it_cancels(run: Run) -> None:
    async def main() -> None:
        async def stubborn() -> str:
            try:
                await OURS.sleep(10)
            except asyncio.CancelledError:
                await OURS.sleep(5)
            return "late"

        assert await wait_for(stubborn(), 1) == "late"
        assert now() == pytest.approx(6)
        task = OURS.create_task(stubborn())
        await OURS.sleep(1)
        assert await wait_for(task, 0) == "late"

    run(main())


def test_wait_for_refuses_another_loop(run: Run) -> None:
    async def main() -> None:
        other = asyncio.new_event_loop()
        future = asyncio.get_running_loop().create_future()
        with pytest.raises(ValueError, match="different loop"):
            await wait_for(future, 1, loop=other)
        other.close()
        future.set_result("fine")
        assert await wait_for(future, 1, loop=asyncio.get_running_loop()) == "fine"

    run(main())
