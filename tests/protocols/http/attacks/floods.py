"""Attacks by frames: many of what costs the client nothing, a thousand in a second.

Read next: credit.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import hpack
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    ExtensionFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from protocols.http.handlers import Request, Response
from protocols.http.limits import Limits

from ..support import H2Client
from .target import KIB, Target, attack, calmed, frames, memory, refused

__all__: list[str] = []

CALM = "GOAWAY, ENHANCE_YOUR_CALM"
BUCKET = "{abuse_burst:g}, and {abuse_rate:g} a second"
SMALL = "ten for one of {abuse_burst:g}, and {abuse_rate:g} a second"
CONTROL = "five for one of {abuse_burst:g}, and {abuse_rate:g} a second"

HEAD = hpack.Encoder().encode(
    [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "a")]
)


class Slow:
    """A handler that takes a second; it counts how often it was called, and at once."""

    calls = running = most = 0

    async def __call__(self, request: Request) -> Response:
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(1)
        finally:
            self.running -= 1
        return Response("done")


SLOW = Slow()


async def flood(client: H2Client, made: Callable[[int], bytes], step: int = 10) -> int:
    """Send what *made* makes of 0, 1, 2, ..., until GOAWAY; return how many it took."""
    ending = asyncio.ensure_future(calmed(client))
    number = 0
    while not ending.done():
        assert number < 5000, "there is no limit"
        client.writer.write(b"".join(made(number + each) for each in range(step)))
        number += step
        await asyncio.sleep(step / 1000)
    await ending
    return number


def opened(number: int, end: bool = True) -> bytes:
    """Return a request on the stream of that number."""
    flags = ["END_HEADERS", "END_STREAM"] if end else ["END_HEADERS"]
    return HeadersFrame(2 * number + 1, HEAD, flags=flags).serialize()


@attack(
    "Rapid Reset",
    "CVE-2023-44487, CVE-2019-9514",
    BUCKET,
    CALM,
    "requests",
    120,
    application=SLOW,
    tls=True,
)
async def rapid_reset(at: Target) -> float:
    """Ask, and reset the stream at once."""
    SLOW.most = 0
    client = await at.http2()
    count = await flood(client, lambda n: opened(n) + RstStreamFrame(2 * n + 1, 8).serialize())
    assert SLOW.most <= 100
    return count


@attack(
    "requests that are reset, when resets are for nothing",
    "CVE-2023-44487",
    "{running_handlers} applications at work for a connection",
    "the others wait",
    "applications at work",
    100,
    application=SLOW,
    limits=Limits(abuse_burst=1e9),
)
async def running_handlers(at: Target) -> float:
    """Reset more streams than applications may run."""
    SLOW.most = 0
    client = await at.http2()
    for n in range(500):
        client.writer.write(opened(n) + RstStreamFrame(2 * n + 1, 8).serialize())
    client.writer.write(opened(500))
    async for frame in frames(client):
        if frame.stream_id == 1001 and "END_STREAM" in frame.flags:
            break  # who stayed is served, when the applications of those who left are done
    client.close()
    return SLOW.most


def overflow(n: int) -> bytes:
    """Make the server reset a stream by too much credit."""
    window = WindowUpdateFrame(2 * n + 1, window_increment=2**31 - 1)
    return opened(n) + window.serialize()


@attack(
    "MadeYouReset, by too much credit",
    "CVE-2025-8671, VU#767506",
    BUCKET,
    CALM,
    "requests",
    120,
    application=SLOW,
    tls=True,
)
async def made_you_reset(at: Target) -> float:
    """Ask, and have the server reset the stream."""
    return await flood(await at.http2(), overflow)


@attack(
    "MadeYouReset, by frames on a stream that is closed",
    "CVE-2025-8671",
    SMALL,
    CALM,
    "frames",
    1300,
    application=SLOW,
)
async def closed_stream(at: Target) -> float:
    """Have the server answer each frame with RST_STREAM."""
    client = await at.http2()
    client.writer.write(opened(0, end=False) + RstStreamFrame(1, 8).serialize())
    return await flood(client, lambda n: DataFrame(1, b"x").serialize())


@attack(
    "MadeYouReset, by a body that does not come",
    "CVE-2025-8671",
    BUCKET,
    CALM,
    "requests",
    220,
    application=SLOW,
    limits=Limits(body_grace=0.01),
)
async def late_bodies(at: Target) -> float:
    """Have the server reset streams because their bodies are late."""

    async def wanting(request: Request) -> Response:
        return Response(await request.body())

    at.server.application._handler = wanting  # type: ignore[attr-defined]
    return await flood(await at.http2(), lambda n: opened(n, end=False))


def plain(name: str, known: str, limit: str, most: float, first: bytes = b"") -> Any:
    """Add a flood of frames that the decorated function makes."""

    def add(made: Callable[[int], bytes]) -> Callable[[int], bytes]:
        async def run(at: Target) -> float:
            client = await at.http2()
            client.writer.write(first)
            return await flood(client, made)

        attack(name, known, limit, CALM, "frames", most, application=SLOW)(run)
        return made

    return add


plain("PING", "CVE-2019-9512", CONTROL, 700)(lambda n: PingFrame(0, b"%08d" % n).serialize())
plain("PING that acknowledges nothing", "CVE-2019-9512", SMALL, 1300)(
    lambda n: PingFrame(0, b"%08d" % n, flags=["ACK"]).serialize()
)
plain("SETTINGS", "CVE-2019-9515", CONTROL, 700)(
    lambda n: SettingsFrame(0, settings={3: 100}).serialize()
)
plain("SETTINGS that acknowledges nothing", "CVE-2019-9515", SMALL, 1300)(
    lambda n: SettingsFrame(0, flags=["ACK"]).serialize()
)
plain("empty DATA", "CVE-2019-9518", BUCKET, 120, opened(0, end=False))(
    lambda n: DataFrame(1, b"").serialize()
)
plain("DATA that is all padding", "CVE-2019-9518", BUCKET, 120, opened(0, end=False))(
    lambda n: DataFrame(1, b"", pad_length=9, flags=["PADDED"]).serialize()
)
plain("PRIORITY", "CVE-2019-9513", SMALL, 1300)(
    lambda n: PriorityFrame(2 * n + 1, depends_on=0, stream_weight=9).serialize()
)


@attack(
    "PING, 20,000 of them in one piece",
    "CVE-2019-9512",
    CONTROL,
    CALM,
    "answers",
    1100,
)
async def pings_at_once(at: Target) -> float:
    """Send so many that a read of the server's is full of them."""
    client = await at.http2()
    client.writer.write(PingFrame(0, b"12345678").serialize() * 20_000)
    count = 0
    async for frame in frames(client):
        count += isinstance(frame, PingFrame)
        if isinstance(frame, GoAwayFrame):
            break
    client.close()
    return count


def priority_update(number: int) -> bytes:
    """Return a PRIORITY_UPDATE of a stream to come."""
    frame = ExtensionFrame(0x10, 0, body=b"\0\0\0\x09u=%d" % (number % 8))
    frame.body_len = len(frame.body)
    return frame.serialize()


plain("PRIORITY_UPDATE", "", SMALL, 1300)(priority_update)
plain("frames of a type that nobody knows", "", SMALL, 1300)(
    lambda n: ExtensionFrame(0xEE, 0).serialize()
)
plain("WINDOW_UPDATE", "", SMALL, 1400)(
    lambda n: WindowUpdateFrame(0, window_increment=1).serialize()
)
plain("RST_STREAM of a stream that is closed", "", SMALL, 1400, opened(0))(
    lambda n: RstStreamFrame(1, 8).serialize()
)


@attack("GOAWAY", "", BUCKET, "closed", "frames", 120, application=SLOW)
async def goaways(at: Target) -> float:
    """Say goodbye over and over, while a request is under way."""
    client = await at.http2()
    client.writer.write(opened(0))
    client.writer.write(GoAwayFrame(0, last_stream_id=0).serialize() * 99)
    await asyncio.sleep(0.1)
    assert at.server.connections
    return 99 + await flood(client, lambda n: GoAwayFrame(0, last_stream_id=0).serialize(), 1)


@attack(
    "more streams than there may be",
    "",
    "{streams} streams",
    "GOAWAY",
    "requests",
    101,
    application=SLOW,
)
async def too_many_streams(at: Target) -> float:
    """Ask for everything at once."""
    SLOW.calls = 0
    client = await at.http2()
    ending = asyncio.ensure_future(refused(client))
    number = 0
    while not ending.done():
        client.writer.write(opened(number))
        number += 1
        await asyncio.sleep(0.001)
    return SLOW.calls


async def continuations(at: Target, fragment: bytes) -> float:
    """Send CONTINUATION frames until the server says no."""
    client = await at.http2()
    ending = asyncio.ensure_future(refused(client))
    client.writer.write(HeadersFrame(1, HEAD).serialize())
    count = 0
    while not ending.done():
        assert count < 1000, "there is no limit"
        client.writer.write(ContinuationFrame(1, fragment).serialize())
        count += 1
        await asyncio.sleep(0.001)
    await ending
    return count


@attack(
    "CONTINUATION",
    "VU#421644, CVE-2024-27316, CVE-2024-28182, CVE-2023-45288",
    "64 frames, which is h2's",
    "GOAWAY",
    "frames",
    66,
    tls=True,
)
async def continuation(at: Target) -> float:
    """Send header fields without an end."""
    return await continuations(at, b"\x40\x01x\x01y")


@attack(
    "CONTINUATION, 16 KiB each",
    "VU#421644",
    "2 x {header_block} B",
    CALM,
    "KiB sent",
    100,
)
async def large_continuation(at: Target) -> float:
    """Send header fields without an end, in as few frames as can be."""
    return 16 * await continuations(at, b"\x40\x01x" + bytes(16000))


async def never(request: Request) -> Response:
    """Answer at the end of time."""
    await asyncio.Event().wait()
    return Response("")


@attack(
    "a head over HTTP/2 that does not end",
    "slowloris",
    "{header_timeout:g} s",
    CALM,
    "s",
    10.1,
    application=never,
)
async def half_a_head(at: Target) -> float:
    """Begin a head while a request is under way, which alone keeps the connection."""
    client = await at.http2()
    client.writer.write(opened(0) + HeadersFrame(3, HEAD).serialize())
    began = at.world.now
    await calmed(client)
    return at.world.now - began


@attack("empty CONTINUATION", "VU#421644", "64 frames, which is h2's", "GOAWAY", "frames", 66)
async def empty_continuation(at: Target) -> float:
    """Send no header fields without an end."""
    return await continuations(at, b"")


def bomb(encoder: hpack.Encoder, field: tuple[str, str], times: int) -> bytes:
    """Return a header block that has a field *times* times, each but the first as one byte."""
    head = [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "a")]
    return encoder.encode([*head, field]) + encoder.encode([field]) * times


@attack(
    "HPACK bomb: 10,000 references to 4,000 bytes",
    "CVE-2016-6581",
    "a list of 2 x {header_block} B",
    CALM,
    "KiB of memory",
    1024,
    tls=True,
)
async def hpack_bomb(at: Target) -> float:
    """Send 14 KB that are 40 MB."""
    client = await at.http2()
    fields = bomb(hpack.Encoder(), ("x", "y" * 4000), 10_000)
    data = HeadersFrame(1, fields, flags=["END_HEADERS"]).serialize()
    began = at.world.now
    with memory() as used:
        client.writer.write(data)
        await calmed(client)
    assert at.world.now - began < 0.01  # it is no deadline that says so
    return used.grown / KIB


@attack(
    "HTTP/2 Bomb: 8 x 1,900 references of a byte, no window",
    "CVE-2026-49975, CVE-2026-47774",
    "{header_fields} fields, {streams} streams",
    "431, kept for {write_stall:g} s",
    "KiB of memory",
    2048,
    tls=True,
)
async def http2_bomb(at: Target) -> float:
    """Send 8 requests of 1,900 fields each, and let none be answered."""
    client = await at.http2()
    client.writer.write(SettingsFrame(0, settings={4: 0}).serialize())
    encoder = hpack.Encoder()
    with memory() as used:
        for n in range(8):
            fields = bomb(encoder, ("x", ""), 1900)
            frame = HeadersFrame(2 * n + 1, fields, flags=["END_HEADERS", "END_STREAM"])
            client.writer.write(frame.serialize())
            await asyncio.sleep(0.001)
        await asyncio.sleep(1)
    decoder, statuses, began = hpack.Decoder(), [], at.world.now
    async for each in frames(client):
        if isinstance(each, HeadersFrame):
            statuses.append(dict(decoder.decode(each.data, raw=True))[b":status"])
        elif isinstance(each, RstStreamFrame):
            break
    assert statuses == [b"431"] * 8, statuses
    assert at.world.now - began < Limits().write_stall, at.world.now - began
    client.close()
    return used.grown / KIB


@attack(
    "crumbs of a cookie",
    "CVE-2026-49975",
    "{header_fields} fields, crumbs included",
    "431",
    "requests that got through",
    0,
    application=SLOW,
)
async def crumbs(at: Target) -> float:
    """Send a cookie in 1,000 parts."""
    SLOW.calls = 0
    client = await at.http2()
    stream = client.request("GET", "/", *[("cookie", "a=b")] * 1000)
    await client.ended(stream)
    assert client.status(stream) == "431"
    client.close()
    return SLOW.calls
