"""Ends that race with what is at work: explored, on miniloop's loop in Worlds.

A World itself fails a run that leaves a socket, a timer or a task, or logs an error.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from miniloop.testing import World, explore
from protocols.http.handlers import Request, Response
from protocols.http.server import serve

from .support import HOST, PORT, H2Client, request
from .websockets import Over1, Over2

RUNS = 60


async def work(request: Request) -> Response | None:
    if request.wants_websocket:
        socket = await request.websocket()
        async for message in socket:
            await socket.send(message)
        return None
    await asyncio.sleep(0.002)
    return Response(await request.body())


async def over_http1() -> Any:
    reader, writer = await asyncio.open_connection(HOST, PORT)
    try:
        for number in range(3):
            writer.write(request(body=b"body%d" % number, last=False))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert await reader.readexactly(5) == b"body%d" % number
            await asyncio.sleep(0.001)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        # A connection that is closed between requests, not within a response.
        assert not getattr(error, "partial", b"")  # noqa: PT017
    finally:
        writer.close()


async def over_http2() -> None:
    client = await H2Client.connect()
    try:
        streams = [client.request("POST", end=False) for _ in range(3)]
        for stream in streams:
            client.parser.send_data(stream, b"body", end_stream=True)
        client.flush()
        for stream in streams:
            assert await client.ended(stream) in (b"body", b"")
    except ConnectionError:
        pass
    finally:
        client.close()


async def over_websocket(kind: Any) -> None:
    socket = None
    try:
        socket = await kind.connect()
        await socket.ended()
    except (ConnectionError, AssertionError, AttributeError):
        pass  # it came too late
    finally:
        if socket is not None:
            socket.close()


CLIENTS = {
    "http1": over_http1,
    "http2": over_http2,
    "websocket over http1": lambda: over_websocket(Over1),
}


@pytest.mark.parametrize("client", CLIENTS.values(), ids=[*CLIENTS])
@pytest.mark.parametrize("drain", [True, False], ids=["drain", "close"])
def test_the_server_ends_while_it_is_used(client: Any, drain: bool) -> None:
    async def scenario(world: World) -> None:
        server = await serve(work, HOST, PORT)
        asking = [asyncio.create_task(client()) for _ in range(2)]
        await asyncio.sleep(0.003)
        if drain:
            await server.drain(20)
        else:
            server.close()
            await server.wait_closed()
        await asyncio.gather(*asking, return_exceptions=not drain)
        assert server.state == "closed"

    explore(scenario, runs=RUNS, level="fifo").check()


@pytest.mark.parametrize("kind", [Over1, Over2], ids=["http1", "http2"])
def test_both_sides_of_a_websocket_close(kind: Any) -> None:
    async def handler(request: Request) -> None:
        socket = await request.websocket()
        await asyncio.sleep(0.001)
        await socket.close()

    async def scenario(world: World) -> None:
        async with await serve(handler, HOST, PORT):
            await over_websocket(kind)

    explore(scenario, runs=RUNS, level="fifo").check()
