"""aiohttp as a server: how requests and servers end, and clients that are no model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
from aiohttp import web

from .cells import Say, Scenario, cases, same
from .serving import routed, served


async def end_of_a_server(say: Say) -> None:
    """What is under way is finished, websockets are told, contexts are left in reverse."""
    started, sockets = asyncio.Event(), web.AppKey("sockets", set)

    def context(name: str) -> Callable[[web.Application], AsyncIterator[None]]:
        async def run(app: web.Application) -> AsyncIterator[None]:
            say("enter", name)
            yield
            say("leave", name)

        return run

    async def slow(request: web.Request) -> web.Response:
        started.set()
        await stopping.wait()
        return web.Response(text="finished")

    async def socket(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        request.app[sockets].add(ws)
        async for message in ws:
            say("never", message)
        return ws

    async def shutdown(app: web.Application) -> None:
        say("shutdown")
        for ws in app[sockets]:
            await ws.close(code=aiohttp.WSCloseCode.GOING_AWAY, message=b"closing")
        stopping.set()

    stopping = asyncio.Event()
    app = routed(("GET", "/slow", slow), ("GET", "/ws", socket))
    app[sockets] = set()
    app.cleanup_ctx.extend([context("first"), context("second")])
    app.on_shutdown.append(shutdown)
    async with aiohttp.ClientSession() as session:
        async with served(app) as url:
            ws = await session.ws_connect(f"{url}/ws")
            await ws.ping()
            request = asyncio.ensure_future(session.get(f"{url}/slow"))
            closing = asyncio.ensure_future(ws.receive())
            await started.wait()
        async with await request as response:
            say(response.status, await response.text())
        message = await closing
        say(message.type.name, message.data, message.extra, ws.close_code)
        try:
            await session.get(f"{url}/slow")
        except aiohttp.ClientConnectorError as error:
            say(type(error.os_error).__name__)


async def end_of_a_stubborn_request(say: Say) -> None:
    """A handler that outlives the shutdown timeout is cancelled."""
    started = asyncio.Event()

    async def forever(request: web.Request) -> web.Response:
        started.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            say("handler cancelled")
            raise
        raise AssertionError

    async with aiohttp.ClientSession() as session:
        async with served(routed(("POST", "/", forever)), shutdown_timeout=0.05) as url:
            request = asyncio.ensure_future(session.post(url))
            await started.wait()
        try:
            await request
        except aiohttp.ServerDisconnectedError as error:
            say(str(error))


async def client_leaves(say: Say) -> None:
    """With `handler_cancellation`, a handler is cancelled when its client is gone."""
    for cancellation in (True, False):
        started, gone, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def handler(
            request: web.Request,
            cancellation: bool = cancellation,
            started: asyncio.Event = started,
            gone: asyncio.Event = gone,
            ended: asyncio.Event = ended,
        ) -> web.Response:
            started.set()
            try:
                await (asyncio.Event().wait() if cancellation else gone.wait())
                say("handler went on")
            except asyncio.CancelledError:
                say("handler cancelled")
                raise
            finally:
                ended.set()
            return web.Response()

        app = routed(("GET", "/", handler))
        async with served(app, handler_cancellation=cancellation) as url:
            async with aiohttp.ClientSession() as session:
                request = asyncio.ensure_future(session.get(url))
                await started.wait()
                request.cancel()
                await asyncio.wait([request])
                assert request.cancelled()
            gone.set()
            await ended.wait()


async def raw_requests(say: Say) -> None:
    """Pipelined requests are answered in order; nonsense gets a 400 and an end."""

    async def slow(request: web.Request) -> web.Response:
        for _ in range(5 - int(request.match_info["n"])):
            await asyncio.sleep(0)
        return web.Response(text=request.match_info["n"] + await request.text())

    async with served(routed(("POST", "/{n}", slow))) as url:
        port = int(url.rpartition(":")[2])
        for raw in (
            b"".join(
                b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n%s\r\n%d" % (n, end, n)
                for n, end in enumerate((b"", b"", b"", b"Connection: close\r\n"))
            ),
            b"POST /1 HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
            b"NONSENSE\r\n\r\n",
            b"POST /1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(raw)
            answer = await reader.read()
            for part in answer.split(b"HTTP/1.")[1:]:
                head, _, body = part.partition(b"\r\n\r\n")
                say(head.splitlines()[0].decode(), body.decode()[:30])
            writer.close()
            await writer.wait_closed()


async def expect_continue(say: Say) -> None:
    async def expects(request: web.Request) -> web.StreamResponse | None:
        if request.content_length == 3:
            raise web.HTTPExpectationFailed(text="not three")
        assert request.transport is not None
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return None

    async def handler(request: web.Request) -> web.Response:
        return web.json_response((await request.read()).decode())

    app = web.Application()
    app.router.add_post("/", handler, expect_handler=expects)
    async with served(app, lingering_time=0) as url, aiohttp.ClientSession(url) as session:
        for data in (b"two", b"four"):
            async with session.post("/", data=data, expect100=True) as response:
                say(response.status, await response.text())


SCENARIOS: list[Scenario] = [
    end_of_a_server,
    end_of_a_stubborn_request,
    client_leaves,
    raw_requests,
    expect_continue,
]


@cases(SCENARIOS, *SCENARIOS)
def test_as_on_asyncio(scenario: Scenario, debug: bool) -> None:
    same(scenario, debug=debug)
