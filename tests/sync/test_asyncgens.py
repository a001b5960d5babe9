"""Asynchronous generators: who closes those that are dropped or still open at the end."""

from __future__ import annotations

import asyncio
import gc
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import miniloop
from miniloop.eventloop import EventLoop

from .loops import OURS, REAL

Factory = Callable[[], Any]
LOOPS = pytest.mark.parametrize("make", [REAL["asyncio"], REAL["miniloop"]])


class Source:
    """Makes asynchronous generators and writes down how they end."""

    def __init__(self) -> None:
        self.log: list[Any] = []

    async def numbers(self, name: str = "one", fail: bool = False) -> AsyncIterator[int]:
        """Yield numbers for ever; await at the end."""
        try:
            number = 0
            while True:
                yield number
                number += 1
        finally:
            await OURS.sleep(0)
            self.log.append((name, asyncio.current_task() is not None))
            if fail:
                raise LookupError(name)


@LOOPS
def test_a_dropped_one_is_closed_inside_a_task(make: Factory) -> None:
    source = Source()

    async def main() -> None:
        async for number in source.numbers():
            if number == 2:
                break
        gc.collect()
        for _ in range(4):
            await OURS.sleep(0)
        assert source.log == [("one", True)]

    loop = make()
    loop.run_until_complete(main())
    loop.close()


@LOOPS
def test_those_that_are_open_are_closed_at_shutdown(make: Factory) -> None:
    source = Source()
    opened: list[Any] = []

    async def main() -> None:
        for name in "abc":
            generator = source.numbers(name)
            await anext(generator)
            opened.append(generator)

    loop = make()
    loop.run_until_complete(main())
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert sorted(source.log) == [(name, True) for name in "abc"]
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@LOOPS
def test_what_one_raises_is_reported_and_the_others_are_closed(make: Factory) -> None:
    source = Source()
    reported: list[Any] = []
    opened: list[Any] = []

    async def main() -> None:
        for name in "abc":
            generator = source.numbers(name, fail=name == "b")
            await anext(generator)
            opened.append(generator)

    loop = make()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    loop.run_until_complete(main())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    assert sorted(name for name, _ in source.log) == ["a", "b", "c"]
    [context] = reported
    assert isinstance(context["exception"], LookupError)
    assert context["asyncgen"] is opened[1]
    assert context["message"].startswith(
        "an error occurred during closing of asynchronous generator <async_generator object"
    )


@LOOPS
def test_one_that_begins_after_shutdown_is_warned_about(make: Factory) -> None:
    source = Source()

    async def main(loop: Any) -> None:
        await loop.shutdown_asyncgens()
        generator: Any = source.numbers()
        with pytest.warns(ResourceWarning, match="was scheduled after loop.shutdown_asyncgens()"):
            await anext(generator)
        await generator.aclose()

    loop = make()
    loop.run_until_complete(main(loop))
    loop.close()


def test_the_interpreters_hooks_are_put_back() -> None:
    def firstiter(generator: Any) -> None:
        """Stand for somebody else's hook."""

    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=firstiter)
    try:
        loop = EventLoop()
        inside = loop.run_until_complete(hooks())
        assert inside.firstiter is not firstiter
        assert sys.get_asyncgen_hooks().firstiter is firstiter
        with pytest.raises(LookupError):
            loop.run_until_complete(fail())
        assert sys.get_asyncgen_hooks().firstiter is firstiter
        loop.close()
    finally:
        sys.set_asyncgen_hooks(*before)


async def hooks() -> Any:
    """Return the hooks that are installed while a loop runs."""
    return sys.get_asyncgen_hooks()


async def fail() -> None:
    """Raise."""
    raise LookupError


def test_one_dropped_after_its_loop_was_closed_is_left_alone() -> None:
    source = Source()
    opened: list[Any] = []

    async def main() -> None:
        generator = source.numbers()
        await anext(generator)
        opened.append(generator)

    loop = EventLoop()
    loop.run_until_complete(main())
    loop.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the interpreter's: it could not be closed
        opened.clear()
        gc.collect()
    assert source.log == []


def test_run_closes_them() -> None:
    source = Source()

    async def main() -> Any:
        generator = source.numbers()
        await anext(generator)
        return generator

    miniloop.run(main())
    assert source.log == [("one", True)]
