"""Attacks that wait: clients that are slow to speak, to listen, or to leave.

Read next: heads.py
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator

from protocols.http.handlers import Request, Response
from protocols.http.server import serve

from ..support import HOST, PORT, request
from .target import Target, attack, contexts

__all__: list[str] = []

FROM_CONNECTION = "{header_timeout:g} s from the connection"
RATE = "{body_rate:g} B/s on the average after {body_grace:g} s"
TAKEN = "less than {body_rate:g} B/s taken for {write_stall:g} s"


async def endless(request: Request) -> Response:
    """Answer with more than anybody reads."""

    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    return Response(pieces())


async def drip(
    at: Target, first: bytes, drops: bytes, every: float = 1.0, port: int = PORT
) -> tuple[bytes, float]:
    """Send *first*, then a byte of *drops* at a time; return the answer, and when it ended."""
    reader, writer = await asyncio.open_connection(HOST, port)
    began = at.world.now
    writer.write(first)

    async def send() -> None:
        for drop in drops:
            await asyncio.sleep(every)
            writer.write(bytes([drop]))

    sending = asyncio.create_task(send())
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        answer = await reader.read(-1)
    ended = at.world.now - began
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    writer.close()
    return answer, ended


@attack("silence", "slowloris", FROM_CONNECTION, "closed", "s", 10.1)
async def silence(at: Target) -> float:
    """Connect, and say nothing."""
    answer, ended = await drip(at, b"", b"")
    assert answer == b""
    return ended


@attack("headers, a byte a second", "slowloris, CVE-2007-6750", FROM_CONNECTION, "408", "s", 10.1)
async def slow_headers(at: Target) -> float:
    """Send a head so slowly that it never ends."""
    answer, ended = await drip(at, b"", request() * 3)
    assert answer.startswith(b"HTTP/1.1 408 ")
    return ended


@attack(
    "half of HTTP/2's preface",
    "slowloris",
    FROM_CONNECTION,
    "closed",
    "s",
    10.1,
)
async def half_a_preface(at: Target) -> float:
    """Begin HTTP/2, and say no more."""
    answer, ended = await drip(at, b"PRI * HTT", b"")
    assert answer == b""
    return ended


@attack("a handshake of TLS, a byte a second", "slowloris", FROM_CONNECTION, "closed", "s", 10.1)
async def slow_handshake(at: Target) -> float:
    """Begin a handshake so slowly that it never ends."""
    hello, incoming = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        contexts()[1].wrap_bio(incoming, hello, server_hostname=HOST).do_handshake()
    async with await serve(endless, HOST, PORT + 1, ssl=contexts()[0]):
        answer, ended = await drip(at, b"", hello.read(), port=PORT + 1)
    assert answer == b""
    return ended


@attack(
    "a connection that does nothing", "", "{keep_alive:g} s after a response", "closed", "s", 5.1
)
async def idle(at: Target) -> float:
    """Ask once, and stay."""
    answer, ended = await drip(at, request(last=False), b"")
    assert answer.startswith(b"HTTP/1.1 200 ")
    return ended


@attack("a body, a byte a second", "slow POST, R.U.D.Y.", RATE, "408", "s", 10.2)
async def slow_body(at: Target) -> float:
    """Send a body so slowly that it never ends."""
    answer, ended = await drip(at, request(body=b"x" * 10_000)[:-10_000], b"x" * 100)
    assert answer.startswith(b"HTTP/1.1 408 ")
    return ended


@attack("a body that is fast, then slow", "slow POST", RATE, "408", "s", 10.2)
async def tired_body(at: Target) -> float:
    """Send most of a body at once: what was quick buys no silence later."""
    head = request(body=b"x" * 1_000_000)[:-1_000_000]
    answer, ended = await drip(at, head + b"x" * 900_000, b"x" * 100)
    assert answer.startswith(b"HTTP/1.1 408 ")
    return ended


@attack("a body in a stream that stops", "slow POST over HTTP/2", RATE, "RST_STREAM", "s", 10.1)
async def stopped_stream(at: Target) -> float:
    """Begin a request on a stream; another one is answered as ever."""
    client = await at.http2()
    began = at.world.now
    await client.ended(client.request("POST", end=False))
    ended = at.world.now - began
    other = client.request("POST", end=False)
    client.parser.send_data(other, b"hello", end_stream=True)
    client.flush()
    assert await client.ended(other) == b"hello"
    client.close()
    return ended


@attack("a response that nobody reads", "slow read", TAKEN, "closed", "s", 31, application=endless)
async def reads_nothing(at: Target) -> float:
    """Ask for much, and read nothing."""
    _, writer = await at.open(limit=1000)
    writer.write(request())
    await asyncio.sleep(0)
    ended = await at.until_left()
    writer.transport.abort()
    return ended


@attack("a response read in drops", "slow read", TAKEN, "closed", "s", 31, application=endless)
async def reads_drops(at: Target) -> float:
    """Read a hundred bytes a second, so that the server can always send a little."""
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, (HOST, PORT))
        await loop.sock_sendall(sock, request())
        began = at.world.now
        await asyncio.sleep(1)
        while at.server.connections:
            await asyncio.sleep(1)
            await loop.sock_recv(sock, 100)
        return at.world.now - began
