"""What applications do wrong, over HTTP/2, on WebSockets, in lifespans, and as handlers.

Each is told to the client once, logged once, and leaves the connection and the server as
they were.  Over HTTP/1.1 see test_asgi.py.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import h2.events
import pytest
from h2.errors import ErrorCodes
from wsproto.events import CloseConnection, RejectConnection, TextMessage

from miniloop.testing import World
from protocols.http.handlers import Request, Response
from protocols.http.server import serve

from .support import HOST, PORT, H2Client, in_world, request, serving, talk
from .test_asgi import BODY, START, WRONG, without_lifespan
from .websockets import CLIENTS, Over1, Over2

pytestmark = pytest.mark.parametrize("library", ["miniloop", "asyncio"])

# --- HTTP/2 --------------------------------------------------------------------------------------


async def right(send: Any) -> None:
    await send(START)
    await send(BODY)


BEGUN = {
    "raises in the body": ([START, BODY | {"more_body": True}], ValueError("mine")),
    "returns in the body": ([START, BODY | {"more_body": True}], None),
    "a body that is too short": (
        [START | {"headers": [(b"content-length", b"9")]}, BODY | {"more_body": True}, BODY],
        None,
    ),
}


@pytest.mark.parametrize("wrong", [*WRONG, *BEGUN])
def test_a_stream_is_answered_or_reset_and_the_connection_lives(
    library: str, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    messages, error = (WRONG | BEGUN)[wrong][:2]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/right":
            await right(send)
            return
        for message in messages:
            await send(message)
        if error is not None:
            raise error

    async def scenario(world: World) -> tuple[str, int | None]:
        async with serving(without_lifespan(application)):
            client = await H2Client.connect()
            stream = client.request("GET", "/wrong")
            await client.ended(stream)
            resets = [e for e in client.events if isinstance(e, h2.events.StreamReset)]
            assert await client.ended(client.request("GET", "/right")) == b"hello"
            client.close()
            code = resets[0].error_code if resets else None
            return client.status(stream), code

    status, code = in_world(scenario, library)
    if wrong in BEGUN:
        assert (status, code) == ("200", ErrorCodes.INTERNAL_ERROR)
    else:
        assert (status, code) == (str(WRONG[wrong][2]), None)
    assert len(caplog.records) == 1


# --- WebSockets ----------------------------------------------------------------------------------

ACCEPT = {"type": "websocket.accept"}
SEND = {"type": "websocket.send", "text": "hello"}
CLOSE = {"type": "websocket.close"}
DENY = {"type": "websocket.http.response.start", "status": 401, "headers": []}

#: What is sent, what is raised then, and the status or the close code that the client gets.
WRONG_SOCKETS: dict[str, tuple[list[Any], Exception | None, int]] = {
    "raises before it accepts": ([], ValueError("mine"), 500),
    "returns before it accepts": ([], None, 500),
    "sends before it accepts": ([SEND], None, 500),
    "says something unknown first": ([{"type": "websocket.nonsense"}], None, 500),
    "a line end in a header": ([ACCEPT | {"headers": [(b"a", b"b\r\nc: d")]}], None, 500),
    "a subprotocol that nobody offered": ([ACCEPT | {"subprotocol": "x"}], None, 500),
    "denies twice": ([DENY, DENY], None, 500),
    "denies without a body": ([DENY], None, 500),
    "raises after it accepted": ([ACCEPT], ValueError("mine"), 1011),
    "accepts twice": ([ACCEPT, ACCEPT], None, 1011),
    "denies after it accepted": ([ACCEPT, DENY], None, 1011),
    "sends neither text nor bytes": ([ACCEPT, {"type": "websocket.send"}], None, 1011),
    "sends text and bytes": ([ACCEPT, SEND | {"bytes": b"hello"}], None, 1011),
    "says something unknown": ([ACCEPT, {"type": "websocket.nonsense"}], None, 1011),
    "sends after it closed": ([ACCEPT, CLOSE, SEND], None, 1000),
    "closes twice": ([ACCEPT, CLOSE, CLOSE], None, 1000),
    "accepts after it closed": ([ACCEPT, CLOSE, ACCEPT], None, 1000),
}


@pytest.mark.parametrize("over", CLIENTS.values(), ids=[*CLIENTS])
@pytest.mark.parametrize("wrong", WRONG_SOCKETS)
def test_a_websocket_is_closed_or_refused(
    library: str, over: Any, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    messages, error, code = WRONG_SOCKETS[wrong]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        for message in messages:
            await send(message)
        if error is not None:
            raise error

    async def scenario(world: World) -> int:
        async with serving(without_lifespan(application)):
            client = await over.connect()
            answer = client.answer
            if code < 1000:
                client.close()
                if isinstance(client, Over2):
                    return int(answer)
                assert isinstance(answer, RejectConnection)
                return answer.status_code
            close = await client.ended()
            client.close()
            return int(close.code)

    assert in_world(scenario, library) == code
    assert len(caplog.records) == 1, caplog.text


def test_to_send_to_a_client_that_left_is_no_fault(
    library: str, caplog: pytest.LogCaptureFixture
) -> None:
    errors: list[BaseException] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        await asyncio.sleep(1)
        try:
            await send(SEND)
        except OSError as error:
            errors.append(error)
            raise

    async def scenario(world: World) -> None:
        async with serving(without_lifespan(application)):
            client = await Over1.connect()
            client.writer.transport.abort()
            await asyncio.sleep(5)

    in_world(scenario, library)
    assert len(errors) == 1
    assert not caplog.records


# --- clients that leave --------------------------------------------------------------------------


async def leaves_http1() -> None:
    _, writer = await asyncio.open_connection(HOST, PORT)
    writer.write(request())
    await asyncio.sleep(1)
    writer.transport.abort()


async def leaves_a_stream() -> None:
    client = await H2Client.connect()
    stream = client.request()
    await asyncio.sleep(1)
    client.parser.reset_stream(stream)
    client.flush()
    await asyncio.sleep(5)
    client.close()


async def leaves_http2() -> None:
    client = await H2Client.connect()
    client.request()
    await asyncio.sleep(1)
    client.writer.transport.abort()


async def leaves_a_websocket() -> None:
    client = await Over1.connect()
    await asyncio.sleep(1)
    client.writer.transport.abort()


LEAVING = [leaves_http1, leaves_a_stream, leaves_http2, leaves_a_websocket]


@pytest.mark.parametrize("leave", LEAVING)
def test_who_leaves_is_told_of_and_work_goes_on(
    library: str, leave: Any, caplog: pytest.LogCaptureFixture
) -> None:
    log: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send(ACCEPT)
        kind = "nothing"
        while not kind.endswith("disconnect"):
            kind = (await receive())["type"]
        assert (await receive())["type"] == kind  # as often as one likes
        await asyncio.sleep(2)
        log.append("work is done")
        try:
            if scope["type"] == "http":
                await send(START)
            for _ in range(5):  # it might still read: only what it does not take tells
                await send(SEND if scope["type"] == "websocket" else BODY | {"more_body": True})
                await asyncio.sleep(0.5)
        except OSError:
            log.append(kind)
            raise

    async def scenario(world: World) -> None:
        async with serving(without_lifespan(application)):
            await leave()
            await asyncio.sleep(5)

    in_world(scenario, library)
    kind = "websocket" if leave is leaves_a_websocket else "http"
    assert log == ["work is done", f"{kind}.disconnect"]
    assert not caplog.records


# --- handlers ------------------------------------------------------------------------------------


async def pieces_that_fail() -> AsyncIterator[bytes]:
    yield b"begun"
    raise ValueError("mine")


WRONG_HANDLERS: dict[str, Any] = {
    "raises": lambda request: 1 / 0,
    "returns nothing": lambda request: None,
    "returns something else": lambda request: "hello",
    "a status that is none": lambda request: Response("", 99),
    "a name that is none": lambda request: Response("", headers=[("a b", "c")]),
    "a value that is none": lambda request: Response("", headers=[("a", "\ud800")]),
    "a body that is none": lambda request: Response(5),  # type: ignore[arg-type]
    "a length that is none": lambda request: Response("a", headers=[("content-length", "x")]),
    "a length that is another": lambda request: Response("a", headers=[("content-length", "2")]),
}


@pytest.mark.parametrize("wrong", WRONG_HANDLERS)
def test_a_handler_that_fails_is_500(
    library: str, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(request: Request) -> Response:
        if request.path == "/right":
            return Response("hello")
        answer: Response = WRONG_HANDLERS[wrong](request)
        return answer

    async def scenario(world: World) -> tuple[bytes, str]:
        async with serving(handler):
            answer = await talk(request(last=False) + request(target="/right"))
            client = await H2Client.connect()
            stream = client.request()
            await client.ended(stream)
            assert await client.ended(client.request("GET", "/right")) == b"hello"
            client.close()
            return answer, client.status(stream)

    answer, status = in_world(scenario, library)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert answer.endswith(b"hello")
    assert status == "500"
    assert len(caplog.records) == 2, caplog.text


def test_a_body_that_fails_breaks_off(library: str, caplog: pytest.LogCaptureFixture) -> None:
    async def handler(request: Request) -> Response:
        return Response(pieces_that_fail())

    async def scenario(world: World) -> Any:
        async with serving(handler):
            client = await H2Client.connect()
            await client.ended(client.request())
            client.close()
            return next(e for e in client.events if isinstance(e, h2.events.StreamReset)).error_code

    assert in_world(scenario, library) == ErrorCodes.INTERNAL_ERROR
    assert len(caplog.records) == 1


@pytest.mark.parametrize("over", CLIENTS.values(), ids=[*CLIENTS])
def test_a_handler_of_a_websocket_that_raises_is_1011(
    library: str, over: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(request: Request) -> None:
        socket = await request.websocket()
        await socket.receive()
        raise ValueError("mine")

    async def scenario(world: World) -> int:
        async with serving(handler):
            client = await over.connect()
            await client.send(TextMessage("hello"))
            close = await client.next(CloseConnection)
            client.close()
            return int(close.code)

    assert in_world(scenario, library) == 1011
    assert len(caplog.records) == 1


# --- lifespans -----------------------------------------------------------------------------------


class Lifespan:
    """An ASGI application whose lifespan does what it is told to."""

    def __init__(self, *messages: Any, error: Exception | None = None) -> None:
        self.messages = [*messages]
        self.error = error

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            return await right(send)
        while True:
            await receive()
            if self.messages:
                await send({"type": f"lifespan.{self.messages.pop(0)}", "message": "why"})
            elif self.error is not None:
                raise self.error


def lives(library: str, application: Any) -> bool:
    """Serve once; return whether it was answered."""

    async def scenario(world: World) -> bool:
        async with await serve(application, HOST, PORT):
            return (await talk(request())).endswith(b"hello")

    answered: bool = in_world(scenario, library)
    return answered


@pytest.mark.parametrize(
    ("application", "said"),
    [
        (Lifespan(error=ValueError("mine")), "raised in its lifespan"),
        (Lifespan("startup.complete", error=ValueError("mine")), "raised in its lifespan"),
        (Lifespan("startup.complete", "shutdown.failed"), "why"),
        (Lifespan("startup.complete", "startup.complete"), "raised in its lifespan"),
        (Lifespan("startup.complete", "nonsense"), "raised in its lifespan"),
    ],
)
def test_a_lifespan_that_fails_is_logged_once(
    library: str, application: Lifespan, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    fresh = Lifespan(*application.messages, error=application.error)
    assert lives(library, fresh)
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert said in caplog.text


def test_a_startup_that_fails_listens_to_nobody(library: str) -> None:
    async def scenario(world: World) -> str:
        with pytest.raises(RuntimeError) as raised:
            await serve(Lifespan("startup.failed"), HOST, PORT)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, PORT)
        return str(raised.value)

    assert "why" in in_world(scenario, library)
