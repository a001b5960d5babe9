"""HTTP/2 and WebSockets in the World, client and server ours: whatever is cancelled, wherever.

A World itself fails a run that leaves a socket, a timer or a task, or logs an error.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest

from miniloop.testing import World, explore
from protocols.client import Client, ClientError, Limits, Timeouts
from protocols.client import Response as ClientResponse
from protocols.client.websocket import Settings, connect
from protocols.http.handlers import Request, Response
from protocols.http.limits import Limits as ServerLimits
from protocols.http.server import serve

from ...effort import effort

RUNS = effort(40, 10)
#: Longer than anything in the World takes, stops of seconds included.
PATIENT = Timeouts(connect=None, read=None, write=None, pool=None, total=None)
SETTINGS = Settings(
    open_seconds=None, close_seconds=1e4, ping_seconds=None, write_seconds=None, max_queue=2
)
LIMITS = ServerLimits(
    header_timeout=1e4, keep_alive=1e4, body_grace=1e4, websocket_ping=0, websocket_close=1e4
)


async def handler(request: Request) -> Response | None:
    """Echo, a little late."""
    if request.wants_websocket:
        socket = await request.websocket()
        async for message in socket:
            await asyncio.sleep(0.001)
            await socket.send(message)
        return None
    await asyncio.sleep(0.001)
    return Response(await request.body() or b"hello")


@contextlib.asynccontextmanager
async def site(world: World) -> AsyncIterator[asyncio.Task[None]]:
    """Serve on a host."""
    ready, over = asyncio.Event(), asyncio.Event()

    async def host() -> None:
        try:
            async with await serve(handler, "site", 80, limits=LIMITS):
                ready.set()
                await over.wait()
        finally:
            ready.set()

    task = world.host("site").spawn(host())
    try:
        await ready.wait()
        yield task
    finally:
        over.set()
        await asyncio.wait([task])


class HandlerCancelled(ClientError):
    """It is the server's task that was cancelled, and the server says so."""


def checked(response: ClientResponse, content: bytes) -> None:
    """Raise unless *response* is what the handler sends."""
    if response.status == 500:
        raise HandlerCancelled
    assert response.content == content


async def together(*each: Coroutine[Any, Any, None]) -> None:
    """Run *each*; the first error ends them all."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in each:
                group.create_task(one)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def requests(client: Client) -> None:
    """Three at once, one of which sends a body of several pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"abc"
            await asyncio.sleep(0.001)

    async def upload() -> None:
        async with client.stream("POST", "http://site/", content=pieces()) as response:
            await response.read()
            checked(response, b"abc" * 3)

    async def get() -> None:
        checked(await client.get("http://site/"), b"hello")

    await together(get(), upload(), get())


async def websockets(client: Client) -> None:
    """Two at once, and a request."""

    async def talk(word: str) -> None:
        async with connect("ws://site/", client=client, settings=SETTINGS) as websocket:
            for number in range(4):
                await websocket.send(f"{word} {number}")
            got = [await websocket.recv() for _ in range(4)]
            assert got == [f"{word} {number}" for number in range(4)]

    async def get() -> None:
        checked(await client.get("http://site/"), b"hello")

    await together(talk("one"), get(), talk("other"))


def scenario(
    use: Callable[[Client], Awaitable[None]], *, http2: bool
) -> Callable[[World], Coroutine[Any, Any, None]]:
    """Return: *use* a client, which may end anyhow; then use it again, and look at its pool."""

    async def run(world: World) -> None:
        limits = Limits(connections=2, per_origin=2, idle_seconds=1e5)
        async with (
            site(world) as host,
            Client(timeout=PATIENT, limits=limits, prior_knowledge=http2) as client,
        ):
            task = asyncio.ensure_future(use(client))
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
                checked(await client.get("http://site/"), b"hello")
            except HandlerCancelled:
                pass
            except ClientError:
                assert host.done() or host.cancelling(), "it failed, and the server is there"
            if stopped is not None:
                raise stopped
            pool = client.pool
            assert pool.count <= 2
            assert not pool._waiting
            assert all(site.count == len(site.idle) for site in pool.sites.values())
            assert all(each.busy == 0 for each in pool._open if not each.closed)
        assert client.pool.count == 0
        assert client.pool.sites == {}

    return run


CASES = {
    "http2": scenario(requests, http2=True),
    "websocket over http2": scenario(websockets, http2=True),
    "websocket over http1": scenario(websockets, http2=False),
}


@pytest.mark.parametrize("kind", ["nothing", "everywhere"])
@pytest.mark.parametrize("case", CASES)
def test_nothing_leaks_whatever_is_cancelled(case: str, kind: str) -> None:
    cancel = {} if kind == "nothing" else {"cancel": kind}
    exploration = explore(CASES[case], runs=RUNS, **cancel)  # type: ignore[arg-type]
    assert exploration.failure is None, str(exploration.failure)
