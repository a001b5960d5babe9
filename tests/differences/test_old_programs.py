"""Differences that let old programs work."""

from __future__ import annotations

import asyncio
import inspect
import sys
import warnings
from collections.abc import Generator
from typing import Any

import pytest

import miniloop
from miniloop.eventloop import EventLoop

from .conftest import Cell


def test_loop_argument(cell: Cell) -> None:
    names = cell.names

    async def main() -> list[bool]:
        loop = asyncio.get_running_loop()
        makers: list[Any] = [
            names.Lock,
            names.Event,
            names.Condition,
            names.Semaphore,
            names.Queue,
            lambda **options: names.sleep(0, **options),
            lambda **options: names.wait_for(loop.create_future(), 0, **options),
            lambda **options: names.wait([loop.create_future()], timeout=0, **options),
        ]
        accepted = []
        for make in makers:
            try:
                made = make(loop=loop)
            except TypeError:
                accepted.append(False)
            else:
                accepted.append(True)
                if inspect.iscoroutine(made):
                    made.close()
        return accepted

    assert cell.run(main) == [cell.our_names] * 8


def test_get_event_loop(cell: Cell) -> None:
    policy = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(None)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            loop = cell.names.get_event_loop()
        warned = any(issubclass(each.category, DeprecationWarning) for each in caught)
        assert warned is (not cell.our_names and sys.version_info >= (3, 12))
        assert (type(loop) is EventLoop) is cell.our_names
        loop.close()
    finally:
        asyncio.set_event_loop_policy(policy)


def test_coroutine_decorator(cell: Cell) -> None:
    assert hasattr(cell.names, "coroutine") is cell.our_names
    if cell.our_names:

        @miniloop.coroutine
        def old() -> Generator[Any, Any, int]:
            yield
            return 42

        assert cell.run(old) == 42


def test_generators_as_tasks(cell: Cell) -> None:
    def plain() -> Generator[None, None, int]:
        yield
        return 42

    async def main() -> Any:
        return await cell.names.create_task(plain())

    if cell.our_names or cell.our_loop or sys.version_info < (3, 12):
        assert cell.run(main) == 42
    else:
        with pytest.raises(TypeError):
            cell.run(main)


def test_wait_takes_coroutines(cell: Cell) -> None:
    async def answer() -> int:
        return 42

    async def main() -> Any:
        coro = answer()
        try:
            done, _ = await cell.names.wait([coro])
        finally:
            coro.close()
        return {task.result() for task in done}

    if cell.our_names:
        assert cell.run(main) == {42}
    else:
        with pytest.raises(TypeError, match="Passing coroutines is forbidden"):
            cell.run(main)
