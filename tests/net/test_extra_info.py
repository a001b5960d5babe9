"""What transports of each kind say about themselves: what asyncio's say, under the same names."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from .stage import LOOPS, bound, pair, run
from .tls_wire import client_context, server_context

NAMES = (
    "cipher",
    "compression",
    "peercert",
    "peername",
    "pipe",
    "socket",
    "sockname",
    "ssl_object",
    "sslcontext",
    "subprocess",
)


async def tcp(loop: Any) -> list[Any]:
    with bound() as listening:
        transport, _ = await loop.create_connection(asyncio.Protocol, *listening.getsockname())
    return [transport]


async def unix(loop: Any) -> list[Any]:
    return [(await loop.create_connection(asyncio.Protocol, sock=sock))[0] for sock in pair()]


async def tls(loop: Any) -> list[Any]:
    left, right = pair()
    made = await asyncio.gather(
        loop.create_connection(
            asyncio.Protocol, sock=left, ssl=client_context(), server_hostname="localhost"
        ),
        loop.connect_accepted_socket(asyncio.Protocol, right, ssl=server_context()),
    )
    return [transport for transport, _ in made]


async def datagrams(loop: Any) -> list[Any]:
    kind = asyncio.DatagramProtocol
    free, _ = await loop.create_datagram_endpoint(kind, ("127.0.0.1", 0))
    address = free.get_extra_info("sockname")
    connected, _ = await loop.create_datagram_endpoint(kind, remote_addr=address)
    return [free, connected]


async def pipes(loop: Any) -> list[Any]:
    near, far = os.pipe()
    reading, _ = await loop.connect_read_pipe(asyncio.Protocol, os.fdopen(near, "rb", 0))
    writing, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(far, "wb", 0))
    return [reading, writing]


async def process(loop: Any) -> list[Any]:
    transport, _ = await loop.subprocess_exec(asyncio.SubprocessProtocol, "cat")
    found = [transport, *map(transport.get_pipe_transport, range(3))]
    transport.get_pipe_transport(0).close()
    await transport._wait()
    return found


@pytest.mark.parametrize("make", [tcp, unix, tls, datagrams, pipes, process])
def test_the_names_are_asyncios(make: Callable[[Any], Awaitable[list[Any]]]) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        transports = await make(loop)
        known = [
            {name: type(transport.get_extra_info(name)).__name__ for name in NAMES}
            for transport in transports
        ]
        assert {each.get_extra_info("no such name", 42) for each in transports} == {42}
        for transport in transports:
            if transport.get_extra_info("socket") is not None:
                transport.abort()
            elif not transport.is_closing():
                transport.close()
        for _ in range(5):
            await asyncio.sleep(0)
        return known

    theirs, ours = (run(LOOPS[name], main()) for name in ("asyncio", "miniloop"))
    assert ours == theirs
    assert all(set(each.values()) != {"NoneType"} or make is process for each in ours)
