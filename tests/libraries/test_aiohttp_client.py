"""aiohttp as a client: how many sockets it uses, how long it waits, what it says went wrong."""

from __future__ import annotations

import asyncio
import socket
import struct
from types import SimpleNamespace

import aiohttp
from aiohttp import web

from .cells import Say, Scenario, cases, outcome, same, words
from .serving import SERVERS, answering, bound, free_path, routed, served


class Crowd:
    """Requests and connections are counted; the first wait until *together* are there.

    Later ones do not: a connector that is short of sockets for two hosts at once may wake
    a request for the wrong one, and leave the right one waiting for the next release.
    """

    def __init__(self, together: int) -> None:
        self.barrier = asyncio.Barrier(together)
        self.together = together
        self.inside = 0
        self.most_inside = 0
        self.most_sockets = 0
        self.ports: set[int] = set()

    async def answer(self, request: web.Request) -> web.Response:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.most_sockets = max(self.most_sockets, len(request.app[SERVERS][0].connections))
        assert request.transport is not None
        self.ports.add(request.transport.get_extra_info("peername")[1])
        if self.together:
            self.together -= 1
            await self.barrier.wait()
        self.inside -= 1
        return web.Response(text=request.path)


async def fetch(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(url) as response:
        return await response.text()


async def limit(say: Say) -> None:
    """A connector has never more sockets than it may, and as many when they are wanted."""
    for most in (1, 3, 8):
        crowd = Crowd(most)
        async with served(routed(("GET", "/{n}", crowd.answer))) as url:
            connector = aiohttp.TCPConnector(limit=most)
            async with aiohttp.ClientSession(url, connector=connector) as session:
                texts = await asyncio.gather(*(fetch(session, f"/{n}") for n in range(24)))
        assert crowd.most_sockets == crowd.most_inside == len(crowd.ports) == most
        say(most, texts)


async def limit_per_host(say: Say) -> None:
    first, second = Crowd(2), Crowd(2)
    async with (
        served(routed(("GET", "/{n}", first.answer))) as one,
        served(routed(("GET", "/{n}", second.answer))) as other,
    ):
        connector = aiohttp.TCPConnector(limit=10, limit_per_host=2)
        async with aiohttp.ClientSession(connector=connector) as session:
            urls = [f"{(one, other)[n % 2]}/{n}" for n in range(16)]
            say(await asyncio.gather(*(fetch(session, url) for url in urls)))
    assert first.most_sockets == second.most_sockets == 2


async def kept_alive(say: Say) -> None:
    """One socket serves many requests, unless it is to be closed after each."""
    for force_close in (False, True):
        crowd = Crowd(1)
        async with served(routed(("GET", "/{n}", crowd.answer))) as url:
            connector = aiohttp.TCPConnector(force_close=force_close)
            async with aiohttp.ClientSession(url, connector=connector) as session:
                for number in range(10):
                    await fetch(session, f"/{number}")
        say(force_close, len(crowd.ports))


async def dropped_while_idle(say: Say) -> None:
    """The server closes an idle connection; the next request takes a new one."""
    crowd = Crowd(1)
    app = routed(("GET", "/", crowd.answer))
    async with (
        served(app, keepalive_timeout=0.3) as url,
        aiohttp.ClientSession(url) as session,
    ):
        say(await fetch(session, "/"))
        while app[SERVERS][0].connections:
            await asyncio.sleep(0.005)
        say(await fetch(session, "/"), len(crowd.ports))


async def timeouts(say: Say) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        if request.path == "/half":
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"half")
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.get_running_loop().create_future()

    async def read(session: aiohttp.ClientSession, url: str, **limits: float) -> bytes:
        timeout = aiohttp.ClientTimeout(**limits)
        async with session.get(url, timeout=timeout) as response:
            return await response.read()

    app = routed(("GET", "/{any}", silent))
    async with served(app, shutdown_timeout=0.01, handler_cancellation=True) as url:
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(connector=connector) as session:
            say("total", await outcome(read(session, f"{url}/none", total=0.05)))
            say("total", await outcome(read(session, f"{url}/half", total=0.05)))
            say("sock_read", await outcome(read(session, f"{url}/none", sock_read=0.05)))
            say("sock_read", await outcome(read(session, f"{url}/half", sock_read=0.05)))
            holding = asyncio.ensure_future(session.get(f"{url}/none"))
            await asyncio.sleep(0)
            say("connect", await outcome(read(session, f"{url}/none", connect=0.05)))
            holding.cancel()
            await asyncio.wait([holding])
            async with answering(deaf) as port:
                where = f"https://127.0.0.1:{port}"
                say("sock_connect", await outcome(read(session, where, sock_connect=0.05)))


async def errors(say: Say) -> None:
    async def answer(request: web.Request) -> web.Response:
        status = int(request.match_info["status"])
        where = {"Location": "/302"} if status == 302 else {}
        return web.Response(status=status, text="not json", headers=where)

    async def get(url: str, **options: bool) -> object:
        async with session.get(url, **options) as response:  # type: ignore[arg-type]
            return await response.json()

    nobody = bound()
    closed = nobody.getsockname()[1]
    nobody.close()
    async with served(routed(("GET", "/{status}", answer))) as url:
        async with aiohttp.ClientSession() as session:
            for status in (404, 500):
                say(await outcome(get(f"{url}/{status}", raise_for_status=True)))
            say(await outcome(get(f"{url}/200")))
            say((await outcome(get(f"{url}/302")))[0])
            say(await outcome(get("no url")))
            say(await outcome(get(f"http://127.0.0.1:{closed}/")))
            say(session.connector is not None and not session.closed)
        say(await outcome(get(f"{url}/200")))


async def broken_servers(say: Say) -> None:
    """Servers that hang up, reset, or talk nonsense."""
    heard = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        match request.split()[1]:
            case b"/nonsense":
                writer.write(b"HELLO\r\n\r\n")
            case b"/cut":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            case b"/chunk":
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
            case b"/reset":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                await heard.wait()
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()

    async with answering(talk) as port, aiohttp.ClientSession() as session:
        for path in ("/silence", "/nonsense", "/cut", "/chunk", "/reset"):
            got = []
            try:
                async with session.post(f"http://127.0.0.1:{port}{path}") as response:
                    async for chunk in response.content.iter_any():
                        got.append(chunk)
                        heard.set()
            except aiohttp.ClientError as error:
                say(path, got, type(error).__name__, type(error.__cause__).__name__)


async def cancelled(say: Say) -> None:
    """A cancelled request gives its connection up, and the session goes on."""
    inside, left = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        inside.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            left.set()
        raise AssertionError

    async def quick(request: web.Request) -> web.Response:
        return web.Response(text="quick")

    app = routed(("GET", "/slow", slow), ("GET", "/quick", quick))
    async with served(app, handler_cancellation=True) as url:
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(url, connector=connector) as session:
            request = asyncio.ensure_future(fetch(session, "/slow"))
            await inside.wait()
            behind = asyncio.ensure_future(fetch(session, "/quick"))
            await asyncio.sleep(0)
            request.cancel()
            say(await behind)
            await left.wait()
            say(request.cancelled())


async def one_of_many_fails(say: Say) -> None:
    """A task group of requests: the first failure ends the others."""
    inside = [0]
    everybody = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        inside[0] += 1
        if inside[0] == 5:
            everybody.set()
        await everybody.wait()
        if request.path == "/3":
            raise web.HTTPBadGateway
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async with (
        served(routed(("GET", "/{n}", answer)), handler_cancellation=True) as url,
        aiohttp.ClientSession(url, raise_for_status=True) as session,
    ):
        tasks = []
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(fetch(session, f"/{n}")) for n in range(5)]
        except* aiohttp.ClientResponseError as caught:
            say([words(error)[0] for error in caught.exceptions])
        say([task.cancelled() for task in tasks])


async def traced(say: Say) -> None:
    """The hooks of a request are called in the same order."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/first":
            raise web.HTTPSeeOther("/second")
        return web.Response(text="x" * 10)

    config = aiohttp.TraceConfig()
    for name in dir(config):
        if name.startswith("on_"):

            async def hook(
                session: aiohttp.ClientSession,
                context: SimpleNamespace,
                params: object,
                name: str = name,
            ) -> None:
                say(name)

            getattr(config, name).append(hook)
    config.freeze()
    async with (
        served(routed(("GET", "/{n}", answer))) as url,
        aiohttp.ClientSession(url, trace_configs=[config]) as session,
    ):
        for path in ("/first", "/second"):
            say(await fetch(session, path))


async def unix_connector(say: Say) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=request.path)

    with free_path() as folder:
        connector = aiohttp.UnixConnector(f"{folder}/none")
        async with aiohttp.ClientSession(connector=connector) as session:
            error = await outcome(fetch(session, "http://localhost/"))
            say(error[0], folder in error[1])
        async with served(routed(("GET", "/{n}", handler)), path=f"{folder}/s") as url:
            connector = aiohttp.UnixConnector(f"{folder}/s", limit=2)
            async with aiohttp.ClientSession(url, connector=connector) as session:
                say(await asyncio.gather(*(fetch(session, f"/{n}") for n in range(10))))


SCENARIOS: list[Scenario] = [
    limit,
    limit_per_host,
    kept_alive,
    dropped_while_idle,
    timeouts,
    errors,
    broken_servers,
    cancelled,
    one_of_many_fails,
    traced,
    unix_connector,
]


@cases(SCENARIOS, limit, errors, cancelled)
def test_as_on_asyncio(scenario: Scenario, debug: bool) -> None:
    same(scenario, debug=debug)
