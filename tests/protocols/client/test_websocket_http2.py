"""WebSockets through connections of a client's pool: a stream of HTTP/2, or HTTP/1.1 taken over."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest

from protocols.client import Client, ConnectFailed, Disconnected, Limits, WriteTimeout
from protocols.client.http2 import Http2Connection
from protocols.client.tunnel import HIGH, Tunnel
from protocols.client.websocket import ConnectionClosed, Refused, Settings, WebSocket, connect
from protocols.http.handlers import Request, Response
from protocols.http.limits import Limits as ServerLimits
from protocols.http.server import Server, serve

from ..loops import Run
from .h2_servers import H2Peer, served_h2
from .servers import tls_pair

SCHEMES = pytest.mark.parametrize("scheme", ["ws", "wss"])


async def handler(request: Request) -> Response | None:
    """Echo; by the path otherwise."""
    if not request.wants_websocket:
        return Response(request.path.encode())
    if request.path == "/no":
        return Response(b"no", status=403)
    socket = await request.websocket()
    if request.path == "/leave":
        await socket.send("one")
        await socket.send("two")
        await socket.close(4001, "because")
    elif request.path == "/flood":
        for number in range(200):
            await socket.send(bytes([number]) * 50_000)
    elif request.path == "/bomb":
        await socket.send(bytes(10_000_000))
    elif request.path == "/deaf":
        await asyncio.sleep(3600)
    async for message in socket:
        await socket.send(message)
    return None


class Where:
    """A server, and how to reach it."""

    def __init__(self, server: Server, scheme: str, trusted: ssl.SSLContext | None) -> None:
        authority = f"localhost:{server.sockets[0].getsockname()[1]}"
        self.url = f"{scheme}://{authority}"
        self.http = f"http{scheme[2:]}://{authority}"
        self.trusted = trusted

    def client(self, **options: Any) -> Client:
        """Return a client that speaks HTTP/2 to it."""
        return Client(tls=self.trusted, prior_knowledge=self.trusted is None, **options)


@contextlib.asynccontextmanager
async def served(scheme: str = "ws", **limits: Any) -> AsyncIterator[Where]:
    tls, trusted = tls_pair() if scheme == "wss" else (None, None)
    async with await serve(handler, "localhost", 0, ssl=tls, limits=ServerLimits(**limits)) as one:
        yield Where(one, scheme, trusted)


def the(client: Client) -> Http2Connection:
    """Return the one connection of *client*."""
    (connection,) = client.pool._open
    assert isinstance(connection, Http2Connection)
    return connection


@SCHEMES
@pytest.mark.parametrize("deflate", [True, False], ids=["deflate", "plain"])
def test_it_shares_the_connection_with_requests(run: Run, scheme: str, deflate: bool) -> None:
    async def fragments() -> AsyncIterator[str]:
        for word in ("frag", "men", "ted"):
            yield word

    async def main() -> None:
        async with served(scheme) as where, where.client() as client:
            assert (await client.get(where.http + "/a")).text == "/a"
            settings = Settings(deflate=deflate)
            async with (
                connect(where.url, client=client, settings=settings) as websocket,
                connect(where.url, client=client, settings=settings) as other,
            ):
                assert websocket.over == other.over == "HTTP/2"
                for message in (
                    "",
                    "hello",
                    "grüße",
                    b"",
                    b"\x00\xff",
                    "x" * 300_000,
                    bytes(70_000),
                ):
                    await websocket.send(message)
                    assert await websocket.recv() == message
                await websocket.send(fragments())
                assert await websocket.recv() == "fragmented"
                assert 0 <= await websocket.ping() < 60
                await other.send("still")
                assert (await client.get(where.http + "/b")).text == "/b"
                assert await other.recv() == "still"
                assert client.pool.count == 1
                assert the(client).busy == 2
            assert websocket.close_code == other.close_code == 1000
            assert the(client).busy == 0
            assert the(client)._streams == {}
            assert the(client)._tunnels == set()
            assert (await client.get(where.http + "/c")).text == "/c"
            assert client.pool.count == 1

    run(main())


@SCHEMES
def test_without_a_client_it_has_a_connection_of_its_own(run: Run, scheme: str) -> None:
    async def main() -> None:
        async with served(scheme) as where:
            for http2, over in ((True, "HTTP/2"), (None, "HTTP/1.1"), (False, "HTTP/1.1")):
                async with connect(where.url, http2=http2, tls=where.trusted) as websocket:
                    await websocket.send("hello")
                    assert await websocket.recv() == "hello"
                    assert websocket.over == over
                if where.trusted is not None:  # a client has made it offer HTTP/2
                    break

    run(main())


def test_the_server_s_goodbye_and_its_refusal_are_one_stream_s(run: Run) -> None:
    async def main() -> None:
        async with served() as where, where.client() as client:
            async with connect(where.url + "/leave", client=client) as websocket:
                assert [await websocket.recv(), await websocket.recv()] == ["one", "two"]
                with pytest.raises(ConnectionClosed, match="because") as closed:
                    await websocket.recv()
                assert closed.value.code == websocket.close_code == 4001
            with pytest.raises(Refused) as refused:
                async with connect(where.url + "/no", client=client):
                    pass
            assert refused.value.status == 403
            assert (await client.get(where.http)).ok
            assert client.pool.count == 1
            assert the(client).busy == 0

    run(main())


def test_a_server_that_does_not_read_holds_up_one_stream_and_no_other(run: Run) -> None:
    async def push(websocket: WebSocket) -> None:
        while True:
            await websocket.send(bytes(100_000))

    async def main() -> None:
        settings = Settings(write_seconds=0.1, close_seconds=0.1, deflate=False)
        async with served() as where, where.client() as client:
            async with connect(where.url + "/deaf", client=client, settings=settings) as websocket:
                with pytest.raises(WriteTimeout):
                    await push(websocket)
                assert websocket._wire.get_write_buffer_size() < HIGH + 200_000
                assert (await client.get(where.http + "/b")).text == "/b"
            assert the(client).busy == 0
            assert (await client.get(where.http + "/c")).text == "/c"

    run(main())


def test_messages_nobody_receives_are_bounded_and_hold_up_no_other(run: Run) -> None:
    """10 MB on one stream; what is not received is not credited."""

    async def main() -> None:
        settings = Settings(max_queue=2, deflate=False)
        async with served() as where, where.client() as client:
            async with connect(where.url + "/flood", client=client, settings=settings) as websocket:
                while len(websocket._queue) < 2:
                    await asyncio.sleep(0.001)
                for number in range(50):
                    assert (await client.get(f"{where.http}/{number}")).text == f"/{number}"
                    assert isinstance(websocket._wire, Tunnel)
                    assert sum(len(data) for data, _ in websocket._wire._held) <= 256 * 1024
                    assert len(websocket._queue) <= 3
                for number in range(200):
                    assert await websocket.recv() == bytes([number]) * 50_000
            assert the(client).busy == 0

    run(main())


@pytest.mark.parametrize("http2", [True, False], ids=["http2", "http1"])
def test_a_bomb_does_not_go_off_on_either_side(run: Run, http2: bool) -> None:
    """10 MB in 10 kB: the first slice is more than a message may have."""

    async def main() -> None:
        async with served(websocket_message=100_000) as where:
            async with connect(where.url, http2=http2) as websocket:
                await websocket.send(bytes(10_000_000))
                with pytest.raises(ConnectionClosed) as closed:
                    await websocket.recv()
                assert closed.value.code == 1009
            settings, url = Settings(max_size=100_000), where.url + "/bomb"
            async with connect(url, http2=http2, settings=settings) as websocket:
                with pytest.raises(ConnectionClosed) as closed:
                    await websocket.recv()
                assert closed.value.code == 1009

    run(main())


def test_a_server_that_takes_none_is_said_to_or_asked_by_http1(run: Run) -> None:
    """The scripted server does not announce RFC 8441; ours does, unless nobody hears it."""

    async def main() -> None:
        async with (
            served_h2(lambda peer, stream: peer.answer(stream)) as plain,
            Client(prior_knowledge=True) as client,
        ):
            with pytest.raises(ConnectFailed, match="RFC 8441"):
                async with connect(plain.url.replace("http", "ws"), client=client, http2=True):
                    pass
            assert the(client).busy == 0
            assert (await client.get(plain.url)).ok
            assert len(plain.peers) == 1
        async with served() as where, Client() as client:
            with pytest.raises(ConnectFailed, match="does not speak HTTP/2"):
                async with connect(where.url, client=client, http2=True):
                    pass
        async with served() as where, where.client() as client:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Http2Connection, "can_tunnel", _never)
                async with connect(where.url, client=client) as websocket:
                    await websocket.send("hello")
                    assert await websocket.recv() == "hello"
                    assert websocket.over == "HTTP/1.1"
            assert the(client).busy == 0

    run(main())


async def _never(self: Http2Connection) -> bool:
    return False


def test_a_context_that_offers_http2_is_said_to_be_wrong_for_http1(run: Run) -> None:
    async def main() -> None:
        async with served("wss") as where, where.client() as client:
            assert (await client.get(where.http)).http_version == "HTTP/2"
            with pytest.raises(ConnectFailed, match="chose HTTP/2"):
                async with connect(where.url, client=client, http2=False):
                    pass

    run(main())


@SCHEMES
def test_a_connection_of_http1_leaves_the_pool_for_it(run: Run, scheme: str) -> None:
    async def main() -> None:
        async with served(scheme) as where:
            client = Client(tls=where.trusted, http2=False, limits=Limits(per_origin=1))
            async with client:
                await client.get(where.http)
                (kept,) = client.pool._open
                async with connect(where.url, client=client) as websocket:
                    assert client.pool.count == 0
                    assert websocket._wire is kept.transport
                    assert (await client.get(where.http + "/b")).text == "/b"
                    await websocket.send("hello")
                    assert await websocket.recv() == "hello"
                assert client.pool.count == 1

    run(main())


@pytest.mark.parametrize("http2", [True, False], ids=["http2", "http1"])
def test_a_connection_that_had_died_idle_is_not_the_last_word(run: Run, http2: bool) -> None:
    async def main() -> None:
        async with served() as where, Client(prior_knowledge=http2) as client:
            await client.get(where.http)
            (connection,) = client.pool._open
            # As if the server's end came just after the request had left.
            die = connection.transport.abort
            if http2:
                assert isinstance(connection, Http2Connection)
                send = connection._flush

                def flush() -> None:
                    send()
                    die()

                connection._flush = flush  # type: ignore[method-assign]
            else:
                asyncio.get_running_loop().call_soon(die)
            async with connect(where.url, client=client) as websocket:
                await websocket.send("hello")
                assert await websocket.recv() == "hello"

    run(main())


def test_a_lost_connection_ends_every_websocket_on_it(run: Run) -> None:
    async def main() -> None:
        async with served() as where, where.client() as client:
            async with (
                connect(where.url, client=client) as one,
                connect(where.url, client=client) as other,
            ):
                the(client).transport.abort()
                for websocket in (one, other):
                    with pytest.raises(ConnectionClosed) as closed:
                        await websocket.recv()
                    assert closed.value.code == 1006
            assert client.pool.count == 0
            async with connect(where.url, client=client) as websocket:
                await websocket.send("again")
                assert await websocket.recv() == "again"

    run(main())


def test_a_client_that_is_closed_ends_them(run: Run) -> None:
    async def main() -> None:
        async with served() as where:
            client = where.client()
            async with connect(where.url, client=client) as websocket:
                await client.aclose()
                with pytest.raises(ConnectionClosed):
                    await websocket.recv()

    run(main())


def test_cancelled_it_resets_its_stream_and_nothing_else(run: Run) -> None:
    async def main() -> None:
        entered = asyncio.Event()

        async def hang(where: Where, client: Client) -> None:
            async with connect(where.url, client=client, settings=Settings(close_seconds=60)):
                entered.set()
                await asyncio.Event().wait()

        async with served() as where, where.client() as client:
            for early in (True, False):
                task = asyncio.create_task(hang(where, client))
                if early:
                    while not client.pool._open:
                        await asyncio.sleep(0)
                else:
                    await entered.wait()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert the(client).busy == 0
            assert (await client.get(where.http)).ok
            assert client.pool.count == 1

    run(main())


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ([("sec-websocket-protocol", "surprise")], ConnectFailed),
        ([("sec-websocket-extensions", "x-unknown")], ConnectFailed),
        (
            [("sec-websocket-extensions", "permessage-deflate; server_max_window_bits=x")],
            ConnectFailed,
        ),
    ],
    ids=["subprotocol", "extension", "bits"],
)
def test_an_answer_that_was_not_offered_is_an_error(
    run: Run, fields: list[tuple[str, str]], error: type[Exception]
) -> None:
    def on_head(peer: H2Peer, stream_id: int) -> None:
        peer.h2.send_headers(stream_id, [(":status", "200"), *fields])

    async def main() -> None:
        async with (
            served_h2(on_head=on_head, ENABLE_CONNECT_PROTOCOL=1) as scripted,
            Client(prior_knowledge=True) as client,
        ):
            url = scripted.url.replace("http", "ws")
            with pytest.raises(error):
                async with connect(url, client=client):
                    pass
            (peer,) = scripted.peers
            while not peer.resets:
                await asyncio.sleep(0.001)
            head = peer.heads[1]
            assert (head[b":method"], head[b":protocol"]) == (b"CONNECT", b"websocket")
            assert the(client).busy == 0

    run(main())


def test_a_server_without_settings_is_no_http2(run: Run) -> None:
    async def main() -> None:
        def silent(peer: H2Peer, stream_id: int) -> None:
            raise AssertionError("nothing was asked")

        async with served_h2(on_head=silent) as scripted:
            flush, H2Peer.flush = H2Peer.flush, lambda self: self.transport.close()  # type: ignore[method-assign]
            try:
                async with Client(prior_knowledge=True) as client:
                    with pytest.raises((ConnectFailed, Disconnected)):
                        async with connect(
                            scripted.url.replace("http", "ws"), client=client, http2=True
                        ):
                            pass
                    assert client.pool.count == 0
            finally:
                H2Peer.flush = flush  # type: ignore[method-assign]

    run(main())


def test_websocket_is_what_is_exported() -> None:
    assert WebSocket.__module__ == "protocols.client.websocket_session"
