"""Timers: in which order they run, and that cancelled ones are not kept."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import miniloop
from miniloop.core.timers import TimerHandle
from miniloop.eventloop import EventLoop

from ..sync.loops import virtual_miniloop
from .pairs import LIBRARIES, Library, Side, turn

# Few different times: most of the timers tie.
arms = st.tuples(st.just("arm"), st.sampled_from([0.0, 1.0, 1.0, 2.0, 2.0, 3.0]))
cancels = st.tuples(st.just("cancel"), st.integers(0, 1000))
runs = st.tuples(st.just("run"), st.sampled_from([0.5, 1.0, 1.5]))


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    made = virtual_miniloop()
    yield made
    made.close()


def do(side: Side, operations: list[tuple[str, Any]]) -> list[Any]:
    """Arm and cancel timers and let time pass; return which ran when."""
    handles: list[Any] = []
    for what, value in operations:
        if what == "arm":
            number = len(handles)
            handles.append(side.loop.call_later(value, side.log.append, number))
        elif what == "cancel" and handles:
            handles[value % len(handles)].cancel()
        elif what == "run":
            side.loop.call_later(value, side.loop.stop)
            side.loop.run_forever()
            side.log.append(side.loop.time())
    side.loop.call_later(100, side.loop.stop)
    side.loop.run_forever()
    return side.log


@given(st.lists(st.one_of(arms, arms, arms, cancels, runs), max_size=60))
def test_ties_run_in_asyncios_order(operations: list[tuple[str, Any]]) -> None:
    logs = []
    for library in LIBRARIES:
        side = Side(library)
        logs.append(do(side, operations))
        side.close()
    assert logs[0] == logs[1]


@given(st.integers(101, 250), st.randoms(use_true_random=False))
def test_ties_stay_in_asyncios_order_when_the_heap_is_rebuilt(count: int, random: Any) -> None:
    operations: list[tuple[str, Any]] = [("arm", random.choice([1.0, 2.0])) for _ in range(count)]
    doomed = random.sample(range(count), count * 3 // 4)
    operations += [("cancel", number) for number in doomed]
    operations += [("run", 0.5)] + [("arm", 1.5) for _ in range(9)]
    logs = []
    for library in LIBRARIES:
        side = Side(library)
        logs.append(do(side, operations))
        side.close()
    assert logs[0] == logs[1]


@given(st.lists(st.floats(0, 50), max_size=40))
def test_timers_run_in_the_order_of_their_times(delays: list[float]) -> None:
    loop = virtual_miniloop()
    ran: list[float] = []
    for delay in delays:
        loop.call_at(delay, lambda delay=delay: ran.append(delay))
    loop.call_at(60, loop.stop)
    loop.run_forever()
    assert ran == sorted(delays)
    loop.close()


@pytest.mark.parametrize("count", [101, 1000])
def test_a_heap_that_is_mostly_cancelled_is_rebuilt(loop: EventLoop, count: int) -> None:
    kept = [loop.call_later(1000, print) for _ in range(count // 3)]
    doomed = [loop.call_later(1000, print) for _ in range(count - len(kept))]
    for timer in doomed:
        timer.cancel()
    assert len(loop.timers.heap) == count
    turn(loop)
    assert len(loop.timers.heap) == len(kept)
    assert loop.timers.cancelled == 0
    # One that left the heap with the rebuild is not counted when it is cancelled again.
    doomed[0].cancel()
    assert loop.timers.cancelled == 0


def test_a_small_heap_is_not_rebuilt_but_its_top_is_cleared(loop: EventLoop) -> None:
    last = loop.call_later(99, print)
    doomed = [loop.call_later(delay, print) for delay in range(1, 50)]
    later = loop.call_later(1000, print)
    for timer in [*doomed, later]:
        timer.cancel()
    turn(loop)
    assert [timer for _, timer in loop.timers.heap] == [last, later]
    assert loop.timers.cancelled == 1


def test_a_server_that_arms_a_timeout_per_request_does_not_grow(loop: EventLoop) -> None:
    largest = 0

    async def serve() -> None:
        nonlocal largest
        for _ in range(2000):
            timer = loop.call_later(1000, print)
            await miniloop.sleep(0)
            timer.cancel()
            largest = max(largest, len(loop.timers.heap))

    loop.run_until_complete(serve())
    assert largest <= 210


@pytest.mark.parametrize("library", LIBRARIES, ids=repr)
def test_the_arguments_of_a_cancelled_timer_are_freed_at_once(library: Library) -> None:
    class Large:
        pass

    side = Side(library)
    held = Large()
    gone = weakref.ref(held)
    timer = side.loop.call_later(1000, print, held)
    del held
    gc.disable()
    try:
        timer.cancel()
        assert gone() is None
    finally:
        gc.enable()
    side.close()


@pytest.mark.parametrize("library", LIBRARIES, ids=repr)
def test_the_count_survives_cancelling_while_ready_and_while_running(library: Library) -> None:
    side = Side(library)
    timers: list[Any] = []
    # The first one that runs cancels all, itself and those that are ready behind it included.
    timers += [
        side.loop.call_later(1, lambda: [timer.cancel() for timer in timers]) for _ in range(5)
    ]
    timers.append(side.loop.call_later(2, side.log.append, "never"))
    side.loop.call_later(3, side.loop.stop)
    side.loop.run_forever()
    assert side.log == []
    assert all(timer.cancelled() for timer in timers)
    if isinstance(side.loop, EventLoop):
        assert side.loop.timers.cancelled == 0
        assert not side.loop.timers.heap
    side.close()


def test_a_timer_made_by_hand_belongs_to_no_heap(loop: EventLoop) -> None:
    timer = TimerHandle(5, print, (), loop)
    timer.cancel()
    assert timer.cancelled()
    assert loop.timers.cancelled == 0


@given(st.lists(st.sampled_from([0.0, 1.0, 1.0, 2.0]), min_size=1, max_size=20))
def test_a_timer_due_now_runs_behind_what_was_ready(delays: list[float]) -> None:
    logs = []
    for library in LIBRARIES:
        side = Side(library)

        def again(number: int, side: Side = side) -> None:
            side.log.append(("timer", number))
            side.loop.call_soon(side.log.append, ("soon", number))
            side.loop.call_later(0, side.log.append, ("later", number))

        for number, delay in enumerate(delays):
            side.loop.call_later(delay, again, number)
            side.loop.call_soon(side.log.append, number)
        side.loop.call_later(5, side.loop.stop)
        side.loop.run_forever()
        logs.append(side.log)
        side.close()
    assert logs[0] == logs[1]


@pytest.mark.parametrize("library", LIBRARIES, ids=repr)
def test_a_negative_delay_is_due_at_once(library: Library) -> None:
    side = Side(library)
    side.loop.call_later(-5, side.log.append, "past")
    turn(side.loop)
    assert side.log == ["past"]
    side.close()


def test_the_longest_wait_is_a_day() -> None:
    waited: list[float | None] = []

    class Observer:
        def before_select(self, timeout: float | None) -> None:
            waited.append(timeout)

    loop = EventLoop(clock=lambda: 0.0, observer=Observer())
    loop.call_at(1e9, print)
    iterations = loop.iterations()
    assert next(iterations) == 24 * 3600
    iterations.close()
    assert waited[0] == 24 * 3600
    loop.close()
