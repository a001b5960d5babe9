"""What is explored in ``bench explore``, and by what: nothing is skipped, nothing hidden."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import ModuleType

import pytest

import miniloop
from compat.bench.child import describe, measure
from compat.bench.exploring import scenarios
from compat.bench.exploring.rows import SUITE
from compat.bench.exploring.scenarios import Address
from compat.bench.exploring.tools import Bare, ExploringError, Order, Program, Tool
from compat.bench.exploring.worlds import AnyOrder, Fifo
from compat.bench.model import Row, Sample

TOOLS = [Bare, Fifo, AnyOrder]
EVERYTHING = [scenarios.counter, scenarios.workshop, scenarios.network]


async def ordering(program: Program, runs: int) -> str:
    """A measurement: order some schedules, and return a word."""
    await Order(program, runs)
    return "measured"


@pytest.mark.parametrize("runs", [1, 2, 17])
@pytest.mark.parametrize("tool", TOOLS)
def test_as_many_schedules_are_run_as_are_ordered(tool: Callable[[], Tool], runs: int) -> None:
    seen: list[Address] = []

    async def program(address: Address) -> None:
        await asyncio.sleep(0)
        seen.append(address)

    made = tool()
    assert made.run_until_complete(ordering(program, runs)) == "measured"
    assert seen == [made.address] * runs


@pytest.mark.parametrize("names", [asyncio, miniloop])
@pytest.mark.parametrize("row", SUITE.rows.values(), ids=SUITE.rows)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_row_counts_schedules_at_the_scenarios_end(
    tool: Callable[[], Tool], row: Row, names: ModuleType
) -> None:
    sample = measure(row, names, tool, 3)
    assert sample.operations == 3
    assert set(sample.extras) == {"rate"}


@pytest.mark.parametrize("scenario", EVERYTHING)
def test_a_scenario_comes_to_the_same_end_in_any_order(scenario: scenarios.Scenario) -> None:
    ended = 0

    async def program(address: Address) -> None:
        nonlocal ended
        await scenario(asyncio, address)
        ended += 1

    AnyOrder().run_until_complete(ordering(program, 25))
    assert ended == 25


def orders_of(tool: Tool) -> set[str]:
    """The orders in which three tasks get to their ends in 40 schedules."""
    seen = set()

    async def program(_address: Address) -> None:
        order: list[str] = []

        async def add(name: str) -> None:
            await asyncio.sleep(0)
            order.append(name)

        await asyncio.gather(*[add(name) for name in "abc"])
        seen.add("".join(order))

    tool.run_until_complete(ordering(program, 40))
    return seen


def test_only_the_free_level_reorders_what_is_ready() -> None:
    assert orders_of(Bare()) == orders_of(Fifo()) == {"abc"}
    assert len(orders_of(AnyOrder())) > 1


async def racing(_address: Address) -> None:
    """Find out of order what asyncio runs in order."""
    seen: list[int] = []

    async def add(number: int) -> None:
        seen.append(number)

    await asyncio.gather(*[add(number) for number in range(4)])
    if seen != sorted(seen):
        raise ValueError("out of order")


def test_a_failing_schedule_is_an_error() -> None:
    with pytest.raises(ExploringError, match=r"walk \d+: exception: ValueError: out of order"):
        AnyOrder().run_until_complete(ordering(racing, 200))
    assert Fifo().run_until_complete(ordering(racing, 20)) == "measured"


async def broken(_address: Address) -> None:
    raise ValueError("always")


def test_a_scenario_that_never_works_is_an_error() -> None:
    for tool in (Fifo(), AnyOrder()):
        with pytest.raises(ExploringError, match="ValueError: always"):
            tool.run_until_complete(ordering(broken, 2))
    with pytest.raises(ValueError, match="always"):
        Bare().run_until_complete(ordering(broken, 2))


def test_a_measurement_is_closed_when_its_order_fails() -> None:
    closed = []

    async def measurement() -> Sample:
        try:
            await Order(broken, 1)
        finally:
            closed.append(True)
        raise AssertionError("the order was not carried out")

    with pytest.raises(ExploringError):
        Fifo().run_until_complete(measurement())
    assert closed == [True]


def test_a_tool_is_named_after_its_package() -> None:
    assert describe(Bare) == "asyncio.Bare"
    assert describe(Fifo).startswith("miniloop.Fifo")
