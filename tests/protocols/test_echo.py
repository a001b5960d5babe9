"""TCP echo: everything comes back, whoever is slow, gone or idle is no problem for the rest."""

from __future__ import annotations

import asyncio
import socket

import pytest

from miniloop.testing import World
from protocols import echo

from .loops import Run, on_every_loop


@on_every_loop
@pytest.mark.parametrize("data", [b"", b"hello", bytes(range(256)) * 20_000], ids=len)
def test_what_is_sent_comes_back(run: Run, data: bytes) -> None:
    """Also 5 MB, which no buffers between the two could hold: both ends write while they read."""

    async def main() -> bytes:
        async with await echo.serve() as server:
            return await echo.send(*server.address, data)

    assert run(main()) == data


@on_every_loop
def test_many_clients_at_a_time_get_each_their_own(run: Run) -> None:
    async def main() -> list[bytes]:
        async with await echo.serve() as server:
            asked = [echo.send(*server.address, b"%d" % n * 1000) for n in range(20)]
            return await asyncio.gather(*asked)

    assert run(main()) == [b"%d" % n * 1000 for n in range(20)]


@on_every_loop
def test_over_ipv6(run: Run) -> None:
    async def main() -> bytes:
        async with await echo.serve("::1") as server:
            return await echo.send(*server.address, b"six")

    assert run(main()) == b"six"


async def never_reading(world: World) -> int:
    """Return how many bytes a client can send that reads nothing; time only passes when stuck."""
    async with await echo.serve("127.0.0.1", 7007) as server:
        _, writer = await asyncio.open_connection(*server.address)
        sent = 0
        try:
            async with asyncio.timeout(1.0):
                while True:
                    writer.write(bytes(echo.PIECE))
                    await writer.drain()
                    sent += echo.PIECE
        except TimeoutError:
            writer.transport.abort()
    return sent


@pytest.mark.parametrize("library", ["miniloop", "asyncio"])
def test_a_client_that_reads_nothing_stops_the_server_reading(library: str) -> None:
    """What is under way is in bounded buffers: about 64 KiB in each of a handful of places."""
    run = World(library=library).run(never_reading)
    assert run.failures == []
    assert 0 < run.result <= 12 * echo.PIECE


@on_every_loop
def test_an_idle_connection_is_dropped(run: Run) -> None:
    async def main() -> bool:
        async with await echo.serve(idle=0.05) as server:
            reader, writer = await asyncio.open_connection(*server.address)
            try:
                return await reader.read() == b""
            except ConnectionResetError:
                return True
            finally:
                writer.close()

    assert run(main())


@on_every_loop
def test_one_connection_too_many_is_closed_and_the_others_live(run: Run) -> None:
    async def main() -> tuple[bytes, bytes]:
        async with await echo.serve(most=1) as server:
            reader, writer = await asyncio.open_connection(*server.address)
            writer.write(b"first")
            first = await reader.readexactly(5)
            refused, other = await asyncio.open_connection(*server.address)
            nothing = await refused.read()
            other.close()
            writer.close()
            return first, nothing

    assert run(main()) == (b"first", b"")


@on_every_loop
def test_close_ends_connections_that_are_open(run: Run) -> None:
    async def main() -> bool:
        server = await echo.serve()
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(b"x")
        await reader.readexactly(1)
        await server.close()
        ended = await reader.read() == b""
        writer.close()
        return ended

    assert run(main())


@on_every_loop
def test_a_server_that_never_answers_is_given_up(run: Run) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
            await echo.send("127.0.0.1", silent.getsockname()[1], b"x", timeout=0.05)

    run(main())


@on_every_loop
def test_a_server_that_breaks_off_is_an_error(run: Run) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    async def main() -> None:
        async with await asyncio.start_server(reset, "127.0.0.1", 0) as server:
            with pytest.raises(ConnectionError):
                await echo.send("127.0.0.1", server.sockets[0].getsockname()[1], bytes(10**7))

    run(main())
