"""TLS on either library's loop: when a program is told what, where the two once differed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .stage import LOOPS, pair, run
from .tls_wire import client_context, server_context


class Sizes(asyncio.Protocol):
    """Notes how much came at a time; done when *total* bytes are there."""

    def __init__(self, total: int) -> None:
        self.sizes: list[int] = []
        self.total = total
        self.done = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.sizes.append(len(data))
        if sum(self.sizes) >= self.total:
            self.done.set_result(None)


@pytest.mark.parametrize("name", LOOPS)
def test_all_that_has_arrived_is_read_in_one_turn(name: str) -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        ours, theirs = pair()
        serving = asyncio.create_task(
            loop.connect_accepted_socket(asyncio.Protocol, theirs, ssl=server_context())
        )
        client, protocol = await loop.create_connection(
            lambda: Sizes(40_001), sock=ours, ssl=client_context(), server_hostname="localhost"
        )
        server, _ = await serving
        server.write(bytes(40_001))  # three records
        await protocol.done
        for transport in (client, server):
            transport.abort()
        await asyncio.sleep(0)
        return protocol.sizes

    assert run(LOOPS[name], main()) == [40_001]


@pytest.mark.parametrize("name", LOOPS)
def test_tls_over_a_transport_that_was_just_aborted_has_nothing_to_report(name: str) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        ours, theirs = pair()
        transport, protocol = await loop.create_connection(asyncio.Protocol, sock=ours)
        transport.abort()
        upgraded = await loop.start_tls(
            transport, protocol, client_context(), server_hostname="localhost"
        )
        theirs.close()
        return upgraded

    assert run(LOOPS[name], main()) is None
