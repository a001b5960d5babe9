"""ASGI 3: lifespan, http, and what applications do wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from miniloop.testing import World
from protocols.http.server import serve

from .support import HOST, PORT, H2Client, in_world, request, serving, talk

pytestmark = pytest.mark.parametrize("library", ["miniloop", "asyncio"])

START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"hello"}


def without_lifespan(application: Any) -> Any:
    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await application(scope, receive, send)

    return wrapped


def ask(application: Any, data: bytes, library: str) -> bytes:
    async def scenario(world: World) -> bytes:
        async with serving(without_lifespan(application)):
            return await talk(data)

    answer: bytes = in_world(scenario, library)
    return answer


def test_the_lifespan_gives_each_request_a_copy_of_its_state(library: str) -> None:
    log: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            scope["state"]["shared"] = log
            while True:
                event = await receive()
                log.append(event["type"])
                await send({"type": event["type"] + ".complete"})
                if event["type"] == "lifespan.shutdown":
                    return
        scope["state"]["shared"].append("request")
        assert "own" not in scope["state"]
        scope["state"]["own"] = True
        await send(START)
        await send(BODY)

    async def scenario(world: World) -> None:
        async with serving(application):
            await talk(request())
            await talk(request())

    in_world(scenario, library)
    assert log == ["lifespan.startup", "request", "request", "lifespan.shutdown"]


def test_a_startup_that_fails_is_the_end(library: str) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    async def scenario(world: World) -> str:
        with pytest.raises(RuntimeError) as raised:
            await serve(application, HOST, PORT)
        return str(raised.value)

    assert "no database" in in_world(scenario, library)


def test_the_scope_says_what_was_asked(library: str) -> None:
    scopes = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await send(START)
        await send(BODY)

    ask(application, request("X-A: b", target="/a%20b/%C3%BC?q=%20"), library)
    ask(application, request(target="http://a/c?d"), library)
    scope = scopes[0]
    assert scope["type"] == "http"
    assert scope["path"] == "/a b/ü"
    assert scope["raw_path"] == b"/a%20b/%C3%BC"
    assert scope["query_string"] == b"q=%20"
    assert (b"x-a", b"b") in scope["headers"]
    assert scope["server"][1] == PORT
    assert scope["http_version"] == "1.1"
    assert (scopes[1]["path"], scopes[1]["query_string"]) == ("/c", b"d")


WRONG: dict[str, Any] = {
    "raises at once": ([], ValueError("mine"), 500, "the application raised"),
    "returns without an answer": ([], None, 500, "without a response"),
    "raises after the start": ([START], ValueError("mine"), 500, "the application raised"),
    "answers twice": ([START, START], None, 500, "the application raised"),
    "body before the start": ([BODY], None, 500, "the application raised"),
    "an unknown message": ([{"type": "http.nonsense"}], None, 500, "the application raised"),
    "sends after the end": ([START, BODY, BODY], None, 200, "the application raised"),
    "answers after the end": ([START, BODY, START], None, 200, "the application raised"),
    "a line end in a header": (
        [START | {"headers": [(b"a", b"b\r\nc: d")]}],
        None,
        500,
        "the application raised",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said_once_and_the_connection_lives(
    library: str, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    messages, error, status, said = WRONG[wrong]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/right":
            await send(START)
            await send(BODY)
            return
        for message in messages:
            await send(message)
        if error is not None:
            raise error

    answer = ask(application, request(last=False) + request(target="/right"), library)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.count(b"HTTP/1.1 ") == 2
    assert answer.endswith(b"\r\n\r\nhello")
    assert len(caplog.records) == 1
    assert said in caplog.text


@pytest.mark.parametrize(
    "headers", [[], [(b"content-length", b"100")]], ids=["chunked", "of known length"]
)
@pytest.mark.parametrize("raises", [True, False])
def test_a_response_that_breaks_off_is_seen_to(
    library: str, headers: Any, raises: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(START | {"headers": headers})
        await send(BODY | {"more_body": True})
        if raises:
            raise ValueError

    async def scenario(world: World) -> bytes:
        async with serving(without_lifespan(application)):
            reader, writer = await asyncio.open_connection(HOST, PORT)
            writer.write(request())
            got = b""
            try:
                while data := await reader.read(1000):
                    got += data
            except ConnectionError:
                pass
            writer.close()
            return got

    answer = in_world(scenario, library)
    assert not answer.endswith(b"0\r\n\r\n")
    assert len(caplog.records) == 1


def test_a_client_that_leaves_is_told_of_and_nothing_is_cancelled(library: str) -> None:
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append((await receive())["type"])
        seen.append((await receive())["type"])
        await asyncio.sleep(5)
        try:
            # It might still read: only what it does not take tells that it does not.
            await send(START)
            for _ in range(5):
                await send(BODY | {"more_body": True})
                await asyncio.sleep(1)
        except OSError:
            seen.append("OSError")

    async def scenario(world: World) -> None:
        async with serving(without_lifespan(application)) as server:
            _, writer = await asyncio.open_connection(HOST, PORT)
            writer.write(request())
            await asyncio.sleep(1)
            writer.transport.abort()
            await asyncio.sleep(1)
            assert seen == ["http.request", "http.disconnect"]
            await server.drain()

    in_world(scenario, library)
    assert seen == ["http.request", "http.disconnect", "OSError"]


@pytest.mark.parametrize("begun", [[], [START], [START, BODY | {"more_body": True}]])
def test_whoever_is_told_that_the_client_has_left_may_return(
    library: str, begun: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        for message in begun:
            await send(message)
        seen.append((await receive())["type"])
        seen.append((await receive())["type"])

    async def scenario(world: World) -> None:
        async with serving(without_lifespan(application)) as server:
            _, writer = await asyncio.open_connection(HOST, PORT)
            writer.write(request())
            await asyncio.sleep(1)
            writer.close()
            await server.drain()

    in_world(scenario, library)
    assert seen == ["http.request", "http.disconnect"]
    assert caplog.records == []


def test_after_the_response_receive_says_disconnect(library: str) -> None:
    seen = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(START)
        await send(BODY)
        seen.append((await receive())["type"])

    ask(application, request(), library)
    assert seen == ["http.disconnect"]


async def extended(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.early_hint", "links": [b"</a>; rel=preload"]})
    await send(START | {"trailers": True})
    await send(BODY)
    await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]})


def test_early_hints_and_trailers_over_http1(library: str) -> None:
    answer = ask(extended, request(), library)
    assert answer.startswith(
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\nHTTP/1.1 200"
    )
    assert answer.endswith(b"0\r\nx-sum: 1\r\n\r\n")


def test_early_hints_and_trailers_over_http2(library: str) -> None:
    async def scenario(world: World) -> list[str]:
        async with serving(without_lifespan(extended)):
            client = await H2Client.connect()
            await client.ended(client.request())
            client.close()
            return [type(event).__name__ for event in client.events]

    names = in_world(scenario, library)
    wanted = ["InformationalResponseReceived", "ResponseReceived", "DataReceived"]
    assert [name for name in names if name in wanted] == wanted
    assert names.index("TrailersReceived") > names.index("DataReceived")


@pytest.mark.parametrize("begun", [[START, BODY], [START, BODY | {"more_body": True}]])
def test_hints_that_come_too_late_are_an_error(library: str, begun: list[Any]) -> None:
    raised = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        for message in begun:
            await send(message)
        with pytest.raises(RuntimeError, match="comes before the response") as error:
            await send({"type": "http.response.early_hint", "links": [b"</a>"]})
        raised.append(error)
        if begun[-1] is not BODY:
            await send(BODY)

    assert ask(application, request(), library).count(b"HTTP/1.1 ") == 1
    assert raised


def test_draining_finishes_what_is_at_work(library: str) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(3)
        await send(START)
        await send(BODY)

    async def scenario(world: World) -> tuple[bytes, float]:
        async with serving(without_lifespan(application)) as server:
            asking = asyncio.create_task(talk(request(last=False)))
            await asyncio.sleep(1)
            began = world.now
            await server.drain(10)
            return await asking, world.now - began

    answer, seconds = in_world(scenario, library)
    assert b"connection: close" in answer
    assert answer.endswith(b"hello")
    assert seconds == pytest.approx(2)


def test_draining_ends_what_does_not_end(library: str) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async def scenario(world: World) -> float:
        async with serving(without_lifespan(application)) as server:
            _, writer = await asyncio.open_connection(HOST, PORT)
            writer.write(request())
            await asyncio.sleep(1)
            began = world.now
            await server.drain(10)
            writer.transport.abort()
            return world.now - began

    assert in_world(scenario, library) == pytest.approx(10)


def test_closing_ends_what_has_not_begun(library: str) -> None:
    """A task that is cancelled before its first step never comes to clean up."""
    begun: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        begun.append(scope["type"])

    async def scenario(world: World) -> None:
        async with serving(without_lifespan(application)) as server:
            _, writer = await asyncio.open_connection(HOST, PORT)
            await asyncio.sleep(1)
            (connection,) = server.connections
            connection.data_received(request())
            assert len(server.at_work) == 1
            server.close()
            async with asyncio.timeout(1):
                await server.wait_closed()
            assert not server.at_work
            writer.transport.abort()

    in_world(scenario, library)
    assert begun == []


@pytest.mark.parametrize("http2", [False, True])
def test_what_comes_too_late_for_a_client_is_not_written(
    library: str, http2: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """An application that does nothing but send learns of a broken connection all the same."""
    ends: list[int] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        count = 0
        try:
            await wakes.wait()
            while True:
                await send(BODY | {"body": b"x" * 10_000, "more_body": True})
                count += 1
        finally:
            ends.append(count)

    wakes = asyncio.Event()

    async def scenario(world: World) -> None:
        async with serving(without_lifespan(application)) as server:
            if http2:
                client = await H2Client.connect()
                client.request()
                writer = client.writer
            else:
                _, writer = await asyncio.open_connection(HOST, PORT)
                writer.write(request())
            await asyncio.sleep(1)
            (connection,) = server.connections
            # As when a write finds out: the loop says so in its next turn.
            wakes.set()
            connection.transport.abort()
            await asyncio.sleep(1)
            writer.transport.abort()

    in_world(scenario, library)
    assert len(ends) == 1
    assert ends[0] < 20
    assert not caplog.records


def test_a_startup_that_raises_is_told_of(library: str, caplog: pytest.LogCaptureFixture) -> None:
    """To serve all the same is what ASGI asks for; to say nothing of it is not."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            raise ValueError("no database")
        await send(START)
        await send(BODY)

    async def scenario(world: World) -> bytes:
        async with serving(application):
            return await talk(request())

    assert in_world(scenario, library).endswith(b"hello")
    assert [record.getMessage() for record in caplog.records] == [
        "the application raised in its lifespan"
    ]
    assert "no database" in caplog.text


def test_connections_that_are_cut_off_are_told_of(
    library: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async def scenario(world: World) -> None:
        async with serving(without_lifespan(application)) as server:
            _, writer = await asyncio.open_connection(HOST, PORT)
            writer.write(request())
            await asyncio.sleep(1)
            await server.drain(2.5)
            writer.transport.abort()

    in_world(scenario, library)
    assert caplog.messages == ["1 connections are cut off: they did not end in 2.5 s"]
