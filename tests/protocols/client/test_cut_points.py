"""However a server's bytes are cut, the client gives the same: HTTP/1.1, HTTP/2, WebSocket."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import re
import zlib
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple

import h2.config
import h2.connection
import pytest
from hyperframe.frame import HeadersFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto import events
from wsproto.connection import Connection, ConnectionType
from wsproto.extensions import PerMessageDeflate

from protocols.client import Client, ClientError, Response
from protocols.client.messages import Headers
from protocols.client.websocket_session import WebSocket
from protocols.client.websocket_settings import ConnectionClosed, Settings

from ..loops import LOOPS, Run
from .by_hand import Wire, cut, wired

HTTP1 = {
    "chunked": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\nX:  z \r\n\r\n"
        b"3;e=f\r\nabc\r\n00A\r\n0123456789\r\n0\r\nTr: ailer\r\n\r\n"
    ),
    "counted": (
        b"HTTP/1.1 404 Not Found\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
        % (len(coded := gzip.compress(b"abc" * 50, mtime=0)), coded)
    ),
    "to the end": b"HTTP/1.0 200 \r\nContent-Type: text/plain\r\n\r\n" + b"0123456789" * 5,
    "none": b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
    "broken chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n",
    "breaks off": b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n0123456789",
    "no answer": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "more than it says": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef",
}


class Seen(NamedTuple):
    """All that a user of the client can see of a response, or why there is none."""

    head: tuple[Any, ...]
    interim: list[Any]
    body: bytes
    trailers: Mapping[str, str]
    error: str
    kept: int


async def look(client: Client, url: str) -> Seen:
    """Return what comes of *url*."""
    response: Response | None = None
    pieces: list[bytes] = []
    error = ""
    try:
        async with client.stream("GET", url) as response:
            async for piece in response:
                pieces.append(piece)  # noqa: PERF401 - what came before an error counts
    except ClientError as failure:
        error = type(failure).__name__
    if response is None:
        return Seen((), [], b"", Headers(), error, 0)
    head = (response.status, response.reason, response.http_version, response.headers)
    return Seen(head, response.interim, b"".join(pieces), response.trailers, error, 0)


async def over_http1(pieces: list[bytes]) -> Seen:
    """Return what comes of one request."""
    client = wired(pieces, ready=lambda sent: sent.endswith(b"\r\n\r\n"), eof=True)
    async with client:
        seen = await look(client, "http://site/")
        for _ in pieces:
            await asyncio.sleep(0)  # what nobody waits for any more arrives
        return seen._replace(kept=client.pool.count)


def h2_bytes() -> bytes:
    """Return a server's side of three requests: hints and trailers, a reset, a large head."""
    config = h2.config.H2Configuration(client_side=False, header_encoding=None)
    server = h2.connection.H2Connection(config)
    client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
    server.initiate_connection()
    client.initiate_connection()
    for stream in (1, 3, 5):
        head = [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "a")]
        client.send_headers(stream, head, end_stream=True)
    server.receive_data(client.data_to_send())
    server.send_headers(1, [(":status", "103"), ("link", "</a.css>")])
    server.send_headers(1, [(":status", "200"), ("x", "y"), ("x", "z")])
    server.send_headers(3, [(":status", "404"), ("long", "x" * 200)])
    server.send_data(1, b"hello", pad_length=7)
    server.send_data(3, b"broken ")
    server.ping(b"12345678")
    server.reset_stream(3, 8)
    server.send_data(1, b" world")
    server.send_headers(1, [("tr", "ailer")], end_stream=True)
    server.send_headers(5, [(":status", "204")], end_stream=True)
    server.close_connection()
    return server.data_to_send()


HTTP2 = h2_bytes()


async def over_http2(pieces: list[bytes]) -> list[Seen]:
    """Return what comes of three requests at once."""

    def ready(sent: bytes) -> bool:
        place, heads = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0
        while place < len(sent):
            heads += sent[place + 3] == HeadersFrame.type
            place += 9 + int.from_bytes(sent[place : place + 3], "big")
        return heads == 3

    async with wired(pieces, ready=ready, http2=True, prior_knowledge=True) as client:
        return await asyncio.gather(*(look(client, f"http://site/{each}") for each in range(3)))


def frames(*each: Any) -> bytes:
    server = Connection(ConnectionType.SERVER)
    return b"".join(server.send(event) for event in each)


def deflated(payload: bytes) -> bytes:
    compressor = zlib.compressobj(9, wbits=-15)
    data = (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
    return bytes([0xC2, len(data)]) + data


WEBSOCKET = {
    "good": frames(
        events.TextMessage(data="grü", message_finished=False),
        events.Ping(payload=b"are you there"),
        events.TextMessage(data="ße", message_finished=True),
        events.BytesMessage(data=bytes(300)),
    )
    + deflated(b"deflated" * 50)
    + frames(events.TextMessage(data=""), events.CloseConnection(code=4000, reason="because")),
    "bad": frames(events.TextMessage(data="one")) + b"\x81\x02\xff\xfe" + b"\x81\x01x",
    "too large": frames(events.TextMessage(data="one"), events.BytesMessage(data=bytes(600))),
}


async def over_websocket(pieces: list[bytes]) -> Any:
    """Return what is received, and what is sent."""
    extension = PerMessageDeflate()
    asked = events.Request(host="site", target="/", extensions=[extension])
    settings = Settings(max_size=500, ping_seconds=None)
    websocket = WebSocket(asked, [extension], settings)
    wire = Wire(lambda sent: False, [], eof=False)
    wire.protocol = websocket
    websocket.connection_made(wire)
    found = re.search(rb"(?i)sec-websocket-key: (\S+)", wire.written)
    assert found is not None
    digest = hashlib.sha1(found[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    answer = (
        b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )
    handshake = len(wire.written)
    for piece in [answer[:40], answer[40:] + pieces[0], *pieces[1:]]:
        if not wire.is_closing():
            websocket.data_received(piece)
    await websocket.opened
    received: list[str | bytes] = []
    try:
        while True:
            received.append(await websocket.recv())
    except ConnectionClosed as closed:
        end = (closed.code, closed.reason)
    server = Connection(ConnectionType.SERVER)
    server.receive_data(wire.written[handshake:])
    websocket.abort()
    await websocket.close()
    return received, end, [repr(event) for event in server.events()]


CASES: dict[str, tuple[bytes, Callable[[list[bytes]], Coroutine[Any, Any, Any]]]] = {
    **{f"http1 {name}": (data, over_http1) for name, data in HTTP1.items()},
    "http2": (HTTP2, over_http2),
    **{f"websocket {name}": (data, over_websocket) for name, data in WEBSOCKET.items()},
}


def test_what_the_good_ones_give() -> None:
    run = Run(LOOPS["miniloop"])
    chunked = run(over_http1([HTTP1["chunked"]]))
    assert chunked.head[:3] == (200, "OK", "HTTP/1.1")
    assert chunked.head[3].get_list("x") == ["y", "z"]
    assert chunked.body == b"abc0123456789"
    assert chunked.trailers == {"tr": "ailer"}
    assert [each.status for each in chunked.interim] == [103]
    assert run(over_http1([HTTP1["counted"]])).body == b"abc" * 50
    assert run(over_http1([HTTP1["to the end"]])).body == b"0123456789" * 5
    broken = run(over_http1([HTTP1["breaks off"]]))
    assert (broken.body, broken.error) == (b"0123456789", "Disconnected")
    assert run(over_http1([HTTP1["no answer"]])).error == "BadMessage"
    assert run(over_http1([HTTP1["more than it says"]])).body == b"abc"
    first, second, third = run(over_http2([HTTP2]))
    assert (first.body, first.trailers, len(first.interim)) == (b"hello world", {"tr": "ailer"}, 1)
    assert (second.body, second.error) == (b"broken ", "Disconnected")
    assert third.head[0] == 204
    received, end, _ = run(over_websocket([WEBSOCKET["good"]]))
    assert received == ["grüße", bytes(300), b"deflated" * 50, ""]
    assert end == (4000, "because")
    received, end, _ = run(over_websocket([WEBSOCKET["bad"]]))
    assert (received, end[0]) == (["one"], 1007)
    received, end, told = run(over_websocket([WEBSOCKET["too large"]]))
    assert (received, end[0]) == (["one"], 1009)
    assert "1009" in told[0]


@pytest.mark.parametrize("case", CASES)
def test_every_cut_in_two_and_every_byte_by_itself_gives_the_same(case: str) -> None:
    data, over = CASES[case]

    async def main() -> None:
        whole = await over([data])
        for point in range(1, len(data)):
            assert await over(cut(data, [point])) == whole, data[:point]
        assert await over(cut(data, list(range(len(data))))) == whole

    Run(LOOPS["miniloop"])(main())


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=25)
@given(points=st.data())
def test_any_cuts_give_the_same_on_any_loop(case: str, points: st.DataObject) -> None:
    data, over = CASES[case]
    chosen = points.draw(st.lists(st.integers(1, len(data) - 1), max_size=20))
    run = Run(LOOPS[points.draw(st.sampled_from([*LOOPS]))])
    assert run(over(cut(data, chosen))) == run(over([data]))
