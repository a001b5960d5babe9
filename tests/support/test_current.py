"""Which loop is meant when none is named."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import miniloop
from miniloop.eventloop import EventLoop
from miniloop.interface import set_thread_loop
from miniloop.support.awaitables import as_coroutine


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    made = EventLoop()
    yield made
    made.close()


@pytest.fixture
def fresh() -> Iterator[None]:
    """Forget every loop that was set, and that one was set at all."""
    policy = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(None)
    yield
    asyncio.set_event_loop_policy(policy)


def in_thread(function: Any) -> Any:
    """Call *function* in a thread of its own; return what it returned or raised."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return results[0]


def test_the_running_loop_is_found_by_the_names_of_both(loop: EventLoop) -> None:
    async def main() -> list[Any]:
        return [
            miniloop.get_running_loop(),
            asyncio.get_running_loop(),
            miniloop.get_event_loop(),
            asyncio.get_event_loop(),
        ]

    assert loop.run_until_complete(main()) == [loop] * 4
    with pytest.raises(RuntimeError, match="no running event loop"):
        miniloop.get_running_loop()


def test_the_loop_that_was_set_is_found_by_the_names_of_both(loop: EventLoop) -> None:
    miniloop.set_event_loop(loop)
    assert miniloop.get_event_loop() is loop
    assert asyncio.get_event_loop_policy().get_event_loop() is loop
    with pytest.raises(TypeError):
        miniloop.set_event_loop(5)  # type: ignore[arg-type]


@pytest.mark.usefixtures("fresh")
def test_the_main_thread_gets_a_loop_silently() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = miniloop.get_event_loop()
    assert type(made) is EventLoop
    assert miniloop.get_event_loop() is made
    made.close()


def test_another_thread_gets_none(loop: EventLoop) -> None:
    error = in_thread(miniloop.get_event_loop)
    assert isinstance(error, RuntimeError)
    assert "There is no current event loop in thread" in str(error)

    def with_one() -> Any:
        miniloop.set_event_loop(loop)
        try:
            return miniloop.get_event_loop()
        finally:
            set_thread_loop(None)

    assert in_thread(with_one) is loop


def test_none_on_purpose_is_respected() -> None:
    miniloop.set_event_loop(None)
    with pytest.raises(RuntimeError, match="There is no current event loop"):
        miniloop.get_event_loop()


def test_a_new_loop_is_ours() -> None:
    made = miniloop.new_event_loop()
    assert type(made) is EventLoop
    assert isinstance(made, asyncio.AbstractEventLoop)
    made.close()


def test_a_policy_of_ones_own_is_asked(loop: EventLoop) -> None:
    class Policy(asyncio.AbstractEventLoopPolicy):
        def get_event_loop(self) -> Any:
            return loop

        def set_event_loop(self, other: Any) -> None:
            pass

    before = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(Policy())  # type: ignore[abstract]
    try:
        assert miniloop.get_event_loop() is loop
    finally:
        asyncio.set_event_loop_policy(before)


def test_generators_and_awaitables_as_coroutines() -> None:
    def generator() -> Any:
        received = yield 1
        return received

    class Awaitable:
        def __await__(self) -> Any:
            return generator()

    for make in (generator, Awaitable):
        coro = as_coroutine(make())
        assert asyncio.iscoroutine(coro)
        assert coro.send(None) == 1
        with pytest.raises(StopIteration) as caught:
            coro.send("sent")
        assert caught.value.value == "sent"
