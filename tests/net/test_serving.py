"""Servers as programs use them: many hosts and ports, paths of every kind, beginning and end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from .stage import LOOPS, Diary, bound, pair, run, strict


@pytest.fixture(params=sorted(LOOPS))
def on(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return partial(run, LOOPS[request.param])


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))
        return True
    return False


async def greet(server: Any) -> None:
    """Have each connection to *server*'s sockets greeted, by whoever serves there."""
    loop = asyncio.get_running_loop()
    for sock in server.sockets:
        reader, writer = await asyncio.open_connection(*sock.getsockname()[:2])
        assert await reader.read() == b"welcome"
        writer.close()
        await writer.wait_closed()
    assert server.get_loop() is loop


class Welcome(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        transport.write(b"welcome")
        transport.close()


# -- where it listens ----------------------------------------------------------


@pytest.mark.parametrize(
    ("hosts", "addresses"),
    [
        ("127.0.0.1", ["127.0.0.1"]),
        (["127.0.0.1", "127.0.0.2"], ["127.0.0.1", "127.0.0.2"]),
        (("127.0.0.1", "127.0.0.1"), ["127.0.0.1"]),
        ({"127.0.0.3"}, ["127.0.0.3"]),
    ],
)
def test_every_host_has_a_socket(on: Any, hosts: Any, addresses: list[str]) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Welcome, hosts, 0)
        assert sorted(sock.getsockname()[0] for sock in server.sockets) == addresses
        assert all(type(sock).__name__ == "TransportSocket" for sock in server.sockets)
        await greet(server)
        server.close()
        await server.wait_closed()

    on(main())


@pytest.mark.parametrize("host", [None, ""])
@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_all_addresses_of_the_machine(on: Any, host: Any) -> None:
    async def main() -> set[Any]:
        server = await asyncio.get_running_loop().create_server(Welcome, host, 0)
        found = {(sock.family, sock.getsockname()[0]) for sock in server.sockets}
        server.close()
        await server.wait_closed()
        return found

    assert on(main()) == {(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")}


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_both_families_on_one_port(on: Any) -> None:
    """The socket for IPv6 leaves IPv4 to the other one."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        first = await loop.create_server(Welcome, "::1", 0)
        port = first.sockets[0].getsockname()[1]
        first.close()
        try:
            server = await loop.create_server(Welcome, ["127.0.0.1", "::1"], port)
        except OSError:
            pytest.skip("another process was faster")
        await greet(server)
        server.close()
        await server.wait_closed()

    on(main())


def test_a_port_for_several(on: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        first = await loop.create_server(Welcome, "127.0.0.1", 0, reuse_port=True)
        port = first.sockets[0].getsockname()[1]
        second = await loop.create_server(Welcome, "127.0.0.1", port, reuse_port=True)
        with pytest.raises(OSError, match="error while attempting to bind on address") as raised:
            await loop.create_server(Welcome, "127.0.0.1", port)
        assert raised.value.errno == errno.EADDRINUSE
        with pytest.raises(OSError, match="error while attempting to bind on address"):
            await loop.create_server(Welcome, ["127.0.0.2", "127.0.0.1"], port)
        for server in (first, second):
            await greet(server)
            server.close()
            await server.wait_closed()

    on(main())


def test_an_address_of_another_machine(on: Any) -> None:
    async def main() -> None:
        with pytest.raises(OSError, match=r"could not bind on any address|(?i:cannot assign)"):
            await asyncio.get_running_loop().create_server(Welcome, "192.0.2.1", 0)

    on(main())


def test_connections_that_are_kept_alive() -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        server = await loop.create_server(Welcome, "127.0.0.1", 0, keep_alive=True)
        assert server.sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        server.close()
        await server.wait_closed()

    run(strict, main())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Neither host/port nor sock were specified"),
        ({"host": "h", "sock": True}, "host/port and sock can not be specified at the same time"),
        ({"sock": False}, "A Stream Socket was expected"),
    ],
)
def test_what_makes_no_server(on: Any, options: dict[str, Any], message: str) -> None:
    async def main() -> None:
        kind = socket.SOCK_STREAM if options.get("sock") else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, kind) as sock:
            given = options | ({"sock": sock} if "sock" in options else {})
            with pytest.raises(ValueError, match=message):
                await asyncio.get_running_loop().create_server(Welcome, **given)

    on(main())


# -- its life ------------------------------------------------------------------


def test_nobody_is_let_in_before_it_starts(on: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Welcome, "127.0.0.1", 0, start_serving=False)
        address = server.sockets[0].getsockname()
        assert not server.is_serving()
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(Welcome, *address)
        await server.start_serving()
        await server.start_serving()
        assert server.is_serving()
        await greet(server)
        server.close()
        server.close()
        assert not server.is_serving()
        assert server.sockets == ()
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(Welcome, *address)
        await server.wait_closed()
        with pytest.raises(RuntimeError, match="is closed"):
            await server.serve_forever()

    on(main())


def test_a_server_as_a_context(on: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with await loop.create_server(Welcome, sock=bound()) as server:
            await greet(server)
            waiter = loop.create_task(server.serve_forever())
            await asyncio.sleep(0)
        assert not server.is_serving()
        with pytest.raises(asyncio.CancelledError):
            await waiter

    on(main())


def test_closing_ends_serving_for_ever(on: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Welcome, sock=bound())
        task = loop.create_task(server.serve_forever())
        await asyncio.sleep(0)
        loop.call_soon(server.close)
        with pytest.raises(asyncio.CancelledError):
            await task

    on(main())


def test_its_end_is_the_end_of_the_last_connection() -> None:
    """As on 3.13: who waits before it is closed waits as well, and everybody is told."""

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        diaries: list[Diary] = []

        def factory() -> Diary:
            diaries.append(Diary(loop, False))
            return diaries[-1]

        server = await loop.create_server(factory, sock=bound())
        waiters = [loop.create_task(server.wait_closed())]
        clients = [socket.create_connection(server.sockets[0].getsockname()) for _ in range(3)]
        while sum(diary.transport is not None for diary in diaries) < 3:
            await asyncio.sleep(0)
        server.close()
        waiters.append(loop.create_task(server.wait_closed()))
        for client, diary in zip(clients, diaries, strict=True):
            await asyncio.sleep(0)
            assert not any(waiter.done() for waiter in waiters)
            client.close()
            await diary.lost
        await asyncio.gather(*waiters)
        await server.wait_closed()

    run(strict, main())


def test_a_protocol_that_closes_its_server(on: Any) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        closed: list[Any] = []

        class Last(Welcome):
            def connection_made(self, transport: Any) -> None:
                server.close()
                closed.append(server.sockets)
                super().connection_made(transport)

        server = await loop.create_server(Last, sock=bound())
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert await reader.read() == b"welcome"
        writer.close()
        await writer.wait_closed()
        await server.wait_closed()
        return closed

    assert on(main()) == [()]


def test_many_clients_at_once(on: Any) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Welcome, "127.0.0.1", 0)
        await asyncio.gather(*(greet(server) for _ in range(30)))
        server.close()
        await server.wait_closed()

    on(main())


# -- sockets that came from elsewhere ------------------------------------------


def test_an_accepted_socket(on: Any) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        with bound() as listening:
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            connection, address = await loop.sock_accept(listening)
            transport, _ = await loop.connect_accepted_socket(Welcome, connection)
            assert transport.get_extra_info("peername") == address
            assert transport.get_extra_info("sockname") == listening.getsockname()
            assert await reader.read() == b"welcome"
            writer.close()
            await writer.wait_closed()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wrong:
            for make in (
                loop.connect_accepted_socket(Welcome, wrong),
                loop.create_connection(Welcome, sock=wrong),
            ):
                with pytest.raises(ValueError, match="A Stream Socket was expected"):
                    await make

    on(main())


def test_a_socket_that_a_transport_has_already() -> None:
    """On asyncio from 3.12 on."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = pair()
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
        with pytest.raises(RuntimeError, match="is used by transport"):
            await loop.create_connection(asyncio.Protocol, sock=ours)
        transport.close()
        theirs.close()
        await asyncio.sleep(0)

    run(strict, main())


# -- paths ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, os.fsencode, Path], ids=["str", "bytes", "Path"])
def test_a_path_of_any_type(on: Any, kind: Any, tmp_path: Path) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        path = kind(tmp_path / "socket")
        server = await loop.create_unix_server(Welcome, path)
        reader, writer = await asyncio.open_unix_connection(path)
        data = await reader.read()
        names = writer.get_extra_info("peername"), server.sockets[0].getsockname()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return data, names

    path = str(tmp_path / "socket")
    assert on(main()) == (b"welcome", (path, path))


@pytest.mark.parametrize("kind", [str, str.encode], ids=["str", "bytes"])
def test_an_abstract_path_is_no_file(on: Any, kind: Any) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        path = kind(f"\0miniloop-{os.getpid()}-{id(loop)}")
        server = await loop.create_unix_server(Welcome, path)
        with pytest.raises(OSError, match="already in use"):
            await loop.create_unix_server(Welcome, path)
        reader, writer = await asyncio.open_unix_connection(path)
        data = await reader.read()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return data

    assert on(main()) == b"welcome"


def test_paths_where_nobody_can_listen(on: Any, tmp_path: Path, caplog: Any) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        with pytest.raises(FileNotFoundError):
            await loop.create_unix_server(Welcome, tmp_path / "no" / "folder")
        with pytest.raises(OSError, match="too long"):
            await loop.create_unix_server(Welcome, tmp_path / ("x" * 200))
        with pytest.raises(FileNotFoundError):
            await loop.create_unix_connection(Welcome, tmp_path / "nobody")
        for make in (loop.create_unix_server, loop.create_unix_connection):
            with socket.socket() as sock:
                with pytest.raises(ValueError, match="A UNIX Domain Stream Socket was expected"):
                    await make(Welcome, sock=sock)
                with pytest.raises(ValueError, match=r"can not be specified at the same time"):
                    await make(Welcome, "path", sock=sock)
            with pytest.raises(ValueError, match=r"no path and sock|path was not specified"):
                await make(Welcome)

    on(main())


def test_a_ready_made_unix_socket(on: Any, tmp_path: Path) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(tmp_path / "socket"))
        server = await loop.create_unix_server(Welcome, sock=sock)
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        await loop.sock_connect(client, str(tmp_path / "socket"))
        reader, writer = await asyncio.open_unix_connection(sock=client)
        data = await reader.read()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return data, (tmp_path / "socket").exists()

    data, left = on(main())
    assert data == b"welcome"
    assert left is False or sys.version_info < (3, 13)
