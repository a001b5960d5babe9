"""aiohttp's websockets: messages of every kind, both ends closing, heartbeats, a crowd."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web

from .cells import Say, Scenario, cases, outcome, same
from .serving import routed, served

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


def talking(talk: Talk, **options: object) -> web.Application:
    """Return an application whose root is a websocket that *talk* serves."""

    async def handler(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(**options)  # type: ignore[arg-type]
        await ws.prepare(request)
        await talk(ws)
        return ws

    return routed(("GET", "/", handler))


async def messages(say: Say) -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        async for message in ws:
            match message.type:
                case aiohttp.WSMsgType.TEXT:
                    await ws.send_str(message.data.upper())
                case aiohttp.WSMsgType.BINARY:
                    await ws.send_bytes(message.data * 2)
        say("server", ws.close_code)

    for compress in (0, 15):
        async with served(talking(talk)) as url, aiohttp.ClientSession() as session:
            async with session.ws_connect(url, compress=compress) as ws:
                say(ws.compress)
                for text in ("", "grüße", "x" * 200_000):
                    await ws.send_str(text)
                    assert await ws.receive_str() == text.upper()
                for size in (0, 125, 126, 65_535, 65_536, 1_000_000):
                    await ws.send_bytes(bytes(size))
                    assert await ws.receive_bytes() == bytes(2 * size)
                await ws.send_json({"a": 1})
                say(await ws.receive_json())
            say("client", ws.close_code)


async def pings(say: Say) -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        async for message in ws:
            say("server", message.type.name, bytes(message.data))
            if message.type is aiohttp.WSMsgType.PING:
                await ws.pong(message.data)
                await ws.ping(b"and you?")

    app = talking(talk, autoping=False)
    async with (
        served(app) as url,
        aiohttp.ClientSession() as session,
        session.ws_connect(url, autoping=False) as ws,
    ):
        await ws.ping(b"there?")
        for _ in range(2):
            message = await ws.receive()
            say("client", message.type.name, bytes(message.data))
        await ws.pong(b"yes")


async def closing(say: Say) -> None:
    """Both ends learn the code and the reason, whoever begins."""
    served_facts: asyncio.Queue[object] = asyncio.Queue()

    async def talk(ws: web.WebSocketResponse) -> None:
        message = await ws.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            did = await ws.close(code=int(message.data), message=b"by server")
            served_facts.put_nowait(("server closed", did, ws.closed, ws.close_code))
        else:
            got = message.type.name, message.data, message.extra
            served_facts.put_nowait(("server", *got, ws.closed, ws.close_code))

    async with served(talking(talk)) as url, aiohttp.ClientSession() as session:
        for code in (1000, 1001, 1011, 4321):
            ws = await session.ws_connect(url)
            say("client closed", await ws.close(code=code, message=b"by client"), ws.close_code)
            say(await served_facts.get())
            ws = await session.ws_connect(url)
            await ws.send_str(str(code))
            message = await ws.receive()
            say("client", message.type.name, message.data, message.extra, ws.close_code)
            say("afterwards", (await ws.receive()).type.name, await outcome(ws.send_str("x")))
            say(await served_facts.get())


async def too_large(say: Say) -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        async for message in ws:
            say("server", message.type.name, len(message.data))
        say("server", ws.close_code, type(ws.exception()).__name__)

    async with (
        served(talking(talk, max_msg_size=1000)) as url,
        aiohttp.ClientSession() as session,
        session.ws_connect(url) as ws,
    ):
        await ws.send_bytes(bytes(999))
        await ws.send_bytes(bytes(5000))
        message = await ws.receive()
        say("client", message.type.name, message.data)


async def torn_apart(say: Say) -> None:
    """The connection is cut without a close frame, from either end."""

    async def talk(ws: web.WebSocketResponse) -> None:
        message = await ws.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            assert ws._req is not None
            assert ws._req.transport is not None
            ws._req.transport.abort()
            return
        say("server", message.type.name, ws.close_code)

    async with served(talking(talk)) as url, aiohttp.ClientSession() as session:
        ws = await session.ws_connect(url)
        await ws.send_str("cut")
        message = await ws.receive()
        say("client", message.type.name, ws.close_code)
        async with aiohttp.ClientSession() as other:
            ws = await other.ws_connect(url)
            assert ws._response.connection is not None
            transport = ws._response.connection.transport
            assert transport is not None
            transport.abort()
            say("client", (await ws.receive()).type.name)


async def heartbeat(say: Say) -> None:
    """A client that does not answer pings is given up."""
    ended = asyncio.Event()

    async def talk(ws: web.WebSocketResponse) -> None:
        message = await ws.receive()
        say("server", message.type.name, ws.close_code, type(ws.exception()).__name__)
        ended.set()

    async with served(talking(talk, heartbeat=0.05)) as url, aiohttp.ClientSession() as session:
        ws = await session.ws_connect(url, autoping=False)
        await ended.wait()
        await ws.close()


async def silence(say: Say) -> None:
    """A receive that takes too long ends, and the websocket goes on."""

    async def talk(ws: web.WebSocketResponse) -> None:
        async for message in ws:
            await ws.send_str(message.data)

    async with (
        served(talking(talk)) as url,
        aiohttp.ClientSession() as session,
        session.ws_connect(url) as ws,
    ):
        say(await outcome(ws.receive(timeout=0.02)))
        receiving = asyncio.ensure_future(ws.receive())
        await asyncio.sleep(0)
        say(await outcome(ws.receive()))
        await ws.send_str("still there")
        say((await receiving).data)


async def room(say: Say) -> None:
    """Everybody hears everything, in the same order."""
    members: list[web.WebSocketResponse] = []
    everybody = asyncio.Event()

    async def talk(ws: web.WebSocketResponse) -> None:
        members.append(ws)
        if len(members) == 8:
            everybody.set()
        async for message in ws:
            for member in members:
                await member.send_str(message.data)
        members.remove(ws)

    async def member(session: aiohttp.ClientSession, url: str, number: int) -> list[str]:
        async with session.ws_connect(url) as ws:
            await everybody.wait()
            for n in range(5):
                await ws.send_str(f"{number}.{n}")
            return [await ws.receive_str() for _ in range(40)]

    async with served(talking(talk)) as url, aiohttp.ClientSession() as session:
        heard = await asyncio.gather(*(member(session, url, number) for number in range(8)))
    assert all(sorted(each) == sorted(heard[0]) for each in heard)
    for number in range(8):
        own = [line for line in heard[0] if line.startswith(f"{number}.")]
        assert own == [f"{number}.{n}" for n in range(5)]
    say(sorted(heard[0]), len(members))


SCENARIOS: list[Scenario] = [
    messages,
    pings,
    closing,
    too_large,
    torn_apart,
    heartbeat,
    silence,
    room,
]


@cases(SCENARIOS, *SCENARIOS)
def test_as_on_asyncio(scenario: Scenario, debug: bool) -> None:
    same(scenario, debug=debug)
