"""Scenarios with a server: each begins with an empty database, or an empty Redis.

Read next: test_asyncpg.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import asyncpg
import redis.asyncio

from compat.services import PostgreSQL, Redis
from compat.services.server import connected

from .cells import Say, same

__all__ = [
    "SLEEP",
    "WithUrl",
    "alike",
    "ask",
    "cancelled",
    "client_of",
    "until_active",
    "until_blocked",
]

WithUrl: TypeAlias = Callable[[Say, str], Coroutine[Any, Any, None]]

#: A query that ends when it is cancelled.
SLEEP = "SELECT pg_sleep(600)"
ACTIVE = "SELECT count(*) FROM pg_stat_activity WHERE query = $1 AND state = 'active'"


def alike(server: PostgreSQL | Redis, scenario: WithUrl, *, debug: bool = False) -> list[Any]:
    """Play a scenario on both loops, each time with nothing in the server; return what both saw."""

    async def from_nothing(say: Say) -> None:
        with empty(server) as url:
            await scenario(say, url)

    return same(from_nothing, debug=debug)


@contextmanager
def empty(server: PostgreSQL | Redis) -> Iterator[str]:
    """Give the URL of a new database, or of a Redis from which everything has been removed."""
    if isinstance(server, PostgreSQL):
        with server.database() as url:
            yield url
        return
    with connected(server.path) as sock:
        for command in (b"FLUSHALL\r\n", b"SCRIPT FLUSH\r\n"):
            sock.sendall(command)
            assert sock.recv(100) == b"+OK\r\n"
    yield server.url


def client_of(url: str, **options: Any) -> Any:
    """Return a client that gives and takes text, or bytes if `decode_responses` says so.

    It waits for an answer as long as that takes, unless `socket_timeout` says otherwise.
    """
    patient = {"decode_responses": True, "socket_timeout": None, "socket_connect_timeout": None}
    options = patient | options
    return redis.asyncio.Redis.from_url(url, **options)


async def ask(whom: Any, query: str = "SELECT 1", **options: Any) -> Any:
    """Ask a connection or a pool for a value; whatever that raises is raised when awaited."""
    return await whom.fetchval(query, **options)


async def until_active(url: str, query: str = SLEEP, count: int = 1) -> None:
    """Wait until the server is busy with so many of a query."""
    connection = await asyncpg.connect(url)
    while await connection.fetchval(ACTIVE, query) != count:
        pass
    await connection.close()


async def cancelled(task: asyncio.Future[Any]) -> str:
    """Cancel a task, wait for it and say how it ended: the type of its error or its result."""
    task.cancel()
    results = await asyncio.gather(task, return_exceptions=True)
    return type(results[0]).__name__


async def until_blocked(client: Any, count: int = 1) -> None:
    """Wait until so many clients are blocked in the server."""
    while (await client.info("clients"))["blocked_clients"] != count:
        pass
