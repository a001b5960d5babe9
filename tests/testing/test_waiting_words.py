"""What is said of tasks that wait is true while things are still on their way as well."""

from __future__ import annotations

import asyncio
import functools
import signal
from collections.abc import AsyncIterator

import pytest

from miniloop.testing import Limits, World, explore


@pytest.fixture(params=["miniloop", "asyncio"])
def library(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def lines_of(scenario: object, library: str, limits: Limits | None = None) -> list[str]:
    run = World(library=library, trace=True, limits=limits).run(scenario)  # type: ignore[arg-type]
    return [line.strip() for line in run.failures[0].message.splitlines()[1:]]


def test_who_sleeps_goes_on_by_itself(library: str) -> None:
    async def scenario() -> None:
        async def beat() -> None:
            while True:
                await asyncio.sleep(2)

        beating = asyncio.create_task(beat(), name="beating")
        await asyncio.Event().wait()
        beating.cancel()

    lines = lines_of(scenario, library, Limits(polls=40))
    assert lines[0].endswith("for an Event; no task has it at hand")
    assert lines[1].endswith(", and goes on in 2 s")
    assert not any("nobody can wake it" in line for line in lines)


def test_whose_patience_has_an_end_goes_on_by_itself(library: str) -> None:
    async def scenario() -> None:
        async def wait_for_it(event: asyncio.Event) -> None:
            async with asyncio.timeout(30):
                await event.wait()

        waiting = asyncio.create_task(wait_for_it(asyncio.Event()))
        await asyncio.sleep(10)
        raise ValueError(waiting)

    (line,) = lines_of(scenario, library)
    assert line.endswith(", and goes on in 20 s")


def test_bytes_may_still_be_on_their_way(library: str) -> None:
    async def scenario(world: World) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(1)
            writer.write(b"late")
            writer.close()

        world.network.default_link.latency = 5.0
        await asyncio.start_server(answer, "localhost", 80)
        stream, writer = await asyncio.open_connection("localhost", 80)
        reading = asyncio.create_task(stream.read(), name="reading")
        await asyncio.sleep(2)
        writer.close()
        raise ValueError(reading.get_name())

    lines = lines_of(scenario, library)
    assert [line for line in lines if line.startswith("reading")], lines
    assert not any("nothing is on its way" in line for line in lines)


def test_a_deadlock_still_says_that_nobody_can(library: str) -> None:
    async def scenario() -> None:
        await asyncio.Event().wait()

    assert lines_of(scenario, library)[0].endswith("for an Event; nobody can wake it")


def test_a_scenario_in_a_partial_has_its_name() -> None:
    async def lends(amount: int, world: World) -> None:
        assert amount > 5

    report = str(explore(functools.partial(lends, 3)))
    assert report.startswith("lends: AssertionError")


def test_a_generator_that_was_left_is_named_without_a_place(library: str) -> None:
    async def scenario() -> None:
        async def numbers() -> AsyncIterator[int]:
            try:
                yield 1
                yield 2
            finally:
                await asyncio.sleep(0)

        async for _ in numbers():
            break

    (failure,) = World(library=library).run(scenario).failures
    assert failure.message.startswith("tasks left: Task-1 (")
    assert failure.message.endswith(")")


def test_a_signal_without_a_handler_is_a_sentence(library: str) -> None:
    async def scenario(world: World) -> None:
        world.signal(signal.SIGTERM)

    failure = World(library=library).run(scenario).failures[0]
    assert "no handler was added for SIGTERM" in failure.message


def test_two_locks_of_one_name_are_told_apart(library: str) -> None:
    async def scenario() -> None:
        bank, till = asyncio.Lock(), asyncio.Lock()

        async def take(first: asyncio.Lock, second: asyncio.Lock) -> None:
            async with first:
                await asyncio.sleep(0)
                async with second:
                    pass

        one = asyncio.create_task(take(bank, till), name="one")
        other = asyncio.create_task(take(till, bank), name="other")
        await asyncio.wait([one, other])

    lines = lines_of(scenario, library)
    assert lines[1].endswith("for the Lock till, held by other (take)")
    assert lines[2].endswith("for the Lock bank, held by one (take)")


def test_a_server_that_was_left_open_is_one_address(library: str) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_server(asyncio.Protocol, "localhost", 80)

    (failure,) = World(library=library).run(scenario).failures
    assert failure.message == "sockets left open: 127.0.0.1:80"
