"""Patience: how long the selector may be left alone while there is work."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import miniloop
from miniloop.core.loop import PATIENCE
from miniloop.eventloop import EventLoop

from ..sync.loops import VirtualSelector


class Polls:
    """Counts how many entries ran between two polls of a loop's own selector."""

    def __init__(self, loop: EventLoop) -> None:
        self.since = 0  # entries run since the last poll
        self.largest = 0
        self.count = 0
        select = loop._selector.select
        loop._selector.select = lambda timeout: self._poll(select, timeout)

    def _poll(self, select: Any, timeout: float | None) -> Any:
        self.count += 1
        self.since = 0
        return select(timeout)

    def ran(self) -> None:
        """Count one entry."""
        self.since += 1
        self.largest = max(self.largest, self.since)


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    made = EventLoop()
    yield made
    made.close()


def test_it_is_sixty_four() -> None:
    assert PATIENCE == 64


@given(st.integers(1, 150), st.integers(2, 200))
def test_a_poll_comes_before_more_than_patience_have_run(width: int, turns: int) -> None:
    loop = EventLoop()
    polls = Polls(loop)
    left = turns

    def work() -> None:
        polls.ran()
        loop.call_soon(work)

    def last() -> None:
        nonlocal left
        polls.ran()
        left -= 1
        if left:
            loop.call_soon(last)
        else:
            loop.stop()

    for _ in range(width - 1):
        loop.call_soon(work)
    loop.call_soon(last)
    loop.run_forever()
    # One batch is never cut in two, just as with asyncio.
    assert polls.largest <= max(PATIENCE, width)
    assert polls.count >= width * turns // max(PATIENCE, width)
    loop.close()


def test_polls_are_put_off_while_there_is_work(loop: EventLoop) -> None:
    polls = Polls(loop)

    async def turns() -> None:
        for _ in range(PATIENCE * 10):
            await miniloop.sleep(0)

    loop.run_until_complete(turns())
    assert polls.count <= 12


def test_what_became_readable_meanwhile_is_seen_in_time(loop: EventLoop) -> None:
    near, far = socket.socketpair()
    ran = 0
    seen_at: list[int] = []
    sent_at = 0

    def work() -> None:
        nonlocal ran, sent_at
        ran += 1
        if ran == 10:
            far.send(b"x")
            sent_at = ran
        loop.call_soon(work)

    def readable() -> None:
        seen_at.append(ran)
        loop.stop()

    loop.add_reader(near, readable)
    loop.call_soon(work)
    loop.run_forever()
    assert 0 < seen_at[0] - sent_at <= PATIENCE
    loop.remove_reader(near)
    near.close()
    far.close()


def test_the_first_iteration_of_a_run_polls_and_so_does_the_last(loop: EventLoop) -> None:
    polls = Polls(loop)
    for expected in (1, 2, 3):
        loop.call_soon(int)
        loop.stop()
        loop.run_forever()
        assert polls.count == expected
    # Stopped from inside, the loop returns at the end of that iteration: no poll.
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert polls.count == 4


def test_timers_are_looked_at_in_every_iteration() -> None:
    now = 0.0
    loop = EventLoop(clock=lambda: now)
    polls = Polls(loop)
    order: list[int] = []

    def work(number: int) -> None:
        nonlocal now
        now += 1
        order.append(number)
        if number < 20:
            loop.call_soon(work, number + 1)
        else:
            loop.stop()

    for when in (5.0, 10.0, 15.0):
        loop.call_at(when, order.append, -int(when))
    loop.call_soon(work, 1)
    loop.run_forever()
    assert polls.count == 1
    for when in (5, 10, 15):
        # It is due at the beginning of the iteration in which the clock shows that time,
        # and runs behind what was ready.
        assert order[order.index(-when) - 1] == when + 1
    loop.close()


@given(st.integers(1, 30))
def test_a_selector_of_ones_own_is_asked_in_every_iteration(turns: int) -> None:
    asked: list[float | None] = []

    class Mine(selectors.DefaultSelector):
        def select(self, timeout: float | None = None) -> Any:
            asked.append(timeout)
            return super().select(timeout)

    loop = EventLoop(selector=Mine())

    async def main() -> None:
        for _ in range(turns):
            await miniloop.sleep(0)

    loop.run_until_complete(main())
    # Each turn, the first step, and the iteration of the callback that stops the loop.
    assert asked == [0] * (turns + 2)
    loop.close()


def test_one_who_has_nothing_to_do_waits_until_the_first_timer() -> None:
    asked: list[float | None] = []

    class Mine(VirtualSelector):
        def select(self, timeout: float | None = None) -> Any:
            asked.append(timeout)
            return super().select(timeout)

    selector = Mine()
    loop = EventLoop(selector=selector, clock=lambda: selector.now)
    loop.call_later(2.5, int)
    loop.call_later(4, loop.stop)
    loop.run_forever()
    assert asked == [2.5, 1.5]
    loop.close()
