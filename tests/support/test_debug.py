"""Debug mode: what it notices, and that it points at the program's own lines."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import miniloop
from miniloop.eventloop import EventLoop

from ..core.pairs import LIBRARIES, Library, Side, settle, turn


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def spend(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loop(clock: Clock) -> Iterator[EventLoop]:
    made = EventLoop(clock=clock)
    made.set_debug(True)
    yield made
    made.close()


async def nothing() -> None:
    """Return at once."""


class TestSlow:
    def messages(self, caplog: pytest.LogCaptureFixture) -> list[str]:
        return [each.message for each in caplog.records if each.levelno == logging.WARNING]

    def test_a_slow_callback_is_named(
        self, loop: EventLoop, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        loop.call_soon(clock.spend, 0.25)
        loop.call_soon(clock.spend, 0.05)
        turn(loop)
        [message] = self.messages(caplog)
        assert message.startswith("Executing <Handle Clock.spend(0.25)")
        assert message.endswith("took 0.250 seconds")

    def test_a_slow_step_names_its_task(
        self, loop: EventLoop, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def slow() -> None:
            clock.spend(1)
            await miniloop.sleep(0)

        loop.create_task(slow(), name="slowpoke")
        settle(loop)
        [message] = self.messages(caplog)
        assert message.startswith("Executing <Task pending name='slowpoke' coro=<TestSlow.")
        assert message.endswith("took 1.000 seconds")

    def test_what_is_slow_can_be_set(
        self, loop: EventLoop, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert loop.slow_callback_duration == 0.1
        loop.slow_callback_duration = 10
        loop.call_soon(clock.spend, 5)
        turn(loop)
        assert self.messages(caplog) == []
        loop.set_debug(False)
        loop.call_soon(clock.spend, 50)
        turn(loop)
        assert self.messages(caplog) == []

    def test_one_that_raises_is_timed_too(
        self, loop: EventLoop, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail() -> None:
            clock.spend(3)
            raise LookupError

        loop.set_exception_handler(lambda *_: None)
        loop.call_soon(fail)
        turn(loop)
        assert self.messages(caplog)[0].endswith("took 3.000 seconds")


def test_calls_from_another_thread_are_refused(loop: EventLoop) -> None:
    said: list[str] = []

    def elsewhere() -> None:
        calls: list[Callable[[], Any]] = [
            lambda: loop.call_soon(print),
            lambda: loop.call_later(1, print),
            lambda: loop.call_at(1, print),
        ]
        for call in calls:
            try:
                call()
            except RuntimeError as error:
                said.append(str(error))
        loop.call_soon_threadsafe(said.append, "threadsafe")

    async def main() -> None:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        await miniloop.sleep(0)

    loop.run_until_complete(main())
    words = "Non-thread-safe operation invoked on an event loop other than the current one"
    assert said == [words] * 3 + ["threadsafe"]


@pytest.mark.parametrize("library", LIBRARIES, ids=repr)
def test_futures_and_tasks_are_no_business_of_other_threads(library: Library) -> None:
    side = Side(library)
    side.loop.set_debug(True)
    future, cancelled, done = (side.loop.create_future() for _ in range(3))
    for pending in (future, cancelled):
        pending.add_done_callback(print)
    done.set_result(None)

    async def wait() -> None:
        await side.loop.create_future()

    def elsewhere() -> None:
        forgotten = nothing()
        calls: list[Callable[[], Any]] = [
            lambda: future.set_result(1),
            cancelled.cancel,
            lambda: done.add_done_callback(print),
            task.cancel,
            lambda: side.loop.create_task(forgotten),
        ]
        for call in calls:
            with pytest.raises(RuntimeError, match="Non-thread-safe operation"):
                call()
            side.log.append(None)
        forgotten.close()

    async def main() -> None:
        await side.names.sleep(0)
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    task = side.loop.create_task(wait())
    side.loop.run_until_complete(main())
    assert len(side.log) == 5
    gc.collect()  # the task that was refused
    side.close()


@pytest.mark.parametrize("library", LIBRARIES, ids=repr)
def test_a_closed_loop_lets_nobody_wait_who_would_never_run(library: Library) -> None:
    side = Side(library)
    future, lonely = side.loop.create_future(), side.loop.create_future()
    future.add_done_callback(print)
    side.loop.close()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        future.set_result(1)
    lonely.set_result(1)
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        lonely.add_done_callback(print)
    assert future.done()


@pytest.mark.parametrize("wrong", [nothing, 5], ids=["coroutine function", "number"])
def test_callbacks_that_would_never_run_are_refused_as_asyncio_does(wrong: Any) -> None:
    said: list[list[Any]] = []
    for library in LIBRARIES:
        side = Side(library)
        side.loop.set_debug(True)
        words: list[Any] = []
        for method, arguments in (
            ("call_soon", [wrong]),
            ("call_at", [1, wrong]),
            ("call_later", [1, wrong]),
            ("call_soon_threadsafe", [wrong]),
            ("run_in_executor", [None, wrong]),
        ):
            with pytest.raises(TypeError) as caught:
                getattr(side.loop, method)(*arguments)
            words.append(str(caught.value).split("<")[0])
        said.append(words)
        side.close()
    assert said[0] == said[1]


def test_a_coroutine_object_is_no_callback(loop: EventLoop) -> None:
    coro = nothing()
    with pytest.raises(TypeError, match=r"coroutines cannot be used with call_soon\(\)"):
        loop.call_soon(coro)  # type: ignore[arg-type]
    coro.close()


def here(call: Callable[[], Any]) -> Any:
    """Call *call*, one frame further from the test."""
    return call()


MAKERS: list[Callable[[EventLoop], Any]] = [
    lambda loop: loop.call_soon(print),  # made
    lambda loop: loop.call_later(1, print),  # made
    lambda loop: loop.call_at(1, print),  # made
    lambda loop: loop.call_soon_threadsafe(print),  # made
    lambda loop: loop.create_future(),  # made
    lambda loop: loop.create_task(nothing()),  # made
    lambda loop: miniloop.Future(loop=loop),  # made
    lambda loop: miniloop.Task(nothing(), loop=loop),  # made
    lambda loop: miniloop.Handle(print, (), loop),  # made
    lambda loop: miniloop.TimerHandle(1, print, (), loop),  # made
]


@pytest.mark.parametrize("number", range(len(MAKERS)))
def test_where_it_was_made_ends_at_the_callers_line(loop: EventLoop, number: int) -> None:
    made = here(lambda: MAKERS[number](loop))
    stack: traceback.StackSummary = made._source_traceback
    assert stack[-1].filename == __file__
    assert stack[-1].line is not None
    assert stack[-1].line.endswith("# made")
    assert [frame.name for frame in stack][-2:] == ["<lambda>"] * 2
    assert "here" in [frame.name for frame in stack]
    assert f"created at {__file__}:{stack[-1].lineno}" in repr(made)
    loop.stop()
    loop.run_forever()


def test_without_debug_mode_nothing_is_recorded(loop: EventLoop) -> None:
    loop.set_debug(False)
    for make in MAKERS:
        assert not make(loop)._source_traceback
    turn(loop)


def test_a_coroutine_that_was_never_awaited_says_where_it_was_made(loop: EventLoop) -> None:
    async def main() -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            forgotten: Any = nothing()  # forgotten
            del forgotten
        message = str(caught[0].message)
        assert "was never awaited" in message
        assert "Coroutine created at (most recent call last)" in message
        assert "# forgotten" in message

    before = sys.get_coroutine_origin_tracking_depth()
    loop.run_until_complete(main())
    assert sys.get_coroutine_origin_tracking_depth() == before


@pytest.mark.parametrize("library", LIBRARIES, ids=repr)
def test_it_can_be_switched_while_the_loop_runs(library: Library) -> None:
    side = Side(library)
    before = sys.get_coroutine_origin_tracking_depth()

    async def main() -> None:
        side.log.append(sys.get_coroutine_origin_tracking_depth())
        side.loop.set_debug(True)
        await side.names.sleep(0)
        side.log.append(sys.get_coroutine_origin_tracking_depth() > before)
        side.loop.set_debug(False)
        await side.names.sleep(0)
        side.log.append(sys.get_coroutine_origin_tracking_depth())

    side.loop.run_until_complete(main())
    assert side.log == [before, True, before]
    assert not side.loop.get_debug()
    side.close()


def test_a_coroutine_whose_coroutine_fails_points_to_the_callback(
    loop: EventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise LookupError

    loop.call_soon(fail)  # made here
    turn(loop)
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "Object created at (most recent call last):" in record.message
    assert "loop.call_soon(fail)  # made here" in record.message


def test_what_is_reported_in_a_callback_says_where_that_was_made(
    loop: EventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    loop.call_soon(loop.call_exception_handler, {"message": "reported"})  # made here
    turn(loop)
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "Handle created at (most recent call last):" in record.message
    assert "# made here" in record.message


def test_closing_is_logged(loop: EventLoop, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        loop.close()
    [message] = caplog.messages
    assert message.startswith("Close <EventLoop running=False")


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        ([], {}, False),
        (["-X", "dev"], {}, True),
        ([], {"PYTHONASYNCIODEBUG": "1"}, True),
        (["-E"], {"PYTHONASYNCIODEBUG": "1"}, False),
    ],
    ids=["plain", "dev", "variable", "ignored"],
)
def test_how_the_interpreter_switches_it_on(
    arguments: list[str], environment: dict[str, str], expected: bool
) -> None:
    program = (
        "import miniloop, asyncio\n"
        "loops = [miniloop.EventLoop(), asyncio.new_event_loop()]\n"
        "print(*[loop.get_debug() for loop in loops])\n"
        "[loop.close() for loop in loops]\n"
    )
    done = subprocess.run(
        [sys.executable, *arguments, "-c", program],
        env={**clean_environment(), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(expected)] * 2


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what switches debug mode on."""
    return {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
