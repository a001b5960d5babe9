"""What a protocol is told, in which order and in which turn of the loop: as on asyncio."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from .stage import LOOPS, Diary, bound, pair, run

Scenario = Callable[[], Awaitable[list[Any]]]


async def _on_pair(diary: Diary) -> tuple[Any, socket.socket]:
    """Return a transport for *diary*, and the other end of its connection."""
    loop = asyncio.get_running_loop()
    ours, theirs = pair()
    transport, _ = await loop.connect_accepted_socket(lambda: diary, ours)
    diary.note("connected")
    return transport, theirs


async def short_messages() -> list[Any]:
    diary = Diary(asyncio.get_running_loop())
    transport, theirs = await _on_pair(diary)
    for size in (1, 1000, 70_000):
        theirs.send(bytes(size))
        await asyncio.sleep(0)
        transport.write(b"answer")
    await asyncio.sleep(0)
    theirs.close()
    await diary.lost
    return diary.entries


async def end_while_a_message_waits() -> list[Any]:
    diary = Diary(asyncio.get_running_loop())
    _, theirs = await _on_pair(diary)
    theirs.send(b"last words")
    theirs.close()
    await diary.lost
    return diary.entries


async def half_closed() -> list[Any]:
    diary = Diary(asyncio.get_running_loop())
    diary.keep_open = True
    transport, theirs = await _on_pair(diary)
    theirs.shutdown(socket.SHUT_WR)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    transport.write(b"still here")
    transport.write_eof()
    diary.note("received", theirs.recv(100), theirs.recv(100))
    transport.close()
    await diary.lost
    theirs.close()
    return diary.entries


async def paused_and_resumed() -> list[Any]:
    diary = Diary(asyncio.get_running_loop())
    transport, theirs = await _on_pair(diary)
    transport.pause_reading()
    theirs.send(b"waits")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    diary.note("reading", transport.is_reading())
    transport.resume_reading()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    transport.close()
    await diary.lost
    theirs.close()
    return diary.entries


async def written_faster_than_read() -> list[Any]:
    diary = Diary(asyncio.get_running_loop(), turns=False)
    transport, theirs = await _on_pair(diary)
    size = 0
    while "pause" not in diary.entries[-1]:
        transport.write(bytes(50_000))
        size += 50_000
    transport.writelines([bytes(1000)] * 3)
    size += 3000
    transport.close()
    diary.note("closing", transport.is_closing())
    while size:
        try:
            size -= len(theirs.recv(1_000_000))
        except BlockingIOError:
            await asyncio.sleep(0)
    await diary.lost
    diary.note("rest", theirs.recv(10))
    theirs.close()
    return diary.entries


async def aborted_with_a_full_buffer() -> list[Any]:
    diary = Diary(asyncio.get_running_loop())
    transport, theirs = await _on_pair(diary)
    transport.write(bytes(5_000_000))
    diary.note("buffered", transport.get_write_buffer_size())
    transport.abort()
    transport.abort()
    diary.note("buffered", transport.get_write_buffer_size())
    await diary.lost
    theirs.close()
    return diary.entries


async def peer_is_gone() -> list[Any]:
    diary = Diary(asyncio.get_running_loop())
    transport, theirs = await _on_pair(diary)
    theirs.close()
    transport.write(b"x")
    transport.write(b"y")
    await diary.lost
    return diary.entries


async def other_protocol_in_the_middle() -> list[Any]:
    loop = asyncio.get_running_loop()
    diary = Diary(loop)
    transport, theirs = await _on_pair(diary)

    class Buffered(asyncio.BufferedProtocol):
        room = bytearray(10)

        def get_buffer(self, sizehint: int) -> bytearray:
            diary.note("get_buffer", sizehint)
            return self.room

        def buffer_updated(self, nbytes: int) -> None:
            diary.note("updated", bytes(self.room[:nbytes]))
            transport.set_protocol(diary)

    theirs.send(b"for the second protocol")
    transport.set_protocol(Buffered())
    for _ in range(4):
        await asyncio.sleep(0)
    theirs.close()
    await diary.lost
    return diary.entries


async def connections_to_a_server() -> list[Any]:
    loop = asyncio.get_running_loop()
    diaries: list[Diary] = []

    def serve() -> Diary:
        diaries.append(Diary(loop))
        return diaries[-1]

    server = await loop.create_server(serve, sock=bound())
    address = server.sockets[0].getsockname()
    transports = []
    for _ in range(3):
        client, _ = await loop.create_connection(asyncio.Protocol, *address)
        client.write(b"hello")
        transports.append(client)
    while len(diaries) < 3 or not all(len(diary.entries) == 2 for diary in diaries):
        await asyncio.sleep(0)
    server.close()
    for client in transports:
        client.close()
    await server.wait_closed()
    return [diary.entries for diary in diaries]


async def datagrams() -> list[Any]:
    loop = asyncio.get_running_loop()
    diary = Diary(loop)

    class Datagrams(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            diary.connection_made(transport)

        def datagram_received(self, data: bytes, addr: Any) -> None:
            diary.note("datagram", data)
            loop.call_soon(diary.note, "soon after", data)

        def connection_lost(self, exc: Exception | None) -> None:
            diary.connection_lost(exc)

    transport, _ = await loop.create_datagram_endpoint(Datagrams, sock=bound(socket.SOCK_DGRAM))
    sender, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=transport.get_extra_info("sockname")
    )
    for data in (b"one", b"", b"three"):
        sender.sendto(data) if data else sender._sock.send(data)  # type: ignore[attr-defined]
    for _ in range(10):
        await asyncio.sleep(0)
    sender.close()
    transport.close()
    await diary.lost
    return diary.entries


async def pipes() -> list[Any]:
    loop = asyncio.get_running_loop()
    reading, writing = Diary(loop), Diary(loop)
    out, into = os.pipe()
    reader, _ = await loop.connect_read_pipe(lambda: reading, os.fdopen(out, "rb", 0))
    writer, _ = await loop.connect_write_pipe(lambda: writing, os.fdopen(into, "wb", 0))
    writer.write(b"through the pipe")
    await asyncio.sleep(0)
    reader.pause_reading()
    writer.write(bytes(200_000))
    await asyncio.sleep(0)
    reader.resume_reading()
    writer.write_eof()
    await writing.lost
    await reading.lost
    assert reader.is_closing()
    received = sum(entry[2] for entry in reading.entries if entry[1] == "data")
    return [received, [entry[1:] for entry in writing.entries], reading.entries[-1][1:]]


async def reader_of_a_pipe_goes() -> list[Any]:
    loop = asyncio.get_running_loop()
    diary = Diary(loop)
    out, into = os.pipe()
    writer, _ = await loop.connect_write_pipe(lambda: diary, os.fdopen(into, "wb", 0))
    writer.write(bytes(200_000))
    os.close(out)
    await diary.lost
    return diary.entries


async def sockets_of_the_programs_own() -> list[Any]:
    loop = asyncio.get_running_loop()
    diary = Diary(loop)
    ours, theirs = pair()

    async def serve() -> None:
        while data := await loop.sock_recv(ours, 100):
            diary.note("got", data)
            await loop.sock_sendall(ours, data)

    task = loop.create_task(serve())
    for data in (b"one", b"two", b"three"):
        diary.note("answer", await _ask(loop, theirs, data))
        await asyncio.sleep(0)
    theirs.close()
    await task
    ours.close()
    diary.lost.set_result(None)
    return diary.entries


async def _ask(loop: Any, sock: socket.socket, data: bytes) -> bytes:
    await loop.sock_sendall(sock, data)
    return await loop.sock_recv(sock, 100)  # type: ignore[no-any-return]


SCENARIOS: list[Scenario] = [
    short_messages,
    end_while_a_message_waits,
    half_closed,
    paused_and_resumed,
    written_faster_than_read,
    aborted_with_a_full_buffer,
    peer_is_gone,
    other_protocol_in_the_middle,
    connections_to_a_server,
    datagrams,
    pipes,
    reader_of_a_pipe_goes,
    sockets_of_the_programs_own,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)
def test_as_on_asyncio(scenario: Any) -> None:
    seen = {name: run(factory, scenario()) for name, factory in LOOPS.items()}
    assert seen["miniloop"] == seen["asyncio"]
