"""How late something may be is the user's to say: a correct program's patience is longer."""

from __future__ import annotations

import asyncio

import pytest

from miniloop.testing import Limits, Run, World, explore, replay


async def patient(world: World) -> None:
    """Ask a server with a patience of five seconds, as clients' defaults are."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_server(answer, "localhost", 80)
    reader, writer = await asyncio.open_connection("localhost", 80)
    try:
        async with asyncio.timeout(5):
            writer.write(b"hello\n")
            assert await reader.readline() == b"hello\n"
    finally:
        writer.close()
        server.close()


def test_what_may_be_ten_seconds_late_outlasts_a_patience_of_five() -> None:
    found = explore(patient, runs=200).failure
    assert found is not None
    assert isinstance(found.failure.error, TimeoutError)


@pytest.mark.parametrize("level", ["fifo", "tasks"])
def test_what_is_never_so_late_does_not(level: str) -> None:
    assert explore(patient, runs=200, level=level, limits=Limits(delay=1.0)).failure is None


def test_it_holds_for_a_replay_as_well() -> None:
    found = explore(patient, runs=200).failure
    assert found is not None

    def again(limits: Limits) -> Run:
        return replay(patient, found.schedule, limits=limits)

    assert again(Limits()).failures
    assert not again(Limits(delay=1.0)).failures
