"""The simulated network: what it promises, and what it can be told to do."""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
import sys
from collections.abc import Callable
from typing import Any

import pytest

from miniloop.testing.network.links import DROP, PASS, Deliver, Packet
from miniloop.testing.schedule import Schedule
from miniloop.testing.world import Run, World

pytestmark = pytest.mark.parametrize("library", ["miniloop", "asyncio"])


def run(scenario: Callable[..., Any], library: str, **options: Any) -> Run:
    return World(library=library, **options).run(scenario)


def good(scenario: Callable[..., Any], library: str, **options: Any) -> Any:
    found = run(scenario, library, **options)
    assert found.failures == []
    return found.result


async def serve_on(host: str, port: int, handle: Any) -> asyncio.Server:
    return await asyncio.start_server(handle, host, port)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1000):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def serve_until_cancelled(host: str, port: int, handle: Any = echo) -> None:
    async with await asyncio.start_server(handle, host, port) as server:
        await server.serve_forever()


async def ask(host: str, port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(data)
        return await reader.readexactly(len(data))
    finally:
        await close(writer)


def test_latency_is_paid_both_ways(library: str) -> None:
    async def scenario(world: World) -> float:
        world.network.link("web", "db").latency = 0.05
        world.background(world.host("db").spawn(serve_until_cancelled("db", 1)))
        await asyncio.sleep(1)
        before = world.now
        await world.host("web").spawn(ask("db", 1, b"hello"))
        seconds = world.now - before
        await asyncio.sleep(1)
        return seconds

    # Connecting is one round trip, asking another one.
    assert good(scenario, library) == pytest.approx(0.2)


def test_bandwidth_is_paid_by_the_byte(library: str) -> None:
    async def scenario(world: World) -> float:
        world.network.link("web", "db").bandwidth = 1000.0
        world.background(world.host("db").spawn(serve_until_cancelled("db", 1)))
        await asyncio.sleep(1)
        before = world.now
        await world.host("web").spawn(ask("db", 1, b"x" * 500))
        seconds = world.now - before
        await asyncio.sleep(1)
        return seconds

    assert good(scenario, library) == pytest.approx(1.0)


def test_a_partition_stalls_a_stream_and_healing_lets_it_go_on(library: str) -> None:
    async def scenario(world: World) -> tuple[bytes, float]:
        world.background(world.host("db").spawn(serve_until_cancelled("db", 1)))
        await asyncio.sleep(1)
        world.network.partition("web", "db")
        asyncio.get_running_loop().call_later(30, world.network.heal, "web", "db")
        before = world.now
        answer = await world.host("web").spawn(ask("db", 1, b"hello"))
        seconds = world.now - before
        await asyncio.sleep(1)
        return answer, seconds

    answer, seconds = good(scenario, library)
    assert answer == b"hello"
    assert seconds == pytest.approx(30)


def test_a_partition_can_be_one_way(library: str) -> None:
    async def scenario(world: World) -> list[bytes]:
        got: list[bytes] = []

        async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            got.append(await reader.read(10))
            world.network.partition("db", "web", both=False)
            writer.write(b"answer")
            got.append(await reader.read(10))
            await close(writer)

        world.background(world.host("db").spawn(serve_until_cancelled("db", 1, note)))
        await asyncio.sleep(1)

        async def talk() -> None:
            reader, writer = await asyncio.open_connection("db", 1)
            writer.write(b"first")
            await asyncio.sleep(1)
            writer.write(b"second")
            try:
                async with asyncio.timeout(5):
                    got.append(await reader.read(10))
            except TimeoutError:
                got.append(b"nothing comes back")
            world.network.heal("db", "web")
            got.append(await reader.read(10))
            await close(writer)

        await world.host("web").spawn(talk())
        return got

    assert good(scenario, library) == [b"first", b"second", b"nothing comes back", b"answer"]


def test_nobody_answers_at_an_unknown_address(library: str) -> None:
    async def scenario(world: World) -> tuple[Any, float] | None:
        try:
            await asyncio.open_connection("10.9.9.9", 80)
        except OSError as error:
            return error.errno, world.now - 1000.0
        return None

    number, seconds = good(scenario, library)
    assert number == errno.ETIMEDOUT
    assert seconds == pytest.approx(127.0)


def test_names_are_the_worlds(library: str) -> None:
    async def scenario(world: World) -> Any:
        loop = asyncio.get_running_loop()
        world.host("db", "10.1.2.3")
        found = await loop.getaddrinfo("db", 5432, type=socket.SOCK_STREAM)
        with pytest.raises(socket.gaierror):
            await loop.getaddrinfo("example.com", 80)
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo("example.com", 80)
        return found[0][4], socket.gethostbyname("db")

    assert good(scenario, library) == (("10.1.2.3", 5432), "10.1.2.3")


def test_an_address_can_be_taken_once(library: str) -> None:
    async def scenario(world: World) -> Any:
        first = await serve_on("127.0.0.1", 80, echo)
        with pytest.raises(OSError, match="use") as caught:
            await serve_on("127.0.0.1", 80, echo)
        first.close()
        await first.wait_closed()
        again = await serve_on("127.0.0.1", 80, echo)
        again.close()
        await again.wait_closed()
        return caught.value.errno

    assert good(scenario, library) == errno.EADDRINUSE


def test_a_close_with_unread_bytes_is_a_reset(library: str) -> None:
    async def scenario() -> str:
        async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            transport: Any = writer.transport
            transport.pause_reading()
            await asyncio.sleep(1)
            transport.abort()

        server = await serve_on("127.0.0.1", 80, rude)
        reader, writer = await asyncio.open_connection("127.0.0.1", 80)
        writer.write(b"unread")
        try:
            await reader.read(10)
            outcome = "end"
        except ConnectionResetError:
            outcome = "reset"
        writer.close()
        server.close()
        await asyncio.sleep(0)
        return outcome

    assert good(scenario, library) == "reset"


def test_one_direction_can_end_before_the_other(library: str) -> None:
    async def scenario() -> bytes:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            question = await reader.read()
            await asyncio.sleep(5)
            writer.write(question.upper())
            await close(writer)

        server = await serve_on("127.0.0.1", 80, answer)
        reader, writer = await asyncio.open_connection("127.0.0.1", 80)
        writer.write(b"question")
        writer.write_eof()
        data = await reader.read()
        await close(writer)
        server.close()
        await server.wait_closed()
        return data

    assert good(scenario, library) == b"QUESTION"


def test_bytes_come_in_pieces_when_the_schedule_says_so(library: str) -> None:
    async def scenario() -> list[bytes]:
        got: list[bytes] = []

        class Note(asyncio.Protocol):
            def data_received(self, data: bytes) -> None:
                got.append(data)

        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        one.setblocking(False)
        other.setblocking(False)
        transport, _ = await loop.create_connection(Note, sock=one)
        await loop.sock_sendall(other, b"hello")
        await asyncio.sleep(1)
        transport.close()
        other.close()
        await asyncio.sleep(0)
        return got

    assert good(scenario, library) == [b"hello"]
    first_byte = Schedule({("arrival", 0): 5})
    assert good(scenario, library, schedule=first_byte) == [b"h", b"ello"]
    half = Schedule({("arrival", 0): 6})
    assert good(scenario, library, schedule=half) == [b"he", b"llo"]


def test_a_slow_reader_makes_the_writer_wait(library: str) -> None:
    async def scenario() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        one.setblocking(False)
        other.setblocking(False)
        taken = 0
        while True:
            try:
                taken += one.send(b"x" * 1000)
            except BlockingIOError:
                break
        read = len(await loop.sock_recv(other, 10**6))
        one.close()
        other.close()
        return taken, read

    assert good(scenario, library) == (65536, 65536)


FAULTS = [
    ("loss", {("fault", 0): 1}, []),
    ("duplication", {("fault", 0): 1}, [b"1", b"1", b"2"]),
    ("reordering", {("arrival", 0): 2}, [b"2", b"1"]),
]


@pytest.mark.parametrize(("fault", "deviations", "expected"), FAULTS, ids=[f[0] for f in FAULTS])
def test_datagrams_suffer_what_the_link_allows(
    library: str, fault: str, deviations: Any, expected: list[bytes]
) -> None:
    async def scenario(world: World) -> list[bytes]:
        setattr(world.network.default_link, fault, True)
        got: list[bytes] = []

        class Note(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                got.append(data)

        loop = asyncio.get_running_loop()
        receiver, _ = await loop.create_datagram_endpoint(Note, local_addr=("127.0.0.1", 1))
        sender, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=("127.0.0.1", 1)
        )
        sender.sendto(b"1")
        if fault != "loss":
            sender.sendto(b"2")
        await asyncio.sleep(1)
        sender.close()
        receiver.close()
        await asyncio.sleep(0)
        return got

    plain = [b"1"] if fault == "loss" else [b"1", b"2"]
    assert good(scenario, library) == plain
    assert good(scenario, library, schedule=Schedule(deviations)) == expected


def test_a_datagram_to_nobody_is_refused_to_those_who_are_connected(library: str) -> None:
    async def scenario() -> list[str]:
        errors: list[str] = []

        class Note(asyncio.DatagramProtocol):
            def error_received(self, exc: Exception) -> None:
                errors.append(type(exc).__name__)

        loop = asyncio.get_running_loop()
        sender, _ = await loop.create_datagram_endpoint(Note, remote_addr=("127.0.0.1", 9))
        sender.sendto(b"anybody?")
        await asyncio.sleep(1)
        sender.close()
        await asyncio.sleep(0)
        return errors

    assert good(scenario, library) == ["ConnectionRefusedError"]


def test_a_datagram_can_be_too_large(library: str) -> None:
    async def scenario() -> int | None:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            try:
                sock.sendto(b"x" * 70_000, ("127.0.0.1", 9))
            except OSError as error:
                return error.errno
        return None

    assert good(scenario, library) == errno.EMSGSIZE


def test_a_rule_decides_about_packets(library: str) -> None:
    async def scenario(world: World) -> tuple[float, str]:
        def rule(packet: Packet) -> Any:
            if packet.kind == "bytes" and packet.data.startswith(b"slow"):
                return Deliver(3.0)
            return DROP if packet.data.startswith(b"lost") else PASS

        server = await serve_on("127.0.0.1", 80, echo)
        with world.network.rule(rule):
            before = world.now
            await ask("127.0.0.1", 80, b"slow")
            seconds = world.now - before
            try:
                async with asyncio.timeout(60):
                    await ask("127.0.0.1", 80, b"lost")
                outcome = "answered"
            except TimeoutError:
                outcome = "hangs"
        server.close()
        await asyncio.sleep(0)
        return seconds, outcome

    seconds, outcome = run(scenario, library).result
    assert seconds == pytest.approx(6.0)  # there and back
    assert outcome == "hangs"


@pytest.mark.parametrize("kind", ["resets", "refusals"])
def test_connections_fail_where_the_link_allows_it(library: str, kind: str) -> None:
    async def scenario(world: World) -> str:
        setattr(world.network.default_link, kind, True)
        server = await serve_on("127.0.0.1", 80, echo)
        try:
            await ask("127.0.0.1", 80, b"hello")
            return "answered"
        except ConnectionError as error:
            return type(error).__name__
        finally:
            server.close()
            await asyncio.sleep(0)

    assert run(scenario, library).result == "answered"
    failed = run(scenario, library, schedule=Schedule({("fault", 0): 1})).result
    assert failed in ("ConnectionResetError", "ConnectionRefusedError", "BrokenPipeError")


def test_a_send_may_take_a_part(library: str) -> None:
    async def scenario(world: World) -> int:
        world.network.default_link.partial_writes = True
        server = await serve_on("127.0.0.1", 80, echo)
        answer = await ask("127.0.0.1", 80, b"x" * 1000)
        server.close()
        await server.wait_closed()
        return len(answer)

    assert good(scenario, library) == 1000
    assert good(scenario, library, schedule=Schedule({("fault", 0): 1})) == 1000


def test_a_send_that_fails_holds_nothing_of_what_was_to_be_sent(library: str) -> None:
    """asyncio on 3.11 clears its buffer while it still has the exception of `send`."""

    async def scenario(world: World) -> int:
        async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 1):
            with socket.socket() as sock:
                sock.setblocking(False)
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", 1))
                sock.shutdown(socket.SHUT_WR)
                buffer = bytearray(b"hello")
                with pytest.raises(BrokenPipeError) as raised:
                    sock.send(buffer)
                assert raised.tb is not None
                buffer.clear()
            await asyncio.sleep(1)  # the server's side is closed as well by then
            return len(buffer)

    found = World(library=library).run(scenario)
    assert found.failures == []
    assert found.result == 0


def test_a_connection_to_a_server_that_has_just_closed_leaves_no_words(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncio's transport fails in its making; what is left of it is nobody's business."""
    said: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)

    async def scenario() -> None:
        async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 1):
            with socket.socket() as sock:
                sock.setblocking(False)
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", 1))

    World(library=library).run(scenario)
    gc.collect()
    assert said == []
