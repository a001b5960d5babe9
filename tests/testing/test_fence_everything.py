"""Every way out of a World names the line that took it, and every clock and die is the World's."""

from __future__ import annotations

import asyncio
import datetime
import os
import random
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from typing import Any

import pytest

from miniloop.testing import Escape, World

pytestmark = pytest.mark.parametrize("library", ["miniloop", "asyncio"])


def blocking_connect() -> None:
    with socket.socket() as sock:
        sock.connect(("127.0.0.1", 1))


def spawned() -> None:
    os.posix_spawn("/bin/true", ["true"], {})


#: Functions looked up there and then: the fence puts others in their places.
WAYS_OUT: dict[str, Callable[[], Any]] = {
    "system": lambda: os.system("true"),
    "posix_spawn": spawned,
    "setitimer": lambda: signal.setitimer(signal.ITIMER_REAL, 0),
    "alarm": lambda: signal.alarm(0),
    "kill": lambda: os.kill(os.getpid(), 0),
    "blocking": blocking_connect,
}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_every_way_out_names_its_line(library: str, way: str) -> None:
    async def scenario() -> None:
        WAYS_OUT[way]()

    found = World(library=library).run(scenario)
    escapes = [failure.message for failure in found.failures if failure.kind == "escape"]
    assert len(escapes) == 1  # once, though it is both noticed and raised
    assert f" at {os.path.basename(__file__)}:" in escapes[0]


def test_a_subprocess_of_the_loop_names_the_line_that_asked_for_it(library: str) -> None:
    async def scenario() -> None:
        await asyncio.create_subprocess_exec("true")

    found = World(library=library).run(scenario)
    first = scenario.__code__.co_firstlineno + 1
    assert f"a subprocess at {os.path.basename(__file__)}:{first}:" in found.failures[0].message


def test_what_a_thread_does_is_told_by_the_line_that_started_it(library: str) -> None:
    async def scenario() -> None:
        await asyncio.to_thread(time.sleep, 1)

    found = World(library=library).run(scenario)
    assert isinstance(found.failures[0].error, Escape)
    first = scenario.__code__.co_firstlineno + 1
    assert f"time.sleep() at {os.path.basename(__file__)}:{first}:" in found.failures[0].message


def test_every_clock_is_the_worlds(library: str) -> None:
    async def scenario() -> list[Any]:
        await asyncio.sleep(61)
        return [
            time.localtime()[:6],
            time.gmtime()[:6],
            time.strftime("%Y-%m-%d %H:%M:%S"),
            time.ctime(),
            time.asctime(),
            datetime.date.today().isoformat(),
            time.clock_gettime(time.CLOCK_REALTIME) - time.time(),
            time.clock_gettime_ns(time.CLOCK_MONOTONIC) - time.monotonic_ns(),
            time.process_time() + time.thread_time(),
        ]

    moment = (2020, 1, 1, 0, 17, 41)
    written = "Wed Jan  1 00:17:41 2020"
    assert World(library=library).run(scenario).result == [
        *(moment, moment, "2020-01-01 00:17:41", written, written, "2020-01-01", 0, 0, 0)
    ]


def test_a_moment_that_is_named_is_that_moment(library: str) -> None:
    async def scenario() -> list[Any]:
        then = time.gmtime(86400)
        return [then[:3], time.strftime("%Y", then), time.asctime(then)[-4:]]

    assert World(library=library).run(scenario).result == [(1970, 1, 2), "1970", "1970"]


def test_a_generator_without_a_seed_is_the_worlds(library: str) -> None:
    async def scenario() -> list[float]:
        unseeded = [random.Random().random(), float(sum(os.getrandom(8)))]
        random.seed()
        return [*unseeded, random.random()]

    one, same, other = (
        World(library=library, seed=seed).run(scenario).result for seed in (1, 1, 2)
    )
    assert one == same
    assert all(mine != theirs for mine, theirs in zip(one, other, strict=True))


def test_a_seed_that_is_given_holds(library: str) -> None:
    async def scenario() -> list[float]:
        random.seed(5)
        return [random.Random(5).random(), random.random()]

    expected = random.Random(5).random()
    assert World(library=library).run(scenario).result == [expected, expected]


def test_as_completed_begins_with_its_coroutines_in_their_order(library: str) -> None:
    async def scenario() -> list[int]:
        began: list[int] = []

        async def begin(number: int) -> None:
            began.append(number)

        kept: list[object] = []
        coros = []
        for number in range(6):  # what lies between them moves their addresses about
            kept.append(bytearray(97 * number))
            coros.append(begin(number))
        for one in asyncio.as_completed([coros[at] for at in (3, 0, 5, 1, 4, 2)]):
            await one
        return began

    assert World(library=library).run(scenario).result == [3, 0, 5, 1, 4, 2]


def test_a_call_from_a_thread_is_called_the_same_on_both_loops(library: str) -> None:
    async def scenario() -> int:
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        await asyncio.to_thread(lambda: loop.call_soon_threadsafe(answer.set_result, 5))
        return int(await answer)

    run = World(library=library, trace=True).run(scenario)
    assert run.result == 5
    assert {line.partition(" ")[0] for line in run.trace} == {"main", "the"}


def test_all_of_it_is_as_before_afterwards(library: str) -> None:
    before = [time.localtime, os.kill, signal.alarm, random.seed, random.Random.seed]

    async def scenario() -> None:
        await asyncio.sleep(1)

    World(library=library).run(scenario)
    assert [time.localtime, os.kill, signal.alarm, random.seed, random.Random.seed] == before
    assert time.localtime()[0] > 2020
    with tempfile.TemporaryFile() as file:  # and generators without a seed are the system's
        assert file.fileno() > 0
