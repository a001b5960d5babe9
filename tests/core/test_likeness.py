"""What libraries find when they ask whether a future or a task is one of asyncio's."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import miniloop


async def nothing() -> None:
    pass


def test_a_future_is_a_future_of_either_library_to_those_who_ask() -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        assert isinstance(future, asyncio.Future)
        assert isinstance(future, miniloop.Future)
        assert not isinstance(future, asyncio.Task)
        assert type(future) is miniloop.Future

    miniloop.run(main())


def test_a_task_is_a_task_and_a_future_to_those_who_ask() -> None:
    async def main() -> None:
        task = asyncio.create_task(nothing())
        assert isinstance(task, asyncio.Task)
        assert isinstance(task, asyncio.Future)
        assert isinstance(task, miniloop.Task)
        assert type(task) is miniloop.Task
        await task

    miniloop.run(main())


def test_neither_can_be_copied() -> None:
    async def main() -> None:
        task = asyncio.create_task(nothing())
        for like in (task, asyncio.get_running_loop().create_future()):
            for copied in (copy.copy, copy.deepcopy, pickle.dumps):
                with pytest.raises(TypeError, match="cannot pickle"):
                    copied(like)
        await task

    miniloop.run(main())


@pytest.mark.parametrize("make", [miniloop.Future, lambda loop: loop.create_future()])
def test_the_class_cannot_be_changed(make: Callable[..., Any]) -> None:
    loop = miniloop.EventLoop()
    try:
        future = make(loop=loop)
        with pytest.raises(TypeError, match="cannot be changed"):
            future.__class__ = int
    finally:
        loop.close()
