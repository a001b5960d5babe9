"""When a connection ends: as soon as nothing is left to be said, and never before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import h2.events
import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import GoAwayFrame

from miniloop.testing import World
from protocols.http.handlers import Request, Response
from protocols.http.limits import Limits
from protocols.http.websocket import WebSocketClosed

from .support import HOST, PORT, H2Client, in_world, request, serving, talk

pytestmark = pytest.mark.parametrize("library", ["miniloop", "asyncio"])

PING_ACK = b"\x00\x00\x08\x06\x01\x00\x00\x00\x00draining"


async def slow(asked: Request) -> Response:
    """Answer after so many seconds as the path says."""
    await asyncio.sleep(int(asked.path[1:] or 0))
    return Response(b"done" + asked.path.encode())


async def at_the_end(client: H2Client, began: float, world: World, answers_ping: bool) -> Any:
    """Read until the server closes; return what came, and how long that took."""
    raw = b""
    while data := await client.reader.read(65536):
        raw += data
        if answers_ping and b"draining" in data:
            client.writer.write(PING_ACK)
    client.close()
    return raw, world.now - began


# --- HTTP/2 --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "answers_ping", "seconds"),
    [("", True, 0), ("", False, 1), ("/3", True, 3), ("/3", False, 3)],
)
def test_draining_ends_with_the_last_stream(
    library: str, path: str, answers_ping: bool, seconds: float
) -> None:
    async def scenario(world: World) -> tuple[bytes, float]:
        async with serving(slow) as server:
            client = await H2Client.connect()
            if path:
                client.request("GET", path)
            await client.reader.read(65536)
            draining = asyncio.create_task(server.drain())
            raw, seconds = await at_the_end(client, world.now, world, answers_ping)
            await draining
            return raw, seconds

    raw, took = in_world(scenario, library)
    assert path.encode() in raw
    assert raw.count(GoAwayFrame(0, last_stream_id=1 if path else 0).serialize()) == 1
    assert took == pytest.approx(seconds, abs=0.1)


def test_a_client_that_says_goaway_is_left_when_it_has_its_answers(library: str) -> None:
    async def scenario(world: World) -> tuple[bytes, float]:
        async with serving(slow):
            client = await H2Client.connect()
            client.request("GET", "/3")
            client.request("GET", "/2")
            client.writer.write(GoAwayFrame(0, last_stream_id=0).serialize())
            raw, seconds = await at_the_end(client, world.now, world, False)
            return raw, seconds

    raw, seconds = in_world(scenario, library)
    assert raw.index(b"done/2") < raw.index(b"done/3")
    assert seconds == pytest.approx(3, abs=0.1)


def test_after_so_many_requests_there_are_no_more(library: str) -> None:
    paths = []

    async def handler(asked: Request) -> Response:
        paths.append(asked.path)
        return await slow(asked)

    async def scenario(world: World) -> tuple[list[bytes], Any, bool]:
        async with serving(handler, limits=Limits(requests=3)) as server:
            client = await H2Client.connect()
            streams = [client.request("GET", f"/{n}") for n in (3, 2, 1)]
            # On its way before the client could know, and too late all the same.
            kind = h2.events.PingReceived
            assert await client.until(lambda event: isinstance(event, kind))
            late = client.request("GET", "/0")
            answers = [await client.ended(stream) for stream in streams]
            await client.ended(late)
            (reset,) = [each for each in client.events if isinstance(each, h2.events.StreamReset)]
            assert await client.until(lambda event: False) is None
            client.close()
            await asyncio.sleep(0.01)
            return answers, reset, not server.connections

    answers, reset, left = in_world(scenario, library)
    assert answers == [b"done/3", b"done/2", b"done/1"]
    assert reset.error_code == ErrorCodes.REFUSED_STREAM
    assert paths == ["/3", "/2", "/1"]
    assert left


# --- HTTP/1.1 ------------------------------------------------------------------------------------


def test_the_last_of_so_many_requests_says_so(library: str) -> None:
    async def scenario(world: World) -> bytes:
        async with serving(slow, limits=Limits(requests=3)):
            return await talk(request(last=False) * 5)

    answers = in_world(scenario, library).split(b"HTTP/1.1 200 ")[1:]
    assert [b"connection: close" in each for each in answers] == [False, False, True]


def test_a_long_body_that_nobody_read_stops_no_later_request(library: str) -> None:
    """More than is kept unread: it is read on when the answer is complete."""

    async def scenario(world: World) -> bytes:
        async with serving(slow):
            reader, writer = await asyncio.open_connection(HOST, PORT)
            asked = request(method="POST", target="/1", body=b"x" * 100_000, last=False)
            writer.write(asked[:80_000])
            await asyncio.sleep(2)
            writer.write(asked[80_000:] + request())
            try:
                return await reader.read(-1)
            finally:
                writer.close()

    assert in_world(scenario, library).count(b"done/") == 2


def test_who_has_closed_its_side_is_told_that_there_is_no_more(library: str) -> None:
    async def scenario(world: World) -> bytes:
        async with serving(slow):
            reader, writer = await asyncio.open_connection(HOST, PORT)
            writer.write(request(target="/1", last=False))
            writer.write_eof()
            try:
                return await reader.read(-1)
            finally:
                writer.close()

    assert b"\r\nconnection: close\r\n" in in_world(scenario, library)


def test_nothing_is_called_for_when_the_response_has_begun(library: str) -> None:
    async def early(asked: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"begun"
            yield await asked.body()

        return Response(pieces())

    async def scenario(world: World) -> bytes:
        async with serving(early):
            reader, writer = await asyncio.open_connection(HOST, PORT)
            fields = "Expect: 100-continue", "Content-Length: 4"
            writer.write(request(*fields, method="POST", last=False))
            answer = await reader.readuntil(b"begun\r\n")
            writer.write(b"body")  # it may change its mind
            answer += await reader.read(-1)
            writer.close()
            return answer

    answer = in_world(scenario, library)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b"4\r\nbody\r\n0\r\n\r\n")


# --- WebSockets ----------------------------------------------------------------------------------


def test_nothing_is_sent_on_a_websocket_that_has_ended(library: str) -> None:
    raised: list[tuple[int, str]] = []

    async def handler(asked: Request) -> None:
        socket = await asked.websocket()
        async for _ in socket:
            pass
        with pytest.raises(WebSocketClosed) as told:
            await socket.send("late")
        raised.append((told.value.code, told.value.reason))

    async def scenario(world: World) -> None:
        async with serving(handler):
            reader, writer = await asyncio.open_connection(HOST, PORT)
            fields = "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"
            key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
            writer.write(request(*fields, key, last=False))
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"\x88\x87\0\0\0\0\x0b\xb8hello")  # 3000
            assert await reader.read(-1) == b"\x88\x07\x0b\xb8hello"
            writer.close()

    in_world(scenario, library)
    assert raised == [(3000, "hello")]
