"""The client in the World: whatever is cancelled, wherever: no leak, and the next request works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from miniloop.testing import World, explore
from protocols.client import Client, ClientError, Limits, Timeouts

from .servers import Peer, reply
from .test_http2_explored import together

RUNS = 250
#: Longer than anything in the World takes.
PATIENT = Timeouts(connect=60, read=600, write=600, pool=600, total=3600)


@asynccontextmanager
async def http1(world: World) -> AsyncIterator[Callable[[], bool]]:
    """Serve HTTP/1.1 on a host: echo, a little late; give what tells whether it was struck."""
    struck = False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(0, reader, writer)
        try:
            while True:
                _, body = await peer.request()
                await asyncio.sleep(0.01)
                peer.send(reply(body or b"hello"))
                await writer.drain()
        except (EOFError, ConnectionError):
            pass
        except (asyncio.CancelledError, TimeoutError):
            nonlocal struck
            struck = True
            raise
        finally:
            writer.close()

    ready, over = asyncio.Event(), asyncio.Event()

    async def host() -> None:
        try:
            async with await asyncio.start_server(serve, "site", 80):
                ready.set()
                await over.wait()
        finally:
            ready.set()

    task = world.host("site").spawn(host())
    try:
        await ready.wait()
        yield lambda: struck or task.done() or task.cancelling() > 0
    finally:
        over.set()
        await asyncio.wait([task])


async def use(client: Client, url: str) -> None:
    """Use *client* from three tasks, one of which sends a body of several pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"abc"
            await asyncio.sleep(0.001)

    async def upload() -> None:
        async with client.stream("POST", url, content=pieces()) as response:
            assert await response.read() == b"abc" * 3

    async def get() -> None:
        assert (await client.get(url)).content == b"hello"

    await together(get(), upload(), get())


def scenario(**options: Any) -> Callable[[World], Coroutine[Any, Any, None]]:
    async def run(world: World) -> None:
        options["limits"] = Limits(connections=2, per_origin=2)
        url = "http://site/"
        async with (
            http1(world) as struck,
            Client(timeout=PATIENT, **options) as client,
        ):
            task = asyncio.create_task(use(client, url))
            stopped: BaseException | None = None
            try:
                await task
            except (asyncio.CancelledError, TimeoutError, ClientError) as error:
                if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                    # It is this that was cancelled, whatever the task ended with.
                    is_end = isinstance(error, asyncio.CancelledError | TimeoutError)
                    stopped = error if is_end else asyncio.CancelledError()
                await asyncio.wait([task])
            try:
                assert (await client.get(url)).content == b"hello", "the next use"
            except ClientError:
                assert struck(), "the next use failed, and the server is there"
            if stopped is not None:
                raise stopped
            pool = client.pool
            assert pool.count <= 2
            assert not pool._waiting
            assert all(site.count == len(site.idle) for site in pool.sites.values())
        assert client.pool.count == 0
        assert client.pool.sites == {}

    return run


def test_no_order_of_events_breaks_it() -> None:
    exploration = explore(scenario(), runs=RUNS)
    assert exploration.failure is None, str(exploration.failure)


@pytest.mark.parametrize("kind", ["everywhere", "timeouts"])
def test_no_cancellation_leaks_a_connection_or_poisons_the_pool(kind: str) -> None:
    exploration = explore(scenario(), runs=RUNS, cancel=kind)
    assert exploration.failure is None, str(exploration.failure)
