"""A host of several addresses: the first that answers, however the others fail or keep silent."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from miniloop.testing import World, explore
from protocols.client import Client, ClientError, ConnectFailed, ConnectTimeout, Timeouts
from protocols.client.racing import DELAY, Info, interleaved
from protocols.client.websocket import connect

from ..loops import Run
from .servers import Peer, reply, scripted

PORT = 80


def info(address: str) -> Info:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.SOCK_STREAM, 6, "", (address, PORT)


def addresses(world: World, *names: str) -> None:
    """Have ``many`` be at the addresses of the hosts *names*, in this order."""
    hosts = {name: world.host(name) for name in names}
    resolve = world.network.names.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        if host != "many":
            return resolve(host, *args, **options)
        return [info(hosts[name].address) for name in names]

    world.network.names.getaddrinfo = getaddrinfo  # type: ignore[method-assign]
    for name in names:
        if name.startswith("dark"):
            world.network.partition(world.here().name, name)


@contextlib.asynccontextmanager
async def site(world: World) -> AsyncIterator[None]:
    """Serve one response for each connection on the host ``site``; every one has to end."""
    served: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            while await Peer(0, reader, writer).request():
                writer.write(reply(b"hello"))
        except (EOFError, ConnectionError):
            pass
        finally:
            writer.close()

    ready, over = asyncio.Event(), asyncio.Event()

    async def host() -> None:
        try:
            async with await asyncio.start_server(serve, "site", PORT):
                ready.set()
                await over.wait()
        finally:
            ready.set()

    task = world.host("site").spawn(host())
    try:
        await ready.wait()
        yield
    finally:
        over.set()
        await asyncio.wait([task, *served])


def asking(
    *names: str, seconds: float | None = 10.0
) -> Callable[[World], Coroutine[Any, Any, Any]]:
    """Return a scenario: get something from ``many``, return what came and when it was there."""

    async def scenario(world: World) -> tuple[bytes, float]:
        addresses(world, *names)
        async with site(world), Client(timeout=Timeouts(connect=seconds)) as client:
            begun = asyncio.get_running_loop().time()
            content = (await client.get("http://many/")).content
            return content, asyncio.get_running_loop().time() - begun

    return scenario


def test_families_take_turns_the_first_ones_first() -> None:
    infos = [info(each) for each in ("::1", "::2", "::3", "1.1.1.1", "1.1.1.2")]
    found = [each[4][0] for each in interleaved(infos)]
    assert found == ["::1", "1.1.1.1", "::2", "1.1.1.2", "::3"]


@pytest.mark.parametrize("library", ["miniloop", "asyncio"])
@pytest.mark.parametrize(
    ("names", "turns"),
    [
        (("site", "dark"), 0),
        (("dark", "site"), 1),
        (("dark", "dark too", "site"), 2),
        (("closed", "site"), 0),
        (("dark", "closed", "site"), 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_silence_costs_a_quarter_of_a_second_and_a_refusal_nothing(
    names: tuple[str, ...], turns: int, library: str
) -> None:
    run = World(library=library).run(asking(*names))
    assert run.failures == [], "\n".join(map(str, run.failures))
    content, seconds = run.result
    assert content == b"hello"
    assert turns * DELAY <= seconds < turns * DELAY + 0.1


def test_all_dark_is_a_timeout_and_all_closed_a_failure() -> None:
    async def scenario(world: World) -> None:
        with pytest.raises(ConnectTimeout):
            await asking("dark", "dark too", seconds=1.0)(world)

    async def closed(world: World) -> None:
        with pytest.raises(ConnectFailed, match=r"10\.0\.0\.2"):
            await asking("closed", "shut")(world)

    for each in (scenario, closed):
        run = World().run(each)
        assert run.failures == [], "\n".join(map(str, run.failures))


@pytest.mark.parametrize("names", [("dark", "site"), ("site", "slow site", "closed")])
def test_no_cancellation_leaves_a_socket(names: tuple[str, ...]) -> None:
    """A World fails a run that leaves one open, or a task."""

    async def scenario(world: World) -> None:
        with contextlib.suppress(ClientError):  # the site's task may be cancelled as well
            await asking(*names, seconds=None)(world)

    exploration = explore(scenario, runs=60, cancel="everywhere")
    assert exploration.failure is None, str(exploration.failure)


def test_on_real_sockets_with_an_address_that_swallows_everything(run: Run) -> None:
    """A full backlog drops what asks for a connection, as a firewall does."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            peer.send(reply(b"hello"))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as stack:
            full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            for _ in range(4):
                one = stack.enter_context(socket.socket())
                one.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    one.connect(full.getsockname())
            async with scripted(script) as served, Client() as client:
                real = await loop.getaddrinfo("127.0.0.1", served.port, type=socket.SOCK_STREAM)
                dark = [(*each[:4], full.getsockname()) for each in real]

                async def resolved(*args: Any, **options: Any) -> Any:
                    return dark + real

                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr("protocols.client.racing.resolve", resolved)
                    response = await client.get("http://many.example/")
                assert response.content == b"hello"

    run(main())


def test_a_websocket_is_dialed_the_same_way() -> None:
    async def scenario(world: World) -> None:
        addresses(world, "dark", "site")
        async with site(world):
            with pytest.raises(Exception, match="200"):
                async with connect("ws://many/"):
                    pass

    run = World().run(scenario)
    assert run.failures == [], "\n".join(map(str, run.failures))
