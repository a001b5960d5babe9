"""However the stream of bytes is cut, applications see the same, and so do clients."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable
from typing import Any

import hpack
import pytest
from hyperframe.frame import DataFrame, HeadersFrame, PingFrame, SettingsFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from miniloop.testing import World, explore
from protocols.http.handlers import Request, Response
from protocols.http.limits import Limits

from .support import HOST, PORT, in_world, request, serving

HTTP1 = (
    b"\r\n"
    + request("X: y", target="/a", last=False)
    + request(target="/b", method="POST", body=b"hello", last=False)
    + request("Transfer-Encoding: chunked", method="POST", target="/c", last=False)
    + b"3;e=f\r\nabc\r\n00A\r\n0123456789\r\n0\r\nTr: ailer\r\n\r\n"
    + request(target="/d")
)

SMUGGLED = (
    request("Transfer-Encoding: chunked", method="POST", last=False) + b"1\r\na\r\n0;\rx\r\n\r\n"
)


def _http2() -> bytes:
    encoder = hpack.Encoder()

    def head(stream: int, *flags: str, **fields: str) -> bytes:
        pairs = [(":method", "POST"), (":path", f"/{stream}"), (":scheme", "http")]
        block = encoder.encode([*pairs, (":authority", "a"), *fields.items()])
        return bytes(HeadersFrame(stream, block, flags=["END_HEADERS", *flags]).serialize())

    return b"".join(
        (
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            SettingsFrame(0).serialize(),
            head(1, "END_STREAM", x="y"),
            head(3),
            PingFrame(0, b"12345678").serialize(),
            DataFrame(3, b"hello").serialize(),
            head(5),
            DataFrame(5, b"padded", pad_length=9, flags=["PADDED"]).serialize(),
            DataFrame(3, b" world", flags=["END_STREAM"]).serialize(),
            DataFrame(5, b"", flags=["END_STREAM"]).serialize(),
        )
    )


HTTP2 = _http2()


def exchange(pieces: list[bytes], **options: Any) -> Callable[..., Any]:
    """Return a scenario that sends *pieces*, and returns what was seen on both sides."""

    async def scenario(world: World) -> Any:
        seen: dict[str, Any] = {}

        async def handler(request: Request) -> Response:
            body = await request.body()
            own = [field for field in request.headers if field[0] in (b"x", b"host")]
            seen[request.path] = (request.method, own, body, request.trailers)
            return Response(body)

        async with serving(handler, **options):
            reader, writer = await asyncio.open_connection(HOST, PORT)

            async def send() -> None:
                for piece in pieces:
                    writer.write(piece)
                    await asyncio.sleep(0.001)

            sending = asyncio.create_task(send())
            answer = await reader.read(-1)
            await sending
            writer.close()
        return seen, re.sub(rb"date: [^\r]*", b"", answer)

    return scenario


def cut(data: bytes, points: list[int]) -> list[bytes]:
    """Return *data* in pieces."""
    ends = sorted({0, len(data), *points})
    return [data[start:end] for start, end in itertools.pairwise(ends)]


@pytest.mark.parametrize("data", [HTTP1, SMUGGLED], ids=["good", "refused"])
def test_every_cut_in_two_gives_the_same(data: bytes) -> None:
    whole = in_world(exchange([data]), "miniloop")
    for point in range(1, len(data)):
        assert in_world(exchange(cut(data, [point])), "miniloop") == whole, data[:point]
    every = in_world(exchange(cut(data, list(range(len(data))))), "asyncio")
    assert every == whole


def test_what_the_good_one_gives() -> None:
    seen, answer = in_world(exchange([HTTP1]), "miniloop")
    host = (b"host", b"a")
    assert seen == {
        "/a": ("GET", [host, (b"x", b"y")], b"", []),
        "/b": ("POST", [host], b"hello", []),
        "/c": ("POST", [host], b"abc0123456789", [(b"tr", b"ailer")]),
        "/d": ("GET", [host], b"", []),
    }
    assert answer.count(b"HTTP/1.1 200") == 4


def test_every_cut_of_http2_gives_the_application_the_same() -> None:
    whole, _ = in_world(exchange([HTTP2]), "miniloop")
    assert whole["/3"][2] == b"hello world"
    assert whole["/5"][2] == b"padded"
    assert len(whole) == 3
    for point in range(1, len(HTTP2)):
        assert in_world(exchange(cut(HTTP2, [point])), "miniloop")[0] == whole
    assert in_world(exchange(cut(HTTP2, list(range(len(HTTP2))))), "asyncio")[0] == whole


@pytest.mark.parametrize("data", [HTTP1, HTTP2, SMUGGLED], ids=["http1", "http2", "refused"])
@settings(max_examples=40)
@given(points=st.data())
def test_any_cuts_give_the_same(data: bytes, points: st.DataObject) -> None:
    chosen = points.draw(st.lists(st.integers(1, len(data) - 1), max_size=20))
    library = points.draw(st.sampled_from(["miniloop", "asyncio"]))
    whole = in_world(exchange([data]), "miniloop")
    assert in_world(exchange(cut(data, chosen)), library)[0] == whole[0]


@pytest.mark.parametrize("data", [HTTP1, HTTP2], ids=["http1", "http2"])
def test_no_schedule_changes_what_is_seen(data: bytes) -> None:
    """Explored: other chunks from the network, other orders of what is ready, late timers."""
    whole, _ = in_world(exchange([data]), "miniloop")

    # Whoever is stopped for seconds is late; here nobody is to be.
    patient = Limits(header_timeout=1e4, keep_alive=1e4, body_grace=1e4)

    async def scenario(world: World) -> None:
        seen, _ = await exchange(cut(data, [40, 90, 200]), limits=patient)(world)
        assert seen == whole

    explore(scenario, runs=60, level="fifo").check()
