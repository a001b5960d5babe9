"""Tasks: names, contexts, stacks, who is current, eager starts, other libraries' loops."""

from __future__ import annotations

import asyncio
import contextvars
import io
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

import miniloop
from miniloop.core.tasks import Task
from miniloop.eventloop import EventLoop

from ..sync.loops import virtual_miniloop
from .pairs import LIBRARIES, Library, Side, settle, text, turn

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    made = virtual_miniloop()
    yield made
    made.close()


async def nothing() -> None:
    """Return at once."""


def test_every_public_name_of_asyncios_is_there() -> None:
    assert not {name for name in dir(asyncio.Task) if name[:1] != "_"} - set(dir(Task))


def test_a_task_is_a_future_of_this_loop(loop: EventLoop) -> None:
    task = loop.create_task(nothing())
    assert type(task) is Task
    assert isinstance(task, miniloop.Future)
    assert task.get_loop() is loop
    assert asyncio.isfuture(task)
    loop.run_until_complete(task)


def test_names() -> None:
    shown = []
    for library in LIBRARIES:
        side = Side(library)
        tasks = [
            library.names.Task(nothing(), loop=side.loop, name=name) for name in ("given", 5, None)
        ]
        tasks[0].set_name(("a", 1))
        shown.append([text(task.get_name()) for task in tasks])
        settle(side.loop)
        side.close()
    assert shown[0] == shown[1]
    assert shown[1][2] == "'Task-N'"


def test_unnamed_tasks_are_numbered_in_the_order_of_their_making(loop: EventLoop) -> None:
    tasks = [loop.create_task(nothing()) for _ in range(3)]
    numbers = [int(task.get_name().removeprefix("Task-")) for task in reversed(tasks)]
    assert numbers == [numbers[2] + 2, numbers[2] + 1, numbers[2]]
    settle(loop)


@pytest.mark.parametrize("library", LIBRARIES, ids=repr)
def test_a_task_runs_in_its_context(library: Library) -> None:
    side = Side(library)
    given = contextvars.copy_context()

    async def set_it(value: str) -> str:
        before = variable.get()
        variable.set(value)
        await side.names.sleep(0)
        return before + " " + variable.get()

    def make() -> list[Any]:
        variable.set("outside")
        return [
            side.loop.create_task(set_it("own")),
            side.loop.create_task(set_it("shared"), context=given),
        ]

    tasks = contextvars.copy_context().run(make)
    settle(side.loop)
    assert [task.result() for task in tasks] == ["outside own", "unset shared"]
    assert variable.get() == "unset"
    assert given[variable] == "shared"
    side.close()


def test_a_task_gives_its_context_out(loop: EventLoop) -> None:
    given = contextvars.copy_context()
    task = loop.create_task(nothing(), context=given)
    assert task.get_context() is given
    settle(loop)


@pytest.mark.parametrize(
    "wrong", [5, None, "text", nothing, object()], ids=lambda value: type(value).__name__
)
def test_what_cannot_be_run_is_refused(loop: EventLoop, wrong: Any) -> None:
    with pytest.raises(TypeError, match="a coroutine was expected, got"):
        loop.create_task(wrong)
    with pytest.raises(TypeError, match="a coroutine was expected, got"):
        Task(wrong, loop=loop)
    with pytest.raises(TypeError, match="a coroutine was expected, got"):
        loop.create_task(loop.create_future())


class TestStack:
    """What `get_stack` and `print_stack` say, on both libraries."""

    def stacks(self, library: Library, waiting: bool) -> list[Any]:
        side = Side(library)

        async def inner(future: Any) -> None:
            await future
            raise LookupError("inner")

        async def outer(future: Any) -> None:
            await inner(future)

        future = side.loop.create_future()
        task = side.loop.create_task(outer(future), name="named")
        turn(side.loop)
        if not waiting:
            future.set_result(None)
            settle(side.loop)
        printed = [self.printed(task, limit) for limit in (None, 1)]
        frames = [
            [frame.f_code.co_name for frame in task.get_stack(limit=limit)] for limit in (None, 1)
        ]
        if waiting:
            task.cancel()
            settle(side.loop)
        else:
            assert isinstance(task.exception(), LookupError)
        printed.append(self.printed(side.loop.create_task(nothing(), name="fresh"), 1))
        settle(side.loop)
        side.close()
        return [printed, frames]

    def printed(self, task: Any, limit: int | None) -> str:
        file = io.StringIO()
        task.print_stack(limit=limit, file=file)
        return text(file.getvalue())

    @pytest.mark.parametrize("waiting", [True, False])
    def test_it_is_what_asyncio_says(self, waiting: bool) -> None:
        theirs, ours = (self.stacks(library, waiting) for library in LIBRARIES)
        assert ours == theirs
        assert ours[1][0] == (["outer"] if waiting else ["outer", "inner"])

    def test_a_task_that_is_over_has_no_stack(self, loop: EventLoop) -> None:
        task = loop.create_task(nothing())
        turn(loop)
        assert task.get_stack() == []
        assert self.printed(task, None).startswith("\"No stack for <Task finished name='Task-")


@pytest.mark.parametrize("library", LIBRARIES, ids=repr)
def test_nobody_is_current_between_the_steps(library: Library) -> None:
    side = Side(library)
    names, loop, log = side.names, side.loop, side.log

    async def main() -> None:
        me = names.current_task()
        log.append(me is task)
        loop.call_soon(lambda: log.append(names.current_task()))
        loop.call_later(0, lambda: log.append(names.current_task()))
        future = loop.create_future()
        future.add_done_callback(lambda _: log.append(names.current_task()))
        future.set_result(None)
        await names.sleep(0)
        await names.sleep(0)
        log.append(names.current_task() is me)
        log.append(asyncio.current_task() is miniloop.current_task())

    task = loop.create_task(main())
    settle(loop)
    assert log == [True, None, None, None, True, True]
    assert names.current_task(loop) is None
    with pytest.raises(RuntimeError, match="no running event loop"):
        names.current_task()
    side.close()


def test_awaiting_oneself_is_told_to_the_one_who_does_it() -> None:
    said = []
    for library in LIBRARIES:
        side = Side(library)

        async def main(side: Side = side) -> None:
            await side.names.current_task()

        task = side.loop.create_task(main())
        settle(side.loop)
        error = task.exception()
        assert isinstance(error, RuntimeError)
        said.append(str(error).split("<")[0])
        side.close()
    assert said[0] == said[1] == "Task cannot await on itself: "


def test_a_future_of_another_loop_is_refused(loop: EventLoop) -> None:
    said = []
    for library in LIBRARIES:
        side = Side(library)
        strangers: list[Any] = [loop.create_future(), asyncio.Future(loop=loop)]
        for stranger in strangers:

            async def main(stranger: Any = stranger) -> None:
                await stranger

            task = side.loop.create_task(main())
            settle(side.loop)
            said.append(str(task.exception()).split(" got ")[1].split("> ")[-1])
        side.close()
    assert set(said) == {"attached to a different loop"}


@pytest.mark.parametrize(
    ("task", "future", "host"), list(itertools.product(LIBRARIES, repeat=3)), ids=repr
)
def test_any_task_awaits_any_future_on_any_loop(
    task: Library, future: Library, host: Library
) -> None:
    side = Side(host)
    loop = side.loop

    async def wait(one: Any) -> Any:
        side.log.append(asyncio.current_task() is miniloop.current_task())
        try:
            return await one
        except (LookupError, asyncio.CancelledError) as error:
            return type(error), error.args

    futures = [future.names.Future(loop=loop) for _ in range(4)]
    tasks = [task.names.Task(wait(each), loop=loop) for each in futures]
    for each in tasks:
        assert each.get_loop() is loop
        assert each in asyncio.all_tasks(loop)
        assert each in miniloop.all_tasks(loop)
    turn(loop)
    futures[0].set_result("result")
    futures[1].set_exception(LookupError("failed"))
    futures[2].cancel("future cancelled")
    tasks[3].cancel("task cancelled")
    settle(loop)
    assert [each.result() for each in tasks] == [
        "result",
        (LookupError, ("failed",)),
        (asyncio.CancelledError, ("future cancelled",)),
        (asyncio.CancelledError, ("task cancelled",)),
    ]
    assert futures[3].cancelled()
    assert side.log == [True] * 4
    assert not asyncio.all_tasks(loop)
    side.close()


class TestEager:
    def test_the_first_step_runs_inside_the_one_who_makes_it(self, loop: EventLoop) -> None:
        log: list[Any] = []

        async def child() -> str:
            log.append(("child", miniloop.current_task() in miniloop.all_tasks()))
            variable.set("changed")
            await miniloop.sleep(0)
            log.append("child again")
            return "done"

        async def main() -> None:
            me = miniloop.current_task()
            task: Any = Task(child(), loop=loop, eager_start=True)
            log.append(("main", miniloop.current_task() is me, task.done(), variable.get()))
            assert await task == "done"

        loop.run_until_complete(main())
        assert log == [("child", True), ("main", True, False, "unset"), "child again"]

    def test_one_that_needs_no_turn_is_done_at_once(self, loop: EventLoop) -> None:
        async def fails() -> None:
            raise LookupError

        async def main() -> None:
            assert Task(nothing(), loop=loop, eager_start=True).done()
            failed: Any = Task(fails(), loop=loop, eager_start=True)
            assert isinstance(failed.exception(), LookupError)
            assert loop.create_task(nothing(), eager_start=True).done()
            assert len(miniloop.all_tasks()) == 1

        loop.run_until_complete(main())

    def test_outside_a_running_loop_it_is_an_ordinary_start(self, loop: EventLoop) -> None:
        task: Any = Task(nothing(), loop=loop, eager_start=True)
        assert not task.done()
        loop.run_until_complete(task)

    @pytest.mark.parametrize("library", LIBRARIES, ids=repr)
    def test_by_factory_on_either_loop(self, library: Library) -> None:
        side = Side(library)
        side.loop.set_task_factory(miniloop.eager_task_factory)

        async def child() -> None:
            side.log.append("child")

        async def main() -> None:
            task = miniloop.create_task(child(), name="named")
            side.log.append((task.done(), task.get_name(), type(task)))

        side.loop.run_until_complete(main())
        assert side.log == ["child", (True, "named", Task)]
        side.close()

    def test_a_constructor_of_ones_own(self, loop: EventLoop) -> None:
        class Mine(Task[Any]):
            pass

        loop.set_task_factory(miniloop.create_eager_task_factory(Mine))

        async def main() -> Any:
            return loop.create_task(nothing())

        task = loop.run_until_complete(main())
        assert type(task) is Mine
        assert task.done()


class TestFactory:
    def test_it_makes_every_task_and_gets_what_was_given(self, loop: EventLoop) -> None:
        made: list[Any] = []

        def factory(loop: Any, coro: Any, **options: Any) -> Any:
            made.append(options)
            return asyncio.Task(coro, loop=loop, **options)

        loop.set_task_factory(factory)
        assert loop.get_task_factory() is factory
        context = contextvars.copy_context()
        first = loop.create_task(nothing(), name="named")
        second = loop.create_task(nothing(), context=context)
        loop.run_until_complete(nothing())
        assert type(first) is asyncio.Task
        assert first.get_name() == "named"
        assert second.done()
        assert made == [{}, {"context": context}, {}]
        loop.set_task_factory(None)
        assert loop.get_task_factory() is None
        assert type(loop.create_task(nothing())) is Task
        settle(loop)

    def test_only_what_can_be_called(self, loop: EventLoop) -> None:
        with pytest.raises(TypeError, match="task factory must be a callable or None"):
            loop.set_task_factory(5)  # type: ignore[arg-type]


def test_a_cancelled_task_that_never_began_runs_nothing() -> None:
    for library in LIBRARIES:
        side = Side(library)

        async def main(side: Side = side) -> None:
            side.log.append("began")

        task = side.loop.create_task(main())
        assert task.cancel("early")
        settle(side.loop)
        assert task.cancelled()
        assert side.log == []
        side.close()
