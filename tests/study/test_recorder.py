"""What the recorder tells, on both libraries' loops: everything, in order, with its cause."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from typing import Any

import pytest
from hypothesis import given, settings

from miniloop import EventLoop
from miniloop.study import Recorder, Recording
from miniloop.study.asyncio_loop import AsyncioLoop

from ..effort import effort
from ..sync.loops import VirtualSelector
from .programs import LOOPS, Act, Program, acts, record

both = pytest.mark.parametrize("loop", LOOPS)


def of_kind(recording: Recording, *kinds: str, **wanted: Any) -> list[dict[str, Any]]:
    """Return the events of some kinds that have what is wanted."""
    return [
        event
        for event in recording.events
        if event["kind"] in kinds and all(event.get(key) == wanted[key] for key in wanted)
    ]


def causes(recording: Recording, event: dict[str, Any]) -> list[str]:
    """Return the kinds of the events that led to *event*, itself first."""
    kinds = [event["kind"]]
    while event.get("by"):
        event = recording.events[event["by"] - 1]
        kinds.append(event["kind"])
    return kinds


@both
def test_who_woke_a_task_is_followed_to_the_line_that_did_it(loop: str) -> None:
    async def main() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue()
        getter = asyncio.create_task(queue.get(), name="getter")
        await asyncio.sleep(0)
        queue.put_nowait(1)
        await getter

    recording = record(main, loop)
    [wake] = of_kind(recording, "wake", task="getter")
    assert causes(recording, wake)[:4] == ["wake", "future_set", "run", "add"]
    line = main.__code__.co_firstlineno + 4
    assert recording.events[wake["by"] - 1]["src"] == f"test_recorder.py:{line}"
    [suspend] = of_kind(recording, "suspend", task="getter")
    assert suspend["on"]["kind"] == "Queue"
    assert suspend["on"]["label"] == "Queue queue (get)" or "Queue" in suspend["on"]["label"]


@both
def test_a_sleeper_is_woken_by_its_timer(loop: str) -> None:
    async def main() -> None:
        await asyncio.sleep(0.001)

    recording = record(main, loop)
    [wake] = of_kind(recording, "wake", task="main")
    assert causes(recording, wake)[:5] == ["wake", "future_set", "run", "add", "timer_due"]
    [due] = of_kind(recording, "timer_due")
    [armed] = of_kind(recording, "timer_set", timer=due["timer"])
    assert armed["label"] == "sleep"
    assert armed["task"] == "main"
    assert of_kind(recording, "suspend", task="main")[0]["on"]["timer"] == due["timer"]
    # On a slow machine it is overdue by then.
    said = [
        event["why"].removesuffix(", and overdue") for event in of_kind(recording, "select_begin")
    ]
    assert f"timer {due['timer']} (sleep) is due first" in said


@both
def test_a_lock_names_who_holds_it(loop: str) -> None:
    async def holder(lock: asyncio.Lock) -> None:
        async with lock:
            await asyncio.sleep(0.001)

    async def main() -> None:
        lock = asyncio.Lock()
        await asyncio.gather(*[asyncio.create_task(holder(lock), name=name) for name in "ab"])

    [suspend] = [
        event for event in of_kind(record(main, loop), "suspend") if event["on"]["kind"] == "Lock"
    ]
    assert suspend["task"] == "b"
    assert suspend["on"]["label"] == "Lock lock"
    assert suspend["on"]["held_by"] == ["a"]


@both
def test_a_cancellation_is_requested_delivered_and_perhaps_swallowed(loop: str) -> None:
    async def deaf() -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def main() -> None:
        task = asyncio.create_task(deaf(), name="deaf")
        await asyncio.sleep(0)
        task.cancel("stop it")
        await task

    recording = record(main, loop)
    [request] = of_kind(recording, "cancel_request", task="deaf")
    assert request["from"] == "main"
    assert request["message"] == "'stop it'"
    [delivered] = of_kind(recording, "cancel_delivered", task="deaf")
    assert delivered["by"] == request["n"]
    [swallowed] = of_kind(recording, "cancel_swallowed", task="deaf")
    assert swallowed["n"] > delivered["n"]
    [ended] = of_kind(recording, "task_done", task="deaf")
    assert ended["outcome"] == "result"


@both
def test_an_exception_is_stored_and_retrieved_or_lost(
    loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def bad() -> None:
        raise ValueError("no good")

    async def main() -> None:
        seen = asyncio.create_task(bad(), name="seen")
        lost = asyncio.create_task(bad(), name="lost")
        await asyncio.wait([seen, lost])
        seen.exception()

    with caplog.at_level(logging.CRITICAL):
        recording = record(main, loop)
    stored = of_kind(recording, "exception_stored")
    assert [event["error"] for event in stored] == ["ValueError: no good"] * 2
    assert [event["task"] for event in of_kind(recording, "exception_retrieved")] == ["seen"]
    assert [event["task"] for event in of_kind(recording, "exception_lost")] == ["lost"]
    [report] = of_kind(recording, "report")
    assert report["message"] == "Task exception was never retrieved"


@both
def test_descriptors_are_watched_ready_and_left(loop: str) -> None:
    near, far = socket.socketpair()

    async def main() -> None:
        reader, writer = await asyncio.open_connection(sock=near)
        far.send(b"line\n")
        assert await reader.readline() == b"line\n"
        writer.close()
        await writer.wait_closed()

    recording = record(main, loop)
    far.close()
    numbers = {event["fd"] for event in of_kind(recording, "fd_add")}
    assert numbers == {1, 2}
    assert of_kind(recording, "fd_add", fd=1)[0]["label"] == "self-pipe"
    [ready] = of_kind(recording, "fd_ready", fd=2)
    [added] = of_kind(recording, "add", what="fd", fd=2)
    assert added["by"] == ready["n"]
    assert of_kind(recording, "fd_remove", fd=2, mode="r")


@both
def test_what_another_thread_adds_says_so(loop: str) -> None:
    async def main() -> None:
        running = asyncio.get_running_loop()
        done = running.create_future()
        thread = threading.Thread(
            target=running.call_soon_threadsafe, args=(done.set_result, 1), name="helper"
        )
        thread.start()
        await done
        thread.join()

    recording = record(main, loop)
    [added] = of_kind(recording, "add", why="threadsafe")
    assert added["thread"] == "helper"
    assert of_kind(recording, "run", entry=added["entry"])


@both
def test_a_callback_that_is_cancelled_in_the_queue_is_skipped(loop: str) -> None:
    async def main() -> None:
        running = asyncio.get_running_loop()
        handle = running.call_soon(print)
        running.call_later(1000, print).cancel()
        handle.cancel()
        await asyncio.sleep(0)

    recording = record(main, loop)
    [added] = of_kind(recording, "add", label="print")
    if loop == "miniloop":  # asyncio does not let one see it
        assert of_kind(recording, "drop", entry=added["entry"])
    skipped = of_kind(recording, "ran", entry=added["entry"])
    if skipped:  # asyncio takes no cancelled handle out to run it
        assert skipped[0].get("skipped", loop == "asyncio")
    assert len(of_kind(recording, "timer_cancel")) == 1


def test_a_cancelled_timer_may_still_come_into_the_queue_and_is_skipped() -> None:
    selector, recorder = VirtualSelector(), Recorder()
    loop = EventLoop(selector=selector, clock=lambda: selector.now, observer=recorder)
    loop.call_later(1, loop.stop)
    loop.call_later(1, print).cancel()
    loop.run_forever()
    loop.close()
    recording = recorder.recording()
    [added] = of_kind(recording, "add", label="a cancelled timer")
    assert of_kind(recording, "drop", entry=added["entry"])
    assert of_kind(recording, "ran", entry=added["entry"])[0]["skipped"]


@both
def test_an_eager_task_and_one_that_ends_at_once(loop: str) -> None:
    async def quick() -> int:
        return 7

    async def main() -> None:
        if hasattr(asyncio, "eager_task_factory"):
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        assert await asyncio.get_running_loop().create_task(quick()) == 7

    recording = record(main, loop)
    assert {event["task"] for event in of_kind(recording, "task_new")} >= {"main", "quick"}


def test_names_are_the_programs_or_the_functions() -> None:
    async def worker() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        first = asyncio.create_task(worker())
        second = asyncio.create_task(worker())
        third = asyncio.create_task(worker())
        third.set_name("late name")
        await asyncio.gather(first, second, third)

    recording = record(main)
    names = [event["task"] for event in of_kind(recording, "task_new")][:4]
    assert names == ["main", "worker", "worker#2", "late name"]
    turns = [event["task"] for event in of_kind(recording, "suspend") if event["task"] != "main"]
    assert turns == names[1:]


def test_beyond_the_limit_events_are_counted() -> None:
    async def main() -> None:
        for _ in range(1000):
            await asyncio.sleep(0)

    whole = record(main)
    part = record(main, limit=500)
    assert 0 < len(part.events) < len(whole.events)
    assert part.dropped == len(whole.events) - len(part.events)
    assert part.remarks == [f"{part.dropped} events at the end are missing: there were too many."]


def test_a_clock_may_begin_at_nought_and_count_in_whole_seconds() -> None:
    recorder = Recorder()
    loop = EventLoop(clock=lambda: 0, observer=recorder)
    near, far = socket.socketpair()
    far.send(b"x")
    loop.add_reader(near, loop.stop)
    # Entries are ready, so the poll in which the descriptor is found does not wait.
    tasks = [loop.create_task(asyncio.sleep(0)) for _ in range(3)]
    loop.run_forever()
    loop.remove_reader(near)
    loop.run_until_complete(asyncio.gather(*tasks))
    loop.close()
    near.close()
    far.close()
    recording = recorder.recording()
    polls = [event["it"] for event in of_kind(recording, "select_begin")]
    assert [event["it"] for event in of_kind(recording, "select_end")] == polls
    [ready] = of_kind(recording, "fd_ready")
    assert ready["it"] == polls[0] == 1
    assert of_kind(recording, "suspend")


def test_whoever_is_chosen_is_the_one_that_is_told_of() -> None:
    async def turns(name: str) -> None:
        for _ in range(4):
            chosen.append(name)
            await asyncio.sleep(0)

    chosen: list[str] = []
    recorder = Recorder()
    loop = EventLoop(observer=recorder, chooser=lambda entries: len(entries) - 1)
    tasks = [loop.create_task(turns(name), name=name) for name in "abc"]
    loop.run_until_complete(asyncio.wait(tasks))
    loop.close()
    recording = recorder.recording()
    labels = {event["n"]: event["label"] for event in of_kind(recording, "add")}
    runs = [event["entry"] for event in of_kind(recording, "run")]
    assert len(set(runs)) == len(runs)
    steps = [labels[entry] for entry in runs if labels[entry] in ("a", "b", "c")]
    for name in "abc":
        assert steps.count(name) == chosen.count(name) + 1
    assert steps[:3] == chosen[:3]


def test_nothing_is_kept_beyond_the_limit() -> None:
    recorder = Recorder(limit=50)
    loop = EventLoop(observer=recorder)

    async def main() -> None:
        for _ in range(300):
            await loop.create_task(asyncio.sleep(0))
        assert len(recorder.log) < 50

    loop.run_until_complete(main())
    loop.close()
    assert recorder.recording().dropped > 1000


def test_nothing_of_the_programs_is_kept_alive() -> None:
    import gc
    import weakref

    dead: list[Any] = []

    class Big:
        pass

    async def main() -> None:
        big = Big()
        task = asyncio.create_task(hold(big))
        dead.extend([weakref.ref(big), weakref.ref(task)])
        await task

    async def hold(big: Big) -> Big:
        await asyncio.sleep(0)
        return big

    recorder = Recorder()
    with asyncio.Runner(loop_factory=lambda: EventLoop(observer=recorder)) as runner:
        runner.run(main())
    gc.collect()
    assert [reference() for reference in dead] == [None, None]


def story(recording: Recording) -> list[tuple[Any, ...]]:
    """Return what both loops must do alike: what runs, and how each task fares."""
    kinds = ("run", "suspend", "task_new", "task_done", "cancel_request", "cancel_delivered")
    labels = {event["n"]: event["label"] for event in recording.events if event["kind"] == "add"}
    labels |= {n: "callback" for n, name in labels.items() if "." in name or name.startswith("_")}
    told: list[tuple[Any, ...]] = []
    for event in recording.events:
        if event["kind"] in kinds:
            on = event["on"]["kind"] if "on" in event else None
            told.append((event["kind"], event.get("task"), on, labels.get(event.get("entry", 0))))
    return told


@settings(max_examples=effort(150, 30))
@given(acts())
def test_both_loops_tell_the_same_story(script: list[Act]) -> None:
    stories = []
    for loop in LOOPS:
        selector, recorder = VirtualSelector(), Recorder()
        made: Any
        if loop == "miniloop":
            made = EventLoop(selector=selector, clock=lambda: selector.now, observer=recorder)  # noqa: B023
        else:
            made = virtual_asyncio(recorder, selector)
        made.run_until_complete(Program(lambda: None).main(script))
        made.close()
        recording = recorder.recording()
        for event in recording.events:
            assert event.get("by", 0) < event["n"]
        stories.append(story(recording))
    assert stories[0] == stories[1]


def virtual_asyncio(recorder: Recorder, selector: VirtualSelector) -> AsyncioLoop:
    """Return asyncio's loop on a virtual clock."""

    class Loop(AsyncioLoop):
        def time(self) -> float:
            return selector.now

    return Loop(recorder, selector)
