"""What is asked of an application, by which client, and what is kept of its answers.

Read next: fastapi_app.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httpx

from protocols.client import Client
from protocols.client.websocket import ConnectionClosed, Refused, connect

__all__ = ["CLIENTS", "Answer", "Ask", "Asking", "Talk", "converse", "stepwise"]


@dataclass(frozen=True)
class Ask:
    """A request."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What is the same whoever serves: not the date, nor the server's name, nor its framing."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Talk:
    """A conversation by WebSocket: what is said, and whether an answer to each is awaited."""

    path: str
    says: tuple[str | bytes, ...] = ()
    subprotocols: tuple[str, ...] = ()
    code: int = 1000


#: Headers that are the server's, and not the application's.
SERVERS = {"connection", "content-length", "date", "server", "transfer-encoding"}

Asking: TypeAlias = Callable[[Ask], Coroutine[Any, Any, Answer]]


def kept(status: int, headers: list[tuple[str, str]], body: bytes) -> Answer:
    """Return what is the application's part of a response."""
    fields = sorted((name.lower(), value) for name, value in headers)
    return Answer(status, tuple(each for each in fields if each[0] not in SERVERS), body)


async def by_miniloop(url: str, http2: bool, asks: list[Ask]) -> list[Answer]:
    """Ask with our own client, one after the other."""
    answers = []
    async with Client(prior_knowledge=http2, follow_redirects=False) as client:
        for ask in asks:
            response = await client.request(
                ask.method, url + ask.path, headers=ask.headers, content=ask.body
            )
            fields = [(name.decode(), value.decode()) for name, value in response.headers.raw]
            answers.append(kept(response.status, fields, await response.read()))
    return answers


async def by_httpx(url: str, http2: bool, asks: list[Ask]) -> list[Answer]:
    """Ask with httpx, one after the other."""
    answers = []
    async with httpx.AsyncClient(http1=not http2, http2=http2, trust_env=False) as client:
        for ask in asks:
            response = await client.request(
                ask.method, url + ask.path, headers=ask.headers, content=ask.body
            )
            assert response.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
            fields = [(key.decode(), value.decode()) for key, value in response.headers.raw]
            answers.append(kept(response.status_code, fields, response.content))
    return answers


CLIENTS = {"miniloop": by_miniloop, "httpx": by_httpx}


async def converse(url: str, http2: bool, talk: Talk) -> list[Any]:
    """Return what was heard in a conversation, and how it ended."""
    heard: list[Any] = []
    try:
        subprotocols = talk.subprotocols
        async with connect(
            url.replace("http", "ws", 1) + talk.path, http2=http2, subprotocols=subprotocols
        ) as websocket:
            heard.append(websocket.subprotocol)
            for said in talk.says:
                await websocket.send(said)
                heard.append(await websocket.recv())
            await websocket.close(talk.code)
    except ConnectionClosed as closed:
        heard.append((closed.code, closed.reason))
    except Refused as refused:
        heard.append(refused.status)
    return heard


async def stepwise(url: str, http2: bool) -> list[bytes]:
    """Take a stream whose every piece is made only when the one before has arrived."""
    pieces = []
    async with (
        Client(prior_knowledge=http2) as client,
        client.stream("GET", f"{url}/steps") as response,
        asyncio.timeout(30),
    ):
        async for piece in response:
            pieces.append(piece)
            if len(pieces) < 3:
                assert (await client.post(f"{url}/step")).status == 204
    return pieces
