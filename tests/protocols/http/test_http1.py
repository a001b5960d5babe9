"""HTTP/1.1: order, framing, keep-alive, backpressure; each on both libraries, in a World."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from miniloop.testing import World
from protocols.http.handlers import Request, Response
from protocols.http.limits import Limits

from .support import HOST, PORT, in_world, request, serving, talk

pytestmark = pytest.mark.parametrize("library", ["miniloop", "asyncio"])


async def echo(request: Request) -> Response:
    body = await request.body()
    return Response(f"{request.method} {request.target} ".encode() + body)


async def streamed(request: Request) -> Response:
    return Response(request.__aiter__(), trailers=[("x-end", "yes")])


def ask(application: Any, data: bytes, library: str, **options: Any) -> bytes:
    async def scenario(world: World) -> bytes:
        async with serving(application, **options):
            return await talk(data)

    answer: bytes = in_world(scenario, library)
    return answer


def bodies(answer: bytes) -> list[bytes]:
    """Return the bodies of responses that have a Content-Length."""
    found = []
    while answer:
        head, _, rest = answer.partition(b"\r\n\r\n")
        size = int(re.search(rb"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]
        found.append(rest[:size])
        answer = rest[size:]
    return found


def test_a_pipeline_is_answered_in_order(library: str) -> None:
    async def slow_first(request: Request) -> Response:
        await asyncio.sleep(3 if request.path == "/0" else 0)
        return await echo(request)

    data = b"".join(request(target=f"/{n}", body=b"b%d" % n, last=n == 9) for n in range(10))
    assert bodies(ask(slow_first, data, library)) == [b"GET /%d b%d" % (n, n) for n in range(10)]


def test_a_chunked_body_comes_in_and_another_goes_out_with_trailers(library: str) -> None:
    chunks = b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nx-in: 1\r\n\r\n"
    head = request("Transfer-Encoding: chunked", "Connection: close", method="POST", last=False)
    answer = ask(streamed, head + chunks, library)
    assert b"transfer-encoding: chunked" in answer.lower()
    assert b"\r\n\r\nb\r\nhello world\r\n" in answer or b"5\r\nhello\r\n6\r\n world\r\n" in answer
    assert answer.endswith(b"0\r\nx-end: yes\r\n\r\n")


def test_head_has_the_head_and_no_body(library: str) -> None:
    answer = ask(echo, request(method="HEAD"), library)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\ncontent-length: 7\r\n" in answer.lower()  # of what a GET would bring
    assert answer.endswith(b"\r\n\r\n")
    assert answer.count(b"\r\n\r\n") == 1


def test_a_body_that_nobody_hears_out_is_ended(library: str) -> None:
    ended: list[asyncio.Task[Any] | None] = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(64 * 1024)
        finally:
            ended.append(asyncio.current_task())

    body = endless()  # that it is kept here means that nobody collects it

    async def handler(_: Request) -> Response:
        tasks.append(asyncio.current_task())
        return Response(body)

    tasks: list[asyncio.Task[Any] | None] = []

    async def scenario(world: World) -> None:
        async with serving(handler):
            reader, writer = await asyncio.open_connection(HOST, PORT)
            writer.write(request())
            await reader.readexactly(100_000)
            writer.transport.abort()
            await asyncio.sleep(10)
            assert ended == tasks  # by the task that sent it

    in_world(scenario, library)


def test_a_handler_is_told_that_the_client_has_left(library: str) -> None:
    told = []

    async def handler(request: Request) -> Response:
        await request.disconnected()
        told.append(request.path)
        return Response("nobody hears that")

    async def scenario(world: World) -> None:
        async with serving(handler):
            _, writer = await asyncio.open_connection(HOST, PORT)
            writer.write(request(target="/left", body=b"unread"))
            await asyncio.sleep(10)
            assert told == []
            writer.transport.abort()
            await asyncio.sleep(10)
            assert told == ["/left"]

    in_world(scenario, library)


@pytest.mark.parametrize("reads", [True, False])
def test_100_is_sent_when_the_body_is_asked_for(library: str, reads: bool) -> None:
    async def handler(request: Request) -> Response:
        await asyncio.sleep(3)
        return Response(await request.body() if reads else b"no")

    async def scenario(world: World) -> tuple[bytes, float]:
        async with serving(handler):
            reader, writer = await asyncio.open_connection(HOST, PORT)
            began = world.now
            writer.write(request("Expect: 100-continue", body=b"hello")[:-5])
            first = await reader.readline()
            at = world.now - began
            writer.write(b"hello")
            rest = await reader.read(-1)
            writer.close()
            return first + rest, at

    answer, at = in_world(scenario, library)
    assert at == pytest.approx(3)
    if reads:
        assert answer.startswith(b"HTTP/1.1 100 ")
        assert answer.endswith(b"hello")
    else:  # it may send its body or not, so the connection cannot be kept
        assert b" 100 " not in answer
        assert b"connection: close" in answer.lower()


def test_http_1_0_is_closed_after_the_response_and_never_chunked(library: str) -> None:
    answer = ask(streamed, b"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", library)
    assert b"chunked" not in answer
    assert answer.endswith(b"\r\n\r\nhi")


def test_an_unread_body_does_not_end_the_connection(library: str) -> None:
    async def careless(request: Request) -> Response:
        return Response(request.path)

    data = request(target="/a", body=b"x" * 30000, last=False) + request(target="/b")
    assert bodies(ask(careless, data, library)) == [b"/a", b"/b"]


def test_a_long_unread_body_does(library: str) -> None:
    async def careless(request: Request) -> Response:
        return Response(request.path)

    data = request(target="/a", body=b"x" * 300000, last=False) + request(target="/b")
    answer = ask(careless, data, library)
    assert b"/a" in answer
    assert b"/b" not in answer


def test_a_client_that_does_not_read_stops_the_application(library: str) -> None:
    sent = 0

    async def flood(request: Request) -> Response:
        async def pieces() -> Any:
            nonlocal sent
            while True:
                yield b"x" * 65536
                sent += 65536

        return Response(pieces())

    async def scenario(world: World) -> int:
        async with serving(flood):
            _, writer = await asyncio.open_connection(HOST, PORT, limit=1000)
            writer.write(request())
            await asyncio.sleep(10)
            writer.close()
            return sent

    assert 0 < in_world(scenario, library) < 3_000_000


def test_an_application_that_does_not_read_stops_the_client(library: str) -> None:
    async def sleeper(request: Request) -> Response:
        await asyncio.sleep(50)
        return Response(str(len(await request.body(10**8))))

    async def scenario(world: World) -> tuple[int, bytes]:
        async with serving(sleeper):
            reader, writer = await asyncio.open_connection(HOST, PORT)
            writer.write(request(body=b"x" * 10_000_000))
            await asyncio.sleep(20)
            left = writer.transport.get_write_buffer_size()
            answer = await reader.read(-1)
            writer.close()
            return left, answer

    left, answer = in_world(scenario, library)
    assert left > 5_000_000
    assert answer.endswith(b"\r\n\r\n10000000")


SMUGGLED = (
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400),
        ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
        ("GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505),
        ("GET /\r\n\r\n", 400),
        ("\x16\x03\x01\x02\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400),
        (SMUGGLED, 400),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("GET /" + "a" * 9000, 414),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: " + "a" * 33000, 431),
        ("GET / HTTP/1.1\r\nHost: a\r\n" + "x: y\r\n" * 100 + "\r\n", 431),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(library: str, data: str, status: int) -> None:
    called = []

    async def handler(request: Request) -> Response:
        called.append(request.path)
        return Response("no")

    answer = ask(handler, data.encode("latin-1"), library)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in answer
    assert answer.count(b"HTTP/1.1") == 1 + (b"are spoken" in answer)
    assert called == []


@pytest.mark.parametrize(
    "body",
    [
        b"3;" + b"x" * 300 + b"\r\nabc\r\n0\r\n\r\n",
        b"3;a\rb\r\nabc\r\n0\r\n\r\n",
        b"3\nabc\n0\n\n",
        b"x\r\n",
        b"-1\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"f" * 17 + b"\r\n",
        b"3\r\nabcde\r\n0\r\n\r\n",
        b"0\r\na: b\r\n c\r\n\r\n",
        b"0\r\na: b\rc\r\n\r\n",
    ],
)
def test_a_chunked_body_that_is_none_is_refused(library: str, body: bytes) -> None:
    head = request("Transfer-Encoding: chunked", method="POST", last=False)
    answer = ask(echo, head + body, library)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("fields", [["Upgrade: h2c"], ["Upgrade: websocket"]])
def test_an_upgrade_without_the_connection_token_is_ignored(
    library: str, fields: list[str]
) -> None:
    answer = ask(echo, request(*fields), library)
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_an_upgrade_to_h2c_is_ignored(library: str) -> None:
    fields = ["Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c", "HTTP2-Settings: AAA"]
    assert ask(echo, request(*fields, last=False), library).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nx", "a\0b"])
def test_a_header_cannot_split_the_response(
    library: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(request: Request) -> Response:
        return Response("", headers=[("x-bad", value)])

    answer = ask(handler, request(), library)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"x-bad" not in answer
    assert len(caplog.records) == 1


def test_the_last_request_of_a_connection_says_so(library: str) -> None:
    data = request(target="/a", last=False) + request(target="/b", last=False) * 2
    answer = ask(echo, data, library, limits=Limits(requests=2))
    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.lower().count(b"connection: close") == 1


async def talk_and_stop(data: bytes) -> bytes:
    """Send *data*, close that side, and return all that comes."""
    reader, writer = await asyncio.open_connection(HOST, PORT)
    writer.write(data)
    await asyncio.sleep(0.01)
    writer.write_eof()
    try:
        return await reader.read(-1)
    finally:
        writer.close()


@pytest.mark.parametrize("size", [0, 300_000])
def test_what_was_asked_before_the_client_closed_its_side_is_answered(
    library: str, size: int
) -> None:
    async def slow(asked: Request) -> Response:
        await asyncio.sleep(1)
        return Response(asked.path.encode() + await asked.body() + b"x" * size)

    async def scenario(world: World) -> bytes:
        async with serving(slow) as server:
            asking = [
                request(target=f"/{n}", body=b" body" * (n % 2), last=False) for n in range(4)
            ]
            answer = await talk_and_stop(b"".join(asking))
            assert not server.connections
            return answer

    answers = bodies(in_world(scenario, library))
    assert answers == [b"/%d" % n + b" body" * (n % 2) + b"x" * size for n in range(4)]


@pytest.mark.parametrize("rest", [b"GET /half", request(body=b"12345", last=False)[:-1]])
def test_half_a_request_that_is_never_finished_ends_with_the_answer_before(
    library: str, rest: bytes
) -> None:
    async def slow(asked: Request) -> Response:
        await asyncio.sleep(1)
        return await echo(asked)

    async def scenario(world: World) -> tuple[bytes, float]:
        async with serving(slow):
            began = world.now
            answer = await talk_and_stop(request(target="/whole", last=False) + rest)
            return answer, world.now - began

    answer, seconds = in_world(scenario, library)
    assert bodies(answer) == [b"GET /whole "]
    assert seconds < 2


# --- targets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "path", "host"),
    [
        ("http://b/c?d", "/c?d", "b"),
        ("HTTPS://b:1", "/", "b:1"),
        ("http://b?d", "/?d", "b"),
        ("/c", "/c", "a"),
    ],
)
def test_a_target_that_is_a_url_says_where_better_than_host_does(
    library: str, target: str, path: str, host: str
) -> None:
    """RFC 9112, section 3.2.2: the Host beside it is of no account."""

    async def handler(asked: Request) -> Response:
        hosts = [value for name, value in asked.headers if name == b"host"]
        return Response(f"{asked.target} {hosts!r}")

    (body,) = bodies(ask(handler, request(target=target), library))
    assert body.decode() == f"{path} [{host.encode()!r}]"


@pytest.mark.parametrize(
    "shape",
    ["GET a", "GET *", "GET ftp://b/", "GET http:///c", "GET http://b@c/", "GET http://b c/"],
)
def test_a_target_that_is_none_is_refused(library: str, shape: str) -> None:
    method, _, target = shape.partition(" ")
    assert ask(echo, request(method=method, target=target), library).startswith(b"HTTP/1.1 400 ")


def test_the_server_itself_can_be_asked_for_its_options(library: str) -> None:
    assert bodies(ask(echo, request(method="OPTIONS", target="*"), library)) == [b"OPTIONS * "]


# --- trailers ------------------------------------------------------------------------------------


async def nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def only_trailers(_: Request) -> Response:
    return Response(nothing(), trailers=[("x-end", "yes")])


def test_trailers_come_after_a_streamed_body_of_nothing(library: str) -> None:
    answer = ask(only_trailers, request(), library)
    assert b"\r\ntransfer-encoding: chunked\r\n" in answer
    assert answer.endswith(b"\r\n\r\n0\r\nx-end: yes\r\n\r\n")


@pytest.mark.parametrize("old", [True, False])
def test_where_no_trailers_can_be_sent_there_are_none(library: str, old: bool) -> None:
    asked = request(method="GET" if old else "HEAD")
    answer = ask(only_trailers, asked.replace(b"/1.1", b"/1.0") if old else asked, library)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n")
    assert b"x-end" not in answer
