"""Ten thousand connections on one loop that have nothing to say, and then one message to all.

A row is one way to write the server.  A sample is taken in a process that has done nothing
before, since memory that was freed is not given back.  It opens some connections and
closes them again (so that everything is imported and the allocator has its arenas), opens
all, and after each has echoed a message it is left idle.  Then the server sends one
message to all; the clock stands when the client has read it from the last connection.

An operation is one connection's part of that broadcast.

Read next: goals.py
"""

from __future__ import annotations

import gc
import os
import resource
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from compat.bench.model import Extra, Row, Sample, Suite
from compat.bench.network import floor, servers
from compat.bench.network.peer import PLACE
from compat.bench.network.rows import FLOOR, listening

MESSAGE = b"a word to everybody: " + bytes(43)  # 64 bytes
REHEARSAL = 100
# Standard streams, pipes, the poll, the listener and whatever a loop opens for itself.
SPARE_DESCRIPTORS = 100

Broadcast = Callable[[], Awaitable[None]]
Serve = Callable[[ModuleType, socket.socket], AbstractAsyncContextManager[Broadcast]]

SUITE = Suite(
    "connections",
    legend=(
        "Idle connections on one loop, then 64 bytes to each of them. Time is the CPU time of "
        "the server's\nprocess for one connection's part of that; the client is another one."
    ),
    extras=(
        Extra("number", "Connections"),
        Extra("memory", "Memory of the server's process, bytes per connection"),
        Extra("opening", "CPU time of accepting, nanoseconds per connection"),
        Extra("broadcast", "Milliseconds on the clock until everybody has got it", ",.1f"),
    ),
    floor=FLOOR.key,
    fresh=True,
    prepare=PLACE.prepare,
)


def affordable(number: int) -> int:
    """Return how many of so many connections the system lets one process have open.

    Raises this process's limit as far as needed and allowed; children inherit it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return number
    wanted = number + SPARE_DESCRIPTORS
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if allowed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return min(number, max(allowed, soft) - SPARE_DESCRIPTORS)


def resident_bytes() -> int:
    """Return how much memory this process has at the moment.

    Raises:
        RuntimeError: on a system that does not say.
    """
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        raise RuntimeError("memory is read from /proc, which this system has not") from None
    return pages * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def by_protocol(names: ModuleType, listener: socket.socket) -> AsyncIterator[Broadcast]:
    """Serve with a Protocol that keeps its transport; yields what sends to all."""
    transports: set[Any] = set()
    echo = servers.echo_protocol(names)

    class Member(echo):  # type: ignore[misc, valid-type]
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transports.add(transport)

        def connection_lost(self, _error: Exception | None) -> None:
            transports.discard(self.transport)

    async def broadcast() -> None:
        for transport in transports:
            transport.write(MESSAGE)

    async with servers.serving(names, listener, None, lambda _names: Member):
        yield broadcast


@asynccontextmanager
async def by_streams(names: ModuleType, listener: socket.socket) -> AsyncIterator[Broadcast]:
    """Serve with streams, one task for each that waits for input; yields what sends to all."""
    writers: set[Any] = set()

    async def serve(reader: Any, writer: Any) -> None:
        writers.add(writer)
        try:
            while data := await reader.read(servers.CHUNK):
                writer.write(data)
                await writer.drain()
        finally:
            writers.discard(writer)
            writer.close()

    async def broadcast() -> None:
        for writer in writers:
            writer.write(MESSAGE)
        for writer in list(writers):
            await writer.drain()

    server = await names.start_server(serve, sock=listener, backlog=servers.BACKLOG)
    try:
        yield broadcast
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def on_the_floor(loop: floor.Floor, listener: socket.socket) -> AsyncIterator[Broadcast]:
    """Serve with bare sockets; yields what sends to all."""

    async def broadcast() -> None:
        for sock in loop.sockets.values():
            if sock is not listener:
                sock.send(MESSAGE)

    with floor.serving(loop, listener, None):
        yield broadcast


@dataclass(frozen=True)
class Idle:
    """The workload of a row: a server."""

    serve: Serve

    async def __call__(self, names: ModuleType, units: int) -> Sample:
        """Take a sample with so many connections.

        Raises:
            PeerError: if the client cannot do its part.
            RuntimeError: if the system does not say how much memory there is.
        """
        affordable(units)
        loop = names.get_running_loop()
        bare = isinstance(loop, floor.Floor)
        with listening("tcp") as (listener, address):
            serve = on_the_floor(loop, listener) if bare else self.serve(names, listener)
            async with serve as broadcast:
                try:
                    return await measure(loop, address, broadcast, units)
                except BaseException:
                    PLACE.discard()
                    raise


async def measure(loop: Any, address: Any, broadcast: Broadcast, number: int) -> Sample:
    """Rehearse, open all connections, and send to all of them."""
    peer = PLACE.peer()
    order = {"kind": "tcp", "address": address, "size": len(MESSAGE), "tls": False}
    await peer.ask(loop, "open", connections=min(number, REHEARSAL), **order)
    await broadcast()
    await peer.ask(loop, "listen", size=len(MESSAGE))
    await peer.ask(loop, "close")
    gc.collect()
    memory, cpu = resident_bytes(), time.process_time()
    await peer.ask(loop, "open", connections=number, **order)
    opening = time.process_time() - cpu
    gc.collect()
    memory = resident_bytes() - memory
    cpu, clock = time.process_time(), time.perf_counter()
    await broadcast()
    found = await peer.ask(loop, "listen", size=len(MESSAGE))
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    await peer.ask(loop, "close")
    extras = {
        "number": float(number),
        "memory": memory / number,
        "opening": opening / number * 1e9,
        "broadcast": clock * 1e3,
    }
    return Sample(cpu, found["operations"], extras)


def add(name: str, serve: Serve) -> None:
    """Add a row."""
    about = f"64 bytes to each connection of a server with {name}"
    SUITE.rows[name] = Row(name, about, 1, Idle(serve))


add("protocols", by_protocol)
add("streams", by_streams)
