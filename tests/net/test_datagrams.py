"""Datagram endpoints: bound, connected, both or neither; of every family; and what is refused."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .stage import LOOPS, bound, run, strict
from .test_serving import has_ipv6

LOCAL = ("127.0.0.1", 0)


@pytest.fixture(params=sorted(LOOPS))
def on(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return partial(run, LOOPS[request.param])


class Mail(asyncio.DatagramProtocol):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, Any]] = []
        self.told: list[Any] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.lost = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.received.append((data, addr))

    def error_received(self, exc: Exception) -> None:
        self.told.append(type(exc).__name__)

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)

    @property
    def address(self) -> Any:
        return self.transport.get_extra_info("sockname")

    async def got(self, number: int) -> list[bytes]:
        while len(self.received) < number:
            await asyncio.sleep(0)
        return [data for data, _ in self.received]

    async def close(self) -> None:
        self.transport.close()
        await self.lost


async def endpoint(*args: Any, **options: Any) -> Mail:
    _, mail = await asyncio.get_running_loop().create_datagram_endpoint(Mail, *args, **options)
    return mail


@pytest.mark.parametrize(
    ("family", "address"),
    [
        (socket.AF_INET, "127.0.0.1"),
        pytest.param(
            socket.AF_INET6,
            "::1",
            marks=pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6"),
        ),
    ],
)
def test_a_question_and_its_answer(on: Any, family: int, address: str) -> None:
    """A client that is connected, one that is not, and one that is bound as well."""

    async def main() -> None:
        server = await endpoint((address, 0))
        assert server.transport.get_extra_info("peername") is None
        assert server.transport.get_extra_info("socket").family == family
        connected = await endpoint(remote_addr=server.address[:2])
        assert connected.transport.get_extra_info("peername") == server.address
        free = await endpoint(family=family)
        both = await endpoint((address, 0), server.address[:2])
        for number, client in enumerate((connected, free, both), 1):
            to = server.address if client is free else None
            client.transport.sendto(b"question", to)
            await server.got(number)
            question, asker = server.received[-1]
            assert question == b"question"
            server.transport.sendto(b"answer", asker)
            await client.got(1)
            assert client.received == [(b"answer", server.address)]
        for client in (connected, both):
            client.transport.sendto(b"to where it goes anyway", server.address)
            with pytest.raises(ValueError, match="Invalid address: must be None or"):
                client.transport.sendto(b"x", (address, 9))
        assert (await server.got(5))[3:] == [b"to where it goes anyway"] * 2
        for each in (server, connected, free, both):
            await each.close()

    on(main())


def test_nobody_is_there(on: Any) -> None:
    """A connected endpoint is told that nobody took what it sent, and goes on."""

    async def main() -> Any:
        gone = await endpoint(LOCAL)
        address = gone.address
        await gone.close()
        mail = await endpoint(remote_addr=address)
        mail.transport.sendto(b"anybody?")
        while not mail.told:
            await asyncio.sleep(0)
        assert not mail.transport.is_closing()
        await mail.close()
        return mail.told

    assert on(main())[0] == "ConnectionRefusedError"


def test_a_broadcast(on: Any) -> None:
    async def main() -> Any:
        mail = await endpoint(LOCAL, allow_broadcast=True)
        sock = mail.transport.get_extra_info("socket")
        allowed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST)
        toward = await endpoint(
            remote_addr=("127.255.255.255", mail.address[1]), allow_broadcast=True
        )
        # Who may broadcast is not connected: answers come from other addresses.
        connected = toward.transport.get_extra_info("peername")
        plain = await endpoint(LOCAL)
        refused = plain.transport.get_extra_info("socket").getsockopt(
            socket.SOL_SOCKET, socket.SO_BROADCAST
        )
        for each in (mail, toward, plain):
            await each.close()
        return bool(allowed), connected, refused

    assert on(main()) == (True, None, 0)


def test_a_port_for_several(on: Any) -> None:
    async def main() -> None:
        first = await endpoint(LOCAL, reuse_port=True)
        second = await endpoint(first.address, reuse_port=True)
        assert second.address == first.address
        with pytest.raises(OSError, match="in use"):
            await endpoint(first.address)
        await first.close()
        await second.close()

    on(main())


@pytest.mark.parametrize("abstract", [True, False])
def test_datagrams_over_a_path(on: Any, tmp_path: Path, abstract: bool) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        name = f"\0miniloop-{os.getpid()}-{id(loop)}" if abstract else str(tmp_path / "socket")
        for _ in range(2):  # the second time over what the first one has left
            server = await endpoint(name, family=socket.AF_UNIX)
            client = await endpoint(remote_addr=name, family=socket.AF_UNIX)
            client.transport.sendto(b"hello")
            got = await server.got(1)
            await client.close()
            await server.close()
        return got

    assert on(main()) == [b"hello"]


def test_a_socket_of_ones_own(on: Any) -> None:
    async def main() -> Any:
        mail = await endpoint(sock=bound(socket.SOCK_DGRAM))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"hello", mail.address)
        got = await mail.got(1)
        await mail.close()
        return got

    assert on(main()) == [b"hello"]


@settings(max_examples=25)
@given(st.lists(st.integers(0, 65_507).map(lambda size: bytes([size % 251]) * size), max_size=6))
def test_every_datagram_stays_whole(letters: list[bytes]) -> None:
    """Empty ones too (asyncio sends none before 3.13)."""

    async def main() -> None:
        receiver = await endpoint(LOCAL)
        sender = await endpoint(remote_addr=receiver.address)
        for number, letter in enumerate(letters, 1):
            kind = (bytes, bytearray, memoryview)[number % 3]
            sender.transport.sendto(kind(letter))
            await receiver.got(number)
        assert await receiver.got(len(letters)) == letters
        assert sender.told == []
        await sender.close()
        await receiver.close()

    run(strict, main())


def test_what_is_too_long_is_reported_and_no_harm(on: Any) -> None:
    async def main() -> Any:
        receiver = await endpoint(LOCAL)
        sender = await endpoint(remote_addr=receiver.address)
        sender.transport.sendto(bytes(65_508))
        assert sender.told == ["OSError"]
        sender.transport.sendto(b"short")
        got = await receiver.got(1)
        with pytest.raises(TypeError, match="data argument must be a bytes-like object, not 'str'"):
            sender.transport.sendto("text")
        await sender.close()
        await receiver.close()
        return got

    assert on(main()) == [b"short"]


def test_closing_waits_for_what_is_buffered_and_aborting_does_not(tmp_path: Path) -> None:
    """Over a path nothing is lost on the way, and there is room for little."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for end in ("close", "abort"):
            receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            receiver.setblocking(False)
            receiver.bind(str(tmp_path / end))
            sender = await endpoint(remote_addr=str(tmp_path / end), family=socket.AF_UNIX)
            sent = 0
            sender.transport.set_write_buffer_limits(high=2000)
            while "pause" not in sender.told:
                sender.transport.sendto(b"%04d" % sent + bytes(500))
                sent += 1
            getattr(sender.transport, end)()
            received: list[int] = []
            while end == "close" and len(received) < sent:
                received.append(int((await loop.sock_recv(receiver, 1000))[:4]))
            assert await sender.lost is None
            assert received == (list(range(sent)) if end == "close" else [])
            assert sender.transport.get_write_buffer_size() == 0
            receiver.close()

    run(strict, main())


def test_a_paused_protocol_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.setblocking(False)
        receiver.bind(str(tmp_path / "socket"))
        sender = await endpoint(remote_addr=str(tmp_path / "socket"), family=socket.AF_UNIX)
        low, high = sender.transport.get_write_buffer_limits()
        sent = received = 0
        for told in (["pause"], ["pause", "resume"], ["pause", "resume", "pause"]):
            while sender.told != told:
                if told[-1] == "pause":
                    sender.transport.sendto(bytes(1000))
                    sent += 1
                else:
                    await loop.sock_recv(receiver, 2000)
                    received += 1
                    await asyncio.sleep(0)
            size = sender.transport.get_write_buffer_size()
            assert size > high if told[-1] == "pause" else size <= low
        sender.transport.abort()
        await sender.lost
        receiver.close()
        assert sent > received

    run(strict, main())


@pytest.mark.parametrize(
    ("args", "options", "error", "message"),
    [
        ((), {}, ValueError, "unexpected address family"),
        (("127.0.0.1",), {}, TypeError, "2-tuple is expected"),
        ((("127.0.0.1", 0, 0),), {}, TypeError, "2-tuple is expected"),
        ((LOCAL, ("::1", 1)), {}, ValueError, "can not get address information"),
        ((LOCAL,), {"family": socket.AF_UNIX}, TypeError, "string is expected"),
        ((LOCAL,), {"sock": socket.SOCK_DGRAM}, ValueError, "socket modifier keyword arguments"),
        ((), {"sock": socket.SOCK_STREAM}, ValueError, "(datagram s|UDP S)ocket was expected"),
        (
            (),
            {"sock": socket.SOCK_DGRAM, "reuse_port": True, "allow_broadcast": True},
            ValueError,
            "socket modifier keyword arguments",
        ),
    ],
)
def test_arguments_that_do_not_go_together(
    on: Any, args: Any, options: Any, error: Any, message: str
) -> None:
    async def main() -> None:
        given = dict(options)
        sock = socket.socket(socket.AF_INET, given.get("sock", socket.SOCK_DGRAM))
        if "sock" in given:
            given["sock"] = sock
        with sock, pytest.raises(error, match=message):
            await endpoint(*args, **given)

    on(main())


def test_a_failure_in_the_protocol_is_reported(on: Any) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        reports: list[Any] = []
        loop.set_exception_handler(lambda _, context: reports.append(repr(context["exception"])))
        mail = await endpoint(LOCAL)

        def fail(data: bytes, addr: Any) -> None:
            raise LookupError(data)

        mail.datagram_received = fail  # type: ignore[method-assign]
        mail.transport.sendto(b"to oneself", mail.address)
        while not reports:
            await asyncio.sleep(0)
        still_open = not mail.transport.is_closing()
        await mail.close()
        return reports, still_open

    assert on(main()) == (["LookupError(b'to oneself')"], True)
