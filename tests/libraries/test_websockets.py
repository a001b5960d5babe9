"""The library websockets: a chat, closing, keepalive, limits, compression, TLS, Unix sockets."""

from __future__ import annotations

import asyncio
import http
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.asyncio.server import Server, ServerConnection, broadcast, serve, unix_serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response
from websockets.sync.client import connect as connect_in_thread

from .cells import Say, Scenario, cases, outcome, same
from .serving import client_tls, free_path, server_tls


def where(server: Server, scheme: str = "ws") -> str:
    """Return the URL of *server*."""
    return f"{scheme}://localhost:{next(iter(server.sockets)).getsockname()[1]}"


def listen(handler: Any, **options: Any) -> AbstractAsyncContextManager[Server]:
    """Return what serves *handler* on a free port."""
    return serve(handler, "127.0.0.1", 0, **options)


def dial(url: str, **options: Any) -> connect:
    """Return what connects to *url*, without looking for a proxy."""
    return connect(url, proxy=None, **options)


def ended(error: ConnectionClosed) -> tuple[Any, ...]:
    """Return how a connection ended: the type, what was received and what was sent."""
    codes = [(each.code, each.reason) if each else None for each in (error.rcvd, error.sent)]
    return type(error).__name__, *codes, error.rcvd_then_sent


async def end_of(websocket: ClientConnection | ServerConnection) -> tuple[Any, ...]:
    """Receive until the connection ends; return how it did."""
    try:
        while True:
            await websocket.recv()
    except ConnectionClosed as error:
        return ended(error)


class Room:
    """A chat: who is there, and everybody hears everything."""

    def __init__(self) -> None:
        self.members: dict[str, ServerConnection] = {}

    async def __call__(self, websocket: ServerConnection) -> None:
        name = str(await websocket.recv())
        if name in self.members:
            await websocket.close(4001, "the name is taken")
            return
        self.members[name] = websocket
        self.tell(name, "joined")
        try:
            async for message in websocket:
                self.tell(name, str(message))
        finally:
            del self.members[name]
            self.tell(name, "left")

    def tell(self, name: str, words: str) -> None:
        broadcast(self.members.values(), json.dumps([name, words, sorted(self.members)]))


async def chat(say: Say) -> None:
    room = Room()

    async def hear(websocket: ClientConnection, times: int) -> list[str]:
        return [str(await websocket.recv()) for _ in range(times)]

    async with listen(room) as server:
        people = []
        for name in ("ann", "bob", "cid"):
            websocket = await dial(where(server))
            await websocket.send(name)
            people.append(websocket)
            say(await asyncio.gather(*(hear(each, 1) for each in people)))
        async with dial(where(server)) as late:
            await late.send("ann")
            say(await end_of(late))
        for number, websocket in enumerate(people):
            await websocket.send(f"I am number {number}")
            say(await asyncio.gather(*(hear(each, 1) for each in people)))
        await people[1].close(reason="good night")
        say(people[1].close_code, people[1].close_reason)
        say(await asyncio.gather(hear(people[0], 1), hear(people[2], 1)))
        people[2].transport.abort()
        say(await hear(people[0], 1))
        closing = asyncio.ensure_future(end_of(people[0]))
    say(await closing, room.members)


async def closing(say: Say) -> None:
    seen: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

    async def handler(websocket: ServerConnection) -> None:
        match await websocket.recv():
            case "return":
                pass
            case "raise":
                raise LookupError("a mistake")
            case "close":
                await websocket.close(4000, "enough")
            case _:
                seen.put_nowait(await end_of(websocket))

    async with listen(handler) as server:
        for word in ("return", "raise", "close"):
            async with dial(where(server)) as websocket:
                await websocket.send(word)
                say(word, await end_of(websocket), websocket.state.name)
                say(ended(await _raised(websocket.send("x"))))
        for code, reason in ((1000, ""), (1001, "away"), (3000, "ü" * 60)):
            async with dial(where(server)) as websocket:
                await websocket.send("wait")
                await websocket.close(code, reason)
                say(websocket.close_code, await seen.get())
        websocket = await dial(where(server))
        await websocket.send("wait")
        websocket.transport.abort()
        say(await seen.get(), await end_of(websocket))


async def _raised(awaitable: Any) -> ConnectionClosed:
    with pytest.raises(ConnectionClosed) as caught:
        await awaitable
    return caught.value


async def shutdown(say: Say) -> None:
    """Closing the server tells everybody, and waits for the handlers."""
    together = asyncio.Barrier(5)
    seen: list[tuple[Any, ...]] = []

    async def handler(websocket: ServerConnection) -> None:
        await together.wait()
        seen.append(await end_of(websocket))

    async with listen(handler) as server:
        people = [await dial(where(server)) for _ in range(4)]
        await together.wait()
        ends = [asyncio.ensure_future(end_of(websocket)) for websocket in people]
        server.close(code=1012, reason="restart")
        await server.wait_closed()
        say(seen, await asyncio.gather(*ends))
    say((await outcome(_enter(dial(f"ws://127.0.0.1:{people[0].remote_address[1]}"))))[0])


async def _enter(context: connect) -> ClientConnection:
    return await context


async def keepalive(say: Say) -> None:
    """Pings are answered; a peer that does not answer is given up."""
    seen: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

    async def handler(websocket: ServerConnection) -> None:
        seen.put_nowait(await end_of(websocket))

    async with listen(handler, ping_interval=0.02, ping_timeout=None) as server:
        async with dial(where(server), ping_interval=None) as websocket:
            pong = await websocket.ping(b"there?")
            assert await pong >= 0
            (connection,) = server.connections
            while not connection.latency:  # until the server's ping was answered too
                await asyncio.sleep(0.01)
        say(await seen.get())
    deaf = {"ping_interval": 0.02, "ping_timeout": 0.05, "close_timeout": 0.05}
    async with listen(handler, **deaf) as server:
        websocket = await dial(where(server), ping_interval=None)
        websocket.transport.pause_reading()  # it is there, and deaf
        say((await seen.get())[:3])
        websocket.transport.resume_reading()
        say(await end_of(websocket))


async def limits(say: Say) -> None:
    seen: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

    async def handler(websocket: ServerConnection) -> None:
        seen.put_nowait(await end_of(websocket))

    async with listen(handler, max_size=1000, compression=None) as server:
        async with dial(where(server), compression=None) as websocket:
            await websocket.send(bytes(1000))
            await websocket.send(bytes(1001))
            say(await end_of(websocket), await seen.get())
        async with dial(where(server), compression="deflate") as websocket:
            say(websocket.protocol.extensions)


async def backpressure(say: Say) -> None:
    """A handler that does not receive makes the sender wait; nothing is lost."""
    go_on, sent, total = asyncio.Event(), [0], 200

    async def handler(websocket: ServerConnection) -> None:
        await go_on.wait()
        sizes = [len(message) async for message in websocket]
        say(len(sizes), sum(sizes))

    async def send(websocket: ClientConnection) -> None:
        for _ in range(total):
            await websocket.send(bytes(100_000))
            sent[0] += 1

    async with (
        listen(handler, compression=None, max_queue=4, ping_interval=None) as server,
        dial(where(server), compression=None, ping_interval=None) as websocket,
    ):
        sending = asyncio.ensure_future(send(websocket))
        before = -1
        while sent[0] != before or not before:
            before = sent[0]
            await asyncio.sleep(0.05)
        assert before < total
        go_on.set()
        await sending


async def fragments(say: Say) -> None:
    async def handler(websocket: ServerConnection) -> None:
        async for message in websocket:
            await websocket.send([message[::-1], message])

    async def pieces() -> AsyncIterator[str]:
        for number in range(5):
            yield str(number)
            await asyncio.sleep(0)

    for compression in (None, "deflate"):
        async with (
            listen(handler, compression=compression) as server,
            dial(where(server), compression=compression) as websocket,
        ):
            await websocket.send(pieces())
            say([piece async for piece in websocket.recv_streaming()])
            await websocket.send(["one", "two"])
            say(await websocket.recv(), [each.name for each in websocket.protocol.extensions])


async def handshakes(say: Say) -> None:
    async def handler(websocket: ServerConnection) -> None:
        assert websocket.request is not None
        await websocket.send(f"{websocket.request.path} {websocket.subprotocol}")

    async def door(websocket: ServerConnection, request: Request) -> Response | None:
        await asyncio.sleep(0)
        if request.headers.get("Authorization") != "yes":
            return websocket.respond(http.HTTPStatus.UNAUTHORIZED, "who are you?\n")
        return None

    async with listen(handler, process_request=door, subprotocols=["b", "c"]) as server:
        try:
            await dial(where(server))
        except InvalidStatus as error:
            say(error.response.status_code, error.response.body)
        headers = {"Authorization": "yes"}
        async with dial(
            where(server) + "/path?q=1", additional_headers=headers, subprotocols=["a", "b"]
        ) as websocket:
            say(await websocket.recv(), websocket.subprotocol)
        reader, writer = await asyncio.open_connection(*next(iter(server.sockets)).getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        say((await reader.read()).splitlines()[0])
        writer.close()
        await writer.wait_closed()


async def other_roads(say: Say) -> None:
    """TLS, Unix sockets, and a client in a thread."""

    async def handler(websocket: ServerConnection) -> None:
        async for message in websocket:
            await websocket.send(message)

    async with listen(handler, ssl=server_tls(), max_size=None) as server:
        url = where(server, "wss")
        async with dial(url, ssl=client_tls(), max_size=None) as websocket:
            for size in (1, 16_384, 3_000_000):
                await websocket.send(bytes(size))
                assert await websocket.recv() == bytes(size)
            say(websocket.transport.get_extra_info("ssl_object").version())
        error = await outcome(_enter(dial(url, ssl=client_tls(trusting=False))))
        say(error[0])
    with free_path() as folder:
        async with (
            unix_serve(handler, f"{folder}/s"),
            unix_connect(f"{folder}/s") as websocket,
        ):
            await websocket.send("by file")
            say(await websocket.recv(), websocket.remote_address == f"{folder}/s")

    def talk() -> list[str | bytes]:
        with connect_in_thread(where(server), proxy=None) as websocket:
            websocket.send("from a thread")
            return [websocket.recv()]

    async with listen(handler) as server:
        say(await asyncio.gather(*(asyncio.to_thread(talk) for _ in range(4))))


SCENARIOS: list[Scenario] = [
    chat,
    closing,
    shutdown,
    keepalive,
    limits,
    backpressure,
    fragments,
    handshakes,
    other_roads,
]


@cases(SCENARIOS, *SCENARIOS)
def test_as_on_asyncio(scenario: Scenario, debug: bool) -> None:
    same(scenario, debug=debug)
