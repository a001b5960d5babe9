"""Other threads: what they ask of a loop is done, in their order, until it is closed."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import miniloop
from miniloop.eventloop import EventLoop
from miniloop.net import children
from tests.sync.loops import REAL

THREADS = 8
CALLS = 500


@pytest.fixture(autouse=True)
def eager_switching() -> Iterator[None]:
    """Have the interpreter switch threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(params=sorted(REAL))
def loop(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A loop of each make that runs in a thread of its own."""
    made = REAL[request.param]()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    if not made.is_closed():
        made.call_soon_threadsafe(made.stop)
        thread.join()
        made.close()


def in_threads(function: Callable[[int], Any]) -> list[Any]:
    """Return what ``function(number)`` returns in each of many threads, begun together."""
    barrier = threading.Barrier(THREADS)

    def begin(number: int) -> Any:
        barrier.wait()
        return function(number)

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def test_a_storm_of_calls(loop: Any) -> None:
    """None is lost, and those of one thread keep their order."""
    got: list[tuple[int, int]] = []
    done = threading.Event()

    def call(number: int) -> None:
        for count in range(CALLS):
            loop.call_soon_threadsafe(got.append, (number, count))

    in_threads(call)
    loop.call_soon_threadsafe(done.set)
    assert done.wait(30)
    for number in range(THREADS):
        assert [count for thread, count in got if thread == number] == list(range(CALLS))
    assert len(got) == THREADS * CALLS


def test_a_storm_of_coroutines(loop: Any) -> None:
    async def work(number: int) -> int:
        await asyncio.sleep(0)
        if number % 3 == 0:
            raise LookupError(number)
        return number

    def ask(number: int) -> list[Any]:
        futures = [miniloop.run_coroutine_threadsafe(work(each), loop) for each in range(50)]
        return [future.exception(30) or future.result() for future in futures]

    for answers in in_threads(ask):
        for number, answer in enumerate(answers):
            assert answer == number or (number % 3 == 0 and isinstance(answer, LookupError))


def test_coroutines_that_are_cancelled_from_outside(loop: Any) -> None:
    cancelled: list[int] = []
    started = threading.Semaphore(0)

    async def wait(number: int) -> None:
        started.release()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    def cancel(number: int) -> None:
        future = miniloop.run_coroutine_threadsafe(wait(number), loop)
        assert started.acquire(timeout=30)
        future.cancel()

    in_threads(cancel)

    async def all_ended() -> None:
        while len(cancelled) < THREADS:
            await asyncio.sleep(0)

    miniloop.run_coroutine_threadsafe(all_ended(), loop).result(30)
    assert sorted(cancelled) == list(range(THREADS))


@pytest.mark.parametrize("make", [REAL["asyncio"], REAL["miniloop"]], ids=["asyncio", "miniloop"])
def test_calls_while_the_loop_is_being_closed(make: Any) -> None:
    """Every thread is told sooner or later that the loop is closed, and nothing else goes wrong."""
    for _ in range(20):
        loop = make()

        def call(number: int, loop: Any = loop) -> str:
            if number == 0:
                loop.call_soon(loop.stop)
                loop.run_forever()
                loop.close()
            while True:
                try:
                    loop.call_soon_threadsafe(int)
                except RuntimeError as error:
                    return str(error)

        assert set(in_threads(call)) == {"Event loop is closed"}


def test_waking_costs_no_descriptor_and_no_callback_is_left() -> None:
    loop = EventLoop()
    before = os.listdir("/proc/self/fd")
    in_threads(lambda _: [loop.call_soon_threadsafe(int) for _ in range(CALLS)])
    assert len(loop._ready) == THREADS * CALLS
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert not loop._ready
    assert os.listdir("/proc/self/fd") == before
    loop.close()


def test_a_handler_of_the_interpreter_may_call_the_loop() -> None:
    """A handler that ``signal.signal`` set runs between any two instructions of the loop."""
    loop = EventLoop()
    got: list[int] = []

    def handler(number: int, _: Any) -> None:
        loop.call_soon_threadsafe(got.append, number)

    before = signal.signal(signal.SIGUSR1, handler)
    try:

        async def main() -> None:
            for _ in range(50):
                os.kill(os.getpid(), signal.SIGUSR1)
                seen = len(got)
                while len(got) == seen:
                    await asyncio.sleep(0)

        loop.run_until_complete(main())
    finally:
        signal.signal(signal.SIGUSR1, before)
        loop.close()
    assert got == [signal.SIGUSR1] * 50


@pytest.mark.parametrize("pidfd", [True, False], ids=["pidfd", "thread"])
def test_child_processes_of_loops_in_threads(pidfd: bool, monkeypatch: Any) -> None:
    if not pidfd:
        monkeypatch.setattr(children, "can_use_pidfd", lambda: False)

    async def main(number: int) -> list[Any]:
        process = await miniloop.create_subprocess_exec(
            "sh", "-c", f"cat; exit {number}", stdin=-1, stdout=-1
        )
        output, _ = await process.communicate(b"%d" % number)
        return [output, process.returncode]

    def work(number: int) -> list[Any]:
        with miniloop.Runner(loop_factory=EventLoop) as runner:
            return runner.run(main(number))

    assert in_threads(work) == [[b"%d" % number, number] for number in range(THREADS)]
