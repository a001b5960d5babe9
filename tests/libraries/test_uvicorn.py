"""uvicorn inside our loop, with every protocol it has in Python."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import pytest
import uvicorn

from .asgi import COMMON, Asked, application, bodies, client, requests, websockets
from .cells import Say, Scenario, cases, same
from .serving import bound, free_path, server_tls

#: uvicorn's setting picks a loop for `uvicorn.run`; inside ours it must change nothing.
LOOP_SETTINGS = ("auto", "asyncio", "uvloop")


def configured(app: Any, **options: Any) -> uvicorn.Server:
    """Return a server for *app* that leaves the log alone."""
    settings = {
        "log_config": None,
        "access_log": False,
        "lifespan": "on",
        "http": "h11",
        "ws": "wsproto",
        **options,
    }
    return uvicorn.Server(uvicorn.Config(app, **settings))


async def started(server: uvicorn.Server, **options: Any) -> asyncio.Task[None]:
    """Start *server*; return the task that it runs in."""
    task = asyncio.create_task(server.serve(**options))
    while not server.started:
        assert not task.done(), task
        await asyncio.sleep(0.005)
    return task


@asynccontextmanager
async def serve(app: Any, **options: Any) -> AsyncIterator[str]:
    """Serve *app* on a free port; yield its URL."""
    sock = bound()
    url = f"http{'s' * ('ssl_context_factory' in options)}://localhost:{sock.getsockname()[1]}"
    server = configured(app, **options)
    task = await started(server, sockets=[sock])
    try:
        yield url
    finally:
        server.should_exit = True
        await task


#: The protocols that uvicorn has for websockets in Python, apart from one that is deprecated.
WEBSOCKETS = ("wsproto", "websockets-sansio")


@cases(COMMON, requests, websockets)
def test_as_on_asyncio(scenario: Asked, debug: bool) -> None:
    same(lambda say: scenario(say, serve), debug=debug)


@pytest.mark.parametrize("protocol", WEBSOCKETS)
def test_websockets_as_on_asyncio(protocol: str) -> None:
    same(lambda say: websockets(say, partial(serve, ws=protocol)))


async def tls(say: Say) -> None:
    def context(config: uvicorn.Config, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        return server_tls()

    secured = partial(serve, ssl_context_factory=context)
    await bodies(say, secured)
    await websockets(say, secured)


async def unix_socket(say: Say) -> None:
    with free_path() as folder:
        path = f"{folder}/s"
        server = configured(application(say), uds=path)
        task = await started(server)
        transport = httpx.AsyncHTTPTransport(uds=path)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            say((await http.get("/")).text)
        server.should_exit = True
        await task


async def settings_of_the_loop(say: Say) -> None:
    """The loop that uvicorn would pick is not the one it runs in."""
    loop = asyncio.get_running_loop()
    for setting in LOOP_SETTINGS:
        async with serve(application(say), loop=setting) as url, client(url) as http:
            say(setting, (await http.get("/")).text)
        assert asyncio.get_running_loop() is loop


async def limits(say: Say) -> None:
    app = application(say)
    async with serve(app, limit_concurrency=2) as url, client(url) as http:
        held = asyncio.ensure_future(http.get("/slow"))
        say(await app.state.done.get())
        say((await http.get("/")).status_code)
        app.state.go_on.set()
        say((await held).text)
    sock = bound()
    url = f"http://localhost:{sock.getsockname()[1]}"
    server = configured(application(say), limit_max_requests=3)
    task = await started(server, sockets=[sock])
    async with client(url) as http:
        say([(await http.get("/")).status_code for _ in range(3)])
    await task  # it ends by itself
    say(server.should_exit)


async def an_endless_request(say: Say) -> None:
    """A request that outlives the graceful end is cancelled."""
    app = application(say)
    async with client("") as http:
        async with serve(app, timeout_graceful_shutdown=0) as url:
            request = asyncio.ensure_future(http.get(f"{url}/slow"))
            say(await app.state.done.get())
        say((await request).status_code)


async def a_startup_that_fails(say: Say) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    sock = bound()
    try:
        await configured(app).serve(sockets=[sock])
    except SystemExit as error:
        say("exit", error.code)
    finally:
        sock.close()


async def terminated(say: Say) -> None:
    """SIGTERM ends it gracefully, and is raised again afterwards."""
    got: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: got.append(number))
    try:
        app = application(say)
        sock = bound()
        url = f"http://localhost:{sock.getsockname()[1]}"
        task = await started(configured(app), sockets=[sock])
        async with client(url) as http:
            request = asyncio.ensure_future(http.get("/slow"))
            say(await app.state.done.get())
            os.kill(os.getpid(), signal.SIGTERM)
            asyncio.get_running_loop().call_later(0.05, app.state.go_on.set)
            say((await request).text)
        await task
        say(got)
    finally:
        signal.signal(signal.SIGTERM, before)


SCENARIOS: list[Scenario] = [
    tls,
    unix_socket,
    settings_of_the_loop,
    limits,
    an_endless_request,
    a_startup_that_fails,
    terminated,
]


@cases(SCENARIOS, limits, terminated)
def test_only_uvicorn_as_on_asyncio(scenario: Scenario, debug: bool) -> None:
    same(scenario, debug=debug)
