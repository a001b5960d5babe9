"""What a program may yield, and what counts as a coroutine."""

from __future__ import annotations

import asyncio
import collections.abc
import functools
import inspect
import types
from collections.abc import Generator, Iterator
from typing import Any, cast
from unittest import mock

import pytest

import miniloop
from miniloop.core.coroutines import coroutine, iscoroutine, iscoroutinefunction
from miniloop.eventloop import EventLoop

from ..sync.loops import virtual_miniloop


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    made = virtual_miniloop()
    yield made
    made.close()


@coroutine
def count(name: str, turns: int, log: list[Any]) -> Generator[None, None, str]:
    """Take some turns by bare yields."""
    for number in range(turns):
        log.append((name, number))
        yield
    return name


def test_bare_yields_take_turns(loop: EventLoop) -> None:
    log: list[Any] = []
    tasks = [loop.create_task(count(name, 3, log)) for name in "abc"]
    for task in tasks:
        assert loop.run_until_complete(task) == task.result()
    assert log == [(name, number) for number in range(3) for name in "abc"]


def test_yield_from_waits_for_whatever_can_be_awaited(loop: EventLoop) -> None:
    log: list[Any] = []

    async def modern() -> str:
        await miniloop.sleep(1)
        return "modern"

    sleep: Any = miniloop.sleep

    @coroutine
    def old() -> Generator[Any, Any, list[Any]]:
        future = loop.create_future()
        loop.call_later(2, future.set_result, "future")
        return [
            (yield from count("a", 1, log)),
            (yield from future),
            (yield from cast(Any, modern())),
            (yield from loop.create_task(modern())),
            (yield from sleep(0, "slept")),
        ]

    async def main() -> Any:
        return await old()

    assert loop.run_until_complete(main()) == ["a", "future", "modern", "modern", "slept"]
    assert loop.time() == 4


def test_a_plain_generator_can_be_a_task(loop: EventLoop) -> None:
    def plain() -> Generator[None, None, int]:
        yield
        return 42

    assert loop.run_until_complete(loop.create_task(plain())) == 42


def test_anything_with_await_can_be_a_task(loop: EventLoop) -> None:
    class Awaitable:
        def __await__(self) -> Generator[Any, None, str]:
            yield
            return (yield from miniloop.sleep(1, "awaited").__await__())

    assert loop.run_until_complete(loop.create_task(Awaitable())) == "awaited"


def test_an_exception_comes_in_where_the_generator_waits(loop: EventLoop) -> None:
    @coroutine
    def waits() -> Generator[Any, Any, str]:
        try:
            yield from cast(Any, miniloop.sleep(1000))
        except asyncio.CancelledError:
            return "cancelled"
        return "slept"

    task = loop.create_task(waits())
    loop.call_later(1, task.cancel)
    assert loop.run_until_complete(task) == "cancelled"


def test_a_plain_function_is_awaited_if_its_result_can_be(loop: EventLoop) -> None:
    @coroutine
    def returns_coroutine() -> Any:
        return miniloop.sleep(0, "coroutine")

    @coroutine
    def returns_value() -> str:
        return "value"

    @coroutine
    def returns_generator() -> Any:
        return (item for item in "")

    async def main() -> list[Any]:
        return [await returns_coroutine(), await returns_value(), await returns_generator()]

    assert loop.run_until_complete(main()) == ["coroutine", "value", None]
    assert returns_value.__name__ == "returns_value"


def test_an_async_function_stays_what_it_is() -> None:
    async def modern() -> None:
        pass

    assert coroutine(modern) is modern


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (5, "Task got bad yield: 5"),
        ("text", "Task got bad yield: 'text'"),
        ((item for item in ""), "yield was used instead of yield from for generator in task"),
    ],
    ids=["number", "text", "generator"],
)
def test_a_mistake_is_told_at_the_very_yield(loop: EventLoop, thing: Any, words: str) -> None:
    @coroutine
    def mistaken() -> Generator[Any, Any, str]:
        with pytest.raises(RuntimeError, match=words):
            yield thing
        return "went on"

    assert loop.run_until_complete(loop.create_task(mistaken())) == "went on"


def test_yielding_a_future_is_told_from_awaiting_it(loop: EventLoop) -> None:
    @coroutine
    def mistaken() -> Generator[Any, Any, str]:
        with pytest.raises(RuntimeError, match="yield was used instead of yield from in task"):
            yield loop.create_future()
        return "went on"

    assert loop.run_until_complete(loop.create_task(mistaken())) == "went on"


class Coroutine(collections.abc.Coroutine[Any, Any, Any]):
    """A coroutine that is no generator at all."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, value: Any) -> None:
        """Take one step."""
        self.sent.append(value)
        if len(self.sent) == 3:
            raise StopIteration("its own")

    def throw(self, *error: Any) -> None:
        """Refuse to go on."""
        raise AssertionError

    def close(self) -> None:
        """Do nothing."""

    def __await__(self) -> Any:
        raise AssertionError


def test_a_coroutine_of_ones_own_making_is_driven_by_send(loop: EventLoop) -> None:
    assert iscoroutine(Coroutine())
    assert loop.run_until_complete(loop.create_task(Coroutine())) == "its own"


def test_who_is_a_coroutine() -> None:
    async def modern() -> None:
        pass

    def generator() -> Generator[None, None, None]:
        yield

    async def async_generator() -> Any:
        yield

    def plain() -> None:
        pass

    def marked() -> Generator[None, None, None]:  # marking changes the function itself
        yield

    made = modern()
    old = coroutine(marked)()
    things: list[Any] = [made, generator(), types.coroutine(marked)(), old, async_generator()]
    assert [iscoroutine(thing) for thing in things] == [True, False, True, True, False]
    assert not any(iscoroutine(thing) for thing in (None, 5, modern, mock.Mock()))
    functions = [
        modern,
        functools.partial(modern),
        coroutine(marked),
        coroutine(plain),
        generator,
        plain,
    ]
    verdicts = [iscoroutinefunction(function) for function in functions]
    assert verdicts == [True, True, True, True, False, False]
    assert [asyncio.iscoroutinefunction(function) for function in functions] == verdicts
    assert inspect.isawaitable(old)
    made.close()
