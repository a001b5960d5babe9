"""The state that is rebuilt from a recording is the loop's own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniloop import EventLoop
from miniloop.study import Recorder
from miniloop.study.state import Player, State

from ..effort import effort
from ..sync.loops import VirtualSelector
from .programs import LOOPS, Act, Program, acts, record


def rebuilt(recorder: Recorder) -> State:
    """Return the state after all that was recorded so far."""
    player = Player(recorder.recording())
    return player.seek(len(player))


def check(recorder: Recorder, loop: Any) -> None:
    """Compare what is rebuilt with the loop itself, in the middle of a step."""
    state = rebuilt(recorder)
    queue = list(loop.ready)
    assert [entry.number for entry in state.ready] == [recorder._number_of(one) for one in queue]
    assert [entry.dropped for entry in state.ready] == [
        getattr(one, "_callback", True) is None for one in queue
    ]
    assert state.running is not None
    assert state.running.number == recorder.entry_n
    assert state.phase == "run"
    alive = {id(timer) for _, timer in loop.timers.heap if timer._callback is not None}
    assert set(state.timers) == {recorder._timers[one] for one in alive}
    heap = sorted(loop.timers.heap, key=lambda pair: pair[0])
    dues = [when for when, timer in heap if timer._callback is not None]
    assert [timer.when for timer in state.timers_in_order()] == [
        round(when - recorder.offset, 6) for when in dues
    ]
    watched = sum(
        handle is not None for key in loop._selector.get_map().values() for handle in key.data
    )
    assert sum(len(modes) for modes in state.fds.values()) == watched
    for task in asyncio.all_tasks(loop):
        told = state.tasks[recorder.names.label(recorder.names.task(task))]
        running = task is asyncio.current_task(loop)
        in_queue = any(one is task for one in queue)
        assert told.state == ("running" if running else "ready" if in_queue else "waiting")


@settings(max_examples=effort(200, 40))
@given(acts())
def test_the_state_after_the_last_event_is_the_loops_own(script: list[Act]) -> None:
    selector, recorder = VirtualSelector(), Recorder()
    loop = EventLoop(selector=selector, clock=lambda: selector.now, observer=recorder)
    program = Program(lambda: check(recorder, loop))
    loop.run_until_complete(program.main([*script, Act("look")]))
    loop.close()
    recording = recorder.recording()
    assert [event["n"] for event in recording.events] == list(range(1, recorder.n + 1))
    for event in recording.events:
        assert event.get("by", 0) < event["n"]
    state = rebuilt(recorder)
    assert not state.ready
    assert not state.timers
    assert all(task.state == "done" for task in state.tasks.values())


@settings(max_examples=effort(50, 10))
@given(acts(), st.lists(st.integers(0, 10_000), max_size=12))
def test_going_back_is_going_forward_reversed(script: list[Act], places: list[int]) -> None:
    selector, recorder = VirtualSelector(), Recorder()
    loop = EventLoop(selector=selector, clock=lambda: selector.now, observer=recorder)
    loop.run_until_complete(Program(lambda: None).main(script))
    loop.close()
    recording = recorder.recording()
    player = Player(recording)
    for place in places:
        n = place % (len(player) + 1)
        state = player.seek(n)
        plain = State()
        for event in recording.events[:n]:
            plain.apply(event)
        assert state == plain
        assert player.n == n


async def busy() -> None:
    async def turns() -> None:
        for _ in range(700):
            await asyncio.sleep(0)

    await asyncio.gather(*[turns() for _ in range(3)])


@pytest.mark.parametrize("loop", LOOPS)
def test_a_long_recording_can_be_gone_through_from_both_ends(loop: str) -> None:
    recording = record(busy, loop)
    player = Player(recording)
    forward = []
    while player.step():
        forward.append(player.n)
    assert len(forward) == sum(event["kind"] == "run" for event in recording.events)
    back = []
    while player.step(back=True):
        back.append(player.n)
    assert back == forward[::-1]
    assert player.n == 0
    assert player.state == State()
