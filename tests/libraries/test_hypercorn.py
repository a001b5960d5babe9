"""hypercorn inside our loop: HTTP/1.1, HTTP/2 and websockets, plain and over TLS."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from hypercorn import asyncio as hypercorn
from hypercorn.config import Config

from .asgi import (
    COMMON,
    Asked,
    application,
    client,
    client_leaves,
    graceful_end,
    requests,
    websockets,
)
from .cells import Say, Scenario, cases, same
from .serving import bound, certificate_file, free_path


def configured(certificate: str | None = None, **settings: Any) -> tuple[Config, str]:
    """Return a configuration for a free port, and the URL that it will have."""
    sock = bound()
    config = Config()
    port = sock.getsockname()[1]
    config.bind = [f"fd://{sock.detach()}"]
    config.errorlog = None
    config.graceful_timeout = 5
    config.shutdown_timeout = 5
    if certificate:
        config.certfile = config.keyfile = certificate
    for name, value in settings.items():
        setattr(config, name, value)
    return config, f"{'https' if certificate else 'http'}://localhost:{port}"


@asynccontextmanager
async def serve(app: Any, **settings: Any) -> AsyncIterator[str]:
    """Serve *app* on a free port; yield its URL."""
    config, url = configured(**settings)
    stop = asyncio.Event()
    task = asyncio.create_task(hypercorn.serve(app, config, shutdown_trigger=stop.wait))
    try:
        yield url
    finally:
        stop.set()
        await task


@cases(COMMON, requests, websockets)
def test_as_on_asyncio(scenario: Asked, debug: bool) -> None:
    same(lambda say: scenario(say, serve), debug=debug)


#: A client of HTTP/1.1 that keeps its connection, and does not look at it, says no goodbye to
#: a server that closes it: over TLS that server waits for 30 seconds, on every loop.
OVER_TLS = [ask for ask in COMMON if ask is not graceful_end]


@cases(OVER_TLS, client_leaves)
def test_over_tls_as_on_asyncio(scenario: Asked, debug: bool) -> None:
    with free_path() as folder:
        secured = partial(serve, certificate=certificate_file(folder))
        same(lambda say: scenario(say, secured), debug=debug)


async def two_versions(say: Say) -> None:
    """The protocol is agreed upon in the TLS handshake."""
    with free_path() as folder:
        async with serve(application(say), certificate=certificate_file(folder)) as url:
            for http2 in (False, True):
                async with client(url, http2=http2) as http:
                    response = await http.get("/")
                    say(response.http_version, response.text)


async def terminated(say: Say) -> None:
    """Without a trigger, hypercorn waits for SIGTERM by way of the loop."""
    app: Any = application(say)
    config, url = configured()
    task = asyncio.create_task(hypercorn.serve(app, config))
    async with client(url) as http:
        say((await http.get("/")).text)
        os.kill(os.getpid(), signal.SIGTERM)
        await task
    loop = asyncio.get_running_loop()
    say([loop.remove_signal_handler(each) for each in (signal.SIGTERM, signal.SIGINT)])


async def idle_connections(say: Say) -> None:
    """A connection that says nothing is closed after a while."""
    async with serve(application(say), keep_alive_timeout=0.05) as url:
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        say(await reader.read())
        writer.close()
        await writer.wait_closed()


SCENARIOS: list[Scenario] = [two_versions, terminated, idle_connections]


@cases(SCENARIOS, terminated)
def test_only_hypercorn_as_on_asyncio(scenario: Scenario, debug: bool) -> None:
    same(scenario, debug=debug)
