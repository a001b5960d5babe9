"""A loop that runs, looked at: the same views without a recording."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

import pytest

from miniloop import EventLoop
from miniloop.study import dump, dump_on, snapshot, why

PLAIN: dict[str, Callable[[], Any]] = {
    "miniloop": EventLoop,
    "asyncio": asyncio.SelectorEventLoop,
}
both = pytest.mark.parametrize("loop", PLAIN)


def run(main: Callable[[], Any], loop: str) -> Any:
    """Run a coroutine function on a loop that nobody observes."""
    with asyncio.Runner(loop_factory=PLAIN[loop]) as runner:
        return runner.run(main())


@both
def test_every_task_has_its_reason(loop: str) -> None:
    async def hold(lock: asyncio.Lock) -> None:
        async with lock:
            await asyncio.sleep(1000)

    async def main() -> list[list[str]]:
        lock = asyncio.Lock()
        holder = asyncio.create_task(hold(lock), name="holder")
        waiter = asyncio.create_task(hold(lock), name="waiter")
        await asyncio.sleep(0)
        ready = asyncio.create_task(asyncio.sleep(0), name="newcomer")
        current = asyncio.current_task()
        lines = [why(task) for task in (holder, waiter, ready, current)]
        await ready
        lines.append(why(ready))
        for task in (waiter, holder):
            task.cancel()
        await asyncio.gather(holder, waiter, return_exceptions=True)
        return lines

    holder, waiter, ready, current, done = run(main, loop)
    assert "for timer 1 (sleep)" in holder[0]
    assert "can wake it" in holder[1]
    assert "for Lock lock, held by holder" in waiter[0]
    assert waiter[1].strip().startswith("holder waits at ")
    assert ready[0].startswith("newcomer is ready: ")
    assert current == ["main runs now"]
    assert done == ["newcomer is done"]


@both
def test_the_state_has_queue_timers_and_descriptors(loop: str) -> None:
    near, far = socket.socketpair()
    near.setblocking(False)

    async def main() -> Any:
        running = asyncio.get_running_loop()
        running.add_reader(near, print)
        handle = running.call_soon(print)
        running.call_soon(print).cancel()
        timer = running.call_later(1000, print)
        state = snapshot(running)
        handle.cancel()
        timer.cancel()
        running.remove_reader(near)
        return state

    state = run(main, loop)
    assert [(entry.label, entry.dropped) for entry in state.ready] == [
        ("print", False),
        ("a callback", True),
    ]
    assert [timer.label for timer in state.timers.values()] == ["print"]
    assert {"r": "print"} in state.fds.values()
    assert state.tasks["main"].state == "running"
    near.close()
    far.close()


@both
def test_a_signal_makes_a_stuck_program_talk(loop: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    dump_on(signal.SIGUSR1)

    async def main() -> None:
        stuck = asyncio.create_task(asyncio.Event().wait(), name="stuck")
        running = asyncio.get_running_loop()
        running.call_later(0.01, os.kill, os.getpid(), signal.SIGUSR1)
        await asyncio.wait([stuck], timeout=0.05)
        stuck.cancel()
        await asyncio.wait([stuck])

    try:
        run(main, loop)
    finally:
        signal.signal(signal.SIGUSR1, before)
    said = capsys.readouterr().err
    assert "stuck waits for Event" in said
    assert "timers" in said


def test_the_loop_itself_says_why() -> None:
    async def main() -> list[str]:
        task = asyncio.create_task(asyncio.sleep(1000), name="sleeper")
        await asyncio.sleep(0)
        loop: Any = asyncio.get_running_loop()
        lines: list[str] = loop.why(task)
        task.cancel()
        await asyncio.wait([task])
        return lines

    assert run(main, "miniloop")[0].startswith("sleeper waits for timer 1 (sleep)")


def test_without_a_loop_there_is_a_clear_error() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        dump(file=io.StringIO())
    with pytest.raises(TypeError, match="is not a task"):
        why(object())
    with pytest.raises(TypeError, match="cannot be looked into"):
        snapshot(object())
