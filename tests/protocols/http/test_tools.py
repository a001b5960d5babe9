"""What others see of the server: nghttp's frames, h2load, wrk, curl over TLS, aiohttp's client."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import trustme

from miniloop import EventLoop
from protocols.http.handlers import Request, Response
from protocols.http.server import Server, serve

from ...effort import effort, newest_only
from ...tools import tool
from ..loops import Run, on_every_loop

HOST = "127.0.0.1"
ON_OURS = Run(EventLoop)


async def hello(request: Request) -> Response | None:
    """Answer in every way there is."""
    if request.wants_websocket:
        socket = await request.websocket()
        async for message in socket:
            await socket.send(message)
        return None
    if request.path == "/all":
        request.hint("</style.css>; rel=preload")
        return Response(b"hello", trailers=[("x-sum", "1")])
    if request.path == "/slow":
        await asyncio.sleep(0.5)
    body = await request.body(10**8)
    return Response(b"hello " + body)


async def output(program: str, *arguments: str) -> str:
    """Run a program to its end; return what it says."""
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return re.sub(r"\x1b\[[0-9;]*m", "", said.decode())


def serving(
    run: Run, main: Callable[[Server, str], Awaitable[Any]], tls: ssl.SSLContext | None = None
) -> Any:
    """Run *main* with a server and its URL."""

    async def serving() -> Any:
        async with await serve(hello, HOST, ssl=tls) as server:
            name = server.sockets[0].getsockname()
            scheme = "http" if tls is None else "https"
            return await main(server, f"{scheme}://{name[0]}:{name[1]}")

    return run(serving(), 120)


def test_nghttp_sees_these_frames_in_this_order() -> None:
    program = tool("nghttp")

    async def main(server: Server, url: str) -> str:
        return await output(program, "-v", f"{url}/all")

    said = serving(ON_OURS, main)
    frames = re.findall(r"recv (\w+) frame <length=\d+, flags=(\w+), stream_id=(\d+)>", said)
    stream = frames[-1][2]
    assert frames == [
        ("SETTINGS", "0x00", "0"),
        ("WINDOW_UPDATE", "0x00", "0"),
        ("SETTINGS", "0x01", "0"),
        ("HEADERS", "0x04", stream),  # 103
        ("HEADERS", "0x04", stream),
        ("DATA", "0x00", stream),
        ("HEADERS", "0x05", stream),  # trailers, and the end
    ]
    for line in (
        "[SETTINGS_NO_RFC7540_PRIORITIES(0x09):1]",
        "[SETTINGS_ENABLE_CONNECT_PROTOCOL(0x08):1]",
        "[SETTINGS_MAX_CONCURRENT_STREAMS(0x03):100]",
        f"recv (stream_id={stream}) :status: 103",
        f"recv (stream_id={stream}) link: </style.css>; rel=preload",
        f"recv (stream_id={stream}) :status: 200",
        f"recv (stream_id={stream}) x-sum: 1",
    ):
        assert line in said, line


def test_nghttp_is_told_twice_that_the_server_ends() -> None:
    program = tool("nghttp")

    async def main(server: Server, url: str) -> str:
        asking = asyncio.create_task(output(program, "-v", f"{url}/slow"))
        while not any(server.connections) or not server.at_work:
            await asyncio.sleep(0.01)
        await server.drain(30)
        return await asking

    said = serving(ON_OURS, main)
    last = re.findall(r"recv GOAWAY.*\n\s*\(last_stream_id=(\d+), error_code=(\w+)", said)
    stream = re.search(r"recv HEADERS frame .*stream_id=(\d+)", said)
    assert stream is not None
    assert last == [(str(2**31 - 1), "NO_ERROR"), (stream[1], "NO_ERROR")]
    assert "hello" in said


def test_h2load_fails_with_none_of_twenty_thousand() -> None:
    program = tool("h2load")
    number = effort(20_000, 2_000)

    async def main(server: Server, url: str) -> str:
        return await output(program, f"-n{number}", "-c10", "-m10", url)

    said = serving(ON_OURS, main)
    assert f"{number} succeeded, 0 failed, 0 errored, 0 timeout" in said


def test_wrk_fails_with_none() -> None:
    newest_only()
    program = tool("wrk")

    async def main(server: Server, url: str) -> str:
        return await output(program, "-c20", "-t1", "-d1", url)

    said = serving(ON_OURS, main)
    assert re.search(r"[1-9]\d* requests in", said), said
    assert "Non-2xx" not in said
    assert "Socket errors" not in said


def tls() -> tuple[ssl.SSLContext, trustme.CA]:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    return context, authority


@pytest.mark.parametrize(("option", "version"), [("--http2", "2"), ("--http1.1", "1.1")])
def test_curl_over_tls(option: str, version: str) -> None:
    program = tool("curl")
    context, authority = tls()

    async def main(server: Server, url: str) -> str:
        with authority.cert_pem.tempfile() as file:
            shown = ["-w", " %{http_version} %{response_code}", "--data", "x" * 1000]
            return await output(program, "-s", option, "--cacert", file, *shown, url)

    assert serving(ON_OURS, main, context) == f"hello {'x' * 1000} {version} 200"


@on_every_loop
def test_aiohttp_asks_and_talks(run: Run) -> None:
    newest_only()

    async def main(server: Server, url: str) -> None:
        async with aiohttp.ClientSession() as session:
            for _ in range(3):  # on one connection
                async with session.post(url, data=b"x" * 300_000) as answer:
                    assert await answer.read() == b"hello " + b"x" * 300_000
            assert len(server.connections) == 1

            async def pieces() -> Any:
                for number in range(100):
                    yield b"%d " % number

            async with session.post(url, data=pieces()) as answer:
                assert (await answer.text()).endswith("98 99 ")
            async with session.ws_connect(f"{url}/chat", compress=15) as socket:
                for text in ("hello", "x" * 200_000):
                    await socket.send_str(text)
                    assert await socket.receive_str() == text
                await socket.ping()
                await socket.close(code=4000)
                assert socket.close_code == 4000

    serving(run, main)
