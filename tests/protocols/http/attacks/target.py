"""What is attacked: our server in a World, with a row for the table.

Time passes in thought only, so that what takes half a minute is measured exactly; the
network is the World's, with its buffers counted as memory too; TLS is real.

Read next: waiting.py
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import trustme
from h2.errors import ErrorCodes
from hyperframe.frame import Frame, GoAwayFrame

from miniloop.testing import World
from protocols.http.handlers import Request, Response
from protocols.http.limits import Limits
from protocols.http.server import Server

from ..support import HOST, PORT, H2Client, in_world, serving

__all__ = [
    "ATTACKS",
    "KIB",
    "Attack",
    "Memory",
    "Target",
    "attack",
    "calmed",
    "contexts",
    "echo",
    "frames",
    "memory",
    "refused",
]

KIB = 1024
Try: TypeAlias = Callable[["Target"], Awaitable[float]]


async def echo(request: Request) -> Response:
    """Answer with the body."""
    return Response(await request.body(10**9))


@dataclass(frozen=True)
class Attack:
    """One row of the table.

    Args:
        name: of the attack.
        known: what it is called elsewhere.
        limit: what the server puts up with, with the names of `Limits` in braces.
        outcome: what happens then.
        unit: of what is measured.
        most: that it may be.
        run: tries it, fails unless the outcome is as said, and returns what it measured.
        application: what is served; None for one of its own.
        limits: other than the defaults.
        tls: whether it is tried over TLS too.
        logged: errors of the application that are logged.
    """

    name: str
    known: str
    limit: str
    outcome: str
    unit: str
    most: float
    run: Try
    application: Any = echo
    limits: Limits | None = None
    tls: bool = False
    logged: int = 0

    def measure(self, library: str = "miniloop", tls: bool = False) -> float:
        """Try it in a World; return what was measured."""
        secure = contexts()[0]  # made outside, where there is a date to be written into them
        options: dict[str, Any] = {"limits": self.limits, "ssl": secure if tls else None}

        async def scenario(world: World) -> float:
            async with serving(self.application, **options) as server:
                return float(await self.run(Target(world, server, tls)))

        return float(in_world(scenario, library))


ATTACKS: dict[str, Attack] = {}


def attack(
    name: str, known: str, limit: str, outcome: str, unit: str, most: float, **more: Any
) -> Callable[[Try], Try]:
    """Add the decorated function to the table."""

    def add(run: Try) -> Try:
        assert name not in ATTACKS
        ATTACKS[name] = Attack(name, known, limit, outcome, unit, most, run, **more)
        return run

    return add


class Target:
    """A server that listens in a World."""

    def __init__(self, world: World, server: Server, tls: bool) -> None:
        self.world = world
        self.server = server
        self._options: dict[str, Any] = {}
        if tls:
            self._options = {"ssl": contexts()[1], "server_hostname": HOST}

    async def open(self, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, to say something by HTTP/1.1."""
        return await asyncio.open_connection(HOST, PORT, **self._options, **options)

    async def http2(self) -> H2Client:
        """Connect, and say HTTP/2's preface."""
        options = dict(self._options)
        if options:
            options["ssl"] = contexts()[2]
        return await H2Client.connect(**options)

    async def talk(self, data: bytes) -> bytes:
        """Send *data*, and return all that comes until the server closes."""
        reader, writer = await self.open()
        writer.write(data)
        answer = await reader.read(-1)
        writer.close()
        return answer

    async def until_left(self) -> float:
        """Wait until the server has no connection; return the seconds that took."""
        began = self.world.now
        while self.server.connections:
            await asyncio.sleep(0.05)
        return self.world.now - began


class Memory:
    """How much more of it was in use at the worst moment; in bytes."""

    grown = 0


@contextlib.contextmanager
def memory() -> Iterator[Memory]:
    """Measure what is allocated in between."""
    found = Memory()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        yield found
        found.grown = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


async def frames(client: H2Client) -> AsyncIterator[Frame]:
    """Yield the frames that come, past the client's own parser, which knows too much."""
    buffer = b""
    while data := await client.reader.read(65536):
        buffer += data
        while len(buffer) >= 9:
            frame, size = Frame.parse_frame_header(memoryview(buffer[:9]))
            if len(buffer) < 9 + size:
                break
            frame.parse_body(memoryview(buffer[9 : 9 + size]))
            buffer = buffer[9 + size :]
            yield frame


async def refused(client: H2Client) -> int:
    """Wait for GOAWAY, and return its code; fail if the connection ends without one."""
    async for frame in frames(client):
        if isinstance(frame, GoAwayFrame):
            client.close()
            return frame.error_code
    raise AssertionError("closed without a word")


async def calmed(client: H2Client) -> None:
    """Wait for GOAWAY; fail unless its code is ENHANCE_YOUR_CALM."""
    assert await refused(client) == ErrorCodes.ENHANCE_YOUR_CALM


@functools.cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext, ssl.SSLContext]:
    """Return what a server needs for TLS, a client of HTTP/1.1, and one of HTTP/2."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(server)
    clients = []
    for protocol in ("http/1.1", "h2"):
        client = ssl.create_default_context()
        authority.configure_trust(client)
        client.set_alpn_protocols([protocol])
        clients.append(client)
    return server, clients[0], clients[1]
