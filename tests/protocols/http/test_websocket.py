"""WebSockets, over HTTP/1.1 and over HTTP/2, as ASGI sees them and as handlers do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hyperframe.frame import GoAwayFrame
from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Message,
    Ping,
    Pong,
    RejectConnection,
    TextMessage,
)

from miniloop.testing import World
from protocols.http.handlers import Request, Response
from protocols.http.limits import Limits

from .support import HOST, PORT, in_world, request, serving, talk
from .websockets import CLIENTS, Over1, Over2

pytestmark = pytest.mark.parametrize("library", ["miniloop", "asyncio"])
both = pytest.mark.parametrize("client", CLIENTS.values(), ids=[*CLIENTS])


class Application:
    """An ASGI application that echoes; it keeps the events that it got."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.scope: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return
        self.scope = scope
        while True:
            event = await receive()
            self.events.append(event)
            if event["type"] == "websocket.connect":
                chosen = scope["subprotocols"][0] if scope["subprotocols"] else None
                await send({"type": "websocket.accept", "subprotocol": chosen})
            elif event["type"] == "websocket.disconnect":
                return
            elif event["text"] == "close":
                await send({"type": "websocket.close", "code": 4001, "reason": "as you like"})
            else:
                answer = {"text": event["text"], "bytes": event["bytes"]}
                await send({"type": "websocket.send"} | answer)


@both
def test_one_task_may_wait_for_messages_before_another_accepts(library: str, client: Any) -> None:
    events: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        async def listen() -> None:
            while not events or events[-1]["type"] != "websocket.disconnect":
                events.append(await receive())

        if scope["type"] == "websocket":
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(listen())
                await asyncio.sleep(1)
                await send({"type": "websocket.accept"})

    async def scenario(world: World) -> None:
        async with serving(application):
            socket = await client.connect()
            await socket.send(TextMessage("hello"))
            await socket.send(CloseConnection(3000))
            assert (await socket.ended()).code == 3000
            socket.close()

    in_world(scenario, library)
    assert [event["type"].partition(".")[2] for event in events] == [
        "connect",
        "receive",
        "disconnect",
    ]
    assert (events[1]["text"], events[2]["code"]) == ("hello", 3000)


@both
def test_messages_come_back_and_fragments_are_joined(library: str, client: Any) -> None:
    application = Application()

    async def scenario(world: World) -> None:
        async with serving(application):
            socket = await client.connect()
            await socket.send(TextMessage("hellö"))
            assert (await socket.next(Message)).data == "hellö"
            for number in range(5):
                await socket.send(BytesMessage(b"x" * 1000, message_finished=number == 4))
            got = b""
            while len(got) < 5000:
                got += (await socket.next(Message)).data
            await socket.send(Ping(b"abc"))
            assert (await socket.next(Pong)).payload == b"abc"
            await socket.send(BytesMessage(b""))
            assert (await socket.next(Message)).data == b""
            await socket.send(CloseConnection(3000, "bye"))
            assert (await socket.ended()).code == 3000
            socket.close()

    in_world(scenario, library)
    last = {"type": "websocket.disconnect", "code": 3000, "reason": "bye"}
    assert application.events[-1] == last
    assert application.scope["scheme"] == "ws"
    assert application.scope["path"] == "/ws"


@both
def test_the_application_closes(library: str, client: Any) -> None:
    application = Application()

    async def scenario(world: World) -> Any:
        async with serving(application):
            socket = await client.connect()
            await socket.send(TextMessage("close"))
            close = await socket.ended()
            socket.close()
            return close

    close = in_world(scenario, library)
    assert (close.code, close.reason) == (4001, "as you like")
    assert application.events[-1]["type"] == "websocket.disconnect"


@both
def test_a_client_that_just_leaves_is_1006(library: str, client: Any) -> None:
    application = Application()

    async def scenario(world: World) -> None:
        async with serving(application):
            socket = await client.connect()
            socket.close()
            await asyncio.sleep(1)

    in_world(scenario, library)
    assert application.events[-1]["code"] == 1006


@both
def test_a_peer_that_sends_no_pong_is_left(library: str, client: Any) -> None:
    application = Application()

    async def scenario(world: World) -> tuple[float, float]:
        async with serving(application):
            socket = await client.connect()
            began = world.now
            for _ in range(3):
                ping = await socket.next(Ping)
                await socket.send(ping.response())
            answered = world.now - began
            await socket.next(Ping)
            await socket.next(CloseConnection)
            left = world.now - began
            socket.close()
            return answered, left

    assert in_world(scenario, library) == pytest.approx((60, 100))
    assert application.events[-1]["code"] == 1006


@both
def test_a_large_message_is_1009(library: str, client: Any) -> None:
    async def scenario(world: World) -> Any:
        async with serving(Application(), limits=Limits(websocket_message=50_000)):
            socket = await client.connect()
            await socket.send(BytesMessage(b"x" * 50_001))
            close = await socket.ended()
            socket.close()
            return close

    assert in_world(scenario, library).code == 1009


@both
@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x01a", 1002),  # not masked
        (b"\xc1\x80\0\0\0\0", 1002),  # a reserved bit
        (b"\x83\x80\0\0\0\0", 1002),  # an unknown opcode
        (b"\x81\x81\0\0\0\0\xff", 1007),  # not UTF-8
        (b"\x80\x80\0\0\0\0", 1002),  # goes on with nothing
        (b"\x09\x80\0\0\0\0", 1002),  # a ping in fragments
        (b"\x88\x81\0\0\0\0a", 1002),  # half a close code
    ],
)
def test_who_breaks_the_rules_is_told_which(
    library: str, client: Any, frame: bytes, code: int
) -> None:
    async def scenario(world: World) -> Any:
        async with serving(Application()):
            socket = await client.connect()
            await socket.raw(frame)
            close = await socket.next(CloseConnection)
            socket.close()
            return close

    assert in_world(scenario, library).code == code


def test_messages_are_compressed_both_ways(library: str) -> None:
    async def scenario(world: World) -> int:
        async with serving(Application()):
            socket = await Over1.connect(deflate=True)
            assert socket.answer.extensions
            await socket.send(TextMessage("x" * 100_000))
            got = 0
            while got < 100_000:
                got += len((await socket.next(Message)).data)
            socket.close()
            return got

    assert in_world(scenario, library) == 100_000


@both
def test_an_application_that_does_not_receive_stops_the_client(library: str, client: Any) -> None:
    async def handler(request: Request) -> Response | None:
        socket = await request.websocket()
        await asyncio.sleep(5)
        queued = sum(len(message) for message in socket._queue) + len(socket._raw)
        sizes.append(queued)
        count = 0
        async for _ in socket:
            count += 1
            if count == 30:
                await socket.send(str(count))
                await socket.close()
        return None

    sizes: list[int] = []

    async def scenario(world: World) -> Any:
        async with serving(handler, limits=Limits(websocket_ping=0)):
            socket = await client.connect()

            async def send() -> None:
                for _ in range(30):
                    if isinstance(socket, Over2):
                        http = socket.http.parser
                        while http.local_flow_control_window(socket.stream) < 10_100:
                            await asyncio.sleep(1)
                    await socket.send(BytesMessage(b"x" * 10_000))

            sending = asyncio.create_task(send())
            answer = await socket.next(TextMessage)
            await sending
            await socket.ended()
            socket.close()
            return answer.data

    assert in_world(scenario, library) == "30"
    assert 65_000 < sizes[0] < 500_000


@both
def test_draining_closes_with_1012(library: str, client: Any) -> None:
    async def scenario(world: World) -> tuple[Any, float]:
        async with serving(Application()) as server:
            socket = await client.connect()
            began = world.now
            draining = asyncio.create_task(server.drain(30))
            close = await socket.ended()
            socket.close()
            await draining
            return close, world.now - began

    close, seconds = in_world(scenario, library)
    assert close.code == 1012
    assert seconds < 5


def test_a_client_that_said_goaway_is_told_too(library: str) -> None:
    async def scenario(world: World) -> int:
        async with serving(Application()) as server:
            socket = await Over2.connect()
            socket.http.writer.write(GoAwayFrame(0, last_stream_id=0).serialize())
            await asyncio.sleep(1)
            draining = asyncio.create_task(server.drain(30))
            close = await socket.next(CloseConnection)
            socket.close()
            await draining
            return int(close.code)

    assert in_world(scenario, library) == 1012


def test_the_last_request_of_a_connection_does_not_end_its_websockets(library: str) -> None:
    async def scenario(world: World) -> str:
        async def handler(request: Request) -> Response | None:
            if not request.wants_websocket:
                return Response("")
            socket = await request.websocket()
            async for message in socket:
                await socket.send(message)
            return None

        async with serving(handler, limits=Limits(requests=2)):
            socket = await Over2.connect()
            await socket.http.ended(socket.http.request())
            await asyncio.sleep(5)
            await socket.send(TextMessage("still here"))
            message: str = (await socket.next(TextMessage)).data
            await socket.send(CloseConnection(1000))
            await socket.ended()
            assert await socket.http.until(lambda event: False) is None  # it is closed then
            socket.close()
            return message

    assert in_world(scenario, library) == "still here"


# --- the handshake -------------------------------------------------------------------------------


def test_a_subprotocol_is_chosen(library: str) -> None:
    async def scenario(world: World) -> Any:
        async with serving(Application()):
            socket = await Over1.connect(subprotocols=["chat", "other"])
            socket.close()
            return socket.answer.subprotocol

    assert in_world(scenario, library) == "chat"


async def denies(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        start = {"type": "websocket.http.response.start", "status": 401}
        await send(start | {"headers": [(b"x-why", b"because")]})
        await send({"type": "websocket.http.response.body", "body": b"no"})


async def closes(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})


@pytest.mark.parametrize(("application", "status"), [(denies, 401), (closes, 403)])
def test_a_refusal_has_a_status(library: str, application: Any, status: int) -> None:
    async def scenario(world: World) -> tuple[Any, str]:
        async with serving(application):
            first = await Over1.connect()
            first.close()
            second = await Over2.connect()
            second.close()
            return first.answer, second.answer

    first, second = in_world(scenario, library)
    assert isinstance(first, RejectConnection)
    assert (first.status_code, second) == (status, str(status))


UPGRADE = ["Connection: Upgrade", "Upgrade: websocket"]
KEY = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([KEY], 426),
        ([KEY, "Sec-WebSocket-Version: 12"], 426),
        (["Sec-WebSocket-Version: 13"], 400),
        (["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: abc"], 400),
    ],
)
def test_a_request_that_is_none_is_refused(library: str, fields: list[str], status: int) -> None:
    async def scenario(world: World) -> bytes:
        async with serving(Application()):
            return await talk(request(*UPGRADE, *fields, last=False))

    assert in_world(scenario, library).startswith(b"HTTP/1.1 %d " % status)


def test_a_handler_that_wants_a_websocket_refuses_others(library: str) -> None:
    async def handler(request: Request) -> None:
        await request.websocket()

    async def scenario(world: World) -> bytes:
        async with serving(handler):
            return await talk(request())

    assert in_world(scenario, library).startswith(b"HTTP/1.1 400 ")


def test_what_follows_a_refused_upgrade_is_no_request(library: str) -> None:
    called = []

    async def handler(request: Request) -> Response:
        called.append(request.path)
        return Response("no", 403)

    async def scenario(world: World) -> bytes:
        async with serving(handler):
            fields = [*UPGRADE, KEY, "Sec-WebSocket-Version: 13"]
            return await talk(request(*fields, last=False) + request(target="/smuggled"))

    assert in_world(scenario, library).count(b"HTTP/1.1 ") == 1
    assert called == ["/"]


def test_frames_that_come_with_the_request_are_read(library: str) -> None:
    application = Application()

    async def scenario(world: World) -> bytes:
        async with serving(application):
            reader, writer = await asyncio.open_connection(HOST, PORT)
            fields = [*UPGRADE, KEY, "Sec-WebSocket-Version: 13"]
            writer.write(request(*fields, last=False) + b"\x81\x82\0\0\0\0hi")
            await reader.readuntil(b"\r\n\r\n")
            answer = await reader.readexactly(4)
            writer.close()
            return answer

    assert in_world(scenario, library) == b"\x81\x02hi"


@both
def test_an_application_that_raises_is_1011_and_logged_once(
    library: str, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(request: Request) -> None:
        await request.websocket()
        raise ValueError("mine")

    async def scenario(world: World) -> Any:
        async with serving(handler):
            socket = await client.connect()
            close = await socket.ended()
            socket.close()
            return close

    assert in_world(scenario, library).code == 1011
    assert len(caplog.records) == 1
