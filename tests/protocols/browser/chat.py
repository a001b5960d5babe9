"""A chat of which the page and the socket come from one server: as a handler, and for ASGI.

Whoever says something is heard by all, under the name that the page's address gives; who comes
and who leaves is told to the others.

Read next: page.html
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from protocols.http.handlers import Request, Response

__all__ = ["Room", "asgi_chat", "handler_chat"]

PAGE = Path(__file__).with_name("page.html").read_bytes()
HTML = "text/html; charset=utf-8"

Send: TypeAlias = Callable[[str], Awaitable[object]]


class Room:
    """Who is there, and how each is told something."""

    def __init__(self) -> None:
        self.people: dict[str, Send] = {}

    async def enter(self, name: str, send: Send) -> None:
        """Let somebody in, whom *send* tells what is said."""
        self.people[name] = send
        await self.say("", f"{name} is here")

    async def leave(self, name: str) -> None:
        """See somebody off."""
        del self.people[name]
        await self.say("", f"{name} has left")

    async def say(self, who: str, text: str) -> None:
        """Tell all what somebody says; nobody ("") for news."""
        for send in list(self.people.values()):
            await send(json.dumps({"who": who, "text": text}))


def handler_chat(room: Room) -> Callable[[Request], Awaitable[Response | None]]:
    """Return the chat as a plain handler."""

    async def handler(request: Request) -> Response | None:
        if not request.wants_websocket:
            return Response(PAGE if request.path == "/" else b"", headers=[("content-type", HTML)])
        [name] = request.query["name"]
        socket = await request.websocket()
        await room.enter(name, socket.send)
        try:
            async for text in socket:
                assert isinstance(text, str)
                await room.say(name, text)
        finally:
            await room.leave(name)
        return None

    return handler


def asgi_chat(room: Room) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """Return the chat as an ASGI application."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [(b"content-type", HTML.encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            body = PAGE if scope["path"] == "/" else b""
            await send({"type": "http.response.body", "body": body})
        elif scope["type"] == "websocket":
            await talk(scope, receive, send)

    async def talk(scope: Any, receive: Any, send: Any) -> None:
        async def tell(text: str) -> None:
            await send({"type": "websocket.send", "text": text})

        [name] = parse_qs(scope["query_string"].decode())["name"]
        assert await receive() == {"type": "websocket.connect"}
        await send({"type": "websocket.accept"})
        await room.enter(name, tell)
        while (event := await receive())["type"] == "websocket.receive":
            await room.say(name, event["text"])
        await room.leave(name)

    return application
