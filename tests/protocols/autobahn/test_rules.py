"""What RFC 6455 says of frames, tried on our server and on our client: an echo, and how it ends.

Every case is given in one piece and byte by byte, which must make no difference.  What is in
these groups is what Autobahn looks at, too; they need nothing but this checkout.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from miniloop import EventLoop
from miniloop.testing import World
from protocols.client.websocket import ConnectionClosed, WebSocket, connect
from protocols.http.handlers import Request, Response
from protocols.http.server import Server

from ...effort import newest_only
from ..client.servers import Peer, scripted
from ..client.test_websocket import accept
from ..http.support import in_world, serving
from ..http.websockets import Over1, Over2
from ..loops import Run
from .rules import COMPRESSED, GROUPS, Case, Listener, goodbye

#: More than fits into a stream's window of HTTP/2, which the simple client does not wait for.
LARGE = 60_000
#: Bytes of a case that are given one by one.
FIRST = 1000

groups = pytest.mark.parametrize("cases", GROUPS.values(), ids=[*GROUPS])
compressed = pytest.mark.parametrize("cases", COMPRESSED.values(), ids=[*COMPRESSED])
ways = pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
Cases = Callable[[], Iterator[Case]]


def sent(case: Case, masked: bool) -> bytes:
    return b"".join(frame.encode(masked) for frame in case.frames)


def crumbs(data: bytes) -> Iterator[bytes]:
    """Yield bytes one by one, of long data only the first."""
    for byte in data[:FIRST]:
        yield bytes((byte,))
    if len(data) > FIRST:
        yield data[FIRST:]


def check(case: Case, listener: Listener) -> None:
    """Fail unless what came back is as it should be."""
    assert listener.heard == case.answers, case.name
    assert listener.code == case.code, case.name


async def echo(request: Request) -> Response | None:
    websocket = await request.websocket()
    async for message in websocket:
        await websocket.send(message)
    return None


async def ask(client: Over1 | Over2, case: Case, pour: Callable[[bytes], None] | None) -> None:
    """Have a server's connection do a case."""
    listener = Listener()
    if pour is None:
        await client.raw(sent(case, masked=True))
    else:
        pour(sent(case, masked=True))
    left = bool(case.answers)
    while (data := await client.more()) and not listener.take(data):
        if left and len(listener.heard) == len(case.answers):
            left = False
            await client.raw(goodbye().encode(masked=True))
    client.close()
    check(case, listener)


def pouring(server: Server) -> Callable[[bytes], None]:
    """Return what gives bytes one by one to the only connection of a server."""
    [connection] = (each for each in server.connections if not each.transport.is_closing())

    def pour(data: bytes) -> None:
        for piece in crumbs(data):
            connection.data_received(piece)

    return pour


def serve_cases(cases: Cases, bytewise: bool, deflate: bool = False) -> None:
    if bytewise:
        newest_only()

    async def scenario(world: World) -> None:
        async with serving(echo) as server:
            for case in cases():
                client = await Over1.connect(deflate=deflate)
                assert bool(client.answer.extensions) == deflate
                await ask(client, case, pouring(server) if bytewise else None)

    in_world(scenario, "miniloop")


@ways
@groups
def test_our_server(cases: Cases, bytewise: bool) -> None:
    serve_cases(cases, bytewise)


@ways
@compressed
def test_our_server_with_compression(cases: Cases, bytewise: bool) -> None:
    serve_cases(cases, bytewise, deflate=True)


@groups
def test_our_server_in_http2(cases: Cases) -> None:
    newest_only()

    async def scenario(world: World) -> None:
        async with serving(echo):
            for case in cases():
                if len(sent(case, masked=True)) < LARGE:
                    await ask(await Over2.connect(), case, None)

    in_world(scenario, "miniloop")


#: Our client's WebSocket, once it is open.
ready: list[WebSocket] = []


async def answer(url: str) -> None:
    """Echo with our client until it is over."""
    try:
        async with connect(url) as websocket:
            ready.append(websocket)
            async for message in websocket:
                await websocket.send(message)
    except ConnectionClosed:
        pass


def tell_cases(cases: Cases, bytewise: bool, *fields: str) -> None:
    """Have our client do each case, which a script sends."""
    if bytewise:
        newest_only()

    async def main() -> None:
        waiting = list(cases())

        async def script(peer: Peer) -> None:
            case, listener = waiting.pop(0), Listener()
            await accept(peer, *fields)
            data = sent(case, masked=False)
            if bytewise:
                while not ready:
                    await asyncio.sleep(0.001)
                for piece in crumbs(data):
                    ready[0].data_received(piece)
            else:
                peer.send(data)
            left = bool(case.answers)
            while (got := await peer.reader.read(65536)) and not listener.take(got):
                if left and len(listener.heard) == len(case.answers):
                    left = False
                    peer.send(goodbye().encode(masked=False))
            results.append((case, listener))

        results: list[tuple[Case, Any]] = []
        async with scripted(script) as served:
            while waiting:
                ready.clear()
                await answer(f"ws://127.0.0.1:{served.port}/")
        for result in results:
            check(*result)
        assert len(results) == len(list(cases()))

    Run(EventLoop)(main())


@ways
@groups
def test_our_client(cases: Cases, bytewise: bool) -> None:
    tell_cases(cases, bytewise)


@ways
@compressed
def test_our_client_with_compression(cases: Cases, bytewise: bool) -> None:
    tell_cases(cases, bytewise, "Sec-WebSocket-Extensions: permessage-deflate")
