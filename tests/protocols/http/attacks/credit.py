"""Attacks by credit: none, or drops of it; and questions whose answers nobody reads.

Read next: sockets.py
"""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator

from hyperframe.frame import PingFrame, SettingsFrame, WindowUpdateFrame

from protocols.http.handlers import Request, Response
from protocols.http.limits import Limits

from .floods import CALM, SMALL, flood
from .target import KIB, Target, attack, memory

__all__: list[str] = []

HELD = "{outbound} B per stream"
NO_WINDOW = SettingsFrame(0, settings={4: 0}).serialize()


async def huge(request: Request) -> Response:
    """Answer with 64 MiB."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(1024):
            yield bytes(bytearray(65536))

    return Response(pieces())


@attack(
    "no window: 100 streams, 64 MiB each",
    "CVE-2019-9511, CVE-2019-9517, CVE-2026-49975",
    HELD,
    "the applications wait",
    "MiB of memory",
    20,
    application=huge,
    tls=True,
)
async def zero_windows(at: Target) -> float:
    """Ask for 6.4 GB, and take nothing."""
    client = await at.http2()
    client.writer.write(NO_WINDOW)
    with memory() as used:
        for _ in range(100):
            client.request()
        await asyncio.sleep(20)
        assert len(at.server.connections) == 1
    client.close()
    return used.grown / KIB / KIB


@attack(
    "no window, and gone: what was kept for it",
    "",
    HELD,
    "forgotten",
    "KiB of memory left",
    500,
    application=huge,
)
async def forgotten(at: Target) -> float:
    """Ask for 64 MiB ten times over, take nothing, and leave; three times."""

    async def once() -> None:
        client = await at.http2()
        client.writer.write(NO_WINDOW)
        for _ in range(10):
            client.request()
        await asyncio.sleep(1)
        client.writer.transport.abort()
        await at.until_left()

    await once()  # imports, caches
    with memory():
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(3):
            await once()
        await asyncio.sleep(60)
        gc.collect()
        return max(0, tracemalloc.get_traced_memory()[0] - before) / KIB


@attack(
    "no window, for ever",
    "CVE-2019-9517",
    "{write_stall:g} s",
    "RST_STREAM",
    "s",
    31,
    application=huge,
)
async def no_window(at: Target) -> float:
    """Ask, and give no credit."""
    client = await at.http2()
    client.writer.write(NO_WINDOW)
    began = at.world.now
    await client.ended(client.request())
    ended = at.world.now - began
    client.close()
    return ended


@attack(
    "a window that grows by a byte now and then",
    "CVE-2019-9511, data dribble",
    "less than {body_rate:g} B/s taken for {write_stall:g} s",
    "RST_STREAM",
    "s",
    31,
    application=huge,
)
async def drops(at: Target) -> float:
    """Give a byte of credit every second."""
    client = await at.http2()
    client.writer.write(NO_WINDOW)
    began = at.world.now
    stream = client.request()

    async def drip() -> None:
        while True:
            await asyncio.sleep(1)
            client.writer.write(WindowUpdateFrame(stream, window_increment=1).serialize())

    dripping = asyncio.ensure_future(drip())
    await client.ended(stream)
    dripping.cancel()
    ended = at.world.now - began
    client.close()
    return ended


@attack(
    "a window that grows by a byte, a thousand times a second",
    "CVE-2019-9511, data dribble",
    SMALL,
    CALM,
    "frames",
    1400,
    application=huge,
    tls=True,
)
async def dribble(at: Target) -> float:
    """Have the server send a response byte by byte."""
    client = await at.http2()
    client.writer.write(NO_WINDOW)
    stream = client.request()
    await asyncio.sleep(0.1)
    return await flood(
        client, lambda n: WindowUpdateFrame(stream, window_increment=1).serialize(), 1
    )


async def unread(at: Target, frames: bytes) -> float:
    """Send *frames* over and over, and read none of the answers; return the most that was kept."""
    client = await at.http2()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    most = 0
    for _ in range(200):
        if not at.server.connections:
            break
        client.writer.write(frames)
        await asyncio.sleep(0.01)
        most = max([most, *(each.unsent for each in at.server.connections)])
    assert not at.server.connections, "there is no limit"
    client.writer.transport.abort()
    return most / KIB


UNREAD = "{control_queue} B beside 2 x {outbound}"
#: With tokens for any number of frames: what is unread is a limit of its own.
GENEROUS = Limits(abuse_burst=1e9)


@attack("PING, answers unread", "CVE-2019-9512", UNREAD, "closed", "KiB kept", 300, limits=GENEROUS)
async def unread_pings(at: Target) -> float:
    """Send PINGs without end."""
    return await unread(at, PingFrame(0, b"12345678").serialize() * 1000)


@attack(
    "SETTINGS, answers unread", "CVE-2019-9515", UNREAD, "closed", "KiB kept", 300, limits=GENEROUS
)
async def unread_settings(at: Target) -> float:
    """Send SETTINGS without end."""
    return await unread(at, SettingsFrame(0).serialize() * 2000)
