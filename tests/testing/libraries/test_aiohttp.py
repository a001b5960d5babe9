"""aiohttp's client and server in the World, on two hosts: keep-alive, streams, resets, limits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web

from miniloop.testing import World

from .worlds import alike, breaks, faulty, holds

BLOCK = bytes(range(256)) * 40

#: A server logs that its client is gone; here clients go all the time.
QUIET = logging.getLogger("quiet")
QUIET.disabled = True

#: Longer than anything in the World is late for no reason.
PATIENCE = ClientTimeout(total=600, sock_connect=60)


class Site:
    """What the server serves; it counts."""

    def __init__(self) -> None:
        self.visits = 0
        self.started = 0
        self.ended = 0
        self.ready = asyncio.Event()

    async def hello(self, request: web.Request) -> web.Response:
        return web.json_response({"hello": request.match_info["name"]})

    async def echo(self, request: web.Request) -> web.StreamResponse:
        """Send back what comes, as it comes."""
        response = web.StreamResponse()
        await response.prepare(request)
        async for data in request.content.iter_any():
            await response.write(data)
        await response.write_eof()
        return response

    async def blocks(self, request: web.Request) -> web.StreamResponse:
        """Send as many blocks as asked for, one each tenth of a second."""
        response = web.StreamResponse()
        self.started += 1
        try:
            await response.prepare(request)
            for _ in range(int(request.match_info["count"])):
                await response.write(BLOCK)
                await asyncio.sleep(0.1)
            await response.write_eof()
        finally:
            self.ended += 1
        return response

    async def slow(self, request: web.Request) -> web.Response:
        await asyncio.sleep(float(request.match_info["seconds"]))
        return web.Response(text="at last")

    async def chat(self, request: web.Request) -> web.WebSocketResponse:
        """Say what is said, until the other end leaves."""
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        async for message in websocket:
            await websocket.send_str(message.data)
        return websocket

    async def visit(self, _: web.Request) -> web.Response:
        """Broken: counts in three steps, with a pause between reading and writing."""
        visits = self.visits
        await asyncio.sleep(0.3)
        self.visits = visits + 1
        return web.Response(text=str(self.visits))

    async def serve(self, host: str) -> None:
        """Serve until cancelled."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/hello/{name}", self.hello),
                web.post("/echo", self.echo),
                web.get("/blocks/{count}", self.blocks),
                web.get("/slow/{seconds}", self.slow),
                web.get("/visit", self.visit),
                web.get("/chat", self.chat),
            ]
        )
        runner = web.AppRunner(app, access_log=None, logger=QUIET, shutdown_timeout=60)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, 80).start()
            self.ready.set()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()


async def start(world: World, site: Site, host: str = "web") -> Any:
    """Serve *site* on *host*; return the task that does so when it listens."""
    site.ready.clear()
    serving = world.host(host).spawn(site.serve(host))
    await site.ready.wait()
    return serving


@asynccontextmanager
async def served(world: World, *hosts: str, **options: Any) -> AsyncIterator[ClientSession]:
    """Serve a `Site` on each of *hosts*; give a client, whose connector has *options*."""
    serving = [await start(world, Site(), host) for host in hosts or ("web",)]
    connector = TCPConnector(**options)
    try:
        async with ClientSession(connector=connector, timeout=PATIENCE) as session:
            yield session
    finally:
        for task in serving:
            task.cancel()
        await asyncio.wait(serving)
        await asyncio.sleep(0.1)  # the server has cancelled its handlers, and has not waited


async def requests_at_once(world: World) -> list[Any]:
    """Requests one after the other on one connection, several at once, one that takes too long."""
    async with served(world) as session:
        seen: list[Any] = []

        async def hello(name: str) -> Any:
            async with session.get(f"http://web/hello/{name}") as response:
                return (await response.json())["hello"]

        seen += [await hello("one"), await hello("two")]
        seen += await asyncio.gather(*(hello(f"at once {number}") for number in range(3)))
        async with session.get("http://web/nowhere") as response:
            seen.append(response.status)
        begun = asyncio.get_running_loop().time()
        try:
            await session.get("http://web/slow/1830", timeout=ClientTimeout(total=1800))
        except TimeoutError:
            seen.append(round(asyncio.get_running_loop().time() - begun) // 1800)
        return seen


async def bodies_that_stream(world: World) -> int:
    """A body goes up in pieces while it comes down in others; links take half, and are slow."""

    async def body() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield BLOCK
            await asyncio.sleep(0.05)

    link = world.network.link("localhost", "web")
    link.latency, link.partial_writes, link.capacity = 0.02, True, 8192
    async with served(world) as session:
        async with session.post("http://web/echo", data=body()) as response:
            back = b"".join([data async for data in response.content.iter_chunked(1000)])
        async with session.get("http://web/blocks/3") as response:
            down = await response.read()
    assert back == BLOCK * 4
    assert down == BLOCK * 3
    return len(back) + len(down)


async def over_a_bad_link(world: World) -> str:
    """Resets, refusals, halves: who gets an answer gets the whole of his own; then all is well."""
    async with served(world, limit=2) as session:
        link = world.network.link("localhost", "web")
        faulty(link)

        async def ask(number: int) -> None:
            try:
                async with session.post("http://web/echo", data=b"%d" % number * 9) as response:
                    body = await response.read()
            except (ClientError, TimeoutError, OSError):
                return
            assert body == b"%d" % number * 9, f"{body!r} is the answer to {number}"

        tasks = [asyncio.create_task(ask(number)) for number in range(4)]
        world.sometime(tasks[1].cancel)
        world.sometime(tasks[2].cancel)
        await asyncio.wait(tasks)
        assert all(task.cancelled() or not task.exception() for task in tasks), tasks
        link.resets = link.refusals = False
        async with asyncio.timeout(3600):
            await asyncio.gather(*(ask(number) for number in range(4)))
            async with session.get("http://web/hello/again") as response:
                return str((await response.json())["hello"])


async def a_stream_that_is_left(world: World) -> list[int]:
    """Some leave while a body comes; the server ends what it began for them, and serves on."""
    site = Site()
    serving = await start(world, site)
    world.network.link("localhost", "web").latency = 0.02
    async with ClientSession(timeout=PATIENCE) as session:

        async def read() -> int:
            async with session.get("http://web/blocks/3") as response:
                return len(await response.read())

        tasks = [asyncio.create_task(read()) for _ in range(3)]
        world.sometime(tasks[0].cancel)
        await asyncio.sleep(0.05)
        world.sometime(tasks[1].cancel)
        await asyncio.wait(tasks)
        sizes = [0 if task.cancelled() else task.result() for task in tasks]
        assert sizes[2] == await read() == 3 * len(BLOCK)
    serving.cancel()
    await asyncio.wait([serving])
    assert site.started == site.ended
    return sizes


async def a_websocket(world: World) -> list[str]:
    """A receiver is cancelled at some moment: what comes is received by whoever asks next."""
    heard: list[str] = []
    async with served(world) as session, session.ws_connect("http://web/chat") as websocket:

        async def listen() -> None:
            while True:
                heard.append(await websocket.receive_str())

        listening = asyncio.create_task(listen())
        world.sometime(listening.cancel)
        for number in range(3):
            await websocket.send_str(f"{number}")
        await asyncio.wait([listening])
        while len(heard) < 3:
            heard.append(await websocket.receive_str())
    assert heard == ["0", "1", "2"]
    return heard


async def a_crash(world: World) -> list[str]:
    """The server's host loses its power while a request waits, and comes back."""
    host, site = world.host("web"), Site()
    await start(world, site)
    seen: list[str] = []

    async def ask(session: ClientSession, path: str) -> None:
        try:
            async with session.get(f"http://web{path}") as response:
                await response.read()
                seen.append(f"{path} {response.status}")
        except (ClientError, TimeoutError) as error:
            seen.append(f"{path} {type(error).__name__}")

    async with ClientSession(timeout=PATIENCE) as session:
        await ask(session, "/hello/you")
        waiting = asyncio.create_task(ask(session, "/slow/100"))
        await asyncio.sleep(50)
        host.crash()
        await asyncio.sleep(60)
        host.restart()
        serving = await start(world, site)
        await asyncio.sleep(60)
        await waiting
        await ask(session, "/hello/you")
    serving.cancel()
    await asyncio.wait([serving])
    assert seen[-1] == "/hello/you 200"
    return seen


async def a_counter_with_a_pause(world: World) -> None:
    """Broken: the handler reads, waits and writes: of two visits at once, one is lost."""
    async with served(world) as session:

        async def visit(after: float) -> None:
            await asyncio.sleep(after)
            async with session.get("http://web/visit") as response:
                await response.read()

        await asyncio.gather(visit(0), visit(1))
        async with session.get("http://web/visit") as response:
            count = await response.text()
    assert count == "3", f"the third visitor is number {count}"


async def a_permit_that_is_kept(world: World) -> None:
    """Broken: who is cancelled while he asks does not give back his permit to do so."""
    permits = asyncio.Semaphore(1)
    async with served(world) as session:

        async def ask(after: float) -> None:
            await asyncio.sleep(after)
            await permits.acquire()
            async with session.get("http://web/hello/you") as response:
                await response.read()
            permits.release()

        task = asyncio.create_task(ask(0.01))
        world.sometime(task.cancel)
        await asyncio.wait([task])
        await ask(0)


RIGHT = (
    requests_at_once,
    bodies_that_stream,
    over_a_bad_link,
    a_stream_that_is_left,
    a_websocket,
    a_crash,
)


@pytest.mark.parametrize("scenario", RIGHT)
def test_aiohttp_is_alike_and_holds(scenario: Any) -> None:
    alike(scenario)
    holds(scenario)


def test_a_timeout_takes_half_an_hour_and_no_time() -> None:
    run = alike(requests_at_once)
    assert run.result == ["one", "two", "at once 0", "at once 1", "at once 2", 404, 1]
    assert run.seconds > 1800


@pytest.mark.parametrize(
    ("scenario", "words", "kind"),
    [
        (a_counter_with_a_pause, "the third visitor is number 2", "jump"),
        (a_permit_that_is_kept, "deadlock", "event"),
    ],
)
def test_broken_programs_are_found(scenario: Any, words: str, kind: str) -> None:
    found = breaks(scenario, words)
    assert [key[0] for key in found.schedule.deviations] == [kind]
