"""Attacks on WebSockets: bombs, fragments, silence, and requests that are none.

Read next: __main__.py
"""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

from wsproto.events import CloseConnection, Ping

from protocols.http.handlers import Request, Response

from ..support import request
from ..websockets import Over1, Over2
from .target import KIB, Target, attack, memory

__all__: list[str] = []


async def chat(request: Request) -> Response | None:
    """Echo messages."""
    socket = await request.websocket()
    async for message in socket:
        await socket.send(message)
    return None


async def over1(at: Target, **options: Any) -> Over1:
    """Return a WebSocket over HTTP/1.1."""
    client = Over1(*await at.open())
    await client.hello(**options)
    return client


async def over2(at: Target) -> Over2:
    """Return a WebSocket over HTTP/2."""
    client = Over2(await at.http2())
    await client.hello()
    return client


def frame(first: int, payload: bytes) -> bytes:
    """Return a frame, masked with zeros."""
    size = len(payload)
    if size < 126:
        head = bytes([first, 0x80 | size])
    elif size < 65536:
        head = bytes([first, 0xFE]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, 0xFF]) + size.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


MESSAGE = "{websocket_message} B, inflated"


@attack(
    "a compression bomb of 512 MiB",
    "CVE-2025-69223, CVE-2026-54278 in their kind",
    MESSAGE,
    "1009",
    "MiB of memory",
    24,
    application=chat,
    tls=True,
)
async def bomb(at: Target) -> float:
    """Send 522 KB that are 512 MiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    data = frame(0xC2, packed * 512)
    client = await over1(at, deflate=True)
    with memory() as used:
        await client.raw(data)
        close = await client.next(CloseConnection)
    assert close.code == 1009
    client.close()
    return used.grown / KIB / KIB


async def until_closed(client: Any, drop: bytes, step: int = 1, rest: float = 0.001) -> int:
    """Send *drop* without end; return how many it took until the close frame, which is 1009."""
    closing = asyncio.ensure_future(client.next(CloseConnection))
    count = 0
    while not closing.done():
        assert count < 10**6, "there is no limit"
        await client.raw(drop * step)
        count += step
        await asyncio.sleep(rest)
    assert (await closing).code == 1009
    client.close()
    return count


@attack(
    "a message without end",
    "",
    MESSAGE,
    "1009",
    "KiB sent",
    1100,
    application=chat,
)
async def endless_message(at: Target) -> float:
    """Send fragments of 16 KiB."""
    client = await over1(at)
    await client.raw(frame(0x02, b""))
    return 16 * await until_closed(client, frame(0x00, bytes(16 * KIB)))


@attack(
    "a message that announces 2^63 bytes",
    "GHSA-hxp9-w8x3-p566 in its kind",
    MESSAGE,
    "1009",
    "KiB of memory",
    2048,
    application=chat,
)
async def huge_frame(at: Target) -> float:
    """Send a frame that is all that was ever written."""
    client = await over1(at)
    await client.raw(b"\x82\xff" + (2**63 - 1).to_bytes(8, "big") + b"\0\0\0\0")
    with memory() as used:
        await until_closed(client, bytes(16 * KIB))
    return used.grown / KIB


@attack(
    "a message in fragments of two bytes",
    "",
    MESSAGE,
    "kept as few pieces",
    "KiB of memory",
    500,
    application=chat,
)
async def fragments(at: Target) -> float:
    """Send 12,000 bytes in the smallest fragments, and no end."""
    client = await over1(at)
    await client.raw(frame(0x02, b""))
    data = frame(0x00, b"xy") * 1000
    with memory() as used:
        for _ in range(6):
            await client.raw(data)
            await asyncio.sleep(0.01)
    client.close()
    return used.grown / KIB


async def no_pong(at: Target, client: Any) -> float:
    """Say nothing; return when the server leaves."""
    began = at.world.now
    assert await client.next(Ping)
    assert await client.next(CloseConnection)
    left = at.world.now - began
    client.close()
    return left


PINGED = "asked after {websocket_ping:g} s, for {websocket_pong:g} s"


@attack("no pong", "", PINGED, "closed", "s", 40.1, application=chat, tls=True)
async def no_pong_over1(at: Target) -> float:
    """Open a WebSocket, and say nothing any more."""
    return await no_pong(at, await over1(at))


@attack("no pong, over HTTP/2", "", PINGED, "closed", "s", 40.1, application=chat)
async def no_pong_over2(at: Target) -> float:
    """Open a WebSocket, and say nothing any more."""
    return await no_pong(at, await over2(at))


@attack(
    "no answer to a close frame",
    "",
    "{websocket_close:g} s",
    "closed",
    "s",
    5.1,
    application=chat,
)
async def no_close(at: Target) -> float:
    """Be too large, be told so, and do not answer."""
    client = await over1(at)
    await client.raw(frame(0x82, bytes(2**20 + 1)))
    assert (await client.next(CloseConnection)).code == 1009
    began = at.world.now
    while await client.more():
        pass
    ended = at.world.now - began
    client.close()
    return ended


@attack(
    "pings whose pongs nobody reads",
    "CVE-2019-9512 in its kind",
    "{outbound} B",
    "not read on",
    "KiB kept",
    200,
    application=chat,
)
async def unread_pongs(at: Target) -> float:
    """Send pings without end, and read none of the answers."""
    client = await over1(at)
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    data = frame(0x89, b"x" * 125) * 500
    most = 0
    for _ in range(100):
        await client.raw(data)
        await asyncio.sleep(0.01)
        most = max([most, *(each.unsent for each in at.server.connections)])
    client.writer.transport.abort()
    return most / KIB


UPGRADE = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
]


class Refusing:
    """A handler that knows no WebSockets; it counts its requests."""

    calls = 0

    async def __call__(self, request: Request) -> Response:
        self.calls += 1
        return Response("no", 403)


REFUSING = Refusing()


@attack(
    "data after an upgrade that is refused",
    "RFC 9931, GHSA-mfx4-hv73-q22v",
    "none is read",
    "answered, and closed",
    "requests that got through",
    0,
    application=REFUSING,
)
async def optimist(at: Target) -> float:
    """Send another request as if it were a frame."""
    REFUSING.calls = 0
    answer = await at.talk(request(*UPGRADE, last=False) + request(target="/smuggled"))
    assert answer.count(b"HTTP/1.1 ") == 1
    return REFUSING.calls - 1
