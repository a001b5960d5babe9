"""Quart: templates, forms, cookies, server-sent events, WebSockets, what it does before and after.

Read next: django_app.py
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from quart import (
    Quart,
    Response,
    abort,
    jsonify,
    make_response,
    redirect,
    render_template_string,
    request,
)
from quart import websocket as socket

from .asking import Ask, Talk

__all__ = ["ASKS", "TALKS", "make"]

TEMPLATE = "<ul>{% for name in names %}<li>{{ name }}</li>{% endfor %}</ul>"


def make(log: list[str]) -> Quart:
    """Return the application; it writes to *log* when it begins and when it ends."""
    app = Quart(__name__)
    app.secret_key = "secret"
    step = asyncio.Event()
    app.before_serving(lambda: log.append("begins"))
    app.after_serving(lambda: log.append("ends"))
    add_routes(app)
    add_streams(app, step)
    add_sockets(app, log)
    return app


def add_routes(app: Quart) -> None:
    @app.get("/")
    async def home() -> Any:
        names = request.args.getlist("name")
        return jsonify(names=names, version=request.http_version, sent=request.headers["x-sent"])

    @app.get("/page")
    async def page() -> str:
        return await render_template_string(TEMPLATE, names=["<a>", "ü"])

    @app.post("/form")
    async def form() -> Any:
        fields = await request.form
        response = await make_response(dict(fields), 201)
        response.set_cookie("name", fields["name"], httponly=True)
        response.set_cookie("other", "2")
        return response

    @app.post("/files")
    async def files() -> Any:
        return {name: len(file.read()) for name, file in (await request.files).items()}

    @app.get("/old")
    async def old() -> Any:
        return redirect("/page")

    @app.get("/fails")
    async def fails() -> str:
        raise ZeroDivisionError("on purpose")


def add_streams(app: Quart, step: asyncio.Event) -> None:
    @app.post("/upper")
    async def upper() -> Any:
        body = request.body  # `request` is not there any more when the pieces are made

        async def pieces() -> AsyncIterator[bytes]:
            async for piece in body:
                yield piece.upper()

        return pieces(), 200, {"content-type": "text/plain"}

    @app.get("/steps")
    async def steps() -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            for number in range(3):
                yield f"data: {number}\n\n".encode()
                if number < 2:
                    await step.wait()
                    step.clear()

        response = await make_response(pieces(), {"content-type": "text/event-stream"})
        assert isinstance(response, Response)
        response.timeout = None
        return response

    @app.post("/step")
    async def go() -> Any:
        step.set()
        return "", 204


def add_sockets(app: Quart, log: list[str]) -> None:
    @app.websocket("/echo")
    async def echo() -> None:
        offered = socket.requested_subprotocols
        await socket.accept(subprotocol="b" if "b" in offered else None)
        try:
            while True:
                said = await socket.receive()
                await socket.send(said.upper() if isinstance(said, str) else said[::-1])
        except asyncio.CancelledError:
            log.append("left")
            raise

    @app.websocket("/refused")
    async def refused() -> None:
        abort(401)

    @app.websocket("/short")
    async def short() -> None:
        await socket.receive()
        await socket.close(4001, "enough")


FORM = {"content-type": "application/x-www-form-urlencoded"}
MULTIPART = {"content-type": "multipart/form-data; boundary=border"}
PART = b'--border\r\nContent-Disposition: form-data; name="%s"; filename="f"\r\n\r\n%s\r\n'
ASKS = [
    Ask("GET", "/?name=a&name=%C3%BC", {"x-sent": "this"}),
    Ask("GET", "/"),
    Ask("GET", "/page"),
    Ask("HEAD", "/page"),
    Ask("GET", "/none"),
    Ask("PUT", "/page"),
    Ask("OPTIONS", "/page"),
    Ask("GET", "/old"),
    Ask("POST", "/form", FORM, b"name=J%C3%BCrgen&a=1"),
    Ask("POST", "/form", FORM, b"a=1"),
    Ask("POST", "/files", MULTIPART, PART % (b"one", b"x" * 70_000) + b"--border--\r\n"),
    Ask("POST", "/upper", {}, b"some text " * 20_000),
    Ask("GET", "/fails"),
]
TALKS = [
    Talk("/echo", ("text", b"bytes", "x" * 200_000), ("a", "b")),
    Talk("/refused"),
    Talk("/none"),
    Talk("/short", ("a", "b")),
]
