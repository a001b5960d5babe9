"""Threads: out of the loop, into the loop, and the executors in between."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from miniloop.eventloop import EventLoop
from miniloop.sync import threads
from miniloop.sync.threads import run_coroutine_threadsafe, to_thread

from .loops import OURS

Run = Callable[..., Any]
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def test_to_thread_runs_elsewhere_with_the_same_context(run_really: Run) -> None:
    async def main() -> None:
        variable.set("seen")
        here = threading.get_ident()

        def work(first: int, *, second: int) -> Any:
            return first + second, variable.get(), threading.get_ident() == here

        assert await to_thread(work, 1, second=2) == (3, "seen", False)

    run_really(main())


def test_to_thread_hands_exceptions_back(run_really: Run) -> None:
    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await to_thread(lambda: 1 / 0)

    run_really(main())


def test_a_result_goes_with_the_last_who_has_it(run_really: Run) -> None:
    """No cycle holds it: a program that reads a file in threads would hold the whole file."""

    class Large:
        pass

    async def make() -> Large:
        return Large()

    async def forgotten(reference: weakref.ref[Large]) -> bool:
        for _ in range(1000):  # the thread itself lets go of it some moment later
            if reference() is None:
                return True
            await asyncio.sleep(0.01)
        return False

    def make_late() -> Large:
        waited_for.wait()
        return Large()

    waited_for = threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(waited_for.set)
        assert await forgotten(weakref.ref(await to_thread(make_late)))
        outside = run_coroutine_threadsafe(make(), loop)
        reference = weakref.ref(await to_thread(outside.result))
        del outside
        assert await forgotten(reference)

    gc.disable()
    try:
        run_really(main())
    finally:
        gc.enable()


def test_another_thread_can_run_a_coroutine_and_wait_for_it(run_really: Run) -> None:
    async def add(first: int, second: int) -> int:
        await OURS.sleep(0)
        return first + second

    async def fail() -> None:
        raise LookupError

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def from_outside() -> Any:
            failed = run_coroutine_threadsafe(fail(), loop).exception()
            return run_coroutine_threadsafe(add(1, 2), loop).result(), type(failed)

        assert await to_thread(from_outside) == (3, LookupError)

    run_really(main())


def test_cancelling_outside_cancels_the_task_inside(run_really: Run) -> None:
    async def main() -> None:
        started, ended = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            started.set()
            try:
                await OURS.sleep(1000)
            finally:
                ended.set()

        future = run_coroutine_threadsafe(work(), asyncio.get_running_loop())
        await started.wait()
        assert future.cancel()
        await ended.wait()

    run_really(main())


def test_a_task_that_is_cancelled_inside_is_cancelled_outside(run_really: Run) -> None:
    async def work() -> None:
        current = asyncio.current_task()
        assert current is not None
        current.cancel()
        await OURS.sleep(1000)

    async def main() -> None:
        future = run_coroutine_threadsafe(work(), asyncio.get_running_loop())

        def wait_outside() -> None:
            with pytest.raises(concurrent.futures.CancelledError):
                future.result()

        await to_thread(wait_outside)

    run_really(main())


def test_what_is_no_coroutine_is_refused() -> None:
    with pytest.raises(TypeError, match="A coroutine object is required"):
        run_coroutine_threadsafe(lambda: None, None)  # type: ignore[arg-type]


def test_what_cannot_be_started_fails_outside_too() -> None:
    loop = EventLoop()
    reported: list[Any] = []
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))

    def no_tasks(*_: Any, **__: Any) -> Any:
        raise LookupError

    loop.set_task_factory(no_tasks)
    coro = OURS.sleep(0)
    future = run_coroutine_threadsafe(coro, loop)
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert isinstance(future.exception(), LookupError)
    assert isinstance(reported[0], LookupError)
    coro.close()
    loop.close()


def test_the_default_executor_is_made_once_and_shut_down_with_the_loop() -> None:
    loop = EventLoop()

    async def main() -> str:
        name = await loop.run_in_executor(None, lambda: threading.current_thread().name)
        executor = loop._default_executor
        assert executor is not None
        await loop.run_in_executor(None, int)
        assert loop._default_executor is executor
        await loop.shutdown_default_executor()
        with pytest.raises(RuntimeError, match="Executor shutdown has been called"):
            loop.run_in_executor(None, int)
        return str(name)

    assert loop.run_until_complete(main()) == "asyncio_0"
    loop.close()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.run_in_executor(None, int)


def test_shutting_down_gives_up_after_the_timeout() -> None:
    loop = EventLoop()
    release = threading.Event()

    async def main() -> None:
        future = loop.run_in_executor(None, release.wait)
        with pytest.warns(RuntimeWarning, match="did not finishing joining"):
            await loop.shutdown_default_executor(0.001)
        release.set()
        await future

    loop.run_until_complete(main())
    loop.close()


def test_shutting_down_nothing_is_nothing() -> None:
    loop = EventLoop()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def test_only_a_thread_pool_can_be_the_default() -> None:
    loop = EventLoop()
    with pytest.raises(TypeError, match="must be ThreadPoolExecutor"):
        loop.set_default_executor(object())  # type: ignore[arg-type]
    with concurrent.futures.ThreadPoolExecutor(1, "mine") as pool:
        loop.set_default_executor(pool)
        name = loop.run_until_complete(
            loop.run_in_executor(None, lambda: threading.current_thread().name)
        )
        assert name == "mine_0"
        loop.close()


@pytest.mark.parametrize(
    ("wrong", "message"), [(OURS.sleep, "coroutines cannot be used"), ("no", "callable object")]
)
def test_debug_mode_looks_at_what_is_to_be_called(wrong: Any, message: str) -> None:
    loop = EventLoop()
    loop.set_debug(True)
    with pytest.raises(TypeError, match=message):
        threads.run_in_executor(loop, None, wrong)
    loop.close()
