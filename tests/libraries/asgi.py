"""A Starlette application and what is asked of it, for every server that can serve it.

A server is given as ``serve``: an asynchronous context manager that takes the
application and yields its URL.

Read next: test_uvicorn.py
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTasks
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from .cells import Say
from .serving import client_tls, free_path

__all__ = [
    "COMMON",
    "Asked",
    "Serve",
    "application",
    "background",
    "bodies",
    "client",
    "client_leaves",
    "digest",
    "graceful_end",
    "requests",
    "websockets",
]

Serve: TypeAlias = Callable[..., AbstractAsyncContextManager[str]]
Asked: TypeAlias = Callable[[Say, Serve], Coroutine[Any, Any, None]]
Call: TypeAlias = Callable[[Request], Awaitable[Response]]

LARGE = bytes(range(256)) * 4 * 1024


def digest(data: bytes) -> str:
    """Return a fingerprint of *data*."""
    return hashlib.sha256(data).hexdigest()


def client(url: str, **options: Any) -> httpx.AsyncClient:
    """Return a client for *url* that trusts the tests' authority and uses no proxy."""
    return httpx.AsyncClient(
        base_url=url, verify=client_tls(), trust_env=False, timeout=30, **options
    )


async def home(request: Request) -> Response:
    loop = asyncio.get_running_loop()
    return PlainTextResponse(f"same loop: {loop is request.state.loop}")


async def user(request: Request) -> Response:
    number = request.path_params["number"]
    if number == 404:
        raise HTTPException(404, "nobody")
    return JSONResponse({"number": number, "query": sorted(request.query_params.multi_items())})


async def broken(request: Request) -> Response:
    raise LookupError("a mistake")


def in_a_thread(request: Request) -> Response:
    return PlainTextResponse(str(threading.current_thread() is threading.main_thread()))


async def echo(request: Request) -> Response:
    chunks = [chunk async for chunk in request.stream()]

    async def pieces() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return StreamingResponse(pieces(), headers={"X-Scheme": request.url.scheme})


async def count(request: Request) -> Response:
    body = await request.body()
    return JSONResponse([len(body), digest(body)])


async def large(request: Request) -> Response:
    def pieces() -> Any:  # no coroutine: it is iterated in a thread
        for start in range(0, len(LARGE), 65_536):
            yield LARGE[start : start + 65_536]

    return StreamingResponse(pieces())


async def later(request: Request) -> Response:
    done: asyncio.Queue[str] = request.app.state.done
    loop = asyncio.get_running_loop()
    tasks = BackgroundTasks()
    tasks.add_task(done.put, "a task")
    tasks.add_task(lambda: loop.call_soon_threadsafe(done.put_nowait, "a thread"))
    return PlainTextResponse("soon", background=tasks)


async def endless(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(10_000)
                await asyncio.sleep(0)
        finally:
            request.app.state.done.put_nowait("the client is gone")

    return StreamingResponse(pieces())


async def slow(request: Request) -> Response:
    request.app.state.done.put_nowait("inside")
    await request.app.state.go_on.wait()
    return PlainTextResponse("finished")


async def socket(websocket: WebSocket) -> None:
    if websocket.query_params.get("denied"):
        await websocket.close(1008)
        return
    await websocket.accept(subprotocol="b" if "b" in websocket["subprotocols"] else None)
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"], message.get("reason"))
            if message.get("text") == "close":
                await websocket.close(4000, "as you wish")
                return
            if message.get("text") is not None:
                await websocket.send_text(message["text"].upper())
            else:
                await websocket.send_bytes(message["bytes"][::-1])
    except WebSocketDisconnect as error:
        websocket.app.state.done.put_nowait(f"websocket {error.code} {error.reason}")


async def mark(request: Request, call: Call) -> Response:
    response = await call(request)
    response.headers["X-Marked"] = request.method
    return response


def application(say: Say, folder: str | None = None) -> Starlette:
    """Return the application; its static files are in *folder*."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, object]]:
        say("startup")
        yield {"loop": asyncio.get_running_loop()}
        say("shutdown")

    marked = [Middleware(BaseHTTPMiddleware, dispatch=mark)]
    static = [Mount("/static", StaticFiles(directory=folder))] if folder else []
    app = Starlette(
        routes=[
            Route("/", home),
            Route("/user/{number:int}", user, middleware=marked),
            Route("/broken", broken),
            Route("/thread", in_a_thread, middleware=marked),
            Route("/echo", echo, methods=["POST"]),
            Route("/count", count, methods=["POST"]),
            Route("/large", large),
            Route("/later", later),
            Route("/endless", endless),
            Route("/slow", slow),
            WebSocketRoute("/ws", socket),
            *static,
        ],
        middleware=[Middleware(GZipMiddleware, minimum_size=1000)],
        lifespan=lifespan,
    )
    app.state.done = asyncio.Queue()
    app.state.go_on = asyncio.Event()
    return app


async def requests(say: Say, serve: Serve) -> None:
    with free_path() as folder:
        with open(os.path.join(folder, "file.txt"), "wb") as file:
            file.write(LARGE)
        app = application(say, folder)
        async with serve(app) as url, client(url) as http:
            for path in (
                "/",
                "/user/7?b=2&a=ü",
                "/user/404",
                "/user/none",
                "/thread",
                "/broken",
                "/static/none",
            ):
                response = await http.get(path)
                say(path, response.status_code, response.text, response.headers.get("x-marked"))
            for span in ("bytes=0-", "bytes=5-600004", "bytes=-1", "bytes=x"):
                response = await http.get("/static/file.txt", headers={"Range": span})
                say(span, response.status_code, len(response.content), digest(response.content))
                say(response.headers.get("content-encoding"))
            tag = (await http.get("/static/file.txt")).headers["etag"]
            response = await http.get("/static/file.txt", headers={"If-None-Match": tag})
            say(response.status_code, response.http_version)


async def bodies(say: Say, serve: Serve) -> None:
    async def pieces(data: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(data), 100_000):
            yield data[start : start + 100_000]

    async with serve(application(say)) as url, client(url) as http:
        for size in (0, 1, 65_536, len(LARGE)):
            data = LARGE[:size]
            assert (await http.post("/count", content=data)).json() == [size, digest(data)]
            async with http.stream("POST", "/echo", content=pieces(data)) as response:
                back = b"".join([chunk async for chunk in response.aiter_bytes()])
                assert back == data
                say(response.status_code, response.headers["x-scheme"])
        assert (await http.get("/large")).content == LARGE
        texts = [http.post("/echo", content=str(n).encode()) for n in range(40)]
        say([response.text for response in await asyncio.gather(*texts)])


async def background(say: Say, serve: Serve) -> None:
    app = application(say)
    async with serve(app) as url, client(url) as http:
        say((await http.get("/later")).text)
        say([await app.state.done.get() for _ in range(2)])


async def client_leaves(say: Say, serve: Serve) -> None:
    app = application(say)
    async with serve(app) as url, client(url) as http:
        async with http.stream("GET", "/endless") as response:
            async for chunk in response.aiter_bytes():
                assert chunk
                break
        say(await app.state.done.get())
        say((await http.get("/")).text)


async def websockets(say: Say, serve: Serve) -> None:
    app = application(say)
    async with serve(app) as url:
        url = url.replace("http", "ws") + "/ws"
        offered = [Subprotocol("a"), Subprotocol("b")]
        tls: dict[str, Any] = {"ssl": client_tls()} if url.startswith("wss") else {}
        async with connect(url, proxy=None, subprotocols=offered, **tls) as websocket:
            say(websocket.subprotocol)
            for text in ("", "grüße", "x" * 100_000):
                await websocket.send(text)
                assert await websocket.recv() == text.upper()
            for size in (0, 126, 65_536, 500_000):
                await websocket.send(LARGE[:size])
                assert await websocket.recv() == LARGE[:size][::-1]
            await (await websocket.ping())
            await websocket.close(3000, "that is all")
            say(await app.state.done.get())
        async with connect(url, proxy=None, **tls) as websocket:
            await websocket.send("close")
            say(await _end_of(websocket))
        with contextlib.suppress(InvalidStatus):
            await connect(f"{url}?denied=1", proxy=None, **tls)
            raise AssertionError("it was let in")
        async with connect(url, proxy=None, **tls) as websocket:
            websocket.transport.abort()
            say(await app.state.done.get())


async def _end_of(websocket: ClientConnection) -> tuple[int, str]:
    with contextlib.suppress(ConnectionClosed):
        await websocket.recv()
    return websocket.close_code or 0, websocket.close_reason or ""


async def graceful_end(say: Say, serve: Serve) -> None:
    """What is under way when the server is told to end is finished."""
    app = application(say)
    async with client("") as http:
        async with serve(app) as url:
            request = asyncio.ensure_future(http.get(f"{url}/slow"))
            say(await app.state.done.get())
            asyncio.get_running_loop().call_later(0.05, app.state.go_on.set)
        say((await request).text)


#: What is asked of every server.
COMMON: list[Asked] = [requests, bodies, background, client_leaves, websockets, graceful_end]
