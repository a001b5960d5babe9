"""Real sockets and real clients, on every loop: TCP, Unix, TLS with ALPN, a given one."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import hpack
import httpx
import pytest
import trustme
import websockets
from hyperframe.frame import GoAwayFrame, HeadersFrame, SettingsFrame
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from protocols.http.connection import PREFACE
from protocols.http.handlers import Request, Response
from protocols.http.limits import Limits
from protocols.http.server import serve

from ...tools import tool
from ..loops import Run, on_every_loop
from .support import request

HOST = "127.0.0.1"


@functools.cache
def authority() -> trustme.CA:
    return trustme.CA()


def contexts(client_certificate: bool = False) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority().issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority().configure_trust(client)
    if client_certificate:
        authority().configure_trust(server)
        server.verify_mode = ssl.CERT_REQUIRED
        authority().issue_cert("me@example.org", common_name="me").configure_cert(client)
    return server, client


async def echo(request: Request) -> Response:
    body = await request.body(10**8)
    version = request.exchange.request.http_version
    scheme = request.exchange.request.scheme
    return Response(f"{scheme} {version} {request.method} ".encode() + body)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(request(body=b"hello"))
    answer = await reader.read(-1)
    writer.close()
    await writer.wait_closed()
    return answer


@on_every_loop
def test_a_unix_socket(run: Run, tmp_path: Path) -> None:
    async def main() -> bytes:
        path = str(tmp_path / "s")
        async with await serve(echo, path=path):
            return await ask(*await asyncio.open_unix_connection(path))

    assert run(main()).endswith(b"http 1.1 GET hello")


@on_every_loop
def test_a_given_socket(run: Run) -> None:
    async def main() -> bytes:
        with socket.socket() as sock:
            sock.bind((HOST, 0))
            async with await serve(echo, sock=sock) as server:
                name = server.sockets[0].getsockname()
                return await ask(*await asyncio.open_connection(*name))

    assert run(main()).endswith(b"http 1.1 GET hello")


@on_every_loop
@pytest.mark.parametrize(("http2", "version"), [(True, "2"), (False, "1.1")])
def test_alpn_chooses_what_is_spoken(run: Run, http2: bool, version: str) -> None:
    async def main() -> None:
        server_tls, client_tls = contexts()
        async with await serve(echo, HOST, ssl=server_tls) as server:
            url = "https://{}:{}/".format(*server.sockets[0].getsockname())
            async with httpx.AsyncClient(http2=http2, verify=client_tls) as client:
                body = b"x" * 300_000
                answers = await asyncio.gather(*(client.post(url, content=body) for _ in range(8)))
                for answer in answers:
                    assert answer.content == f"https {version} POST ".encode() + body
            await server.drain(5)

    run(main())


@on_every_loop
def test_the_client_certificate_is_in_the_scope(run: Run) -> None:
    scopes = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scopes.append(scope)
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

    async def main() -> None:
        server_tls, client_tls = contexts(client_certificate=True)
        async with await serve(application, HOST, ssl=server_tls) as server:
            url = "https://{}:{}/".format(*server.sockets[0].getsockname())
            async with httpx.AsyncClient(verify=client_tls) as client:
                assert (await client.get(url)).status_code == 204

    run(main())
    tls = scopes[0]["extensions"]["tls"]
    assert "CN=me" in tls["client_cert_name"].split(",")
    assert tls["client_cert_chain"][0].startswith("-----BEGIN CERTIFICATE-----")
    assert tls["tls_version"] == 0x0304


def slow_client(address: tuple[str, int], tls: ssl.SSLContext) -> ssl.SSLSocket:
    """Return a connection over TLS that takes little at a time, and answers nothing by itself."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(60)
    sock.connect(address)
    return tls.wrap_socket(sock, server_hostname=HOST)


@on_every_loop
def test_a_client_that_leaves_the_end_of_tls_unanswered_holds_nobody_up(run: Run) -> None:
    server_tls, client_tls = contexts()

    def ask(address: tuple[str, int]) -> ssl.SSLSocket:
        client = slow_client(address, client_tls)
        client.sendall(request(last=False))
        while not client.recv(65536).endswith(b"https 1.1 GET "):
            pass
        return client

    async def main() -> None:
        limits = Limits(linger=0.05)
        async with await serve(echo, HOST, ssl=server_tls, limits=limits) as server:
            name = server.sockets[0].getsockname()
            client = await asyncio.to_thread(ask, name)
            with client:
                async with asyncio.timeout(20):  # the loops' own patience is 30 s
                    await server.drain()
                assert client.recv(1) == b""

    run(main())


@on_every_loop
def test_a_client_that_takes_its_time_gets_everything_over_tls(run: Run) -> None:
    server_tls, client_tls = contexts()
    body = bytes(range(256)) * 20_000

    async def answer(_request: Request) -> Response:
        return Response(body)

    def take(address: tuple[str, int]) -> bytes:
        with slow_client(address, client_tls) as client:
            client.sendall(request())
            received = bytearray()
            while data := client.recv(65536):
                before, received = len(received), received + data
                if before < 3_000_000 <= len(received):  # when all the rest is the system's
                    time.sleep(0.2)
            return bytes(received)

    async def main() -> None:
        limits = Limits(linger=0.01)
        async with await serve(answer, HOST, ssl=server_tls, limits=limits) as server:
            received = await asyncio.to_thread(take, server.sockets[0].getsockname())
            assert received.endswith(body)

    run(main())


@on_every_loop
@pytest.mark.parametrize("version", ["1.1", "2"])
def test_a_client_that_is_gone_when_it_is_told_the_end(run: Run, version: str) -> None:
    """A reset is what answers it, before anybody polls; then there is no end to tell."""
    clients: list[socket.socket] = []

    async def handler(_request: Request) -> Response:
        if version == "2":  # unread bytes would be a reset too early
            clients[0].recv(65536)
        clients[0].close()
        return Response(b"bye")

    async def main() -> None:
        async with await serve(handler, HOST) as server:
            client = socket.create_connection(server.sockets[0].getsockname())
            clients.append(client)
            if version == "2":
                head = hpack.Encoder().encode(
                    [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "a")]
                )
                asked = HeadersFrame(1, head, flags=["END_HEADERS", "END_STREAM"]).serialize()
                goaway = GoAwayFrame(0).serialize()  # after it the response is the end
                client.sendall(PREFACE + SettingsFrame(0).serialize() + asked + goaway)
            else:
                client.sendall(request() + b"and more")
            while not server.connections:
                await asyncio.sleep(0)
            while server.connections:
                await asyncio.sleep(0.01)

    run(main())


async def api(request: StarletteRequest) -> JSONResponse:
    return JSONResponse({"got": await request.json(), "state": request.state.name})


async def stream(request: StarletteRequest) -> StreamingResponse:
    async def pieces() -> Any:
        for number in range(100):
            yield f"{number}\n"

    return StreamingResponse(pieces())


async def chat(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text.upper())


def starlette() -> Starlette:
    import contextlib

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        yield {"name": "starlette"}

    routes = [
        Route("/api", api, methods=["POST"]),
        Route("/stream", stream),
        WebSocketRoute("/chat", chat),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


@on_every_loop
def test_starlette_with_httpx_and_websockets(run: Run) -> None:
    async def main() -> None:
        async with await serve(starlette(), HOST) as server:
            name = "{}:{}".format(*server.sockets[0].getsockname())
            async with httpx.AsyncClient(base_url=f"http://{name}") as client:
                answer = await client.post("/api", json=[1, 2])
                assert answer.json() == {"got": [1, 2], "state": "starlette"}
                assert (await client.get("/stream")).text.splitlines()[-1] == "99"
                assert (await client.get("/none")).status_code == 404
            async with websockets.connect(f"ws://{name}/chat", proxy=None) as socket:
                for text in ("hello", "x" * 200_000):
                    await socket.send(text)
                    assert await socket.recv() == text.upper()
            assert socket.close_code == 1000
            await server.drain(5)

    run(main())


@on_every_loop
@pytest.mark.parametrize("option", ["--http1.1", "--http1.0", "--http2-prior-knowledge", "--http2"])
def test_curl(run: Run, option: str) -> None:
    program = tool("curl")

    async def main() -> bytes:
        async with await serve(echo, HOST) as server:
            url = "http://{}:{}/".format(*server.sockets[0].getsockname())
            arguments = ["-s", option, "--data-binary", "@-", url]
            curl = await asyncio.create_subprocess_exec(program, *arguments, stdin=-1, stdout=-1)
            output, _ = await curl.communicate(b"x" * 100_000)
            return output

    assert run(main()).endswith(b" POST " + b"x" * 100_000)


@on_every_loop
def test_h2load_loses_nothing(run: Run) -> None:
    program = tool("h2load")

    async def main() -> str:
        async with await serve(echo, HOST) as server:
            url = "http://{}:{}/".format(*server.sockets[0].getsockname())
            arguments = ["-n2000", "-c10", "-m10", url]
            load = await asyncio.create_subprocess_exec(program, *arguments, stdout=-1)
            output, _ = await load.communicate()
            return output.decode()

    assert "2000 succeeded, 0 failed, 0 errored" in run(main())
