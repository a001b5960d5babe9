"""Callbacks from other threads: all of them run, in each thread's order, and the loop wakes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

import miniloop
from miniloop.eventloop import EventLoop

PATIENT = 30  # seconds; only reached when the test has failed


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    made = EventLoop()
    yield made
    made.close()


def start(function: Any, *args: Any) -> threading.Thread:
    thread = threading.Thread(target=function, args=args)
    thread.start()
    return thread


def test_a_loop_that_waits_for_ever_is_woken(loop: EventLoop) -> None:
    asleep = threading.Event()
    log: list[int] = []

    class Observer:
        def before_select(self, timeout: float | None) -> None:
            if timeout is None:
                asleep.set()

    watched = EventLoop(observer=Observer())

    def wake() -> None:
        assert asleep.wait(PATIENT)
        watched.call_soon_threadsafe(log.append, threading.get_ident())
        watched.call_soon_threadsafe(watched.stop)

    thread = start(wake)
    watched.run_forever()
    thread.join(PATIENT)
    assert log == [thread.ident]
    watched.close()


def test_nothing_is_lost_and_each_thread_keeps_its_order(loop: EventLoop) -> None:
    count, threads = 500, 4
    log: list[tuple[int, int]] = []
    begin = threading.Barrier(threads)

    def send(thread: int) -> None:
        begin.wait(PATIENT)
        for number in range(count):
            loop.call_soon_threadsafe(arrived, thread, number)

    def arrived(thread: int, number: int) -> None:
        log.append((thread, number))
        if len(log) == count * threads:
            loop.stop()

    started = [start(send, number) for number in range(threads)]
    loop.run_forever()
    for thread in started:
        thread.join(PATIENT)
    for each in range(threads):
        assert [number for thread, number in log if thread == each] == list(range(count))


def test_the_loop_is_woken_while_its_own_thread_is_busy(loop: EventLoop) -> None:
    log: list[str] = []

    async def busy() -> None:
        thread = start(loop.call_soon_threadsafe, log.append, "from a thread")
        thread.join(PATIENT)
        assert log == []
        await miniloop.sleep(0)
        await miniloop.sleep(0)
        assert log == ["from a thread"]

    loop.run_until_complete(busy())


def test_each_thread_has_its_own_loop() -> None:
    results: list[Any] = []

    async def main() -> Any:
        return miniloop.get_running_loop(), miniloop.current_task()

    def run() -> None:
        results.append(miniloop.run(main()))

    threads = [start(run) for _ in range(3)]
    for thread in threads:
        thread.join(PATIENT)
    assert len({id(loop) for loop, _ in results}) == 3


def test_what_a_callback_raises_stays_in_the_loops_thread(loop: EventLoop) -> None:
    reported: list[Any] = []
    loop.set_exception_handler(lambda _, context: reported.append(threading.get_ident()))
    loop.call_soon_threadsafe(lambda: 1 / 0)
    loop.call_soon_threadsafe(loop.stop)
    loop.run_forever()
    assert reported == [threading.get_ident()]


def test_the_loop_can_be_stopped_from_another_thread(loop: EventLoop) -> None:
    thread = start(loop.call_soon_threadsafe, loop.stop)
    loop.run_forever()
    thread.join(PATIENT)
    assert not loop.is_running()
