"""Defects of today's asyncio and of today's libraries that the World has found; see found.md.

Each program is right by its library's documentation, and an order of events that asyncio
allows breaks it.  `FINDINGS` says what was run.

Read next: test_found.py
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import aiohappyeyeballs
import aiohttp
import anyio
import httpcore

from miniloop.testing import World

from .exhibit import Scenario

__all__ = ["FINDINGS", "Finding"]


def _interpreter() -> str:
    return "asyncio {}.{}.{}".format(*sys.version_info[:3])


def _of(package: str) -> Callable[[], str]:
    return lambda: f"{package} {version(package)}"


@dataclass(frozen=True)
class Finding:
    """A defect: *scenario* fails, with *words*, with each of *versions*.

    *schedule* is the least that it takes; *here* says which version is installed.
    """

    scenario: Scenario
    words: str
    schedule: str
    versions: tuple[str, ...]
    here: Callable[[], str] = _interpreter


INTERPRETERS = ("asyncio 3.11.7", "asyncio 3.12.1", "asyncio 3.13.0")


# -- asyncio ---------------------------------------------------------------------------------------


async def server_in_nobodys_hands(world: World) -> None:
    """Whoever is cancelled while a server starts has no server; nor has anybody else."""

    async def serve() -> None:
        async with await asyncio.start_server(_nothing, "127.0.0.1", 8080):
            await asyncio.sleep(60)

    task = asyncio.create_task(serve())
    await asyncio.sleep(0)
    world.sometime(task.cancel)
    await asyncio.wait([task])
    await asyncio.sleep(1)


async def _nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def accepted_by_nobody(world: World) -> None:
    """A connection is accepted by who waits for it, or is still there for the next one."""
    loop = asyncio.get_running_loop()
    with socket.socket() as listener, socket.socket() as client:
        for sock in (listener, client):
            sock.setblocking(False)
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        async def accept() -> None:
            connection, _ = await loop.sock_accept(listener)
            connection.close()

        first = asyncio.create_task(accept())
        world.sometime(first.cancel)
        await asyncio.sleep(1)
        await loop.sock_connect(client, listener.getsockname())
        await asyncio.wait([first])
        if first.cancelled():
            await accept()


async def received_by_nobody(world: World) -> None:
    """What was sent is received by who waits for it, or, when its time is up, by the next one."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    got = b""
    with ours, theirs:
        ours.setblocking(False)
        world.sometime(theirs.send, b"!")
        for _ in range(20):
            if not got:
                try:
                    async with asyncio.timeout(1):
                        got = await loop.sock_recv(ours, 1)
                except TimeoutError:
                    pass
    assert got == b"!", "what was sent is lost"


async def put_is_overtaken(world: World) -> None:
    """What was put first comes out first."""
    queue: asyncio.Queue[int] = asyncio.Queue(1)
    asked: list[int] = []
    got: list[int] = []
    putters: list[asyncio.Task[None]] = []

    async def put(item: int) -> None:
        asked.append(item)
        await queue.put(item)

    def arrive(item: int) -> None:
        putters.append(asyncio.create_task(put(item)))

    await put(0)
    for item in (1, 2, 3):
        world.sometime(arrive, item)
    await asyncio.sleep(1)
    while len(got) < 4:
        got.append(await queue.get())
        await asyncio.sleep(0)
    await asyncio.wait(putters)
    assert got == asked, "somebody was overtaken"


# -- libraries -------------------------------------------------------------------------------------


class _Pages:
    """Answers every request with its path; its handlers are waited for when it ends."""

    def __init__(self) -> None:
        self.handlers: list[Any] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.handlers.append(asyncio.current_task())
        try:
            while True:
                path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
                head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path)
                writer.write(head + path)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def __aenter__(self) -> _Pages:
        self.server = await asyncio.start_server(self.answer, "127.0.0.1", 8080)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.server.close()
        if self.handlers:
            await asyncio.wait(self.handlers)


async def aiohttp_wakes_nobody(world: World) -> None:
    """Three requests over one connection, the second is cancelled: the third is answered."""
    async with _Pages():
        connector = aiohttp.TCPConnector(limit=1)
        forever = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=forever) as session:

            async def get(path: str) -> str:
                async with session.get(f"http://127.0.0.1:8080{path}") as response:
                    return await response.text()

            requests = [asyncio.create_task(get(f"/{number}")) for number in range(3)]
            world.sometime(requests[1].cancel)
            await asyncio.wait(requests)
            assert requests[2].result() == "/2"
        await asyncio.sleep(1)


async def httpcore_keeps_a_slot(world: World) -> None:
    """The first request is cancelled: the next one is answered."""
    async with _Pages(), httpcore.AsyncConnectionPool(max_connections=1) as pool:

        async def get(path: str) -> bytes:
            return (await pool.request("GET", f"http://127.0.0.1:8080{path}")).content

        await asyncio.sleep(1)
        first = asyncio.create_task(get("/first"))
        second = asyncio.create_task(get("/second"))
        world.sometime(second.cancel)
        await asyncio.wait([first, second])
        assert await get("/third") == b"/third"


async def eyeballs_are_deaf(world: World) -> None:
    """A task that has accepted to be cancelled ends cancelled."""
    loop = asyncio.get_running_loop()
    listeners = []
    addresses = []
    for name, latency in (("far", 0.15), ("near", 0.05)):
        world.network.link("localhost", name).latency = latency
        listeners.append(await world.host(name).spawn(_listen(name)))
        addresses += (await loop.getaddrinfo(name, 80, type=socket.SOCK_STREAM))[:1]

    async def connect() -> None:
        connection = await aiohappyeyeballs.start_connection(addresses, happy_eyeballs_delay=0.1)
        connection.close()
        await asyncio.sleep(60)

    task = asyncio.create_task(connect())
    world.sometime(task.cancel)
    await asyncio.wait([task])
    for listener in listeners:
        listener.close()
    assert task.cancelled() or not task.cancelling(), "the cancellation is lost"


async def _listen(name: str) -> socket.socket:
    sock = socket.socket()
    sock.bind((name, 80))
    sock.listen()
    return sock


async def anyio_keeps_a_notification(world: World) -> None:
    """When all is quiet there is no item that somebody waits for."""
    condition = anyio.Condition()
    items: list[int] = []

    async def consume() -> None:
        async with condition:
            while not items:
                await condition.wait()
            items.pop()

    consumers = [asyncio.create_task(consume()) for _ in range(2)]
    world.sometime(consumers[0].cancel)
    await asyncio.sleep(1)
    async with condition:
        items.append(1)
        condition.notify()
    await asyncio.sleep(60)
    waiting = [consumer for consumer in consumers if not consumer.done()]
    for consumer in waiting:
        consumer.cancel()
    await asyncio.wait(consumers)
    assert not (items and waiting), "there is an item, and somebody waits for it"


async def anyio_loses_an_item(world: World) -> None:
    """What is sent is received, or nobody has sent it."""
    send, receive = anyio.create_memory_object_stream[str](0)
    got: list[str] = []

    async def consume() -> None:
        got.append(await receive.receive())

    consumer = asyncio.create_task(consume())
    world.sometime(consumer.cancel)
    await asyncio.sleep(1)
    sent = True
    try:
        send.send_nowait("item")
    except anyio.WouldBlock:
        sent = False
    await asyncio.wait([consumer])
    send.close()
    receive.close()
    assert len(got) == sent, "the item is lost"


FINDINGS = (
    Finding(
        server_in_nobodys_hands, "sockets left open: 127.0.0.1:8080", "fifo:event0=2", INTERPRETERS
    ),
    Finding(accepted_by_nobody, "nothing is ready", "fifo:event0=4", INTERPRETERS),
    Finding(received_by_nobody, "what was sent is lost", "fifo:arrival0=1", INTERPRETERS),
    Finding(put_is_overtaken, "somebody was overtaken", "fifo:event0=4", INTERPRETERS),
    Finding(
        aiohttp_wakes_nobody,
        "nothing is ready",
        "fifo:event0=8",
        ("aiohttp 3.14.5",),
        _of("aiohttp"),
    ),
    Finding(
        eyeballs_are_deaf,
        "the cancellation is lost",
        "fifo:event0=13",
        ("aiohappyeyeballs 2.7.1",),
        _of("aiohappyeyeballs"),
    ),
    Finding(
        httpcore_keeps_a_slot,
        "nothing is ready",
        "fifo:event0=13",
        ("httpcore 1.0.9",),
        _of("httpcore"),
    ),
    Finding(
        anyio_keeps_a_notification,
        "there is an item, and somebody waits for it",
        "fifo:event0=7",
        ("anyio 4.16.0",),
        _of("anyio"),
    ),
    Finding(
        anyio_loses_an_item,
        "the item is lost",
        "fifo:event0=4",
        ("anyio 4.16.0",),
        _of("anyio"),
    ),
)
