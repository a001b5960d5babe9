"""What a program in a World cannot reach, and that it is told which line tried."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from miniloop.testing.failures import Escape
from miniloop.testing.world import World

pytestmark = pytest.mark.parametrize("library", ["miniloop", "asyncio"])


def blocking_connect() -> None:
    with socket.socket() as sock:
        sock.connect(("127.0.0.1", 1))


ESCAPES: dict[str, Callable[[], Any]] = {
    "sleep": lambda: time.sleep(1),
    "thread": lambda: threading.Thread(target=print).start(),
    "subprocess": lambda: subprocess.Popen(["true"]),
    "fork": lambda: os.fork(),  # looked up there and then
    "signal": lambda: signal.signal(signal.SIGUSR1, signal.SIG_DFL),
    "blocking": blocking_connect,
}


@pytest.mark.parametrize("way", ESCAPES)
def test_leaving_is_an_error_that_names_the_line(library: str, way: str) -> None:
    async def scenario() -> None:
        ESCAPES[way]()

    found = World(library=library).run(scenario)
    assert found.failures
    assert found.failures[0].kind == "escape"
    if way != "blocking":
        assert "test_fence.py:" in found.failures[0].message


def test_an_escape_that_is_caught_is_a_failure_all_the_same(library: str) -> None:
    async def scenario() -> str:
        try:
            time.sleep(1)
        except Exception:
            return "swallowed"
        return "slept"

    found = World(library=library).run(scenario)
    assert found.result == "swallowed"
    assert [failure.kind for failure in found.failures] == ["escape"]


def test_a_subprocess_of_the_loop_is_one_too(library: str) -> None:
    async def scenario() -> None:
        await asyncio.create_subprocess_exec("true")

    found = World(library=library).run(scenario)
    assert isinstance(found.failures[0].error, Escape)


def test_other_threads_see_nothing_of_it(library: str) -> None:
    real: list[Any] = []
    inside, go_on = threading.Event(), threading.Event()

    def elsewhere() -> None:
        inside.wait()
        one, other = socket.socketpair()
        one.send(b"x")
        real.extend([other.recv(1), time.time() > 1.7e9, type(one).__name__])
        one.close()
        other.close()
        go_on.set()

    thread = threading.Thread(target=elsewhere)
    thread.start()

    async def scenario() -> None:
        inside.set()
        go_on.wait()

    World(library=library).run(scenario)
    thread.join()
    assert real == [b"x", True, "socket"]


def test_names_that_were_imported_are_the_worlds_too(library: str) -> None:
    async def scenario() -> float:
        return monotonic()

    assert World(library=library).run(scenario).result == 1000.0
    assert monotonic is time.monotonic


from time import monotonic  # noqa: E402 - the point is how it is imported
