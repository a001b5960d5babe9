"""Partitions and holds: what is parked, what is lost, and in which order it leaves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from miniloop.testing.network.barriers import Barriers, Departure
from miniloop.testing.network.links import Link
from miniloop.testing.world import World

THERE = ("web", "db")
STEPS = st.lists(
    st.sampled_from(("part", "hold", "heal", "release", "bytes", "datagram")), max_size=30
)


@given(STEPS)
@example(["hold", "bytes", "part", "bytes", "release"])
@example(["part", "bytes", "hold", "heal", "bytes"])
def test_nothing_but_datagrams_of_a_partition_is_lost_and_streams_keep_their_order(
    steps: list[str],
) -> None:
    left: list[int] = []
    sent: dict[int, str] = {}
    lost: set[int] = set()
    barriers = Barriers(lambda departure: left.append(departure.hold))
    parted = held = False
    for number, step in enumerate(steps):
        if step in ("bytes", "datagram"):
            sent[number] = step
            departure = Departure(step, 0.0, lambda: None, number, None)
            if parted and step == "datagram":
                lost.add(number)
            if not barriers.stop(THERE, departure):
                assert not parted
                assert not held
                left.append(number)
        else:
            parted = step == "part" or (parted and step != "heal")
            held = step == "hold" or (held and step != "release")
            waiting = set(sent) - set(left) - lost
            getattr(barriers, step)(THERE)
            if step == "release" and parted:  # what was held runs into the partition
                lost |= {number for number in waiting if sent[number] == "datagram"}
    for undo in (barriers.heal, barriers.release):
        undo(THERE)
    assert not barriers
    assert set(left) == set(sent) - lost
    streams = [number for number in left if sent[number] == "bytes"]
    assert len(left) == len(set(left))
    assert streams == sorted(streams)


class Note(asyncio.DatagramProtocol):
    def __init__(self, got: list[bytes]) -> None:
        self.got = got

    def datagram_received(self, data: bytes, _: Any) -> None:
        self.got.append(data)


@pytest.mark.parametrize("library", ["miniloop", "asyncio"])
@pytest.mark.parametrize(
    ("stop", "resume", "expected"),
    [("hold", "release", [b"1", b"2", b"3"]), ("partition", "heal", [b"3"])],
)
def test_datagrams_are_held_or_lost(
    stop: str, resume: str, expected: list[bytes], library: str
) -> None:
    got: list[bytes] = []

    async def listen() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: Note(got), local_addr=("db", 5))
        try:
            await asyncio.sleep(100)
        finally:
            transport.close()

    async def talk(world: World) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=("db", 5)
        )
        getattr(world.network, stop)("web", "db")
        transport.sendto(b"1")
        transport.sendto(b"2")
        await asyncio.sleep(30)
        assert got == []
        getattr(world.network, resume)("web", "db")
        transport.sendto(b"3")
        await asyncio.sleep(1)
        transport.close()

    async def scenario(world: World) -> None:
        world.background(world.host("db").spawn(listen()))
        await asyncio.sleep(1)
        await world.host("web").spawn(talk(world))

    assert World(library=library).run(scenario).failures == []
    assert got == expected


@pytest.mark.parametrize("library", ["miniloop", "asyncio"])
def test_a_hold_can_be_one_way(library: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(10))
        writer.close()

    async def serve() -> None:
        async with await asyncio.start_server(answer, "db", 5) as server:
            await server.serve_forever()

    async def ask(world: World) -> float:
        reader, writer = await asyncio.open_connection("db", 5)
        loop = asyncio.get_running_loop()
        world.network.hold("db", "web", both=False)
        loop.call_later(20, world.network.release, "db", "web")
        began = loop.time()
        writer.write(b"hello")
        assert await reader.read(10) == b"hello"
        writer.close()
        return loop.time() - began

    async def scenario(world: World) -> float:
        world.background(world.host("db").spawn(serve()))
        await asyncio.sleep(1)
        seconds: float = await world.host("web").spawn(ask(world))
        await asyncio.sleep(1)
        return seconds

    found = World(library=library).run(scenario)
    assert found.failures == []
    assert found.result == pytest.approx(20)


def test_what_no_link_has_is_refused() -> None:
    with pytest.raises(AttributeError):
        Link().latancy = 1.0  # type: ignore[attr-defined]
