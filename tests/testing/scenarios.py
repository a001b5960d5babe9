"""Small programs to run in Worlds: each is ordinary asyncio code, and right in every order."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any

import trustme

from miniloop.testing.world import World

__all__ = ["NETWORK", "SCENARIOS", "SCHEDULING"]

Scenario = Callable[..., Any]

_authority = trustme.CA()
SERVER_TLS = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
_authority.issue_cert("localhost", "db").configure_cert(SERVER_TLS)
CLIENT_TLS = ssl.create_default_context()
_authority.configure_trust(CLIENT_TLS)


async def turns() -> int:
    """Three tasks take turns and count."""
    count = 0

    async def step() -> None:
        nonlocal count
        for _ in range(3):
            await asyncio.sleep(0)
            count += 1

    await asyncio.gather(*(step() for _ in range(3)))
    return count


async def clocks() -> list[str]:
    """Timers that are due together, or nearly so."""
    seen: list[str] = []

    async def wait(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append(name)

    await asyncio.gather(wait("a", 1), wait("b", 1), wait("c", 1), wait("d", 3600))
    return sorted(seen)


async def queue_and_locks() -> int:
    """A producer, two consumers, a lock, and a timeout that never comes."""
    queue: asyncio.Queue[int] = asyncio.Queue(2)
    lock = asyncio.Lock()
    total = 0

    async def produce() -> None:
        for number in range(6):
            await queue.put(number)

    async def consume() -> None:
        nonlocal total
        while True:
            number = await queue.get()
            async with lock:
                before = total
                await asyncio.sleep(0)
                total = before + number
            queue.task_done()

    consumers = [asyncio.create_task(consume()) for _ in range(2)]
    async with asyncio.timeout(1000):
        await produce()
        await queue.join()
    for consumer in consumers:
        consumer.cancel()
    await asyncio.gather(*consumers, return_exceptions=True)
    return total


async def threads() -> list[int]:
    """Functions in threads, whose results come in any order."""
    return list(await asyncio.gather(*(asyncio.to_thread(int, str(n)) for n in range(3))))


async def cancelled_from_outside(world: World) -> str:
    """A task that somebody outside cancels, sometime."""

    async def wait() -> None:
        try:
            await asyncio.sleep(5)
            await asyncio.sleep(5)
        finally:
            await asyncio.sleep(0)

    task = asyncio.create_task(wait())
    world.sometime(task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return "cancelled"
    return "done"


async def echo() -> list[bytes]:
    """A server for lines and three clients."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def client(number: int) -> bytes:
        reader, writer = await asyncio.open_connection("localhost", port)
        writer.write(b"hello %d" % number)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    answers = await asyncio.gather(*(client(number) for number in range(3)))
    server.close()
    await server.wait_closed()
    return answers


async def backpressure() -> int:
    """A writer that is much faster than its reader."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(4):
            writer.write(b"x" * 100_000)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 7)
    reader, writer = await asyncio.open_connection("127.0.0.1", 7)
    total = 0
    while data := await reader.read(50_000):
        total += len(data)
        await asyncio.sleep(0.1)
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    return total


async def datagrams() -> bytes:
    """A question and its answer over UDP."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()

    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            self.transport.sendto(b"re: " + data, addr)

    class Client(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            transport.sendto(b"question")

        def datagram_received(self, data: bytes, addr: Any) -> None:
            answer.set_result(data)

    server, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 9999))
    client, _ = await loop.create_datagram_endpoint(Client, remote_addr=("127.0.0.1", 9999))
    data = await answer
    client.close()
    server.close()
    await asyncio.sleep(0)
    return data


async def unix_streams() -> bytes:
    """A Unix server and its client."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(serve, "\0somewhere")
    reader, writer = await asyncio.open_unix_connection("\0somewhere")
    writer.write(b"over Unix")
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    return answer


async def bare_sockets() -> int:
    """`sock_accept`, `sock_connect`, `sock_sendall`, `sock_recv`."""
    loop = asyncio.get_running_loop()
    with socket.socket() as listener, socket.socket() as client:
        for sock in (listener, client):
            sock.setblocking(False)
        listener.bind(("localhost", 7))
        listener.listen()

        async def serve() -> None:
            connection, _ = await loop.sock_accept(listener)
            with connection:
                await loop.sock_sendall(connection, b"x" * 200_000)

        task = asyncio.create_task(serve())
        await loop.sock_connect(client, ("localhost", 7))
        total = 0
        while data := await loop.sock_recv(client, 5000):
            total += len(data)
        await task
    return total


async def refused() -> str:
    """Nobody listens there."""
    try:
        await asyncio.open_connection("localhost", 1)
    except ConnectionRefusedError as error:
        return type(error).__name__
    return "connected"


async def tls() -> int:
    """A server and a client over TLS."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        writer.write(line * 1000)
        await writer.drain()
        await reader.read()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "localhost", 443, ssl=SERVER_TLS)
    reader, writer = await asyncio.open_connection("localhost", 443, ssl=CLIENT_TLS)
    writer.write(b"hello\n")
    answer = await reader.readexactly(6000)
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    return len(answer)


async def hosts(world: World) -> bytes:
    """A server on one host, its client on another, some distance apart."""
    world.network.default_link.latency = 0.01

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()
        await writer.wait_closed()

    async def serve() -> None:
        async with await asyncio.start_server(answer, "db", 5432) as server:
            await server.serve_forever()

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection("db", 5432)
        writer.write(b"select 1")
        writer.write_eof()
        data = await reader.read()
        writer.close()
        await writer.wait_closed()
        return data

    task = world.host("db").spawn(serve())
    await asyncio.sleep(1)
    data: bytes = await world.host("web").spawn(ask())
    task.cancel()
    await asyncio.wait([task])
    return data


SCHEDULING: tuple[Scenario, ...] = (
    turns,
    clocks,
    queue_and_locks,
    threads,
    cancelled_from_outside,
)
NETWORK: tuple[Scenario, ...] = (
    echo,
    backpressure,
    datagrams,
    unix_streams,
    bare_sockets,
    refused,
    tls,
    hosts,
)
SCENARIOS = SCHEDULING + NETWORK
