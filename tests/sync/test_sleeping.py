"""sleep: turns, times, and what is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from .loops import OURS

Run = Callable[..., Any]


def test_sleep_takes_the_time_it_is_given_and_hands_back_a_result(run: Run) -> None:
    async def main() -> tuple[Any, float]:
        result = await OURS.sleep(2.5, "rested")
        return result, asyncio.get_running_loop().time()

    result, now = run(main())
    assert result == "rested"
    assert now == pytest.approx(2.5)


@pytest.mark.parametrize("delay", [0, 0.0, -1])
def test_no_time_is_one_turn(run: Run, delay: float) -> None:
    async def main() -> list[str]:
        order = []

        async def sleeper() -> None:
            order.append("before")
            await OURS.sleep(delay)
            order.append("after")

        task = OURS.create_task(sleeper())
        for turn in ("first", "second"):
            await OURS.sleep(0)
            order.append(turn)
        await task
        return order

    assert run(main()) == ["before", "first", "after", "second"]


def test_not_a_number_is_refused(run: Run) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="NaN"):
            await OURS.sleep(float("nan"))

    run(main())


def test_a_cancelled_sleep_takes_its_timer_along(run: Run) -> None:
    async def main() -> float:
        task = OURS.create_task(OURS.sleep(1000))
        await OURS.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(1)


def test_loop_argument_must_be_the_running_loop(run: Run) -> None:
    async def main() -> None:
        await OURS.sleep(0, loop=asyncio.get_running_loop())
        other = asyncio.new_event_loop()
        try:
            with pytest.raises(RuntimeError, match="is bound to a different event loop"):
                await OURS.sleep(1, loop=other)
        finally:
            other.close()

    run(main())
