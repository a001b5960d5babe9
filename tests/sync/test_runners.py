"""Runners: one loop for several coroutines, a clean end, and Ctrl-C."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
from collections.abc import Callable, Generator
from typing import Any

import pytest

from miniloop.eventloop import EventLoop
from miniloop.sync.runners import Runner, run

from .loops import OURS

Factory = Callable[[], Any]
variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)


async def answer() -> int:
    await OURS.sleep(0)
    return 42


def test_run_makes_a_loop_of_ours_and_closes_it() -> None:
    async def main() -> Any:
        return asyncio.get_running_loop()

    loop = run(main(), debug=True)
    assert type(loop) is EventLoop
    assert loop.get_debug()
    assert loop.is_closed()


def test_run_on_any_loop(real_loop: Factory) -> None:
    assert run(answer(), loop_factory=real_loop) == 42


def test_a_runner_keeps_loop_and_context(real_loop: Factory) -> None:
    async def count() -> int:
        variable.set(variable.get() + 1)
        return variable.get()

    with Runner(loop_factory=real_loop) as runner:
        loop = runner.get_loop()
        assert [runner.run(count()) for _ in range(3)] == [1, 2, 3]
        assert runner.run(count(), context=contextvars.copy_context()) == 1
        assert runner.get_loop() is loop
    assert loop.is_closed()
    assert variable.get() == 0
    with pytest.raises(RuntimeError, match="Runner is closed"):
        runner.get_loop()
    runner.close()


def test_a_runner_that_was_never_used_made_nothing() -> None:
    runner = Runner(loop_factory=lambda: pytest.fail("a loop was made"))
    runner.close()


def test_closing_ends_tasks_generators_and_executor(real_loop: Factory) -> None:
    ended = []

    async def forever() -> None:
        try:
            await OURS.sleep(1000)
        finally:
            await OURS.sleep(0)
            ended.append("task")

    async def numbers() -> Any:
        try:
            while True:
                yield 1
        finally:
            ended.append("generator")

    async def main() -> Any:
        task = OURS.create_task(forever())
        generator = numbers()
        await generator.__anext__()
        await asyncio.get_running_loop().run_in_executor(None, int)
        return task, generator

    with Runner(loop_factory=real_loop) as runner:
        task, _ = runner.run(main())
    assert task.cancelled()
    assert ended == ["task", "generator"]


def test_what_fails_while_closing_is_reported() -> None:
    async def forever() -> None:
        try:
            await OURS.sleep(1000)
        finally:
            raise LookupError

    async def main() -> Any:
        task = OURS.create_task(forever())
        await OURS.sleep(0)
        return task

    reported: list[str] = []
    with Runner() as runner:
        runner.get_loop().set_exception_handler(
            lambda _, context: reported.append(context["message"])
        )
        task = runner.run(main())
    assert isinstance(task.exception(), LookupError)
    assert reported == ["unhandled exception during asyncio.run() shutdown"]


def test_any_awaitable_but_a_future() -> None:
    class Awaitable:
        def __await__(self) -> Generator[Any, None, str]:
            yield from OURS.sleep(0).__await__()
            return "awaited"

    assert run(Awaitable()) == "awaited"
    loop = EventLoop()
    for wrong in (loop.create_future(), answer, 1):
        with pytest.raises(ValueError, match="a coroutine was expected, got"):
            run(wrong)  # type: ignore[arg-type]
    loop.close()


def test_no_loop_inside_a_loop() -> None:
    async def main() -> None:
        coro = answer()
        with pytest.raises(RuntimeError, match="cannot be called from a running event loop"):
            run(coro)
        with pytest.raises(RuntimeError, match="cannot be called from a running event loop"):
            Runner().run(coro)
        coro.close()

    run(main())


def test_the_first_interrupt_cancels_and_the_second_stops(real_loop: Factory) -> None:
    seen = []

    async def main() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
            await OURS.sleep(1000)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    with Runner(loop_factory=real_loop) as runner:
        with pytest.raises(KeyboardInterrupt):
            runner.run(main())
        assert seen == ["cancelled"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert runner.run(answer()) == 42

        async def stubborn() -> None:
            signal.raise_signal(signal.SIGINT)
            try:
                await OURS.sleep(1000)
            except asyncio.CancelledError:
                seen.append("refused")
                signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            runner.run(stubborn())
    assert seen == ["cancelled", "refused"]


def test_an_interrupt_that_was_survived_is_over() -> None:
    async def main() -> str:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(asyncio.CancelledError):
            await OURS.sleep(1000)
        return "survived"

    assert run(main()) == "survived"


def test_somebody_elses_handler_is_left_alone() -> None:
    calls = []
    previous = signal.signal(signal.SIGINT, lambda number, _: calls.append(number))
    try:

        async def main() -> str:
            signal.raise_signal(signal.SIGINT)
            await OURS.sleep(0)
            return "not disturbed"

        assert run(main()) == "not disturbed"
        assert calls == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, previous)


def test_a_cancellation_without_an_interrupt_is_one() -> None:
    async def main() -> None:
        current = asyncio.current_task()
        assert current is not None
        current.cancel()
        await OURS.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        run(main())


def test_in_another_thread_signals_are_not_touched() -> None:
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(run(answer())))
    thread.start()
    thread.join()
    assert results == [42]
