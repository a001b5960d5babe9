"""The echo servers: the same service written in each of the ways that there are.

Each is an asynchronous context manager that serves on a bound, listening socket as long
as the context lasts, and leaves nothing open; the client is to be gone by then.  They take
everything from ``names`` and the running loop, in the way that a textbook would.  On the
bare floor all of them are the same hand-written callback.

Read next: floor.py
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import ModuleType
from typing import Any

from compat.bench.network import floor

CHUNK = 64 * 1024
BACKLOG = 1024

Serve = Callable[
    [ModuleType, socket.socket, ssl.SSLContext | None], AbstractAsyncContextManager[None]
]


def echo_protocol(names: ModuleType) -> type[Any]:
    """Return a protocol that sends back what it gets."""

    class Echo(names.Protocol):  # type: ignore[misc, name-defined]
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(data)

    return Echo


def echo_buffered_protocol(names: ModuleType) -> type[Any]:
    """Return a protocol that sends back what it gets, read into a buffer of its own."""

    class Echo(names.BufferedProtocol):  # type: ignore[misc, name-defined]
        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            self.buffer = memoryview(bytearray(CHUNK))

        def get_buffer(self, _hint: int) -> memoryview:
            return self.buffer

        def buffer_updated(self, count: int) -> None:
            # A copy: what cannot be written at once must not change afterwards.
            self.transport.write(bytes(self.buffer[:count]))

    return Echo


def echo_datagram_protocol(names: ModuleType) -> type[Any]:
    """Return a protocol that sends every datagram back to where it came from."""

    class Echo(names.DatagramProtocol):  # type: ignore[misc, name-defined]
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, address: Any) -> None:
            self.transport.sendto(data, address)

    return Echo


@asynccontextmanager
async def serving(
    names: ModuleType,
    listener: socket.socket,
    tls: ssl.SSLContext | None,
    make: Callable[[ModuleType], type[Any]],
) -> AsyncIterator[None]:
    """Serve with a protocol class that is made from names."""
    loop = names.get_running_loop()
    if isinstance(loop, floor.Floor):
        with floor.serving(loop, listener, tls):
            yield
        return
    protocol = make(names)
    unix = listener.family == socket.AF_UNIX
    create = loop.create_unix_server if unix else loop.create_server
    server = await create(protocol, sock=listener, ssl=tls, backlog=BACKLOG)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


def protocol(
    names: ModuleType, listener: socket.socket, tls: ssl.SSLContext | None
) -> AbstractAsyncContextManager[None]:
    """Serve with a Protocol."""
    return serving(names, listener, tls, echo_protocol)


def buffered(
    names: ModuleType, listener: socket.socket, tls: ssl.SSLContext | None
) -> AbstractAsyncContextManager[None]:
    """Serve with a BufferedProtocol."""
    return serving(names, listener, tls, echo_buffered_protocol)


@asynccontextmanager
async def streams(
    names: ModuleType, listener: socket.socket, tls: ssl.SSLContext | None
) -> AsyncIterator[None]:
    """Serve with a StreamReader and a StreamWriter for each connection."""
    loop = names.get_running_loop()
    if isinstance(loop, floor.Floor):
        with floor.serving(loop, listener, tls):
            yield
        return

    async def echo(reader: Any, writer: Any) -> None:
        try:
            while data := await reader.read(CHUNK):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    unix = listener.family == socket.AF_UNIX
    start = names.start_unix_server if unix else names.start_server
    server = await start(echo, sock=listener, ssl=tls, backlog=BACKLOG)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def sock(
    names: ModuleType, listener: socket.socket, tls: ssl.SSLContext | None
) -> AsyncIterator[None]:
    """Serve with the loop's `sock_*` methods, one task for each connection; without TLS."""
    loop = names.get_running_loop()
    if isinstance(loop, floor.Floor):
        with floor.serving(loop, listener, tls):
            yield
        return
    listener.setblocking(False)
    connections: set[Any] = set()

    async def echo(connection: socket.socket) -> None:
        receive, send = loop.sock_recv, loop.sock_sendall
        with connection:
            while data := await receive(connection, CHUNK):
                await send(connection, data)

    async def accept() -> None:
        while True:
            connection, _ = await loop.sock_accept(listener)
            if listener.family == socket.AF_INET:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = names.create_task(echo(connection))
            connections.add(task)
            task.add_done_callback(connections.discard)

    accepting = names.create_task(accept())
    try:
        yield
    finally:
        accepting.cancel()
        await names.wait([accepting, *connections])


@asynccontextmanager
async def datagrams(
    names: ModuleType, listener: socket.socket, _tls: ssl.SSLContext | None
) -> AsyncIterator[None]:
    """Serve with a DatagramProtocol."""
    loop = names.get_running_loop()
    if isinstance(loop, floor.Floor):
        with floor.serving(loop, listener, None):
            yield
        return
    make = echo_datagram_protocol(names)
    transport, _ = await loop.create_datagram_endpoint(make, sock=listener)
    try:
        yield
    finally:
        transport.close()
        await names.sleep(0)
