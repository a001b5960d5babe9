"""Signal handlers, with real signals sent to this very process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import miniloop
from miniloop.eventloop import EventLoop

from ..core.pairs import outcome

PATIENT = 30  # seconds; only reached when the test has failed
MAKERS = {"asyncio": asyncio.SelectorEventLoop, "miniloop": EventLoop}


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    before = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGINT)}
    made = EventLoop()
    yield made
    made.close()
    for number, handler in before.items():
        assert signal.getsignal(number) == handler


def send(number: int) -> None:
    """Send a signal to this process."""
    os.kill(os.getpid(), number)


def test_a_signal_calls_back_each_time(loop: EventLoop) -> None:
    seen: list[Any] = []

    async def main() -> None:
        arrived = miniloop.Event()

        def handler(*args: Any) -> None:
            seen.append((args, miniloop.get_running_loop() is loop, miniloop.current_task()))
            arrived.set()

        loop.add_signal_handler(signal.SIGUSR1, handler, "with", 1)
        for _ in range(3):
            send(signal.SIGUSR1)
            await miniloop.wait_for(arrived.wait(), PATIENT)
            arrived.clear()

    loop.run_until_complete(main())
    assert seen == [(("with", 1), True, None)] * 3


def test_a_loop_that_waits_for_ever_is_woken_by_a_signal(loop: EventLoop) -> None:
    asleep = threading.Event()

    class Observer:
        def before_select(self, timeout: float | None) -> None:
            if timeout is None:
                asleep.set()

    watched = EventLoop(observer=Observer())
    watched.add_signal_handler(signal.SIGUSR1, watched.stop)

    def kill() -> None:
        assert asleep.wait(PATIENT)
        send(signal.SIGUSR1)

    thread = threading.Thread(target=kill)
    thread.start()
    watched.run_forever()
    thread.join()
    watched.close()


def test_a_later_handler_replaces_the_one_before(loop: EventLoop) -> None:
    seen: list[int] = []
    loop.add_signal_handler(signal.SIGUSR1, seen.append, 1)

    def replacement() -> None:
        seen.append(2)
        loop.stop()

    loop.add_signal_handler(signal.SIGUSR1, replacement)
    send(signal.SIGUSR1)
    loop.run_forever()
    assert seen == [2]


def test_two_signals_have_two_handlers(loop: EventLoop) -> None:
    seen: list[str] = []
    loop.add_signal_handler(signal.SIGUSR1, seen.append, "one")
    loop.add_signal_handler(signal.SIGUSR2, seen.append, "two")
    assert loop.remove_signal_handler(signal.SIGUSR2) is True
    loop.add_signal_handler(signal.SIGUSR2, seen.append, "two again")

    async def main() -> None:
        for number in (signal.SIGUSR2, signal.SIGUSR1):
            send(number)
            expected = len(seen) + 1
            while len(seen) < expected:
                await miniloop.sleep(0)

    loop.run_until_complete(main())
    assert seen == ["two again", "one"]


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGINT])
def test_removing_brings_the_default_back(loop: EventLoop, number: int) -> None:
    assert loop.remove_signal_handler(number) is False
    loop.add_signal_handler(number, print)
    assert loop.remove_signal_handler(number) is True
    assert loop.remove_signal_handler(number) is False
    default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    assert signal.getsignal(number) == default
    assert signal.set_wakeup_fd(-1) == -1


def test_the_wakeup_descriptor_is_kept_while_a_handler_is_left(loop: EventLoop) -> None:
    loop.add_signal_handler(signal.SIGUSR1, print)
    loop.add_signal_handler(signal.SIGUSR2, print)
    loop.remove_signal_handler(signal.SIGUSR1)
    fileno = signal.set_wakeup_fd(-1)
    assert fileno == loop._wakeup.fileno()
    signal.set_wakeup_fd(fileno)


def test_closing_removes_all_handlers(loop: EventLoop) -> None:
    loop.add_signal_handler(signal.SIGUSR1, print)
    loop.close()
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
    assert signal.set_wakeup_fd(-1) == -1


async def nothing() -> None:
    """Return at once."""


@pytest.mark.parametrize(
    ("number", "callback"),
    [
        ("text", print),
        (None, print),
        (0, print),
        (1000, print),
        (signal.SIGKILL, print),
        (signal.SIGUSR1, nothing),
    ],
    ids=["text", "none", "zero", "thousand", "kill", "coroutine"],
)
def test_what_cannot_be_handled_is_refused_as_asyncio_does(number: Any, callback: Any) -> None:
    outcomes = []
    for make in MAKERS.values():
        loop = make()
        outcomes.append(
            (
                outcome(loop.add_signal_handler, number, callback),
                outcome(loop.remove_signal_handler, number),
                signal.set_wakeup_fd(-1),
            )
        )
        loop.close()
    assert outcomes[0] == outcomes[1]


def test_only_the_main_thread_can(loop: EventLoop) -> None:
    said: list[Any] = []

    def elsewhere() -> None:
        said.append(outcome(loop.add_signal_handler, signal.SIGUSR1, print))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    [(kind, name, _)] = said
    assert (kind, name) == ("raised", "RuntimeError")
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


CTRL_C = """
import os, signal, sys
import miniloop

async def main():
    loop = miniloop.get_running_loop()
    loop.call_soon(os.kill, os.getpid(), signal.SIGINT)
    try:
        await miniloop.sleep(60)
    except miniloop.CancelledError:
        print("cancelled", flush=True)
        raise

try:
    miniloop.run(main())
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_cancels_the_main_task_and_comes_out_as_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CTRL_C], capture_output=True, text=True, timeout=PATIENT, check=True
    )
    assert done.stdout.split() == ["cancelled", "interrupted"]
    assert done.stderr == ""


def test_a_program_of_ones_own_that_does_not_catch_it_dies_of_it() -> None:
    program = CTRL_C.replace("except KeyboardInterrupt:", "except ZeroDivisionError:")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENT
    )
    assert done.stdout.split() == ["cancelled"]
    assert done.stderr.splitlines()[-1] == "KeyboardInterrupt"
    assert done.returncode == -signal.SIGINT
