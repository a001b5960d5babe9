"""websockets in the World: a chat, pings over hours, a partition that heals or does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from miniloop.testing import World

from .worlds import alike, breaks, holds

#: Longer than anything in the World is late for no reason.
PATIENT: dict[str, Any] = {"open_timeout": 60, "close_timeout": 60, "ping_timeout": 60}


class Room:
    """A chat: who is there hears everything, in the order in which it was said."""

    def __init__(self) -> None:
        self.members: set[ServerConnection] = set()
        self.said: list[str] = []
        self.ready = asyncio.Event()

    async def __call__(self, websocket: ServerConnection) -> None:
        self.members.add(websocket)
        try:
            async for words in websocket:
                self.said.append(str(words))
                broadcast(self.members, words)
        except ConnectionClosed:
            pass
        finally:
            self.members.remove(websocket)

    async def serve(self, host: str, **options: Any) -> None:
        """Serve until cancelled."""
        async with serve(self, host, 80, **{**PATIENT, **options}):
            self.ready.set()
            await asyncio.Event().wait()


@asynccontextmanager
async def chatting(world: World, room: Any = None, **options: Any) -> AsyncIterator[Any]:
    """Serve a `Room` on the host ``chat``."""
    room = room or Room()
    serving = world.host("chat").spawn(room.serve("chat", **options))
    await room.ready.wait()
    try:
        yield room
    finally:
        serving.cancel()
        await asyncio.wait([serving])


def dial(**options: Any) -> connect:
    """Return what connects to the room, without looking for a proxy."""
    return connect("ws://chat", proxy=None, **{**PATIENT, **options})


async def hear(websocket: ClientConnection, times: int) -> list[str]:
    return [str(await websocket.recv()) for _ in range(times)]


async def a_chat(world: World) -> list[str]:
    """Three say two things each; all hear all six, in one order, over links that take half."""
    link = world.network.link("localhost", "chat")
    link.latency, link.partial_writes = 0.02, True
    async with (
        chatting(world, ping_interval=None) as room,
        dial(ping_interval=None) as one,
        dial(ping_interval=None) as two,
        dial(ping_interval=None) as three,
    ):
        people = (one, two, three)
        hearing = [asyncio.create_task(hear(person, 6)) for person in people]
        for turn in range(2):
            await asyncio.gather(*(p.send(f"{turn} {n}") for n, p in enumerate(people)))
        heard = await asyncio.gather(*hearing)
    assert heard == [room.said] * 3
    assert sorted(room.said) == [f"{turn} {n}" for turn in range(2) for n in range(3)]
    return heard[0]


async def pings_over_hours(world: World) -> float:
    """Nobody says anything for hours; the pings keep the connection, and it still works."""
    world.network.default_link.latency = 0.5
    often = {"ping_interval": 1200}
    async with chatting(world, **often), dial(**often) as websocket:
        await asyncio.sleep(6 * 3600)
        await websocket.send("still there")
        assert await hear(websocket, 1) == ["still there"]
        return websocket.latency


async def a_partition(world: World, heals: bool) -> tuple[list[str], int | None]:
    """The two hosts are cut off from each other in the middle of a talk."""
    heard: list[str] = []
    async with chatting(world) as room, dial() as websocket:
        await websocket.send("before")
        heard += await hear(websocket, 1)
        world.network.partition("localhost", "chat")
        await websocket.send("meanwhile")
        await asyncio.sleep(5)
        assert heard == room.said == ["before"]
        if heals:
            world.network.heal("localhost", "chat")
            heard += await hear(websocket, 1)
            return heard, websocket.close_code
        with pytest.raises(ConnectionClosed):
            await hear(websocket, 1)
        await asyncio.sleep(200)
        assert not room.members, "the server has not noticed"
        code = websocket.close_code
        world.network.heal("localhost", "chat")
    return heard, code


async def a_partition_that_heals(world: World) -> Any:
    return await a_partition(world, heals=True)


async def a_partition_that_does_not(world: World) -> Any:
    return await a_partition(world, heals=False)


async def over_a_bad_link(world: World) -> list[str]:
    """Who is cut off comes again; what he hears is what was said, in order, with gaps at most."""
    heard: list[str] = []
    async with chatting(world, ping_interval=None) as room:
        link = world.network.link("localhost", "chat")
        link.latency = 0.02
        link.resets = link.refusals = link.partial_writes = True
        said = 0
        while said < 4:
            try:
                async with dial(ping_interval=None) as websocket:
                    while said < 4:
                        await websocket.send(f"{said}")
                        said += 1
                        heard += await hear(websocket, 1)
            except (OSError, InvalidHandshake, InvalidMessage, ConnectionClosed):
                continue
        link.resets = link.refusals = False
        await asyncio.sleep(60)
    assert heard == [words for words in room.said if words in heard]
    return heard


async def a_receiver_that_is_cancelled(world: World) -> list[str]:
    """`recv` may be cancelled: what comes then is received by the next call."""
    async with chatting(world, ping_interval=None) as room, dial(ping_interval=None) as websocket:
        heard: list[str] = []

        async def listen() -> None:
            while len(heard) < 3:
                heard.append(str(await websocket.recv()))

        listening = asyncio.create_task(listen())
        world.sometime(listening.cancel)
        for number in range(3):
            await websocket.send(f"{number}")
        await asyncio.wait([listening])
        heard += await hear(websocket, 3 - len(heard))
    assert heard == room.said == ["0", "1", "2"]
    return heard


async def a_name_for_two(world: World) -> None:
    """Broken: between the look whether a name is free and its being taken, another one looks."""
    members: list[str] = []

    class Named(Room):
        async def __call__(self, websocket: ServerConnection) -> None:
            name = str(await websocket.recv())
            if name in members:
                await websocket.close(4001, "the name is taken")
                return
            await asyncio.sleep(0.5)  # it asks a database
            members.append(name)
            await websocket.wait_closed()

    async with chatting(world, Named(), ping_interval=None):

        async def join(after: float) -> None:
            await asyncio.sleep(after)
            async with dial(ping_interval=None) as websocket:
                await websocket.send("me")
                await asyncio.sleep(20)

        await asyncio.gather(join(1), join(2), return_exceptions=True)
    assert len(members) == 1, f"{len(members)} have that name"


async def a_message_in_nobodys_hands(world: World) -> None:
    """Broken: a message was received, and its receiver is cancelled before it writes it down."""
    async with chatting(world, ping_interval=None), dial(ping_interval=None) as websocket:
        heard: list[str] = []

        async def listen() -> None:
            while True:
                message = str(await websocket.recv())
                await asyncio.sleep(0)
                heard.append(message)

        listening = asyncio.create_task(listen())
        world.sometime(listening.cancel)
        await websocket.send("important")
        await asyncio.wait([listening])
        async with asyncio.timeout(60):
            heard = heard or await hear(websocket, 1)
    assert heard == ["important"]


RIGHT = (
    a_chat,
    pings_over_hours,
    a_partition_that_heals,
    a_partition_that_does_not,
    over_a_bad_link,
    a_receiver_that_is_cancelled,
)


@pytest.mark.parametrize("scenario", RIGHT)
def test_websockets_is_alike_and_holds(scenario: Any) -> None:
    alike(scenario)
    holds(scenario)


def test_a_ping_takes_the_way_there_and_back() -> None:
    run = alike(pings_over_hours)
    assert run.result == 1.0
    assert run.seconds > 6 * 3600


def test_the_two_ends_of_a_partition() -> None:
    assert alike(a_partition_that_heals).result == (["before", "meanwhile"], None)
    assert alike(a_partition_that_does_not).result == (["before"], 1006)


@pytest.mark.parametrize(
    ("scenario", "words", "kind"),
    [
        (a_name_for_two, "2 have that name", "jump"),
        (a_message_in_nobodys_hands, "TimeoutError", "event"),
    ],
)
def test_broken_programs_are_found(scenario: Any, words: str, kind: str) -> None:
    found = breaks(scenario, words)
    assert [key[0] for key in found.schedule.deviations] == [kind]
