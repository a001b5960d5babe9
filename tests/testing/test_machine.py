"""State machines over a World: rules post work, Hypothesis finds the order that breaks it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from miniloop.testing.by_hand import WorldByHand
from miniloop.testing.failures import Deadlock
from miniloop.testing.machine import LoopStateMachine
from miniloop.testing.verdict import ScheduleFailure

QUICK = settings(max_examples=100, stateful_step_count=20, deadline=None, database=None)


class Account:
    """Loses money when two withdrawals overlap, unless it is *locked*."""

    def __init__(self, locked: bool) -> None:
        self.balance = 100
        self.paid = 0
        self.lock = asyncio.Lock() if locked else None

    async def withdraw(self, amount: int) -> None:
        if self.lock is None:
            await self._withdraw(amount)
        else:
            async with self.lock:
                await self._withdraw(amount)

    async def _withdraw(self, amount: int) -> None:
        before = self.balance
        await asyncio.sleep(0)
        if before >= amount:
            self.balance = before - amount
            self.paid += amount


class Withdrawals(LoopStateMachine):
    locked = True

    def begin(self) -> None:
        self.account = Account(self.locked)

    @rule(amount=st.integers(1, 10))
    def withdraw(self, amount: int) -> None:
        self.spawn(self.account.withdraw(amount))

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.account.balance + self.account.paid == 100

    def teardown(self) -> None:
        self.run_until_idle()
        super().teardown()


class Overlapping(Withdrawals):
    locked = False


def test_a_correct_program_survives() -> None:
    run_state_machine_as_test(Withdrawals, settings=QUICK)


def test_a_lost_update_is_found_and_shrunk(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(Overlapping, settings=QUICK)
    text = "\n".join(getattr(caught.value, "__notes__", [])) + capsys.readouterr().out
    assert text.count("state.withdraw(") == 2
    assert text.count("amount=1") == 2


class Leaking(LoopStateMachine):
    @rule()
    def leak(self) -> None:
        self.spawn(asyncio.Event().wait())


def test_what_is_left_is_found_at_the_end() -> None:
    with pytest.raises(ScheduleFailure, match="tasks left"):
        run_state_machine_as_test(Leaking, settings=QUICK)


def test_time_passes_by_hand_and_only_then() -> None:
    world = WorldByHand()
    world.begin()
    seen: list[str] = []

    async def note(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append(name)

    world.spawn(note("soon", 0))
    world.spawn(note("later", 5))
    begun = world.now
    world.step()
    assert seen == []
    world.run_until_idle()
    assert (seen, world.now) == (["soon"], begun)
    world.advance(4)
    assert (seen, world.now) == (["soon"], begun + 4)
    world.advance(1)
    assert seen == ["soon", "later"]
    run = world.end()
    assert (run.failures, run.seconds) == ([], 5)


def test_a_world_by_hand_is_idle_where_another_would_be_stuck() -> None:
    world = WorldByHand()
    world.begin()
    event = asyncio.Event()
    task = world.spawn(event.wait())
    world.advance(10)
    assert not task.done()
    event.set()
    world.run_until_idle()
    assert task.result() is True
    assert world.end().failures == []


def test_bad_uses_are_refused() -> None:
    world = WorldByHand()
    world.begin()
    with pytest.raises(RuntimeError, match="runs once"):
        world.begin()
    with pytest.raises(ValueError, match="does not go back"):
        world.advance(-1)
    world.end()


def test_an_invariant_of_the_world_stops_it() -> None:
    world = WorldByHand()
    world.begin()
    values: list[Any] = []
    world.always(lambda: not values, "nothing is there")
    values.append(1)
    with pytest.raises(Exception, match="nothing is there"):
        world.run_until_idle()
    assert not isinstance(world.end().failures[0].error, Deadlock)
