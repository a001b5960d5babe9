"""Applications of FastAPI, Quart and Django, unmodified: our server gives what others give.

What a client sees is compared with the same application served by uvicorn (HTTP/1.1) or by
hypercorn (HTTP/2), both on asyncio's loop; so is what the application noticed of its own life.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import pytest

from protocols.http.server import serve

from ...effort import newest_only
from ...libraries.test_hypercorn import serve as hypercorn
from ...libraries.test_uvicorn import serve as uvicorn
from ..loops import LOOPS, Run, on_every_loop
from .asking import CLIENTS, Answer, converse, stepwise

FRAMEWORKS = ("fastapi", "quart", "django")


@dataclass(frozen=True)
class Facts:
    """What clients and the application itself saw."""

    answers: list[Answer]
    steps: list[bytes]
    talks: list[list[Any]]
    log: list[str]


def application(name: str) -> Any:
    """Return the module with the application, which takes time to import."""
    return import_module(f".{name}_app", __package__)


@asynccontextmanager
async def ours(app: Any) -> AsyncIterator[str]:
    """Serve with our server; yield the URL."""
    async with await serve(app, "127.0.0.1") as server:
        yield "http://{}:{}".format(*server.sockets[0].getsockname())
        await server.drain(30)


async def facts(name: str, server: Any, client: str, http2: bool, sockets: bool = True) -> Facts:
    """Return what is seen of an application."""
    framework = application(name)
    log: list[str] = []
    async with server(framework.make(log)) as url:
        answers = await CLIENTS[client](url, http2, framework.ASKS)
        steps = await stepwise(url, http2)
        talks = [await converse(url, http2, talk) for talk in framework.TALKS if sockets]
    return Facts(answers, steps, talks, log)


@functools.cache
def expected(name: str, http2: bool) -> Facts:
    """Return what is seen of an application that another server serves."""
    peer = functools.partial(uvicorn, lifespan="auto")
    if http2:
        peer = functools.partial(hypercorn, graceful_timeout=0)
    talks = None
    if http2:  # WebSockets are the same; hypercorn fails at those that end in HTTP/2
        talks = expected(name, False)
    logging.disable(logging.CRITICAL)  # how another server ends is not what is looked at
    try:
        seen = Run(LOOPS["asyncio"])(facts(name, peer, "miniloop", http2, talks is None))
    finally:
        logging.disable(logging.NOTSET)
    return replace(seen, talks=talks.talks, log=talks.log) if talks else seen


@on_every_loop
@pytest.mark.parametrize("http2", [False, True], ids=["h1", "h2"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_as_others_serve_it(
    run: Run, name: str, client: str, http2: bool, caplog: pytest.LogCaptureFixture
) -> None:
    newest_only()
    seen = run(facts(name, ours, client, http2))
    logged = [each.getMessage() for each in caplog.records if each.name == "protocols.http"]
    method = "CONNECT" if http2 else "GET"
    comes_out = {"fastapi": ["GET /fails"], "django": [f"{method} /echo"], "quart": []}
    assert logged == [f"the application raised: {each}" for each in comes_out[name]]
    should = expected(name, http2)
    for ask, answer, wanted in zip(
        application(name).ASKS, seen.answers, should.answers, strict=True
    ):
        assert answer == wanted, ask
    assert seen == should
