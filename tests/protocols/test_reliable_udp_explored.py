"""Requests over UDP in worlds where datagrams get lost, come twice, late and out of order."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from miniloop.testing import World, explore
from protocols.reliable_udp import NoAnswer, SessionLost, connect, serve

HERE = ("127.0.0.1", 7007)


def worsen(world: World) -> None:
    """Let the link lose, double and reorder datagrams."""
    link = world.network.default_link
    link.loss = link.duplication = link.reordering = True


class Work:
    """What a server does, and how often for each request."""

    def __init__(self) -> None:
        self.times: Counter[bytes] = Counter()

    async def handle(self, body: bytes) -> bytes:
        self.times[body] += 1
        await asyncio.sleep(0.3)  # longer than the first delay: what is running is asked again
        return b"did " + body


async def one_request(world: World) -> None:
    worsen(world)
    work = Work()
    async with await serve(work.handle, *HERE), await connect(*HERE) as client:
        assert await client.request(b"x", timeout=20.0) == b"did x"
        await asyncio.sleep(5)  # for what is late
    assert work.times == {b"x": 1}


async def one_request_or_none(world: World) -> None:
    """However much is lost, there is an answer or an end, and never a second execution."""
    worsen(world)
    work = Work()
    async with await serve(work.handle, *HERE), await connect(*HERE) as client:
        try:
            assert await client.request(b"x", timeout=3.0) == b"did x"
        except NoAnswer:
            pass
        await asyncio.sleep(5)
    assert work.times[b"x"] <= 1


async def two_at_a_time(world: World) -> None:
    worsen(world)
    work = Work()
    async with await serve(work.handle, *HERE), await connect(*HERE) as client:
        asked = [client.request(body, timeout=20.0) for body in (b"x", b"y")]
        assert await asyncio.gather(*asked) == [b"did x", b"did y"]
        assert await client.request(b"z", timeout=20.0) == b"did z"
    assert work.times == {b"x": 1, b"y": 1, b"z": 1}


async def one_that_gives_up(world: World) -> None:
    """The first may be given up at any moment; its slot's next answer is never taken for it."""
    worsen(world)
    work = Work()
    async with await serve(work.handle, *HERE), await connect(*HERE) as client:
        try:
            assert await client.request(b"x", timeout=0.35) == b"did x"
        except NoAnswer:
            pass
        assert await client.request(b"y", timeout=20.0) == b"did y"
    assert work.times[b"x"] <= 1
    assert work.times[b"y"] == 1


async def one_cancelled(world: World) -> None:
    worsen(world)
    work = Work()
    async with await serve(work.handle, *HERE), await connect(*HERE) as client:
        first = asyncio.create_task(client.request(b"x", timeout=20.0))
        world.sometime(first.cancel)
        await asyncio.wait([first])
        assert await client.request(b"y", timeout=20.0) == b"did y"
    assert work.times[b"x"] <= 1
    assert work.times[b"y"] == 1


async def a_server_that_restarts(world: World) -> None:
    """The new server knows nothing of what the old one did, and still nothing is done twice."""
    worsen(world)
    work = Work()
    server = await serve(work.handle, *HERE)
    async with await connect(*HERE) as client:
        asked = asyncio.create_task(client.request(b"x", timeout=20.0))
        await asyncio.sleep(0.45)
        await server.close()
        async with await serve(work.handle, *HERE):
            lost = 0
            for body, asking in ((b"x", asked), (b"y", client.request(b"y", timeout=20.0))):
                try:
                    assert await asking == b"did " + body
                except SessionLost:
                    lost += 1
            assert lost <= 1, "one session was lost, and is only told once"
            assert await client.request(b"z", timeout=20.0) == b"did z"
    assert work.times[b"x"] <= 1
    assert work.times[b"y"] <= 1
    assert work.times[b"z"] == 1


@pytest.mark.parametrize(
    ("scenario", "depth"),
    [
        (one_request, 2),
        (two_at_a_time, 1),
        (one_that_gives_up, 1),
        (one_cancelled, 1),
        (a_server_that_restarts, 1),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_at_most_once_in_every_schedule_with_few_deviations(scenario: Any, depth: int) -> None:
    """A deviation is one datagram lost, doubled or late, or one event from outside put off."""
    exploration = explore(scenario, runs=10_000, strategy="bounded", depth=depth).check()
    assert exploration.proved is not None, str(exploration)
    assert exploration.proved >= depth, str(exploration)


@pytest.mark.parametrize("strategy", ["random", "pct"])
def test_at_most_once_however_much_is_lost(strategy: str) -> None:
    assert explore(one_request_or_none, runs=300, strategy=strategy).check().runs >= 300
