"""httpx: HTTP/1.1 and HTTP/2, pools, streams, timeouts, errors, and no network at all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpcore
import httpx
import pytest
from aiohttp import web
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from .asgi import application, client, digest
from .cells import Say, Scenario, cases, outcome, same
from .serving import SERVERS, answering, bound, certificate_file, free_path, routed, served
from .test_hypercorn import serve

LARGE = bytes(range(256)) * 4 * 2048


class Meeting:
    """Requests that are answered when *together* of them are there; counts connections."""

    def __init__(self, together: int) -> None:
        self.barrier = asyncio.Barrier(together)
        self.sockets: set[Any] = set()
        self.most = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.sockets.add(request.remote)
        self.most = max(self.most, len(request.app[SERVERS][0].connections))
        await self.barrier.wait()
        return web.Response(text=request.path)

    async def multiplexed(self, request: Request) -> Response:
        assert request.client is not None
        self.sockets.add(request.client)
        await self.barrier.wait()
        return PlainTextResponse(request.url.path)


async def pool(say: Say) -> None:
    """A pool has never more sockets than it may."""
    for most in (1, 3):
        meeting = Meeting(most)
        async with served(routed(("GET", "/{n}", meeting.answer))) as url:
            limits = httpx.Limits(max_connections=most, max_keepalive_connections=1)
            async with client(url, limits=limits) as http:
                answers = await asyncio.gather(*(http.get(f"/{n}") for n in range(12)))
        assert meeting.most == most
        say(most, [each.text for each in answers])


async def pool_timeout(say: Say) -> None:
    meeting = Meeting(2)
    async with served(routed(("GET", "/{n}", meeting.answer))) as url:
        limits = httpx.Limits(max_connections=1)
        async with client(url, limits=limits) as http:
            first = asyncio.ensure_future(http.get("/1"))
            await asyncio.sleep(0)
            say(await outcome(http.get("/2", timeout=httpx.Timeout(30, pool=0.02))))
            async with client(url) as other:
                say((await other.get("/3")).text, (await first).text)


async def multiplexing(say: Say) -> None:
    """Requests share one HTTP/2 connection: all are there before the first is answered."""
    meeting = Meeting(20)
    app = Starlette(routes=[Route("/{n}", meeting.multiplexed)])
    with free_path() as folder:
        async with (
            serve(app, certificate=certificate_file(folder)) as url,
            client(url, http2=True) as http,
        ):
            answers = await asyncio.gather(*(http.get(f"/{n}") for n in range(20)))
            say([each.text for each in answers], {each.http_version for each in answers})
    say(len(meeting.sockets))


async def streams_of_http2(say: Say) -> None:
    """Large bodies both ways, at the same time, under HTTP/2's flow control."""

    async def pieces(number: int) -> AsyncIterator[bytes]:
        for start in range(0, number * 100_000, 50_000):
            yield LARGE[start : start + 50_000]

    async def one(http: httpx.AsyncClient, number: int) -> tuple[int, str, str]:
        sent = await http.post("/count", content=pieces(number))
        async with http.stream("GET", "/large") as response:
            body = b"".join([chunk async for chunk in response.aiter_bytes()])
        return *sent.json(), digest(body)

    with free_path() as folder:
        async with (
            serve(application(say), certificate=certificate_file(folder)) as url,
            client(url, http2=True) as http,
        ):
            say(await asyncio.gather(*(one(http, number) for number in range(6))))


async def a_stream_that_is_left(say: Say) -> None:
    """An HTTP/2 stream that is not read to its end leaves the connection usable."""
    with free_path() as folder:
        async with (
            serve(application(say), certificate=certificate_file(folder)) as url,
            client(url, http2=True) as http,
        ):
            async with http.stream("GET", "/large") as response:
                async for _ in response.aiter_bytes():
                    break
            say((await http.get("/")).text)


async def streaming(say: Say) -> None:
    heard: asyncio.Queue[None] = asyncio.Queue()

    async def lines(request: Request) -> Response:
        async def write() -> AsyncIterator[str]:
            for number in range(4):
                yield f"line {number}\n"
                await heard.get()  # not before the client has it

        return StreamingResponse(write())

    async with (
        serve(Starlette(routes=[Route("/", lines)])) as url,
        client(url) as http,
        http.stream("GET", "/") as response,
    ):
        async for line in response.aiter_lines():
            say(line)
            heard.put_nowait(None)
        say(response.is_closed, response.is_stream_consumed)


async def timeouts(say: Say) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET /half"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await asyncio.get_running_loop().create_future()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(100_000)

    async with answering(silent) as port, client(f"http://127.0.0.1:{port}") as http:
        read, write = httpx.Timeout(30, read=0.02), httpx.Timeout(30, write=0.05)
        say(await outcome(http.get("/none", timeout=read)))
        say(await outcome(http.get("/half", timeout=read)))
        say(await outcome(http.post("/", content=endless(), timeout=write)))
        connect = httpx.Timeout(30, connect=0.02)
        say(await outcome(http.get(f"https://127.0.0.1:{port}/", timeout=connect)))


async def errors(say: Say) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        match head.split()[1]:
            case b"/nonsense":
                writer.write(b"HELLO\r\n\r\n")
            case b"/cut":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            case b"/404":
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            case b"/around":
                writer.write(
                    b"HTTP/1.1 302 Found\r\nLocation: /around\r\nContent-Length: 0\r\n\r\n"
                )

    async with answering(talk) as port, client(f"http://127.0.0.1:{port}") as http:
        for path in ("/silence", "/nonsense", "/cut"):
            say(path, await outcome(http.get(path)))
        say((await outcome(http.get("/around", follow_redirects=True)))[0])
        with pytest.raises(httpx.HTTPStatusError, match="404"):
            (await http.get("/404")).raise_for_status()
    nobody = bound()
    port = nobody.getsockname()[1]
    nobody.close()
    async with httpx.AsyncClient(trust_env=False) as http:
        say(await outcome(http.get(f"http://127.0.0.1:{port}/")))
    with free_path() as folder:
        async with (
            serve(application(say), certificate=certificate_file(folder)) as url,
            httpx.AsyncClient(trust_env=False) as http,
        ):
            error = await outcome(http.get(url))
            say(error[0], "CERTIFICATE_VERIFY_FAILED" in error[1])


async def cancelled(say: Say) -> None:
    """A cancelled request closes its socket, and the pool goes on."""
    app = application(say)
    limits = httpx.Limits(max_connections=1)
    async with serve(app) as url, client(url, limits=limits) as http:
        request = asyncio.ensure_future(http.get("/slow"))
        say(await app.state.done.get())
        request.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await request
        say((await http.get("/")).text)
        app.state.go_on.set()


async def without_a_network(say: Say) -> None:
    """`ASGITransport` calls the application in the same task."""
    transport = httpx.ASGITransport(application(say), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        for path in ("/user/7", "/thread", "/large", "/broken", "/none"):
            response = await http.get(path)
            say(path, response.status_code, digest(response.content))


async def the_pool_beneath(say: Say) -> None:
    """httpcore finds asyncio by itself, and its connections are what they are said to be."""
    meeting = Meeting(1)
    async with (
        served(routed(("GET", "/{n}", meeting.answer))) as url,
        httpcore.AsyncConnectionPool() as pool,
    ):
        for number in range(3):
            response = await pool.request("GET", f"{url}/{number}")
            say(response.status, response.content, len(pool.connections))
        say(pool.connections[0].is_idle())


SCENARIOS: list[Scenario] = [
    pool,
    pool_timeout,
    multiplexing,
    streams_of_http2,
    a_stream_that_is_left,
    streaming,
    timeouts,
    errors,
    cancelled,
    without_a_network,
    the_pool_beneath,
]


@cases(SCENARIOS, pool, multiplexing, errors, cancelled)
def test_as_on_asyncio(scenario: Scenario, debug: bool) -> None:
    same(scenario, debug=debug)
