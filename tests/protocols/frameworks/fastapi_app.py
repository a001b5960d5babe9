"""FastAPI: validation, streams, WebSockets, background tasks, a lifespan with state.

Read next: quart_app.py
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import BackgroundTasks, Depends, FastAPI, Header, HTTPException, Request, WebSocket
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from .asking import Ask, Talk

__all__ = ["ASKS", "TALKS", "make"]


class Item(BaseModel):
    """What is posted."""

    name: str = Field(min_length=1)
    price: float = Field(gt=0)
    tags: list[str] = []


def token(authorization: Annotated[str, Header()]) -> str:
    """Return who asks; 401 for nobody."""
    if not authorization.startswith("Bearer "):
        raise HTTPException(401, "who are you?", {"www-authenticate": "Bearer"})
    return authorization.removeprefix("Bearer ")


def make(log: list[str]) -> FastAPI:
    """Return the application; it writes to *log* when it begins and when it ends."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        log.append("begins")
        yield {"greeting": "hello", "step": asyncio.Event(), "done": asyncio.Event()}
        log.append("ends")

    app = FastAPI(lifespan=lifespan)
    add_plain(app)
    add_streams(app, log)
    add_sockets(app, log)
    return app


def add_plain(app: FastAPI) -> None:
    @app.get("/")
    async def home(request: Request, name: str = "you", times: int = 1) -> dict[str, Any]:
        return {
            "says": [f"{request.state.greeting}, {name}"] * times,
            "version": request.scope["http_version"],
            "path": request.url.path,
            "sent": request.headers.get("x-sent"),
        }

    @app.post("/items/{number}", status_code=201)
    async def create(number: int, item: Item, who: Annotated[str, Depends(token)]) -> Any:
        return {"number": number, "who": who, **item.model_dump()}

    @app.get("/sync")
    def sync() -> str:
        return "from a thread"

    @app.get("/fails")
    async def fails() -> None:
        raise ZeroDivisionError("on purpose")


def add_streams(app: FastAPI, log: list[str]) -> None:
    @app.post("/upper")
    async def upper(request: Request) -> StreamingResponse:
        # Both at a time is not for every server: below ASGI 2.4 Starlette itself takes what is
        # received while a response is streamed.
        received = [piece async for piece in request.stream()]

        async def pieces() -> AsyncIterator[bytes]:
            for piece in received:
                yield piece.upper()

        return StreamingResponse(pieces(), media_type="text/plain")

    @app.get("/steps")
    async def steps(request: Request) -> StreamingResponse:
        async def pieces() -> AsyncIterator[str]:
            for number in range(3):
                yield f"data: {number}\n\n"
                if number < 2:
                    await request.state.step.wait()
                    request.state.step.clear()

        return StreamingResponse(pieces(), media_type="text/event-stream")

    @app.post("/step", status_code=204)
    async def step(request: Request) -> None:
        request.state.step.set()

    @app.get("/later")
    async def later(request: Request, tasks: BackgroundTasks) -> str:
        async def work() -> None:
            await asyncio.sleep(0)
            log.append("worked")
            request.state.done.set()

        tasks.add_task(work)
        return "soon"

    @app.get("/done")
    async def done(request: Request) -> list[str]:
        await request.state.done.wait()
        return log


def add_sockets(app: FastAPI, log: list[str]) -> None:
    @app.websocket("/echo")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept(subprotocol="b" if "b" in websocket.scope["subprotocols"] else None)
        while (event := await websocket.receive())["type"] == "websocket.receive":
            if event.get("text") is not None:
                await websocket.send_text(websocket.state.greeting + event["text"].upper())
            else:
                await websocket.send_bytes(event["bytes"][::-1])
        log.append(f"left with {event['code']}")

    @app.websocket("/refused")
    async def refused(websocket: WebSocket) -> None:
        await websocket.close(4003)

    @app.websocket("/short")
    async def short(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive_text()
        await websocket.close(4001, "enough")


JSON = {"content-type": "application/json"}
ME = {"authorization": "Bearer me"}
ASKS = [
    Ask("GET", "/?name=J%C3%BCrgen&times=2", {"x-sent": "this"}),
    Ask("GET", "/?times=many"),
    Ask("HEAD", "/"),
    Ask("GET", "/none"),
    Ask("DELETE", "/"),
    Ask("GET", "/sync"),
    Ask("POST", "/items/3", {**JSON, **ME}, b'{"name": "a", "price": 1.5, "tags": ["x"]}'),
    Ask("POST", "/items/x", {**JSON, **ME}, b'{"name": "", "price": 0}'),
    Ask("POST", "/items/3", {**JSON, **ME}, b'{"name": '),
    Ask("POST", "/items/3", {**JSON, "authorization": "me"}, b'{"name": "a", "price": 1}'),
    Ask("POST", "/items/3", JSON, b'{"name": "a", "price": 1}'),
    Ask("POST", "/upper", {}, b"some text " * 20_000),
    Ask("GET", "/fails"),
    Ask("GET", "/openapi.json"),
    Ask("GET", "/later"),
    Ask("GET", "/done"),
]
TALKS = [
    Talk("/echo", ("text", b"bytes", "x" * 200_000), ("a", "b"), 4000),
    Talk("/refused"),
    Talk("/none"),
    Talk("/short", ("a", "b")),
]
