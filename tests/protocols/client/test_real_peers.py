"""Our client against servers that others wrote: HTTP/1.1, HTTP/2 and WebSocket.

nghttpd, hypercorn, uvicorn, granian, aiohttp, websockets: whoever speaks what.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from websockets.asyncio.server import ServerConnection, serve

from protocols.client import Client, Timeouts
from protocols.client.http2 import Http2Connection
from protocols.client.websocket import ConnectionClosed, Refused, connect

from ...effort import NEWEST
from ...tools import tool
from ..loops import Run
from . import real_servers
from .asgi_app import SIZE
from .real_servers import Secrets
from .servers import site

#: A whole server's start for each: in CI on the newest interpreter only.
newest = pytest.mark.skipif(
    bool(os.environ.get("CI")) and sys.version_info < NEWEST,
    reason="in CI on the newest interpreter only",
)
#: hypercorn never says 100 over HTTP/2.
SOON = Timeouts(expect=0.01)
ROUND = bytes(range(256)) * 1200


async def pieces() -> AsyncIterator[bytes]:
    for start in range(0, len(ROUND), 50_000):
        yield ROUND[start : start + 50_000]


async def use(client: Client, base: str, version: str, *, head: bool = True) -> None:
    """Do everything that `asgi_app` can be asked for; one connection has to do."""
    for _ in range(5):
        response = await client.get(base + "/")
        assert (response.status, response.text, response.http_version) == (200, "hello", version)
    assert client.pool.count == 1
    assert (await client.get(base + "/missing")).status == 404
    if head:
        assert (await client.head(base + "/")).content == b""
    assert (await client.post(base + "/echo", content=ROUND)).content == ROUND
    assert (await client.post(base + "/echo", content=pieces())).content == ROUND
    response = await client.put(base + "/echo", content=ROUND, expect_continue=True)
    assert response.content == ROUND
    size = 0
    async with client.stream("GET", base + "/large") as response:
        async for piece in response:
            size += len(piece)
    assert size == 48 * SIZE
    assert client.pool.count == 1
    many = [client.post(base + "/echo", content=ROUND) for _ in range(6)]
    assert {each.content for each in await asyncio.gather(*many)} == {ROUND}
    async with client.stream("GET", base + "/large") as response:
        await anext(aiter(response))
    assert (await client.get(base + "/")).text == "hello"
    if version == "HTTP/2":
        assert client.pool.count == 1
    assert all(each.busy == 0 for each in client.pool._open if not each.closed)


async def talk(
    url: str,
    *,
    deflate: bool = True,
    answer: tuple[int, str] = (4000, "our word"),
    told_to_close: bool = True,
    **options: Any,
) -> None:
    """Echo, ping and close with codes.

    Args:
        deflate: whether the server knows permessage-deflate.
        answer: what it answers a close with.
        told_to_close: whether it can close and live.
    """

    async def words() -> AsyncIterator[str]:
        for word in ("frag", "men", "ted"):
            yield word

    async with connect(url + "/ws", subprotocols=("a", "b"), **options) as websocket:
        assert [each.enabled() for each in websocket._extensions] == [deflate]
        for message in ("hello", "grüße", b"\x00\xff", "x" * 200_000, bytes(70_000)):
            await websocket.send(message)
            assert await websocket.recv() == message
        await websocket.send(words())
        assert await websocket.recv() == "fragmented"
        assert 0 <= await websocket.ping() < 60
        await websocket.close(4000, "our word")
    assert (websocket.close_code, websocket.close_reason) == answer
    if told_to_close:
        async with connect(url + "/ws", **options) as websocket:
            await websocket.send("close 4001")
            with pytest.raises(ConnectionClosed) as closed:
                await websocket.recv()
            assert closed.value.code == 4001
    with pytest.raises(Refused) as refused:
        async with connect(url + "/no", **options):
            pass
    assert refused.value.status == 403


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    return Secrets(tmp_path_factory.mktemp("secrets"))


# --- servers on the loop that runs -------------------------------------------------------------


@newest
@pytest.mark.parametrize("ws", ["wsproto", "websockets-sansio"])
def test_uvicorn(run: Run, ws: str) -> None:
    async def main() -> None:
        async with real_servers.uvicorn(ws) as port:
            async with Client() as client:
                await use(client, f"http://localhost:{port}", "HTTP/1.1")
            await talk(f"ws://localhost:{port}")

    run(main())


@newest
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
def test_hypercorn_in_clear_text(run: Run, version: str) -> None:
    async def main() -> None:
        http2 = version == "HTTP/2"
        async with (
            real_servers.hypercorn() as port,
            Client(prior_knowledge=http2, timeout=SOON) as client,
        ):
            await use(client, f"http://localhost:{port}", version)
            # A server's close that is answered, as it must be, kills hypercorn's connection.
            await talk(f"ws://localhost:{port}", client=client, told_to_close=not http2)
            assert not http2 or client.pool.count == 1

    run(main())


@newest
def test_hypercorn_over_tls_with_hints_trailers_and_websockets_on_one_connection(
    run: Run, secrets: Secrets
) -> None:
    async def main() -> None:
        async with (
            real_servers.hypercorn(secrets) as port,
            Client(tls=secrets.trusted(), timeout=SOON) as client,
        ):
            base = f"https://localhost:{port}"
            await use(client, base, "HTTP/2")
            response = await client.get(base + "/trailers", headers={"te": "trailers"})
            assert response.trailers == {"sum": "42"}
            response = await client.get(base + "/hints")
            assert [each.status for each in response.interim] == [103]
            assert response.interim[0].headers["link"] == "</a.css>; rel=preload"
            url = f"wss://localhost:{port}"
            await talk(url, client=client, http2=True, told_to_close=False)
            assert client.pool.count == 1
            # Without HTTP/2 in the context the same server speaks HTTP/1.1.
            # It does not wait for the answer to its close there, and logs what TLS says to that.
            await talk(url, tls=secrets.trusted(), told_to_close=False)

    run(main())


async def hello(request: web.Request) -> web.Response:
    return web.Response(text="hello")


async def aiohttp_echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def large(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for number in range(48):
        await response.write(bytes([number]) * SIZE)
    return response


async def packed(request: web.Request) -> web.Response:
    response = web.Response(text="packed " * 10_000)
    response.enable_compression()
    return response


async def aiohttp_talk(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=("b",))
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT and message.data.startswith("close "):
            await socket.close(code=int(message.data[6:]))
        elif message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


async def no(request: web.Request) -> web.Response:
    return web.Response(status=403)


@newest
def test_aiohttp(run: Run) -> None:
    async def main() -> None:
        routes = [
            web.get("/", hello),
            web.route("*", "/echo", aiohttp_echo),
            web.get("/large", large),
            web.get("/packed", packed),
            web.get("/ws", aiohttp_talk),
            web.get("/no", no),
        ]
        async with site(*routes) as base:
            async with Client() as client:
                await use(client, base, "HTTP/1.1")
                response = await client.get(base + "/packed")
                assert "content-encoding" in response.headers
                assert response.text == "packed " * 10_000
            await talk(base.replace("http", "ws"), answer=(1000, ""))

    run(main())


@newest
@pytest.mark.parametrize("deflate", [True, False], ids=["deflate", "plain"])
def test_websockets(run: Run, deflate: bool) -> None:
    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            if isinstance(message, str) and message.startswith("close "):
                await connection.close(int(message[6:]))
                return
            await connection.send(message)

    def refuse(connection: ServerConnection, request: Any) -> Any:
        return connection.respond(403, "no\n") if request.path == "/no" else None

    async def main() -> None:
        compression = "deflate" if deflate else None
        async with serve(
            echo,
            "localhost",
            0,
            compression=compression,
            process_request=refuse,
            subprotocols=["b"],  # type: ignore[list-item]
            select_subprotocol=lambda connection, offered: None,
        ) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            await talk(f"ws://localhost:{port}", deflate=deflate)

    run(main())


# --- servers that are processes ----------------------------------------------------------------


@pytest.fixture(scope="module")
def granian_port() -> Iterator[int]:
    pytest.importorskip("granian")
    with real_servers.granian() as port:
        yield port


@pytest.fixture(scope="module")
def granian_tls_port(secrets: Secrets) -> Iterator[int]:
    pytest.importorskip("granian")
    with real_servers.granian(secrets) as port:
        yield port


@newest
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
def test_granian_in_clear_text(run: Run, granian_port: int, version: str) -> None:
    async def main() -> None:
        base = f"http://localhost:{granian_port}"
        async with Client(prior_knowledge=version == "HTTP/2") as client:
            await use(client, base, version, head=version == "HTTP/1.1")
        if version == "HTTP/1.1":
            # It knows no permessage-deflate, and no code of the application's when refusing.
            await talk(f"ws://localhost:{granian_port}", deflate=False)

    run(main())


@newest
def test_granian_over_tls(run: Run, secrets: Secrets, granian_tls_port: int) -> None:
    async def main() -> None:
        async with Client(tls=secrets.trusted()) as client:
            # Over HTTP/2 it sends an application's body after a HEAD too, which is malformed.
            await use(client, f"https://localhost:{granian_tls_port}", "HTTP/2", head=False)

    run(main())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "file").write_bytes(ROUND * 4)
    (folder / "index.html").write_bytes(b"hello")
    return folder


@pytest.fixture(scope="module", params=["clear text", "TLS"])
def nghttpd(request: pytest.FixtureRequest, files: Path, secrets: Secrets) -> Iterator[str]:
    words = [tool("nghttpd"), f"-d{files}", "-a127.0.0.1", "--trailer=sum: 42", "--echo-upload"]
    if request.param == "TLS":
        words += ["PORT", secrets.file, secrets.file]
    else:
        words += ["--no-tls", "PORT"]
    with real_servers.process(*words) as port:
        yield f"{'http' if request.param == 'clear text' else 'https'}://localhost:{port}"


@newest
def test_nghttpd(run: Run, nghttpd: str, secrets: Secrets) -> None:
    async def main() -> None:
        tls = nghttpd.startswith("https")
        async with Client(
            tls=secrets.trusted() if tls else None, prior_knowledge=not tls
        ) as client:
            response = await client.get(nghttpd + "/")
            assert (response.text, response.http_version) == ("hello", "HTTP/2")
            assert response.trailers == {"sum": "42"}
            many = await asyncio.gather(*(client.get(nghttpd + "/file") for _ in range(20)))
            assert {each.content for each in many} == {ROUND * 4}
            assert (await client.post(nghttpd + "/x", content=ROUND)).content == ROUND
            assert (await client.post(nghttpd + "/x", content=pieces())).content == ROUND
            async with client.stream("GET", nghttpd + "/file") as response:
                await anext(aiter(response))
            assert (await client.head(nghttpd + "/file")).content == b""
            (connection,) = client.pool._open
            assert isinstance(connection, Http2Connection)
            assert connection.busy == 0

    run(main())
