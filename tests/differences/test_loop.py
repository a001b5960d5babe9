"""Differences of the loop itself, and of the tasks, futures and handles that it makes."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import signal
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

import miniloop
from miniloop.core.loop import PATIENCE
from miniloop.eventloop import EventLoop

from .conftest import Cell


def test_patience(cell: Cell) -> None:
    loop = cell.make_loop()
    if not hasattr(loop, "_selector"):
        loop.close()
        pytest.skip("the loop keeps its selector to itself")
    asked: list[Any] = []
    select = loop._selector.select

    def asks(timeout: float | None) -> Any:
        asked.append(timeout)
        return select(timeout)

    loop._selector.select = asks

    async def turns() -> None:
        for _ in range(PATIENCE * 4):
            await cell.names.sleep(0)

    loop.run_until_complete(turns())
    loop.close()
    assert (len(asked) > PATIENCE * 4) is not cell.our_loop
    assert len(asked) >= 4


def test_no_handle_per_step(cell: Cell) -> None:
    if cell.loop_of == "uvloop":
        pytest.skip("uvloop's tasks do not go through a method that could be overridden")
    calls: list[Any] = []
    loop = cell.make_loop()
    kind: Any = type(loop)
    loop.close()

    class Mine(kind):  # type: ignore[misc]
        def call_soon(self, callback: Any, *args: Any, **options: Any) -> Any:
            calls.append(callback)
            return super().call_soon(callback, *args, **options)

    loop = Mine()

    async def turns() -> None:
        for _ in range(10):
            await cell.names.sleep(0)

    task = loop.create_task(turns())
    loop.run_until_complete(task)
    loop.close()
    assert (len(calls) > 10) is not cell.our_loop


def test_classes(cell: Cell) -> None:
    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        task = cell.names.create_task(cell.names.sleep(0))
        things = [task, loop.create_future(), loop.call_soon(int), loop.call_later(0, int)]
        await task
        assert asyncio.isfuture(task)
        assert miniloop.isfuture(task)
        return things

    things = cell.run(main)
    kinds = (miniloop.Task, miniloop.Future, miniloop.Handle, miniloop.TimerHandle)
    for thing, kind in zip(things, kinds, strict=True):
        assert isinstance(thing, kind) is cell.our_loop
    assert isinstance(things[0], asyncio.Task)  # in every cell: libraries ask
    assert issubclass(type(things[0]), asyncio.Task) is not cell.our_loop
    if cell.our_loop:
        assert not isinstance(things[2], asyncio.Handle)


def test_eager_coroutine(cell: Cell) -> None:
    if not cell.our_names and sys.version_info < (3, 13):
        pytest.skip("asyncio has no eager tasks before 3.12, and 3.12.1 crashes in get_coro()")

    async def nothing() -> None:
        pass

    async def main() -> Any:
        task = cell.names.Task(nothing(), loop=asyncio.get_running_loop(), eager_start=True)
        assert task.done()
        return task

    task = cell.run(main)
    assert (task.get_coro() is not None) is cell.our_names
    assert ("nothing() done" in repr(task)) is cell.our_names


def test_none_is_no_callback(cell: Cell) -> None:
    loop = cell.make_loop()
    loop.set_exception_handler(lambda loop, context: None)
    calls: list[Callable[[], Any]] = [
        lambda: loop.call_soon(None),
        lambda: loop.call_later(0, None),
        lambda: loop.call_at(0, None),
    ]
    if cell.our_loop:
        # asyncio accepts these as well, and would call nothing over and over.
        calls += [
            lambda: loop.call_soon_threadsafe(None),
            lambda: loop.add_reader(0, None),
            lambda: loop.add_writer(1, None),
            lambda: loop.add_signal_handler(signal.SIGUSR1, None),
        ]
    refused = 0
    for call in calls:
        try:
            call()
        except TypeError:
            refused += 1
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    if cell.our_loop:
        assert refused == len(calls)
    elif cell.loop_of == "asyncio":
        assert refused == 0


def test_creation_places(cell: Cell) -> None:
    loop = cell.make_loop()
    loop.set_debug(True)
    future = loop.create_future()
    [last] = future._source_traceback[-1:]
    if cell.loop_of != "uvloop":  # written in C, it has no lines of its own to show
        assert (last.filename == __file__) is cell.our_loop

    async def child() -> None:
        """Return at once."""

    async def main() -> list[Any]:
        async with cell.names.TaskGroup() as group:
            made = [group.create_task(child())]
        made += [cell.names.create_task(child()), cell.names.ensure_future(child())]
        await cell.names.gather(*made)
        return [task._source_traceback[-1].filename for task in made]

    if cell.our_loop:
        assert set(loop.run_until_complete(main())) == {__file__}
    loop.close()


def test_hints(cell: Cell, caplog: pytest.LogCaptureFixture) -> None:
    loop = cell.make_loop()
    loop.set_debug(True)

    async def wait() -> None:
        await loop.create_future()

    def lose() -> None:
        loop.create_task(wait())
        loop.call_soon(loop.stop)
        loop.run_forever()

    lose()
    with caplog.at_level(logging.ERROR):
        gc.collect()
    loop.close()
    [record] = [each for each in caplog.records if "was destroyed" in each.message]
    assert ("Keep a reference to a task until it is done" in record.message) is cell.our_loop


def test_words_of_invalid_state(cell: Cell) -> None:
    loop = cell.make_loop()
    future = cell.names.Future(loop=loop)
    future.set_result("first")
    with pytest.raises(asyncio.InvalidStateError) as caught:
        future.set_result("second")
    loop.close()
    assert ("result='first'" in str(caught.value)) is cell.our_names
    assert ("invalid state" in str(caught.value)) is not cell.our_names


def test_likeness(cell: Cell) -> None:
    loop = cell.make_loop()
    reported: list[Any] = []
    loop.set_exception_handler(lambda _, context: reported.append(context["future"]))
    future = cell.names.Future(loop=loop)
    address = id(future)
    kept = [object() for _ in range(10)]  # nothing else shall get its place
    future.set_exception(LookupError("lost"))
    del future
    gc.collect()
    loop.close()
    [likeness] = reported
    assert type(likeness) is cell.names.Future
    assert repr(likeness.exception()) == "LookupError('lost')"
    assert (id(likeness) != address or len(kept) != 10) is cell.our_names


def test_frames_of_await(cell: Cell) -> None:
    async def fail() -> None:
        future = cell.names.Future(loop=asyncio.get_running_loop())
        future.set_exception(LookupError())
        await future

    async def main() -> list[types.FrameType]:
        task = asyncio.get_running_loop().create_task(fail())
        await cell.names.wait([task])
        assert isinstance(task.exception(), LookupError)
        return task.get_stack()

    names = [frame.f_code.co_name for frame in cell.run(main)]
    assert names[0] == "fail"
    assert ("__await__" in names) is cell.our_names


def test_seams(cell: Cell) -> None:
    loop = cell.make_loop()
    kind = type(loop)
    loop.close()
    parameters: Any = set()
    if cell.loop_of != "uvloop":
        parameters = set(inspect.signature(kind.__init__).parameters)
    assert ({"clock", "chooser", "observer"} <= parameters) is cell.our_loop
    assert hasattr(cell.names, "start_guest_run") is cell.our_names
    assert hasattr(loop, "iterations") is (kind is EventLoop)
