"""ASGI 3 over exchanges: lifespan with state, http; the rest is in asgi_websocket.py.

Extensions: ``http.response.trailers``, ``http.response.early_hint``, ``tls``, and
``websocket.http.response``.  `send` after the client left raises `Disconnected`, an
OSError, as version 2.4 of the HTTP specification wants.

Read next: asgi_websocket.py
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote_to_bytes

from .asgi_websocket import WebSocketApplication
from .events import Body, EndOfBody, Headers, InformationalResponse, Response, Trailers
from .exchange import Exchange

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["ASGI", "Hosted"]

Message: TypeAlias = MutableMapping[str, Any]
ASGI: TypeAlias = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Any]],
    Awaitable[None],
]

logger = logging.getLogger("protocols.http")


class Hosted:
    """An ASGI application, hosted."""

    def __init__(self, application: ASGI) -> None:
        self.application = application
        self.state: dict[str, Any] = {}
        self._lifespan = Lifespan(application, self.state)

    async def start(self) -> None:
        """Run the application's startup; raise RuntimeError if it says that it failed."""
        await self._lifespan.start()

    async def stop(self) -> None:
        """Run the application's shutdown."""
        await self._lifespan.stop()

    async def answer(self, connection: Connection, exchange: Exchange) -> None:
        """Answer one request, or hold one WebSocket."""
        scope = self._scope(connection, exchange)
        if exchange.request.protocol == b"websocket":
            socket = WebSocketApplication(exchange, scope)
            try:
                await self.application(scope, socket.receive, socket.send)
            except BaseException:
                socket.returned(1011)
                raise
            socket.returned(1000)
            return
        scope["type"] = "http"
        scope["method"] = exchange.request.method.decode("latin-1")
        scope["asgi"] = {"version": "3.0", "spec_version": "2.4"}
        scope["extensions"] |= {"http.response.early_hint": {}, "http.response.trailers": {}}
        caller = _Http(exchange)
        await self.application(scope, caller.receive, caller.send)

    def _scope(self, connection: Connection, exchange: Exchange) -> dict[str, Any]:
        request = exchange.request
        raw_path, _, query = request.target.partition(b"?")
        path = unquote_to_bytes(raw_path) if b"%" in raw_path else raw_path
        tls = connection.tls() if connection.scheme == "https" else None
        return {
            "http_version": request.http_version,
            "scheme": request.scheme,
            "path": path.decode("utf-8", "replace"),
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": request.headers,
            "client": connection.client,
            "server": connection.address,
            "state": self.state.copy(),
            "extensions": {"tls": tls} if tls is not None else {},
        }


class _Http:
    """`receive` and `send` of one request."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._trailers: Headers | None = None  # those so far, where there are to be some
        self._body_ended = False

    async def receive(self) -> Message:
        while True:
            part = await self._exchange.receive()
            if isinstance(part, Body):
                more = not self._exchange.take_end()
                return {"type": "http.request", "body": part.data, "more_body": more}
            if isinstance(part, EndOfBody):
                return {"type": "http.request", "body": b"", "more_body": False}
            if not isinstance(part, Trailers):  # ASGI has no word for those
                return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
            self._exchange.respond(Response(message["status"], headers))
            self._trailers = [] if message.get("trailers") else None
        elif kind == "http.response.body":
            await self._body(bytes(message.get("body", b"")), message.get("more_body", False))
        elif kind == "http.response.trailers":
            await self._send_trailers(message)
        elif kind == "http.response.early_hint":
            links = [(b"link", bytes(link)) for link in message["links"]]
            self._exchange.inform(InformationalResponse(103, links))
        else:
            raise ValueError(f"{kind!r} cannot be sent in answer to an HTTP request")

    async def _body(self, data: bytes, more: bool) -> None:
        if self._body_ended and self._exchange.open:
            raise RuntimeError("the body has ended: only trailers can come after it")
        self._body_ended = not more
        if more or self._trailers is None:
            await self._exchange.send(data, end=not more)
        elif data:
            await self._exchange.send(data)

    async def _send_trailers(self, message: Message) -> None:
        if self._trailers is None or not self._body_ended:
            raise RuntimeError(
                "trailers come after the body, and http.response.start says trailers: True"
            )
        headers = message.get("headers", ())
        self._trailers += [(bytes(name), bytes(value)) for name, value in headers]
        if not message.get("more_trailers", False):
            await self._exchange.send(b"", end=True, trailers=self._trailers)


class Lifespan:
    """The application's startup and shutdown (ASGI's lifespan protocol 2.0)."""

    def __init__(self, application: ASGI, state: dict[str, Any]) -> None:
        self._application = application
        self._state = state
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[str | None]] = {}

    async def start(self) -> None:
        """Wait until the application has started; raise RuntimeError if it says it failed."""
        self._task = asyncio.create_task(self._run())
        failure = await self._ask("startup")
        if failure is not None:
            await self._end(self._task)
            raise RuntimeError(f"the application did not start: {failure}")

    async def stop(self) -> None:
        """Wait until the application has shut down; what it complains of is logged."""
        if self._task is None:
            return
        if not self._task.done():
            failure = await self._ask("shutdown")
            if failure is not None:
                logger.error("the application did not shut down properly: %s", failure)
        await self._end(self._task)

    async def _end(self, task: asyncio.Task[None]) -> None:
        """End an application that stays in its lifespan after its last word."""
        await asyncio.wait([task], timeout=1)
        task.cancel()
        await asyncio.wait([task])

    async def _ask(self, phase: str) -> str | None:
        assert self._task is not None
        answer = asyncio.get_running_loop().create_future()
        self._answers[phase] = answer
        self._events.put_nowait({"type": f"lifespan.{phase}"})
        await asyncio.wait([answer, self._task], return_when=asyncio.FIRST_COMPLETED)
        # One that has ended without a word does not know the lifespan protocol.
        return answer.result() if answer.done() else None

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self._state,
        }
        try:
            await self._application(scope, self._events.get, self._send)
        except Exception:
            if self._events.empty() or any(answer.done() for answer in self._answers.values()):
                logger.exception("the application raised in its lifespan")
            else:  # it did not so much as look at what it was asked
                logger.debug("the application has no lifespan", exc_info=True)

    async def _send(self, message: Message) -> None:
        _, phase, outcome = f"{message['type']}..".split(".")[:3]
        answer = self._answers.get(phase)
        if answer is None or answer.done() or outcome not in ("complete", "failed"):
            raise RuntimeError(f"{message['type']!r} is no answer to what the lifespan asked")
        answer.set_result(message.get("message", "") if outcome == "failed" else None)
