"""Who is slow is not waited for: when exactly, in a World's time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from miniloop.testing import World
from protocols.http.handlers import Request, Response

from .support import HOST, PORT, H2Client, in_world, request, serving

pytestmark = pytest.mark.parametrize("library", ["miniloop", "asyncio"])


async def echo(request: Request) -> Response:
    return Response(await request.body())


def drip(
    library: str, first: bytes, drops: bytes = b"", every: float = 1.0, application: Any = echo
) -> tuple[bytes, float]:
    """Send *first*, then a byte of *drops* at a time; return all that comes, and when it ended."""

    async def scenario(world: World) -> tuple[bytes, float]:
        async with serving(application):
            reader, writer = await asyncio.open_connection(HOST, PORT)
            began = world.now

            async def send() -> None:
                writer.write(first)
                for drop in drops:
                    await asyncio.sleep(every)
                    writer.write(bytes([drop]))

            sending = asyncio.create_task(send())
            answer = await reader.read(-1)
            ended = world.now - began
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            writer.close()
            return answer, ended

    result: tuple[bytes, float] = in_world(scenario, library)
    return result


def test_a_silent_connection_ends_after_ten_seconds(library: str) -> None:
    assert drip(library, b"") == (b"", 10)


def test_dripping_headers_wins_no_time(library: str) -> None:
    answer, ended = drip(library, b"", request() * 3)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert ended == pytest.approx(10)


def test_an_unfinished_preface_of_http2_wins_no_time_either(library: str) -> None:
    assert drip(library, b"PRI * HTT") == (b"", 10)


def test_a_bad_preface_is_not_read_as_http1(library: str) -> None:
    assert drip(library, b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n") == (b"", 0)


def test_an_idle_connection_ends_after_five_seconds(library: str) -> None:
    answer, ended = drip(library, request(last=False))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert ended == 5


def test_a_second_head_has_ten_seconds_from_its_first_byte(library: str) -> None:
    _, ended = drip(library, request(last=False), request() * 3, every=4)
    assert ended == pytest.approx(14)


def test_a_body_that_stops_ends_after_ten_seconds(library: str) -> None:
    answer, ended = drip(library, request(body=b"x" * 1000)[:-900])
    assert answer.startswith(b"HTTP/1.1 408 ")
    # The hundred bytes that came count as less than half a second.
    assert ended == pytest.approx(10, abs=0.5)


def test_a_slow_body_has_hardly_longer(library: str) -> None:
    answer, ended = drip(library, request(body=b"x" * 10_000)[:-10_000], b"x" * 100)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert ended == pytest.approx(10, abs=0.2)


def test_a_body_that_is_just_fast_enough_may_take_long(library: str) -> None:
    head = request(body=b"x" * 10_000)[:-10_000]
    answer, ended = drip(library, head, b"x" * 10_000, every=1 / 250)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert ended == pytest.approx(40, abs=1)


def test_the_time_of_an_application_is_not_the_clients(library: str) -> None:
    async def slow(request: Request) -> Response:
        size = 0
        async for piece in request:
            size += len(piece)
            await asyncio.sleep(60)
        return Response(str(size))

    answer, _ = drip(library, request(body=b"x" * 500_000), application=slow)
    assert answer.endswith(b"\r\n\r\n500000")


async def endless(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    return Response(pieces())


def test_a_client_that_takes_nothing_is_left_after_thirty_seconds(library: str) -> None:
    async def scenario(world: World) -> float:
        async with serving(endless) as server:
            _, writer = await asyncio.open_connection(HOST, PORT, limit=1000)
            writer.write(request())
            began = world.now
            await asyncio.sleep(0.1)
            while server.connections:
                await asyncio.sleep(0.5)
            ended = world.now - began
            writer.transport.abort()
            return ended

    assert in_world(scenario, library) == pytest.approx(30, abs=1.5)


def test_a_client_that_takes_a_little_is_served(library: str) -> None:
    async def scenario(world: World) -> int:
        async with serving(endless) as server:
            reader, writer = await asyncio.open_connection(HOST, PORT, limit=1000)
            writer.write(request())
            for _ in range(40):
                await asyncio.sleep(5)  # a read of the transport is four of these
                await reader.readexactly(60_000)
            alive = len(server.connections)
            writer.transport.abort()
            return alive

    assert in_world(scenario, library) == 1


def test_a_stream_without_credit_is_reset_after_thirty_seconds(library: str) -> None:
    async def scenario(world: World) -> tuple[float, bool, bytes]:
        async def handler(request: Request) -> Response:
            return Response(b"small") if request.path == "/small" else await endless(request)

        async with serving(handler):
            client = await H2Client.connect()
            client.acknowledge = False
            began = world.now
            stuck = client.request()
            await client.ended(stuck)
            ended = world.now - began
            # The connection's window is used up too, but not by another stream's head.
            client.parser.increment_flow_control_window(100_000)
            small = await client.ended(client.request("GET", "/small"))
            client.close()
            return ended, client.closed, small

    ended, closed, small = in_world(scenario, library)
    assert ended == pytest.approx(30, abs=1)
    assert not closed
    assert small == b"small"


def test_a_slow_body_of_a_stream_resets_the_stream(library: str) -> None:
    async def scenario(world: World) -> tuple[float, bytes]:
        async with serving(echo):
            client = await H2Client.connect()
            began = world.now
            slow = client.request("POST", end=False)
            await client.ended(slow)
            ended = world.now - began
            other = client.request("POST", end=False)
            client.parser.send_data(other, b"hello", end_stream=True)
            client.flush()
            body = await client.ended(other)
            client.close()
            return ended, body

    assert in_world(scenario, library) == (10, b"hello")


def test_http2_idle_and_silent_connections_end(library: str) -> None:
    async def scenario(world: World) -> list[float]:
        found = []
        async with serving(echo):
            for asks in (False, True):
                client = await H2Client.connect()
                began = world.now
                if asks:
                    await client.ended(client.request())
                await client.until(lambda event: False)
                found.append(world.now - began)
                client.close()
        return found

    assert in_world(scenario, library) == [10, 5]
