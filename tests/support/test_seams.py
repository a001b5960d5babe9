"""The four seams: selector, clock, chooser and observer."""

from __future__ import annotations

import logging
import selectors
import socket
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import miniloop
from miniloop.eventloop import EventLoop

from ..core.pairs import turn
from ..sync.loops import VirtualSelector


class Recorder:
    """An observer that writes everything down."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def before_select(self, timeout: float | None) -> None:
        self.events.append(("select", timeout))

    def before_run(self, count: int) -> None:
        self.events.append(("run", count))

    def entry_added(self, entry: Any) -> None:
        self.events.append(("added", name_of(entry)))

    def before_entry(self, entry: Any) -> None:
        self.events.append(("before", name_of(entry)))

    def after_entry(self, entry: Any, seconds: float) -> None:
        self.events.append(("after", name_of(entry), seconds))


def name_of(entry: Any) -> Any:
    """Return what an entry is called: a task by its name, a handle by its argument."""
    if hasattr(entry, "get_name"):
        return entry.get_name()
    return entry._args[0] if entry._args else entry._callback.__name__


def virtual(**seams: Any) -> EventLoop:
    """Return a loop on a virtual clock, with *seams*."""
    selector = VirtualSelector()
    return EventLoop(selector=selector, clock=lambda: selector.now, **seams)


def test_by_default_nobody_stands_in_the_way() -> None:
    loop = EventLoop()
    assert loop._watch is None
    assert type(loop.ready).__name__ == "deque"
    loop.set_debug(True)
    assert loop._watch is not None
    loop.set_debug(False)
    assert loop._watch is None
    loop.close()


class TestObserver:
    def test_it_is_told_everything_in_order(self) -> None:
        recorder = Recorder()
        loop = virtual(observer=recorder)

        async def main() -> None:
            await miniloop.sleep(0)

        loop.call_soon(int, 1)
        loop.call_later(1.5, int, 3)
        loop.create_task(main(), name="task")
        turn(loop)
        turn(loop)
        loop.call_later(2, loop.stop)
        loop.run_forever()
        loop.close()
        expected: list[Any] = [("added", 1), ("added", "task")]
        expected += [("select", 0), ("run", 2), ("before", 1), ("after", 1, 0.0)]
        expected += [("before", "task"), ("added", "task"), ("after", "task", 0.0)]
        expected += [("select", 0), ("run", 1), ("before", "task"), ("after", "task", 0.0)]
        expected += [("select", 1.5), ("added", 3), ("run", 1), ("before", 3), ("after", 3, 0.0)]
        expected += [("select", 0.5), ("added", "stop"), ("run", 1)]
        expected += [("before", "stop"), ("after", "stop", 0.0)]
        assert recorder.events == expected

    @given(st.lists(st.sampled_from(["soon", "later", "task"]), max_size=20))
    def test_what_runs_was_added_and_what_begins_ends(self, kinds: list[str]) -> None:
        recorder = Recorder()
        loop = virtual(observer=recorder)

        async def main() -> None:
            await miniloop.sleep(0)

        for number, kind in enumerate(kinds):
            if kind == "soon":
                loop.call_soon(int, number)
            elif kind == "later":
                loop.call_later(number % 3, int, number)
            else:
                loop.create_task(main(), name=str(number))
        loop.call_later(5, loop.stop)
        loop.run_forever()
        loop.close()
        names = [
            [event[1] for event in recorder.events if event[0] == what]
            for what in ("added", "before", "after")
        ]
        assert names[0] == names[1] == names[2]
        runs = sum(event[1] for event in recorder.events if event[0] == "run")
        assert runs == len(names[0])

    def test_it_needs_no_method_at_all(self) -> None:
        loop = virtual(observer=object())
        loop.call_soon(int)
        turn(loop)
        loop.close()

    @pytest.mark.parametrize(
        "method", ["before_select", "before_run", "entry_added", "before_entry", "after_entry"]
    )
    def test_one_that_raises_is_logged_and_detached(
        self, method: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        calls: list[str] = []

        class Broken:
            def __getattr__(self, name: str) -> Any:
                if name.startswith("_"):
                    raise AttributeError(name)

                def told(*args: Any) -> None:
                    calls.append(name)
                    if name == method:
                        raise LookupError(name)

                return told

        loop = virtual(observer=Broken())
        ran: list[int] = []
        with caplog.at_level(logging.ERROR):
            for _ in range(3):
                loop.call_soon(ran.append, 1)
                turn(loop)
        assert ran == [1, 1, 1]
        assert calls.count(method) == 1
        [record] = caplog.records
        assert record.message == f"Observer failed in {method}() and was detached"
        assert record.exc_info is not None
        loop.close()

    def test_what_must_stop_the_program_stops_it(self) -> None:
        class Stopper:
            def before_entry(self, entry: Any) -> None:
                raise KeyboardInterrupt

        loop = virtual(observer=Stopper())
        loop.call_soon(int)
        with pytest.raises(KeyboardInterrupt):
            loop.run_forever()
        loop.close()


def play(chooser: Callable[[list[Any]], int] | None) -> list[Any]:
    """Run a few tasks and callbacks; return in which order their steps came."""
    log: list[Any] = []
    loop = virtual(chooser=chooser)

    async def task(name: str) -> None:
        for number in range(3):
            log.append((name, number))
            await miniloop.sleep(0)

    tasks = [loop.create_task(task(name), name=name) for name in "abc"]
    for number in range(3):
        loop.call_soon(log.append, number)
    loop.run_until_complete(miniloop.wait_for(miniloop.gather(*tasks), 10))
    loop.close()
    return log


class TestChooser:
    def test_the_oldest_first_is_the_order_without_one(self) -> None:
        assert play(lambda entries: 0) == play(None)

    def test_the_newest_first_turns_each_batch_around(self) -> None:
        log: list[int] = []
        loop = virtual(chooser=lambda entries: len(entries) - 1)

        def run(number: int) -> None:
            log.append(number)
            loop.call_soon(log.append, number + 10)

        for number in range(4):
            loop.call_soon(run, number)

        turn(loop)
        assert log == [3, 2, 1, 0]
        turn(loop)
        # What was added in that order is turned around once more.
        assert log[4:] == [10, 11, 12, 13]
        loop.close()

    @given(st.randoms(use_true_random=False))
    def test_whatever_it_picks_everything_runs_once_and_each_task_in_order(
        self, random: Any
    ) -> None:
        log = play(lambda entries: random.randrange(len(entries)))
        assert sorted(map(str, log)) == sorted(map(str, play(None)))
        for name in "abc":
            assert [each for each in log if isinstance(each, tuple) and each[0] == name] == [
                (name, number) for number in range(3)
            ]

    def test_it_sees_exactly_what_is_left_of_the_batch_oldest_first(self) -> None:
        seen: list[list[Any]] = []

        def chooser(entries: list[Any]) -> int:
            seen.append([name_of(entry) for entry in entries])
            return 1

        loop = virtual(chooser=chooser)
        for number in range(4):
            loop.call_soon(lambda n: loop.call_soon(int, n + 10), number)
        turn(loop)
        assert seen == [[0, 1, 2, 3], [0, 2, 3], [0, 3]]
        loop.close()

    @pytest.mark.parametrize("index", [-1, 3, 100])
    def test_an_index_out_of_range_is_a_clear_error_and_nothing_is_lost(self, index: int) -> None:
        ran: list[int] = []
        picks = [index]
        loop = virtual(chooser=lambda entries: picks.pop() if picks else 0)
        for number in range(3):
            loop.call_soon(ran.append, number)
        with pytest.raises(ValueError, match=f"the chooser picked {index} of 3 entries"):
            loop.run_forever()
        assert ran == []
        turn(loop)
        assert ran == [0, 1, 2]
        loop.close()

    def test_one_that_raises_ends_the_run_and_nothing_is_lost(self) -> None:
        ran: list[int] = []
        broken = True

        def chooser(entries: list[Any]) -> int:
            if broken:
                raise LookupError("no idea")
            return 0

        loop = virtual(chooser=chooser)
        for number in range(3):
            loop.call_soon(ran.append, number)
        with pytest.raises(LookupError):
            loop.run_forever()
        broken = False
        turn(loop)
        assert ran == [0, 1, 2]
        loop.close()


class TestSelectorAndClock:
    def test_a_day_passes_in_no_time(self) -> None:
        loop = virtual()
        log: list[float] = []

        async def main() -> None:
            await miniloop.sleep(24 * 3600 + 1)
            log.append(loop.time())

        loop.run_until_complete(main())
        assert log == [24 * 3600 + 1]
        loop.close()

    def test_the_loop_closes_the_selector_it_was_given(self) -> None:
        class Mine(selectors.DefaultSelector):
            closed = False

            def close(self) -> None:
                self.closed = True
                super().close()

        mine = Mine()
        EventLoop(selector=mine).close()
        assert mine.closed

    @pytest.mark.parametrize(
        "make",
        [
            getattr(selectors, name)
            for name in ("SelectSelector", "PollSelector", "EpollSelector", "KqueueSelector")
            if hasattr(selectors, name)
        ],
    )
    def test_every_selector_of_the_platform_serves(self, make: Any) -> None:
        loop = EventLoop(selector=make())
        near, far = socket.socketpair()
        far.send(b"x")
        loop.add_reader(near, loop.stop)
        loop.run_forever()
        loop.remove_reader(near)
        near.close()
        far.close()
        loop.close()

    def test_a_subclass_may_have_a_clock_of_its_own(self) -> None:
        class Late(EventLoop):
            def time(self) -> float:
                return 1000.0

        loop = Late()
        assert loop.call_later(5, print).when() == 1005
        loop.call_at(999, loop.stop)
        loop.run_forever()
        loop.close()

    def test_a_clock_that_stands_still_starves_nobody(self) -> None:
        loop = EventLoop(clock=lambda: 0.0)
        log: list[int] = []
        loop.call_later(0, log.append, 1)
        loop.call_at(0, log.append, 2)
        turn(loop)
        assert log == [1, 2]
        loop.close()
