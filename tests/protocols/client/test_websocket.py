"""The WebSocket client: messages, closes, limits; against websockets, and against worse servers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed as ServerClosed

from protocols.client import ConnectFailed, ConnectTimeout, WriteTimeout
from protocols.client.websocket import WebSocket, connect
from protocols.client.websocket_session import FRAGMENTS
from protocols.client.websocket_settings import ConnectionClosed, Refused, Settings

from ..loops import Run
from .servers import Peer, reply, scripted, tls_pair


async def echo(connection: ServerConnection) -> None:
    try:
        async for message in connection:
            await connection.send(message)
    except ServerClosed:
        pass


def url_of(server: Any, scheme: str = "ws") -> str:
    return f"{scheme}://localhost:{server.sockets[0].getsockname()[1]}/chat?x=1"


def frame(opcode: int, payload: bytes, *, final: bool = True, reserved: int = 0) -> bytes:
    """Return a frame as a server sends it."""
    size = len(payload)
    head = bytes([final << 7 | reserved | opcode])
    if size < 126:
        head += bytes([size])
    elif size < 65536:
        head += b"\x7e" + size.to_bytes(2, "big")
    else:
        head += b"\x7f" + size.to_bytes(8, "big")
    return head + payload


async def accept(peer: Peer, *fields: str) -> None:
    """Do a server's part of the handshake."""
    found = re.search(rb"(?i)sec-websocket-key: (\S+)", await peer.head())
    assert found is not None
    digest = hashlib.sha1(found[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    lines = [
        "HTTP/1.1 101 Switching",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: " + base64.b64encode(digest).decode(),
        *fields,
    ]
    peer.send("\r\n".join([*lines, "", ""]).encode())


@pytest.mark.parametrize("deflate", [True, False])
def test_what_is_sent_comes_back_of_the_same_kind(run: Run, deflate: bool) -> None:
    async def parts() -> AsyncIterator[str]:
        for word in ("frag", "men", "ted"):
            yield word

    async def main() -> None:
        settings = Settings(deflate=deflate)
        async with (
            serve(echo, "localhost", 0) as server,
            connect(url_of(server), settings=settings) as websocket,
        ):
            for message in ("", "hello", "grüße", b"", b"\x00\xff", "x" * 300_000, bytes(70_000)):
                await websocket.send(message)
                assert await websocket.recv() == message
            await websocket.send(parts())
            assert await websocket.recv() == "fragmented"
            assert 0 <= await websocket.ping() < 60
        assert websocket.close_code == 1000

    run(main())


def test_over_tls_with_a_subprotocol_and_fields(run: Run) -> None:
    async def main() -> None:
        tls, trusted = tls_pair()
        async with (
            serve(echo, "localhost", 0, ssl=tls, subprotocols=["b", "c"]) as server,  # type: ignore[list-item]
            connect(
                url_of(server, "wss"), tls=trusted, subprotocols=("a", "b"), headers={"X": "y"}
            ) as websocket,
        ):
            assert websocket.subprotocol == "b"
            (connection,) = server.connections
            assert connection.request is not None
            assert connection.request.headers["X"] == "y"
            await websocket.send(bytes(500_000))
            assert await websocket.recv() == bytes(500_000)

    run(main())


@pytest.mark.parametrize(("code", "in_order"), [(1000, True), (1001, True), (4000, False)])
def test_the_server_s_goodbye_ends_the_iteration(run: Run, code: int, in_order: bool) -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.send("one")
        await connection.send("two")
        await connection.close(code, "because")

    async def main() -> None:
        async with (
            serve(leave, "localhost", 0) as server,
            connect(url_of(server)) as websocket,
        ):
            got: list[str | bytes] = []

            async def listen() -> None:
                async for message in websocket:
                    got.append(message)  # noqa: PERF401 - what came before an error counts

            if in_order:
                await listen()
            else:
                with pytest.raises(ConnectionClosed) as closed:
                    await listen()
                assert (closed.value.code, closed.value.reason) == (code, "because")
            assert got == ["one", "two"]
            with pytest.raises(ConnectionClosed, match="because"):
                await websocket.send("late")
            assert (websocket.close_code, websocket.close_reason) == (code, "because")

    run(main())


def test_our_goodbye_says_why_and_is_answered(run: Run) -> None:
    async def main() -> None:
        heard: asyncio.Future[tuple[int | None, str | None]] = asyncio.Future()

        async def listen(connection: ServerConnection) -> None:
            await connection.wait_closed()
            heard.set_result((connection.close_code, connection.close_reason))

        async with serve(listen, "localhost", 0) as server:
            async with connect(url_of(server)) as websocket:
                with pytest.raises(ValueError, match="1005"):
                    await websocket.close(1005)
                receiving = asyncio.create_task(websocket.recv())
                await asyncio.sleep(0)
                await websocket.close(3001, "enough")
                with pytest.raises(ConnectionClosed):
                    await receiving
            assert await heard == (3001, "enough")
            assert websocket.close_code == 3001

    run(main())


def test_refused_or_not_there_or_silent(run: Run) -> None:
    async def script(peer: Peer) -> None:
        head = await peer.head()
        if b"/no" in head:
            peer.send(reply(b"go away", "X-Why: no", status="403 Forbidden"))
        elif b"/wrong" in head:
            peer.send(
                b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                b"Sec-WebSocket-Accept: bm90aGluZw==\r\n\r\n"
            )
        elif b"/end" in head:
            return
        await peer.gone()

    async def main() -> None:
        async with scripted(script) as served:
            url = served.url.replace("http", "ws")
            with pytest.raises(Refused) as refused:
                async with connect(url + "/no"):
                    pass
            assert refused.value.status == 403
            assert refused.value.headers["x-why"] == "no"
            for path in ("/wrong", "/end"):
                with pytest.raises(ConnectFailed):
                    async with connect(url + path):
                        pass
            with pytest.raises(ConnectTimeout):
                async with connect(url, settings=Settings(open_seconds=0.05)):
                    pass
        with pytest.raises(ConnectFailed):
            async with connect(url):
                pass

    run(main())


def deflated(payload: bytes) -> bytes:
    compressor = zlib.compressobj(9, wbits=-15)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


BOMB = deflated(bytes(300_000_000))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(2, bytes(2000)), 1009),
        (frame(1, b"a" * 600, final=False) + frame(0, b"a" * 600), 1009),
        (frame(2, BOMB, reserved=0x40), 1009),
        (frame(1, b"\xff\xfe"), 1007),
        (frame(1, b"a", reserved=0x20), 1002),
        (frame(0, b"a"), 1002),
        (frame(3, b"a"), 1002),
        (frame(9, bytes(126)), 1002),
        (frame(8, b"\x03\xed"), 1002),
    ],
    ids=["size", "fragments", "bomb", "text", "bits", "lonely", "opcode", "ping", "close code"],
)
def test_what_is_too_large_or_wrong_is_told_and_closes(run: Run, data: bytes, code: int) -> None:
    async def script(peer: Peer) -> None:
        await accept(peer, "Sec-WebSocket-Extensions: permessage-deflate")
        peer.send(data)
        raw = await peer.reader.readexactly(8)
        assert raw[0] & 15 == 8
        mask = raw[2:6]
        told.append((raw[6] ^ mask[0]) << 8 | raw[7] ^ mask[1])
        await peer.gone()

    told: list[int] = []

    async def main() -> None:
        async with scripted(script) as served:
            url = served.url.replace("http", "ws")
            async with connect(url, settings=Settings(max_size=1000)) as websocket:
                with pytest.raises(ConnectionClosed) as closed:
                    await websocket.recv()
                assert closed.value.code == code
        assert told == [code]

    run(main())


def test_messages_nobody_receives_are_bounded(run: Run) -> None:
    """90 MB of messages in 90 kB: no more than a slice of it is inflated."""
    one = frame(2, deflated(bytes(900_000)), reserved=0x40)

    async def script(peer: Peer) -> None:
        await accept(
            peer, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"
        )
        peer.send(one * 100)
        await peer.gone()

    async def main() -> None:
        async with scripted(script) as served:
            url = served.url.replace("http", "ws")
            async with connect(
                url, settings=Settings(max_queue=2, close_seconds=0.05)
            ) as websocket:
                await filled(websocket, 2)
                for _ in range(100):
                    await asyncio.sleep(0)
                    assert len(websocket._queue) <= 2 + 4096 // len(one) + 1
                for _ in range(20):
                    assert await websocket.recv() == bytes(900_000)

    async def filled(websocket: WebSocket, count: int) -> None:
        while len(websocket._queue) < count:
            await asyncio.sleep(0.001)

    run(main())


def test_a_message_in_very_many_fragments_takes_up_no_more_than_its_bytes(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await accept(peer)
        peer.send(frame(1, b"", final=False) + frame(0, b"", final=False) * 5000)
        peer.send(frame(0, b"x", final=False) * 5000 + frame(0, b"", final=False))
        await seen.wait()
        peer.send(frame(0, b"y"))
        await peer.gone()

    seen = asyncio.Event()

    async def main() -> None:
        async with (
            scripted(script) as served,
            connect(served.url.replace("http", "ws")) as websocket,
        ):
            while websocket._size < 5000:
                assert len(websocket._parts) < FRAGMENTS
                await asyncio.sleep(0.001)
            seen.set()
            assert await websocket.recv() == "x" * 5000 + "y"

    run(main())


def test_a_ping_without_an_answer_ends_it(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await accept(peer)
        await peer.gone()

    async def main() -> None:
        settings = Settings(ping_seconds=0.02, pong_seconds=0.02, close_seconds=0.1)
        async with (
            scripted(script) as served,
            connect(served.url.replace("http", "ws"), settings=settings) as websocket,
        ):
            with pytest.raises(ConnectionClosed, match="ping") as closed:
                await websocket.recv()
            assert closed.value.code == 1011
            with pytest.raises(ConnectionClosed):
                await websocket.ping()

    run(main())


def test_pings_that_are_answered_keep_it_open(run: Run) -> None:
    async def main() -> None:
        settings = Settings(ping_seconds=0.005, pong_seconds=10)
        async with (
            serve(echo, "localhost", 0) as server,
            connect(url_of(server), settings=settings) as websocket,
        ):
            while next(websocket._pings._numbers) < 20:
                await asyncio.sleep(0.005)
            await websocket.send("still")
            assert await websocket.recv() == "still"

    run(main())


def test_a_server_that_goes_without_a_word_and_one_that_does_not_go(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await accept(peer)
        if peer.number:
            await over.wait()  # neither reads nor closes

    over = asyncio.Event()

    async def main() -> None:
        settings = Settings(close_seconds=0.05, write_seconds=0.05, deflate=False)
        async with scripted(script, limit=1000) as served:
            url = served.url.replace("http", "ws")
            async with connect(url) as websocket:
                with pytest.raises(ConnectionClosed) as closed:
                    await websocket.recv()
                assert closed.value.code == 1006
            async with connect(url, settings=settings) as websocket:
                with pytest.raises(WriteTimeout):
                    await websocket.send(bytes(10_000_000))
            over.set()

    run(main())


def test_a_cancelled_receive_loses_nothing_and_a_cancelled_block_leaves_nothing(run: Run) -> None:
    async def main() -> None:
        async with serve(echo, "localhost", 0) as server:
            async with connect(url_of(server)) as websocket:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(websocket.recv(), 0.01)
                await websocket.send("a")
                assert await websocket.recv() == "a"

            async def hang() -> None:
                async with connect(url_of(server)):
                    entered.set()
                    await asyncio.Event().wait()

            entered = asyncio.Event()
            task = asyncio.create_task(hang())
            await entered.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            while server.connections:
                await asyncio.sleep(0.001)

    run(main())
