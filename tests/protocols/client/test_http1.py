"""HTTP/1.1: what is sent, what is made of what comes, and what ends an exchange."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from protocols.client import (
    BadMessage,
    Client,
    ConnectFailed,
    ConnectTimeout,
    Disconnected,
    Limits,
    ReadTimeout,
    Timeouts,
    TooLarge,
    TotalTimeout,
    WriteTimeout,
)

from ..loops import Run
from .servers import Peer, reply, scripted, site

QUICK = 0.05
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def pieces(count: int, size: int = 10_000) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number % 256]) * size


async def echo(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    async for data in request.content.iter_any():
        await response.write(data)
    await response.write_eof()
    return response


def test_a_request_says_what_it_was_told_and_the_answer_is_there(run: Run) -> None:
    heads: list[bytes] = []

    async def script(peer: Peer) -> None:
        for _ in range(2):
            head, body = await peer.request()
            heads.append(head)
            peer.send(reply(body or b"nothing", "X-One: 1", "x-one: 2"))
        await peer.gone()

    async def main() -> None:
        async with scripted(script) as served, Client(headers={"X-All": "yes"}) as client:
            url = served.url + "/a b?x=1"
            response = await client.get(url, params={"y": ["ü", 2]}, headers={"X-Me": "me"})
            assert (response.status, response.reason, response.ok) == (200, "OK", True)
            assert response.http_version == "HTTP/1.1"
            assert response.headers["X-ONE"] == "1, 2"
            assert response.headers.get_list("x-one") == ["1", "2"]
            assert response.text == "nothing"
            response = await client.post(served.url, json={"a": [1, "ü"]})
            assert response.json() == {"a": [1, "ü"]}
            assert len(served.peers) == 1

    run(main())
    lines = heads[0].decode().lower().split("\r\n")
    assert lines[0] == "get /a%20b?x=1&y=%c3%bc&y=2 http/1.1"
    assert lines[1].startswith("host: 127.0.0.1:")
    assert "x-me: me" in lines
    assert "x-all: yes" in lines
    assert b"content-type: application/json" in heads[1].lower()


def test_bodies_go_up_and_come_down_as_they_are_made(run: Run) -> None:
    async def main() -> None:
        async with site(web.post("/", echo)) as url, Client() as client:
            async with client.stream("POST", url, content=pieces(100)) as response:
                body = b"".join([piece async for piece in response])
            assert body == b"".join([piece async for piece in pieces(100)])
            response = await client.post(url, content=bytes(3_000_000))
            assert response.content == bytes(3_000_000)
            known = {"content-length": "50000"}
            response = await client.post(url, content=pieces(5), headers=known)
            assert len(response.content) == 50_000
            assert client.pool.count == 1

    run(main())


def test_an_echo_is_heard_while_the_body_is_still_being_made(run: Run) -> None:
    async def main() -> None:
        heard: asyncio.Queue[bytes] = asyncio.Queue()

        async def talk() -> AsyncIterator[bytes]:
            for word in (b"one", b"two", b"three"):
                yield word
                assert await heard.get() == word

        async with (
            site(web.post("/", echo)) as url,
            Client() as client,
            client.stream("POST", url, content=talk()) as response,
        ):
            async for data in response:
                heard.put_nowait(data)
            assert heard.empty()

    run(main())


@pytest.mark.parametrize("cut", [1, 2, 7])
@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (reply(b"abc"), b"abc"),
        (
            CHUNKED + b"3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n",
            b"abc",
        ),
        (b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + reply(b"abc"), b"abc"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
    ids=["length", "chunks", "early hints", "none"],
)
def test_an_answer_is_the_same_wherever_it_is_cut(
    run: Run, answer: bytes, body: bytes, cut: int
) -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            for start in range(0, len(answer), cut):
                peer.send(answer[start : start + cut])
                await peer.writer.drain()
                await asyncio.sleep(0)

    async def main() -> None:
        async with scripted(script) as served, Client() as client:
            for _ in range(2):
                assert (await client.get(served.url)).content == body
            assert len(served.peers) == 1

    run(main())


def test_trailers_come_after_the_body(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nSum: 9\r\n\r\n"
        )
        await peer.gone()

    async def main() -> None:
        async with scripted(script) as served, Client() as client:
            assert (await client.get(served.url)).trailers["sum"] == "9"

    run(main())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"SPDY/1 hello\r\n\r\n", BadMessage),
        (b"HTTP/3.7 200 OK\r\n\r\n", BadMessage),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", BadMessage),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", BadMessage),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", BadMessage),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, BadMessage),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", TooLarge),
        (b"HTTP/1.1 200 OK\r\na: " + b"b" * 60_000 + b"\r\n\r\n", TooLarge),
        (b"HTTP/1.1 200 OK\r\na: " + b"b" * 600_000, TooLarge),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", Disconnected),
        (b"HTTP/1.1 200", Disconnected),
        (b"", Disconnected),
    ],
    ids=range(12),
)
def test_a_bad_answer_is_an_error_and_its_connection_is_not_used_again(
    run: Run, answer: bytes, error: type[Exception]
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number:
            peer.send(reply(b"good"))
        else:
            peer.send(answer)
            if error is Disconnected:
                return
        await peer.gone()

    async def main() -> None:
        async with scripted(script) as served, Client() as client:
            with pytest.raises(error):
                await client.get(served.url)
            assert client.pool.count == 0
            assert (await client.get(served.url)).content == b"good"

    run(main())


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"a", "Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
        reply(b"a") + b"more than was asked for",
        CHUNKED[:-2] + b"Content-Length: 1\r\n\r\n1\r\na\r\n0\r\n\r\n",
    ],
    ids=["close", "1.0", "excess", "framed twice"],
)
def test_a_connection_is_used_once_where_more_would_be_unsafe(run: Run, answer: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(answer)
        await peer.gone()

    async def main() -> None:
        async with scripted(script) as served, Client() as client:
            for number in range(3):
                assert (await client.get(served.url)).content == b"a"
                assert len(served.peers) == number + 1
                assert client.pool.count == 0

    run(main())


def test_a_body_without_length_ends_with_the_connection(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000)

    async def main() -> None:
        async with scripted(script) as served, Client() as client:
            assert len((await client.get(served.url)).content) == 100_000

    run(main())


def test_a_body_over_the_limit_is_given_up(run: Run) -> None:
    async def main() -> None:
        async with (
            site(web.post("/", echo)) as url,
            Client(limits=Limits(body_bytes=1000)) as client,
        ):
            with pytest.raises(TooLarge):
                await client.post(url, content=bytes(1001))
            assert len((await client.post(url, content=bytes(1000))).content) == 1000

    run(main())


def test_what_nobody_reads_is_not_received_without_end(run: Run) -> None:
    """The server can send no more than buffers hold, until somebody reads."""

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
        for _ in range(50):
            peer.send(bytes(1_000_000))
            await peer.writer.drain()
        await peer.gone()

    async def main() -> None:
        async with (
            scripted(script) as served,
            Client() as client,
            client.stream("GET", served.url) as response,
        ):
            exchange = response._exchange
            while exchange.buffered <= client.limits.buffer_bytes:
                await asyncio.sleep(0.001)
            for _ in range(100):
                await asyncio.sleep(0)
            assert exchange.buffered < 1_000_000
            assert sum([len(piece) async for piece in response]) == 50_000_000

    run(main())


def test_an_early_answer_stops_the_upload(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.send(reply(b"no", status="413 Too Large"))
        await peer.gone()

    async def main() -> None:
        ended: list[bool] = []

        async def endless() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield bytes(1000)
                    await asyncio.sleep(0.001)
            finally:
                ended.append(True)

        async with scripted(script) as served, Client() as client:
            response = await client.post(served.url, content=endless())
            assert (response.status, response.content) == (413, b"no")
            assert client.pool.count == 0
            assert not [task for task in asyncio.all_tasks() if "_send_body" in repr(task)]
        assert ended == [True]

    run(main())


def test_an_error_in_the_body_s_maker_is_the_caller_s(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.gone()

    async def broken() -> AsyncIterator[bytes]:
        yield b"a"
        raise ZeroDivisionError

    async def main() -> None:
        async with scripted(script) as served, Client() as client:
            with pytest.raises(ZeroDivisionError):
                await client.post(served.url, content=broken())
            with pytest.raises(ValueError, match="fit"):
                await client.post(served.url, content=pieces(3), headers={"content-length": "5"})
            assert client.pool.count == 0

    run(main())


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {"a": "b\r\nc: d"}),
        ("GET", "/", {"a b": "c"}),
        ("GE T", "/", {}),
        ("CONNECT", "/", {}),
    ],
    ids=["value", "name", "method", "tunnel"],
)
def test_what_would_split_a_request_is_not_sent(
    run: Run, method: str, path: str, headers: dict[str, str]
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(reply(b"fine"))
        await peer.gone()

    async def main() -> None:
        async with scripted(script) as served, Client() as client:
            with pytest.raises(ValueError, match="request"):
                await client.request(method, served.url + path, headers=headers)
            assert (await client.get(served.url)).content == b"fine"

    run(main())


# --- timeouts -------------------------------------------------------------------------------------


def test_a_silent_server_is_a_read_timeout(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab")
        await peer.gone()

    async def main() -> None:
        async with scripted(script) as served, Client(timeout=Timeouts(read=QUICK)) as client:
            with pytest.raises(ReadTimeout):
                await client.get(served.url)
            async with client.stream("GET", served.url) as response:
                body = response.__aiter__()
                assert await anext(body) == b"ab"
                with pytest.raises(ReadTimeout):
                    await anext(body)
            assert client.pool.count == 0

    run(main())


def test_a_dripping_server_is_a_total_timeout(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        else:
            peer.send(b"HTTP/1.1 200 OK\r\n")
        while not peer.writer.is_closing():
            peer.send(b"a:b\r\n")
            await peer.writer.drain()
            await asyncio.sleep(0.005)

    async def main() -> None:
        timeouts = Timeouts(read=10, total=0.2)
        async with scripted(script) as served, Client(timeout=timeouts) as client:
            for _ in range(2):
                with pytest.raises((TotalTimeout, TooLarge)) as caught:
                    await client.get(served.url)
                assert caught.type is TotalTimeout
            assert client.pool.count == 0

    run(main())


def test_a_server_that_does_not_read_is_a_write_timeout(run: Run) -> None:
    given_up = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.head()
        await given_up.wait()

    async def main() -> None:
        timeouts = Timeouts(read=QUICK, write=QUICK)
        async with scripted(script, limit=1000) as served, Client(timeout=timeouts) as client:
            try:
                with pytest.raises(WriteTimeout):
                    await client.post(served.url, content=bytes(30_000_000))
            finally:
                given_up.set()

    run(main())


def test_nobody_there_and_nobody_answering(run: Run) -> None:
    async def main() -> None:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        async with Client() as client:
            with pytest.raises(ConnectFailed):
                await client.get(f"http://127.0.0.1:{port}/")
            assert client.pool.count == 0

    run(main())


def test_a_handshake_that_does_not_come_is_a_connect_timeout(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.gone()

    async def main() -> None:
        async with scripted(script) as served, Client(timeout=Timeouts(connect=QUICK)) as client:
            with pytest.raises(ConnectTimeout):
                await client.get(f"https://127.0.0.1:{served.port}/")
            assert client.pool.count == 0

    run(main())


def test_cancelled_it_closes_its_connection_and_the_next_one_is_served(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number:
            peer.send(reply(b"good"))
        await peer.gone()

    async def main() -> None:
        async with scripted(script) as served, Client(limits=Limits(connections=1)) as client:
            task = asyncio.create_task(client.get(served.url))
            while not served.peers:
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert client.pool.count == 0
            assert (await client.get(served.url)).content == b"good"

    run(main())


def test_a_cancelled_read_loses_nothing(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        await peer.reader.read(1)

    async def main() -> None:
        async with (
            scripted(script) as served,
            Client() as client,
            client.stream("GET", served.url) as response,
        ):
            exchange = response._exchange
            assert await exchange.chunk() == b"ab"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(exchange.chunk(), QUICK)
            served.peers[0].send(b"cd")
            assert await exchange.chunk() == b"cd"
            assert await exchange.chunk() == b""

    run(main())
