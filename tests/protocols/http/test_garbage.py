"""Whatever a client sends, the server answers or closes: it never raises, and serves the next."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from miniloop.testing import World
from protocols.http.handlers import Request, Response

from .support import HOST, PORT, in_world, request, serving, talk
from .test_cut_points import HTTP1, HTTP2

KEY = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
UPGRADE = request(
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY, last=False
)
FRAMES = (
    b"\x81\x82\0\0\0\0hi\x89\x80\0\0\0\0\x01\x81\0\0\0\0a\x80\x81\0\0\0\0b\x88\x82\0\0\0\0\x03\xe8"
)


async def handler(request: Request) -> Response | None:
    if request.wants_websocket:
        socket = await request.websocket()
        async for message in socket:
            await socket.send(message)
        return None
    return Response(await request.body())


def survives(data: bytes) -> None:
    """Check that the server, sent *data*, ends the connection sooner or later and lives."""

    async def scenario(world: World) -> bytes:
        async with serving(handler):
            reader, writer = await asyncio.open_connection(HOST, PORT)
            writer.write(data)
            try:
                async with asyncio.timeout(200):
                    while await reader.read(65536):
                        pass
            except ConnectionError:
                pass
            writer.close()
            return await talk(request(body=b"alive"))

    assert in_world(scenario, "miniloop").endswith(b"alive")


mutations = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 3), st.binary(max_size=4)),
    min_size=1,
    max_size=4,
)


def mutate(data: bytes, changes: list[tuple[float, int, bytes]], start: int = 0) -> bytes:
    """Return *data* with bytes after *start* put in, replaced or left out."""
    for place, removed, added in changes:
        point = start + int(place * (len(data) - start))
        data = data[:point] + added + data[point + removed :]
    return data


@settings(max_examples=60)
@given(changes=mutations)
def test_http1(changes: list[tuple[float, int, bytes]]) -> None:
    survives(mutate(HTTP1, changes))


@settings(max_examples=60)
@given(changes=mutations)
def test_http2(changes: list[tuple[float, int, bytes]]) -> None:
    survives(mutate(HTTP2, changes, start=24))


@settings(max_examples=60)
@given(changes=mutations)
def test_websocket_frames(changes: list[tuple[float, int, bytes]]) -> None:
    survives(UPGRADE + mutate(FRAMES, changes))


@settings(max_examples=40)
@given(data=st.binary(max_size=60))
def test_frames_of_nothing_known(data: bytes) -> None:
    survives(HTTP2[:33] + data)
    survives(UPGRADE + data)
