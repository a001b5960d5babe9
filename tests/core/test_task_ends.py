"""How tasks end: what is reported, what is freed, what stops the program."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import miniloop
from miniloop.core.tasks import Task
from miniloop.eventloop import EventLoop

from ..sync.loops import virtual_miniloop
from .pairs import LIBRARIES, Library, Side, settle, text, turn


class Failure(Exception):
    """What a weak reference can be made to."""


async def fail() -> None:
    """Raise after a turn."""
    await miniloop.sleep(0)
    raise Failure("lost")


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    made = virtual_miniloop()
    yield made
    made.close()


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Have nothing freed but by its reference count."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def kinds(library: Library) -> list[type]:
    """Return the task class of a library and a subclass of it."""

    class Mine(library.names.Task):  # type: ignore[misc, name-defined]
        pass

    return [library.names.Task, Mine]


LONG = "kinds.<locals>.Mine."  # what asyncio calls a subclass's own callback


def reported(library: Library, make: Any, debug: bool, kind: int) -> list[Any]:
    """Have a task made and dropped; return what the loop was told."""
    side = Side(library)
    side.loop.set_debug(debug)
    contexts: list[Any] = []

    def handler(_: Any, context: dict[str, Any]) -> None:
        subject = context["task"] if "task" in context else context["future"]
        contexts.append(
            (
                sorted(context),
                # Whether the coroutine is finalised first is up to the collector.
                re.sub(r"coro=<.*?> ", "", text(subject).replace(LONG, "Task.")),
                context["message"].split("\n")[0],
                text(context.get("exception")),
                type(subject).__name__,
            )
        )

    side.loop.set_exception_handler(handler)
    make(side, kinds(library)[kind])
    gc.collect()
    side.close()
    return contexts


@pytest.mark.parametrize("kind", [0, 1], ids=["Task", "subclass"])
@pytest.mark.parametrize("debug", [False, True])
class TestReports:
    def test_destroyed_but_pending(self, debug: bool, kind: int) -> None:
        def make(side: Side, task_class: Any) -> None:
            async def wait() -> None:
                await side.names.Future(loop=side.loop)

            task = task_class(wait(), loop=side.loop, name="lost")
            turn(side.loop)
            assert task._log_destroy_pending
            assert task in side.names.all_tasks(side.loop)

        theirs, ours = (reported(library, make, debug, kind) for library in LIBRARIES)
        assert ours == theirs
        assert ours[0][2] == "Task was destroyed but it is pending!"

    def test_never_retrieved(self, debug: bool, kind: int) -> None:
        def make(side: Side, task_class: Any) -> None:
            task = task_class(fail(), loop=side.loop, name="lost")
            settle(side.loop)
            assert task.done()

        theirs, ours = (reported(library, make, debug, kind) for library in LIBRARIES)
        assert ours == theirs
        assert ours[0][2].endswith("exception was never retrieved")

    def test_seen_is_not_reported(self, debug: bool, kind: int) -> None:
        def make(side: Side, task_class: Any) -> None:
            tasks = [task_class(fail(), loop=side.loop) for _ in range(2)]
            settle(side.loop)
            assert isinstance(tasks[0].exception(), Failure)
            tasks[1]._log_traceback = False

        assert [reported(library, make, debug, kind) for library in LIBRARIES] == [[], []]


def test_a_report_can_be_switched_off(loop: EventLoop) -> None:
    async def wait() -> None:
        await loop.create_future()

    task = loop.create_task(wait())
    turn(loop)
    task._log_destroy_pending = False
    del task
    gc.collect()
    assert not miniloop.all_tasks(loop)


def test_the_log_says_where_a_lost_task_was_made(
    loop: EventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    loop.set_debug(True)

    async def wait() -> None:
        await loop.create_future()

    def make() -> None:
        loop.create_task(wait(), name="lost")  # this line

    make()
    turn(loop)
    with caplog.at_level(logging.ERROR):
        gc.collect()
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "Task was destroyed but it is pending!" in record.message
    created = record.message.partition("Object created at (most recent call last):")[2]
    assert 'loop.create_task(wait(), name="lost")  # this line' in created
    assert "in make" in created


@pytest.mark.usefixtures("no_collector")
class TestNoCycles:
    @pytest.mark.parametrize("kind", [0, 1], ids=["Task", "subclass"])
    @pytest.mark.parametrize("library", LIBRARIES, ids=repr)
    def test_a_failed_task_dies_with_its_last_reference(self, library: Library, kind: int) -> None:
        """Ours on our loop, and on asyncio's."""
        side = Side(library)
        task_class = kinds(LIBRARIES[1])[kind]
        task = task_class(fail(), loop=side.loop)
        settle(side.loop)
        error = weakref.ref(task.exception())
        gone = weakref.ref(task)
        del task
        assert gone() is None
        assert error() is None
        side.close()

    def test_so_does_one_that_was_awaited(self, loop: EventLoop) -> None:
        async def main() -> Any:
            task = loop.create_task(fail())
            gone = weakref.ref(task)
            try:
                await task
            except Failure as error:
                del task  # the exception's traceback holds this frame
                return gone, weakref.ref(error)

        task, error = loop.run_until_complete(main())
        assert task() is None
        assert error() is None

    def test_and_one_that_was_cancelled(self, loop: EventLoop) -> None:
        async def main() -> Any:
            task = loop.create_task(miniloop.sleep(1000))
            await miniloop.sleep(0)
            task.cancel("why")
            gone = weakref.ref(task)
            try:
                await task
            except asyncio.CancelledError as error:
                del task
                return gone, weakref.ref(error)

        task, error = loop.run_until_complete(main())
        assert task() is None
        assert error() is None

    def test_what_a_finished_task_held(self, loop: EventLoop) -> None:
        class Large:
            pass

        held = Large()
        gone = weakref.ref(held)

        async def use(large: Large) -> None:
            await miniloop.sleep(0)

        task = loop.create_task(use(held))
        del held
        loop.run_until_complete(task)
        assert gone() is None
        assert task.done()

    def test_nothing_lives_on_while_the_loop_waits(self, loop: EventLoop) -> None:
        class Large:
            pass

        gone: list[Any] = []

        def callback(large: Large) -> None:
            gone.append(weakref.ref(large))

        loop.call_soon(callback, Large())
        loop.call_later(5, lambda: gone.append(gone[0]() is None))
        loop.call_later(6, loop.stop)
        loop.run_forever()
        assert gone[1] is True


@pytest.mark.parametrize("stopper", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("library", LIBRARIES, ids=repr)
class TestStoppers:
    def test_from_a_callback_the_rest_of_the_batch_stays_queued(
        self, library: Library, stopper: type[BaseException]
    ) -> None:
        side = Side(library)

        def stop() -> None:
            raise stopper

        side.loop.call_soon(side.log.append, 1)
        side.loop.call_soon(stop)
        side.loop.call_soon(side.log.append, 2)
        with pytest.raises(stopper):
            side.loop.run_forever()
        assert side.log == [1]
        assert not side.loop.is_running()
        turn(side.loop)
        assert side.log == [1, 2]
        side.close()

    def test_from_a_task_too_and_the_task_has_it(
        self, library: Library, stopper: type[BaseException]
    ) -> None:
        side = Side(library)

        async def stop() -> None:
            await side.names.sleep(0)
            raise stopper

        task = side.loop.create_task(stop())
        turn(side.loop)
        side.loop.call_soon(side.log.append, side.names.current_task(side.loop))
        with pytest.raises(stopper):
            side.loop.run_forever()
        assert side.log == []
        assert side.names.current_task(side.loop) is None
        assert type(task.exception()) is stopper
        assert side.loop.run_until_complete(side.names.sleep(0, "runs again")) == "runs again"
        assert side.log == [None]
        assert side.reports == []
        side.close()

    def test_run_until_complete_raises_it(
        self, library: Library, stopper: type[BaseException]
    ) -> None:
        side = Side(library)

        async def stop() -> None:
            raise stopper

        with pytest.raises(stopper):
            side.loop.run_until_complete(stop())
        turn(side.loop)
        gc.collect()
        assert side.reports == []
        side.close()


def test_a_result_set_behind_the_tasks_back_is_reported(loop: EventLoop) -> None:
    said: list[str] = []
    loop.set_exception_handler(lambda _, context: said.append(context["message"]))
    task: Any = loop.create_task(miniloop.sleep(0))
    turn(loop)
    miniloop.Future.set_result(task, "forced")
    settle(loop)
    assert task.result() == "forced"
    assert len(said) == 1
    assert said[0].startswith("step(): already done: <Task finished")


def test_tasks_are_held_weakly_and_forgotten_when_done(loop: EventLoop) -> None:
    task = loop.create_task(miniloop.sleep(0))
    assert miniloop.all_tasks(loop) == {task}
    loop.run_until_complete(task)
    assert miniloop.all_tasks(loop) == set()
    assert asyncio.all_tasks(loop) == set()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio has no eager tasks here")
def test_an_eager_task_is_found_by_either_library(loop: EventLoop) -> None:
    seen: list[bool] = []

    async def child() -> None:
        seen.append(miniloop.current_task() in asyncio.all_tasks())
        seen.append(asyncio.current_task() in miniloop.all_tasks())

    async def main() -> None:
        Task(child(), loop=loop, eager_start=True)

    loop.run_until_complete(main())
    assert seen == [True, True]
