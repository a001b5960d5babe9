"""Attacks by bodies: chunks, trailers, what nobody reads, and many pieces.

Read next: floods.py
"""

from __future__ import annotations

import asyncio

from hyperframe.frame import DataFrame

from protocols.http.handlers import Request, Response

from ..support import request
from .heads import pour
from .target import KIB, Target, attack, memory

__all__: list[str] = []

CHUNKED = request("Transfer-Encoding: chunked", method="POST", last=False)


async def careless(request: Request) -> Response:
    """Answer without a look at the body."""
    return Response("answered")


async def stuck(request: Request) -> Response:
    """Never read, never answer; but another path at once."""
    if request.path == "/stuck":
        await asyncio.Event().wait()
    return Response("served")


@attack("a chunk's line without end", "", "{chunk_line} B", "400", "B sent", 260)
async def chunk_line(at: Target) -> float:
    """Begin an extension of a chunk."""
    return await pour(at, CHUNKED + b"1;", b"a", 400)


@attack(
    "trailers without end",
    "",
    "{header_fields} fields, {header_block} B",
    "431",
    "fields sent",
    110,
)
async def trailers(at: Target) -> float:
    """End a body, and send trailers."""
    return await pour(at, CHUNKED + b"0\r\n", b"x: y\r\n", 431)


@attack(
    "a body that nobody asked for",
    "",
    "{discard} B to keep the connection",
    "answered and closed",
    "KiB sent",
    300,
    application=careless,
)
async def unwanted_body(at: Target) -> float:
    """Upload without end to an application that does not care."""
    reader, writer = await at.open()
    writer.write(request(body=b"x" * 10**8, last=False)[: -(10**8)])
    reading = asyncio.ensure_future(reader.read(-1))
    sent = 0
    while not reading.done():
        writer.write(b"x" * 16 * KIB)
        sent += 16
        await asyncio.sleep(0.01)
    assert (await reading).startswith(b"HTTP/1.1 200 ")
    writer.close()
    return sent


@attack(
    "20 DATA frames that nobody reads, and a request on another stream",
    "",
    "the streams' own windows",
    "served at once",
    "ms until served",
    0,
    application=stuck,
    tls=True,
)
async def unread_frames(at: Target) -> float:
    """Fill the window of one stream, and ask on another one."""
    client = await at.http2()
    first = client.request("POST", "/stuck", end=False)
    for _ in range(20):
        client.parser.send_data(first, b"x" * 3000)
    client.flush()
    began = at.world.now
    assert await client.ended(client.request()) == b"served"
    served = at.world.now - began
    client.close()
    return served * 1000


@attack(
    "5,000 frames of two bytes that nobody reads",
    "CVE-2019-9511 turned round",
    "{inbound} B per stream",
    "kept as one piece",
    "KiB of memory",
    500,
    application=stuck,
)
async def tiny_frames(at: Target) -> float:
    """Send a body in the smallest pieces."""
    client = await at.http2()
    first = client.request("POST", "/stuck", end=False)
    frame = DataFrame(first, b"xy").serialize()
    with memory() as used:
        for _ in range(50):
            client.writer.write(frame * 100)
            await asyncio.sleep(0.01)
    assert await client.ended(client.request()) == b"served"
    client.close()
    return used.grown / KIB
