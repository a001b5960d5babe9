"""The application that real servers serve to our client.

Read next: real_servers.py
"""

from __future__ import annotations

from typing import Any

__all__ = ["application"]

SIZE = 64 * 1024


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Say hello, echo, stream, send hints and trailers; echo on a WebSocket."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await websocket(scope, receive, send)
    else:
        await http(scope, receive, send)


async def lifespan(receive: Any, send: Any) -> None:
    """Start and stop."""
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def http(scope: Any, receive: Any, send: Any) -> None:
    """Answer by the path."""
    path, offered = scope["path"], scope.get("extensions") or {}
    if path == "/hints" and "http.response.early_hint" in offered:
        await send({"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]})
    start: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}
    trailers = path == "/trailers" and "http.response.trailers" in offered
    if trailers:
        start["trailers"] = True
    if path == "/missing":
        start["status"] = 404
    if path != "/echo":
        await send(start)
        if path == "/large":
            for number in range(48):
                body = bytes([number]) * SIZE
                await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b"hello" if path != "/large" else b""})
    else:
        await echo(start, receive, send)
    if trailers:
        fields = [(b"sum", b"42")]
        await send({"type": "http.response.trailers", "headers": fields, "more_trailers": False})


async def echo(start: Any, receive: Any, send: Any) -> None:
    """Send what comes, as it comes."""
    more = True
    begun = False
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        more = message.get("more_body", False)
        if not begun:
            begun = True
            await send(start)
        body = message.get("body", b"")
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def websocket(scope: Any, receive: Any, send: Any) -> None:
    """Echo; close when told to, with the code that is told."""
    await receive()
    if scope["path"] == "/no":
        await send({"type": "websocket.close"})
        return
    offered = scope["subprotocols"]
    await send({"type": "websocket.accept", "subprotocol": offered[-1] if offered else None})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is not None and text.startswith("close "):
            await send({"type": "websocket.close", "code": int(text[6:]), "reason": "as told"})
            return
        if text is not None:
            await send({"type": "websocket.send", "text": text})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})
