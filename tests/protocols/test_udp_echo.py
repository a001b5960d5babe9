"""UDP echo: pieces stay pieces, late ones are dropped, and nothing waits for ever."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from miniloop.testing import World, explore
from protocols import udp_echo

from .loops import Run, on_every_loop


@on_every_loop
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"], ids=["ipv4", "ipv6"])
def test_each_datagram_comes_back_whole(run: Run, host: str) -> None:
    sent = [b"a", b"bc" * 500, b"d" * 9000]

    async def main() -> list[bytes]:
        async with (
            await udp_echo.serve(host) as server,
            await udp_echo.connect(*server.address) as client,
        ):
            return await asyncio.gather(*map(client.send, sent))

    assert run(main()) == sent


@on_every_loop
def test_the_same_bytes_twice_at_a_time_are_two_datagrams(run: Run) -> None:
    async def main() -> list[bytes]:
        async with (
            await udp_echo.serve() as server,
            await udp_echo.connect(*server.address) as client,
        ):
            return [*await asyncio.gather(client.send(b"x"), client.send(b"x"))]

    assert run(main()) == [b"x", b"x"]


@on_every_loop
@pytest.mark.parametrize("size", [0, udp_echo.MAX_DATAGRAM + 1])
def test_what_no_datagram_carries_is_refused_at_once(run: Run, size: int) -> None:
    async def main() -> None:
        async with await udp_echo.connect("127.0.0.1", 9) as client:
            with pytest.raises(ValueError, match="a datagram carries"):
                await client.send(bytes(size))

    run(main())


@on_every_loop
def test_a_silent_server_is_given_up_and_its_late_answer_dropped(run: Run) -> None:
    async def main() -> bytes:
        with socket.socket(type=socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            async with await udp_echo.connect(*silent.getsockname()) as client:
                with pytest.raises(TimeoutError):
                    await client.send(b"early", timeout=0.05)
                data, address = silent.recvfrom(100)
                silent.sendto(data, address)
                later = asyncio.create_task(client.send(b"later"))
                await asyncio.sleep(0)
                silent.setblocking(True)
                silent.sendto(silent.recvfrom(100)[0], address)
                return await later

    assert run(main()) == b"later"


@on_every_loop
def test_nobody_listening_is_said(run: Run) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        address = gone.getsockname()

    async def main() -> None:
        async with await udp_echo.connect(*address) as client:
            with pytest.raises(ConnectionError, match="does not listen"):
                await client.send(b"anybody?")

    run(main())


def test_a_server_whose_datagrams_wait_drops_instead_of_keeping() -> None:
    class Transport:
        sent: list[bytes] = []  # noqa: RUF012 - one test, one transport

        def sendto(self, data: bytes, addr: Any) -> None:
            self.sent.append(data)

    async def main() -> list[bytes]:
        server: Any = udp_echo.EchoServer()
        server.connection_made(Transport())
        server.datagram_received(b"1", None)
        server.pause_writing()
        server.datagram_received(b"2", None)
        server.resume_writing()
        server.datagram_received(b"3", None)
        return Transport.sent

    assert asyncio.run(main()) == [b"1", b"3"]


async def over_a_bad_link(world: World) -> None:
    """Each of two comes back or times out, whatever the link does; and nothing else comes."""
    link = world.network.default_link
    link.loss = link.duplication = link.reordering = True
    async with (
        await udp_echo.serve("127.0.0.1", 7007) as server,
        await udp_echo.connect(*server.address) as client,
    ):
        for data in (b"one", b"two"):
            try:
                assert await client.send(data, timeout=5.0) == data
            except TimeoutError:
                continue


def test_over_a_link_that_loses_doubles_and_reorders() -> None:
    exploration = explore(over_a_bad_link, runs=600, depth=2).check()
    assert exploration.proved is not None
    assert exploration.proved >= 1
