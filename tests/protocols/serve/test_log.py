"""What the log says of a request is what its client was told, whoever told it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from miniloop.testing import World
from protocols.http.serve.access import formatter
from protocols.http.serve.front import Front
from protocols.http.serve.proxy import Trusted
from protocols.http.server import hosted

from ..http.support import HOST, PORT, H2Client, in_world, request, serving, talk

pytestmark = pytest.mark.parametrize("library", ["miniloop", "asyncio"])

ERROR = len("Internal Server Error")
START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"hello"}


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Do what the path says."""
    if scope["type"] == "lifespan":
        raise NotImplementedError
    path = scope["path"]
    if path == "/returns":
        return
    if path == "/waits":
        await asyncio.sleep(5)
    if path == "/raises":
        raise ValueError
    while path == "/reads" and (await receive())["type"] == "http.request":
        pass
    await send(START)
    if path == "/changes-its-mind":
        raise ValueError
    await send(BODY | {"more_body": path == "/breaks-off"})
    if path in ("/breaks-off", "/raises-late"):
        raise ValueError


class Log:
    """A server that is logged."""

    def __init__(self, trusted: Trusted | None = None) -> None:
        self.lines: list[str] = []
        form = formatter("{client} {method} {target} {status} {bytes} {end}")
        self.front = Front(hosted(application), trusted, form, self.lines.append)

    def serving(self, **options: Any) -> Any:
        return serving(self.front, finished=self.front.finished, **options)

    def check(self, *lines: str) -> None:
        """Fail unless these are the lines, and nothing is kept for others."""
        assert [line.partition(" ")[2] for line in self.lines] == [*lines]
        assert not self.front._begun


def logged(library: str, data: bytes, *lines: str) -> None:
    """Fail unless these are the log's *lines* after *data*, with the answer's size for ``{}``."""
    log = Log()

    async def scenario(world: World) -> bytes:
        async with log.serving():
            return await talk(data)

    body = in_world(scenario, library).partition(b"\r\n\r\n")[2]
    log.check(*[line.format(len(body)) for line in lines])


SAID = {
    "/": "200 5 complete",
    "/raises": f"500 {ERROR} complete",
    "/returns": f"500 {ERROR} complete",
    "/changes-its-mind": f"500 {ERROR} complete",
    "/breaks-off": "200 5 broken",
    "/raises-late": "200 5 complete",
}


@pytest.mark.parametrize("path", SAID)
def test_what_the_application_makes_of_it(
    library: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    log = Log()

    async def scenario(world: World) -> None:
        async with log.serving():
            try:
                await talk(request(target=path))
            except ConnectionError:
                assert path == "/breaks-off"
            client = await H2Client.connect()
            await client.ended(client.request("GET", path))
            client.close()

    in_world(scenario, library)
    log.check(*[f"GET {path} {SAID[path]}"] * 2)
    wrong = 0 if path == "/" else 2  # which the other log tells
    assert [each.name for each in caplog.records] == ["protocols.http"] * wrong


def test_what_the_server_refuses(library: str) -> None:
    """No application sees it; whoever runs the server does."""
    many = ["A: b"] * 101
    logged(library, request("Host: b"), "GET / 400 {} complete")
    logged(library, request(*many, target="/x"), "GET /x 431 {} complete")
    logged(library, request(method="CONNECT", target="a:1"), "CONNECT a:1 501 {} complete")
    logged(library, request(target="/" + "x" * 10000), "- - 414 {} complete")
    logged(library, b"\x16\x03\x01 hello\r\n\r\n", "- - 400 {} complete")
    logged(library, b"GET /half HTTP/1.1\r\nA", "GET /half 408 {} complete")
    logged(library, b"")  # a connection that says nothing is no request


def test_what_the_server_refuses_over_http2(library: str) -> None:
    log = Log()

    async def scenario(world: World) -> None:
        async with log.serving():
            client = await H2Client.connect()
            await client.ended(client.request("GET", "/many", *[("x", "y")] * 101))
            client.close()

    in_world(scenario, library)
    log.check(f"GET /many 431 {len('too many header fields ')} complete")


def test_a_body_that_is_too_slow_was_answered_with_408(library: str) -> None:
    data = b"POST /reads HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n1"
    logged(library, data, "POST /reads 408 {} complete")


def test_who_leaves_is_not_said_to_have_it_all(library: str) -> None:
    log = Log()

    async def scenario(world: World) -> None:
        async with log.serving():
            _, writer = await asyncio.open_connection(HOST, PORT)
            writer.write(request(target="/waits"))
            client = await H2Client.connect()
            stream = client.request("GET", "/waits")
            await asyncio.sleep(1)
            writer.transport.abort()
            client.parser.reset_stream(stream)
            # Reset before its application has taken a step.
            client.parser.reset_stream(client.request("GET", "/never"))
            client.flush()
            await asyncio.sleep(10)
            client.close()

    in_world(scenario, library)
    log.lines.sort()
    # Over HTTP/1.1 it could have closed its own side only, and was sent everything.
    log.check("GET /never - 0 broken", "GET /waits - 0 broken", "GET /waits 200 5 broken")


def test_the_log_believes_whom_the_application_believes(library: str) -> None:
    log = Log(Trusted(["*"]))

    async def scenario(world: World) -> None:
        async with log.serving():
            await talk(request("X-Forwarded-For: 192.0.2.7"))

    in_world(scenario, library)
    assert log.lines == ["192.0.2.7 GET / 200 5 complete"]
