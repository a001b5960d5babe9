"""ASGI's websocket protocol over a `WebSocket`, with the denial response extension.

Read next: server.py
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any, TypeAlias

from .events import Response
from .exchange import Exchange
from .websocket import WebSocket, WebSocketClosed

__all__ = ["WebSocketApplication"]

Message: TypeAlias = MutableMapping[str, Any]

logger = logging.getLogger("protocols.http")


class WebSocketApplication:
    """`receive` and `send` of one WebSocket; completes *scope*."""

    def __init__(self, exchange: Exchange, scope: dict[str, Any]) -> None:
        self._exchange = exchange
        self._socket = WebSocket(exchange)
        self._connected = False
        self._closed = False  # by the application
        scope["type"] = "websocket"
        scope["asgi"] = {"version": "3.0", "spec_version": "2.4"}
        scope["scheme"] = "wss" if scope["scheme"] == "https" else "ws"
        scope["subprotocols"] = self._socket.subprotocols
        scope["extensions"]["websocket.http.response"] = {}

    async def receive(self) -> Message:
        """Return the next event for the application."""
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        while self._socket.state == "connecting":
            # Nothing can come before it is accepted, except that the client leaves; another
            # task of the application's may accept it meanwhile.
            if not self._exchange.open or self._exchange.left:
                return {"type": "websocket.disconnect", "code": 1006, "reason": ""}
            await self._exchange.changed()
        try:
            message = await self._socket.receive()
        except WebSocketClosed as closed:
            code = int(closed.code)  # which may be one of wsproto's names for it
            return {"type": "websocket.disconnect", "code": code, "reason": closed.reason}
        if isinstance(message, str):
            return {"type": "websocket.receive", "text": message, "bytes": None}
        return {"type": "websocket.receive", "bytes": message, "text": None}

    async def send(self, message: Message) -> None:
        """Take an event of the application."""
        kind = message["type"]
        if kind == "websocket.accept":
            await self._accept(message)
        elif kind == "websocket.send":
            await self._send(message)
        elif kind == "websocket.close":
            await self._close(message)
        elif kind == "websocket.http.response.start":
            headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
            self._exchange.respond(Response(message["status"], headers))
        elif kind == "websocket.http.response.body":
            more = message.get("more_body", False)
            await self._exchange.send(bytes(message.get("body", b"")), end=not more)
        else:
            raise ValueError(f"{kind!r} cannot be sent to a WebSocket")

    async def _accept(self, message: Message) -> None:
        await self._socket.check()
        headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
        await self._socket.accept(message.get("subprotocol"), headers)

    async def _send(self, message: Message) -> None:
        if self._socket.state == "connecting":
            raise RuntimeError("a WebSocket is accepted before anything is sent: websocket.accept")
        text, data = message.get("text"), message.get("bytes")
        if (text is None) == (data is None):
            raise ValueError("websocket.send has either text or bytes")
        if self._closed:
            raise RuntimeError("nothing can be sent after websocket.close")
        await self._socket.send(text if text is not None else bytes(data or b""))

    async def _close(self, message: Message) -> None:
        code, reason = message.get("code", 1000) or 1000, message.get("reason") or ""
        if self._socket.state == "connecting":
            await self._socket.reject()
        elif self._socket.state == "open":
            self._closed = True
            self._socket.start_close(code, reason)
        elif self._exchange.open:
            raise RuntimeError("the WebSocket is closed already")

    def returned(self, code: int) -> None:
        """The application has returned or raised: an open WebSocket is closed."""
        self._socket.start_close(code, "")
