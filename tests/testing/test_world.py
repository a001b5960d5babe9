"""What a World is to a program: its time, its outside events, its checks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from miniloop.testing.schedule import Schedule
from miniloop.testing.world import Limits, Run, World

LIBRARIES = ("miniloop", "asyncio")
ROOT = Path(__file__).resolve().parents[2]


def run(scenario: Callable[..., Any], library: str, **options: Any) -> Run:
    return World(library=library, **options).run(scenario)


def kinds(found: Run) -> list[str]:
    return [failure.kind for failure in found.failures]


pytestmark = pytest.mark.parametrize("library", LIBRARIES)


def test_an_hour_costs_nothing_and_passes_on_every_clock(library: str) -> None:
    import datetime
    import time

    async def scenario() -> list[float]:
        loop = asyncio.get_running_loop()
        before = (loop.time(), time.time(), time.monotonic(), time.perf_counter_ns() / 1e9)
        day = datetime.datetime.now(datetime.UTC)
        await asyncio.sleep(3600)
        after = (loop.time(), time.time(), time.monotonic(), time.perf_counter_ns() / 1e9)
        later = datetime.datetime.now(datetime.UTC) - day
        return [b - a for a, b in zip(before, after, strict=True)] + [later.total_seconds()]

    found = run(scenario, library)
    assert found.failures == []
    assert found.result == pytest.approx([3600.0] * 5)
    assert found.seconds == 3600.0


def test_the_real_clocks_are_back_afterwards(library: str) -> None:
    import socket
    import time

    async def scenario() -> None:
        await asyncio.sleep(1e6)

    names = (time.time, time.sleep, time.monotonic, socket.socketpair, socket.getaddrinfo)
    run(scenario, library)
    assert (time.time, time.sleep, time.monotonic) == names[:3]
    assert (socket.socketpair, socket.getaddrinfo) == names[3:]
    one, other = socket.socketpair()
    one.send(b"real")
    assert other.recv(4) == b"real"
    one.close()
    other.close()


def test_random_numbers_repeat(library: str) -> None:
    import os
    import random
    import uuid

    async def scenario() -> tuple[Any, ...]:
        return random.random(), os.urandom(4), str(uuid.uuid4()), random.SystemRandom().random()

    state = random.getstate()
    first, second = run(scenario, library, seed=7), run(scenario, library, seed=7)
    other = run(scenario, library, seed=8)
    assert first.result == second.result
    assert first.result != other.result
    assert random.getstate() == state


def test_an_outside_event_lands_where_the_schedule_says(library: str) -> None:
    async def scenario(world: World) -> int:
        steps = 0

        def land() -> None:
            landed.append(steps)

        landed: list[int] = []
        world.sometime(land)
        for _ in range(6):
            await asyncio.sleep(0)
            steps += 1
        return landed[0]

    landings = [
        run(scenario, library, schedule=Schedule({("event", 0): hold})).result for hold in range(4)
    ]
    assert landings == sorted(landings)
    assert len(set(landings)) == 4


def test_a_late_timer_can_lose_a_tie(library: str) -> None:
    async def scenario() -> list[str]:
        seen: list[str] = []
        loop = asyncio.get_running_loop()
        loop.call_later(1, seen.append, "first")
        loop.call_later(1, seen.append, "second")
        await asyncio.sleep(2)
        return seen

    assert run(scenario, library).result == ["first", "second"]
    late = Schedule({("timer", 0): 1})
    assert run(scenario, library, schedule=late).result == ["second", "first"]


def test_a_step_can_take_until_the_next_timer(library: str) -> None:
    async def scenario() -> str:
        async def work() -> str:
            for _ in range(3):
                await asyncio.sleep(0)
            return "done"

        try:
            async with asyncio.timeout(5):
                return await work()
        except TimeoutError:
            return "timed out"

    assert run(scenario, library).result == "done"
    assert run(scenario, library, schedule=Schedule({("jump", 0): 1})).result == "timed out"


def test_a_scenario_can_choose(library: str) -> None:
    async def scenario(world: World) -> int:
        return world.choose(5, "a number")

    assert run(scenario, library).result == 0
    assert run(scenario, library, schedule=Schedule({("draw", 0): 3})).result == 3
    assert run(scenario, library, schedule=Schedule({("draw", 0): 9})).result == 4


def test_an_exception_is_the_outcome(library: str) -> None:
    async def scenario() -> None:
        raise LookupError("lost")

    found = run(scenario, library)
    assert [str(failure) for failure in found.failures] == ["exception: LookupError: lost"]
    assert isinstance(found.failures[0].error, LookupError)


def test_a_deadlock_names_who_waits_and_where(library: str) -> None:
    async def scenario() -> None:
        async def stuck() -> None:
            await asyncio.Event().wait()

        await asyncio.create_task(stuck())

    found = run(scenario, library)
    assert kinds(found) == ["deadlock"]
    assert "main (scenario) waits at test_world.py:" in found.failures[0].message
    assert "Task-1 (stuck) waits at test_world.py:" in found.failures[0].message


def test_a_livelock_ends(library: str) -> None:
    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    async def tick() -> None:
        while True:
            await asyncio.sleep(86400)

    assert kinds(run(spin, library, limits=Limits(polls=500))) == ["livelock"]
    assert kinds(run(tick, library, limits=Limits(seconds=1e6))) == ["livelock"]


def test_tasks_that_are_left_are_a_leak(library: str) -> None:
    async def forever() -> None:
        await asyncio.sleep(1e5)

    async def scenario() -> None:
        asyncio.create_task(forever())  # noqa: RUF006 - that is the mistake
        await asyncio.sleep(0)

    async def declared(world: World) -> None:
        world.background(asyncio.create_task(forever()))

    found = run(scenario, library)
    assert kinds(found) == ["leak"]
    assert "Task-1 (forever) at test_world.py:" in found.failures[0].message
    assert run(scenario, library, ignore=("tasks",)).failures == []
    assert run(declared, library).failures == []


def test_timers_and_sockets_that_are_left_are_a_leak(library: str) -> None:
    import socket

    async def timer() -> None:
        asyncio.get_running_loop().call_later(5, print)

    async def open_socket() -> None:
        held.append(socket.socket())

    held: list[Any] = []
    assert kinds(run(timer, library)) == ["leak"]
    assert kinds(run(open_socket, library)) == ["leak"]


def test_an_exception_that_nobody_retrieves_is_found(library: str) -> None:
    async def fail() -> None:
        raise ValueError("nobody looks")

    async def scenario() -> None:
        task = asyncio.create_task(fail())
        await asyncio.wait([task])

    found = run(scenario, library)
    assert kinds(found) == ["unretrieved"]
    assert "ValueError: nobody looks" in found.failures[0].message


def test_a_coroutine_that_is_never_awaited_is_found(library: str) -> None:
    async def forgotten() -> None:
        pass

    async def scenario() -> None:
        forgotten()  # type: ignore[unused-coroutine]

    found = run(scenario, library)
    assert [str(f) for f in found.failures] == [
        "never awaited: coroutine forgotten was never awaited"
    ]


def test_a_cancellation_that_is_swallowed_is_found(library: str) -> None:
    async def deaf() -> None:
        for _ in range(2):
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                continue

    async def listening() -> None:
        try:
            await asyncio.sleep(1)
        finally:
            for _ in range(5):
                await asyncio.sleep(0)

    async def scenario(coro: Any) -> None:
        task = asyncio.create_task(coro)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    async def first() -> None:
        await scenario(deaf())

    async def second() -> None:
        await scenario(listening())

    assert kinds(run(first, library)) == ["swallowed cancellation"]
    assert run(second, library).failures == []


def test_invariants_are_looked_at_all_the_time(library: str) -> None:
    async def scenario(world: World) -> None:
        balance = [10]
        world.always(lambda: balance[0] >= 0, "the balance is never negative")
        world.eventually(lambda: balance[0] == 10, within=30, words="it comes back")
        balance[0] -= 20
        await asyncio.sleep(0)
        balance[0] += 20

    async def promise(world: World) -> None:
        world.eventually(lambda: False, within=30, words="it happens")
        await asyncio.sleep(60)

    assert next(str(f) for f in run(scenario, library).failures) == (
        "always: the balance is never negative"
    )
    assert [str(f) for f in run(promise, library).failures] == ["eventually: it happens"]


def test_a_set_of_tasks_iterates_in_the_order_of_their_making(library: str) -> None:
    async def scenario() -> list[str]:
        tasks = [asyncio.create_task(asyncio.sleep(0)) for _ in range(50)]
        mixed: set[asyncio.Task[None]] = set()
        mixed.update(reversed(tasks))
        order = [task.get_name() for task in mixed]
        await asyncio.wait(tasks)
        return order

    names = run(scenario, library).result
    assert names == [f"Task-{number}" for number in range(1, 51)]


def test_a_world_runs_once(library: str) -> None:
    async def nothing() -> None:
        pass

    world = World(library=library)
    world.run(nothing)
    with pytest.raises(RuntimeError, match="runs once"):
        world.run(nothing)


def test_bad_arguments_are_refused(library: str) -> None:
    with pytest.raises(ValueError, match="library"):
        World(library="trio")
    with pytest.raises(ValueError, match="level"):
        World(library=library, level="all")
    with pytest.raises(ValueError, match="no such check: leaks"):
        World(library=library, ignore=("leaks",))


def test_signals_come_when_the_world_sends_them(library: str) -> None:
    import signal

    async def scenario(world: World) -> str:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        world.signal(signal.SIGTERM)
        await stop.wait()
        return "stopped"

    assert run(scenario, library).result == "stopped"


@pytest.mark.parametrize("seed", ["0", "1"])
def test_hash_seeds_change_nothing(library: str, seed: str) -> None:
    """The traces of all scenarios are the same bytes whatever the interpreter's hash seed."""
    program = (
        "import sys\n"
        "from tests.testing.scenarios import SCENARIOS\n"
        "from tests.testing.test_alike import at_random\n"
        "from miniloop.testing.world import World\n"
        "for scenario in SCENARIOS:\n"
        "    for number in range(3):\n"
        "        run = World(library=sys.argv[1], trace=True,\n"
        "                    decide=at_random(number, 0.1)).run(scenario)\n"
        "        print(run.schedule, run.trace, [str(f) for f in run.failures])\n"
    )

    def output(value: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", program, library],
            cwd=ROOT,
            env={"PYTHONHASHSEED": value, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert output(seed) == output("777")


@pytest.mark.parametrize("in_task", [False, True])
def test_who_ends_the_program_has_failed(in_task: bool, library: str) -> None:
    async def leave() -> None:
        await asyncio.sleep(1)
        sys.exit(3)

    async def scenario() -> None:
        if in_task:
            leaving = asyncio.create_task(leave())
            await asyncio.sleep(5)
            await leaving
        await leave()

    failure = World(library=library).run(scenario).failure
    assert failure is not None
    assert "SystemExit: 3" in str(failure)
