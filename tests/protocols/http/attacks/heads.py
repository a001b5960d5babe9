"""Attacks by heads: what two parsers read in two ways, what is too long, what is too many.

Read next: bodies.py
"""

from __future__ import annotations

import asyncio

import h2.events

from protocols.http.handlers import Request, Response

from ..support import request
from .target import KIB, Target, attack

__all__ = ["SMUGGLED"]

NEXT = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
POST = "POST / HTTP/1.1\r\nHost: a\r\n"

#: Requests after which another one could be read by one parser and not by another.
SMUGGLED: list[str] = [
    POST + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    POST + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    POST + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
    POST + "Content-Length: 0, 5\r\n\r\n",
    POST + "Content-Length: +0\r\n\r\n",
    POST + "Content-Length: 0x0\r\n\r\n",
    POST + "Content-Length: 0_0\r\n\r\n",
    POST + "Content-Length: -0\r\n\r\n",
    POST + "Content-Length : 5\r\n\r\n",
    POST + "Content-Length:\r\n 5\r\n\r\n",
    POST + "X: a\r\n Content-Length: 5\r\n\r\n",
    POST + "X: a\nContent-Length: 0\r\n\r\n",
    POST + "X: a\rContent-Length: 0\r\n\r\n",
    POST + "X: a\0b\r\n\r\n",
    POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    POST + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    POST + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    POST + "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n",
    POST + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    POST + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n",
    POST + "Transfer-Encoding: chunked\r\n\r\n0;a\rb\r\n\r\n",
    POST + "Transfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n",
    POST + "Transfer-Encoding: chunked\r\n\r\n0\n\r\n",
    POST + "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    POST + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
    POST + "Transfer-Encoding: chunked\r\n\r\n00000000000000000\r\n\r\n",
    POST + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a/b?c#d\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    "GET /\r\n\r\n",
    "GET / HTTP/1.1\nHost: a\n\n",
    "PRI * HTTP/2.0\r\n\r\n",
]


class Counting:
    """A handler that counts the requests of each path."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}

    async def __call__(self, request: Request) -> Response:
        self.calls[request.path] = self.calls.get(request.path, 0) + 1
        return Response(await request.body())


COUNTING = Counting()


@attack(
    f"{len(SMUGGLED)} shapes of request smuggling",
    "CVE-2025-43859, CVE-2025-22871, CVE-2025-55315, CVE-2026-48710",
    "none is read",
    "4xx, 501 or 505, and closed",
    "requests that got through",
    0,
    application=COUNTING,
)
async def smuggled(at: Target) -> float:
    """Send each shape, with another request right behind it."""
    COUNTING.calls.clear()
    for shape in SMUGGLED:
        answer = await at.talk((shape + NEXT).encode("latin-1"))
        assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 50")) or "PRI" in shape, shape
        assert b"\nHTTP/1.1 " not in answer, shape
    return COUNTING.calls.get("/smuggled", 0)


def http2_head(*fields: tuple[str, str], path: str = "/") -> list[tuple[str, str]]:
    """Return the head of a request."""
    head = [(":method", "GET"), (":path", path), (":scheme", "http"), (":authority", "a")]
    return [*head, *fields]


DOWNGRADED = [
    http2_head(("x", "a\r\nx: b")),
    http2_head(("x", "a\nb")),
    http2_head(("x", "a\0b")),
    http2_head(("x\r\ny", "b")),
    http2_head(("x: y", "b")),
    http2_head(("", "b")),
    http2_head(("host", "b")),
    http2_head(("host", "a"), ("host", "a")),
    http2_head(("transfer-encoding", "chunked")),
    http2_head(("connection", "close")),
    http2_head(("content-length", "1")),
    http2_head(("content-length", "0"), ("content-length", "1")),
    http2_head(path="a"),
    http2_head(path="/ HTTP/1.1\r\nx: y"),
    [*http2_head()[:3], (":authority", "a/b")],
    [*http2_head()[:3], (":authority", "a\r\nx: y")],
]


@attack(
    f"{len(DOWNGRADED)} shapes of smuggling from HTTP/2",
    "H2.CL, H2.TE, CVE-2019-9516",
    "none is read",
    "400, RST_STREAM or GOAWAY",
    "requests that got through",
    0,
    application=COUNTING,
    tls=True,
)
async def downgraded(at: Target) -> float:
    """Send heads that would be something else in HTTP/1.1."""
    COUNTING.calls.clear()
    for head in DOWNGRADED:
        client = await at.http2()
        client.parser.config.normalize_outbound_headers = False
        client.parser.send_headers(1, head, end_stream=True)
        client.flush()
        event = await client.until(lambda event: isinstance(event, ENDS))
        assert client.status(1) in ("", "400"), head
        assert event is not None, head
        client.close()
    return sum(COUNTING.calls.values())


ENDS = (h2.events.StreamEnded, h2.events.StreamReset, h2.events.ConnectionTerminated)


async def pour(at: Target, first: bytes, drop: bytes, status: int) -> int:
    """Send *first*, then *drop* without end; return how many it took until the answer."""
    reader, writer = await at.open()
    writer.write(first)
    reading = asyncio.ensure_future(reader.readline())
    count = 0
    while not reading.done():
        assert count < 100_000, "there is no limit"
        writer.write(drop)
        count += 1
        await asyncio.sleep(0.001)
    assert (await reading).startswith(b"HTTP/1.1 %d " % status)
    await reader.read(-1)
    writer.close()
    return count


@attack("a target without end", "", "{target} B", "414", "KiB sent", 10)
async def endless_target(at: Target) -> float:
    """Begin a request line."""
    return await pour(at, b"GET /", b"a" * KIB, 414)


@attack("a header without end", "", "{header_block} B", "431", "KiB sent", 34)
async def endless_header(at: Target) -> float:
    """Begin a header field."""
    return await pour(at, request(last=False)[:-2] + b"x: ", b"a" * KIB, 431)


@attack(
    "headers without end",
    "",
    "{header_fields} fields, {header_block} B",
    "431",
    "fields sent",
    8200,
)
async def endless_headers(at: Target) -> float:
    """Send short header fields, of which more fit into a head than there may be."""
    return await pour(at, request(last=False)[:-2], b"x:\r\n" * 100, 431) * 100


@attack(
    "a head of 1,000 fields", "", "{header_fields} fields", "431", "requests that got through", 0
)
async def many_headers(at: Target) -> float:
    """Send a head that is short, but has many fields."""
    answer = await at.talk(request(*["x: y"] * 1000))
    assert answer.startswith(b"HTTP/1.1 431 ")
    return answer.count(b"HTTP/1.1 200")


@attack(
    "a pipeline that nobody reads the answers of",
    "",
    "{inbound} B in, {outbound} B out",
    "not read on",
    "KiB kept",
    400,
    application=lambda request: large(request),
)
async def unread_pipeline(at: Target) -> float:
    """Send requests for large responses, and read none."""
    _, writer = await at.open(limit=1000)
    writer.write(request(last=False) * 20_000)
    await asyncio.sleep(5)
    (connection,) = at.server.connections
    kept = connection.unsent + len(connection.driver.buffer)  # type: ignore[union-attr]
    writer.transport.abort()
    return kept / KIB


async def large(request: Request) -> Response:
    """Answer with as much as is kept of a response."""
    return Response(b"x" * 65536)


UPGRADE = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"]


@attack(
    "an upgrade to h2c",
    "h2c smuggling",
    "off: HTTP/2 by ALPN, or by its preface",
    "answered in HTTP/1.1",
    "upgrades",
    0,
)
async def h2c(at: Target) -> float:
    """Ask for HTTP/2 by Upgrade, as a proxy would pass it on."""
    answers = [
        await at.talk(request(*UPGRADE, last=False) + request()),
        await at.talk(request(*UPGRADE[1:])),
        await at.talk(request("Connection: Upgrade, HTTP2-Settings, close", *UPGRADE[1:])),
    ]
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    return sum(answer.count(b"HTTP/1.1 101") for answer in answers)


SPLITS = ["a\r\nx-split: y", "a\nx-split: y", "a\rx-split: y", "a\0b", "a\r\n\r\n<script>"]


async def splitting(request: Request) -> Response:
    """Put what the client says into a header, its name or its value."""
    value = SPLITS[int(request.query["n"][0])]
    if request.path == "/name":
        return Response("", headers=[(value, "x")])
    if request.path == "/trailer":
        return Response("", trailers=[("x", value)])
    if request.path == "/hint":
        request.hint(value)
    return Response("", headers=[("location", value)])


@attack(
    f"{4 * len(SPLITS)} shapes of response splitting",
    "CVE-2025-57804",
    "no CR, LF or NUL leaves",
    "500, logged",
    "that got out",
    0,
    application=splitting,
    logged=4 * len(SPLITS),
)
async def split_responses(at: Target) -> float:
    """Have the application put line ends into headers."""
    out = 0
    for path in ("/name", "/value", "/trailer", "/hint"):
        for number in range(len(SPLITS)):
            answer = await at.talk(request(target=f"{path}?n={number}"))
            assert answer.startswith(b"HTTP/1.1 500 "), (path, number, answer)
            out += b"x-split" in answer or b"script" in answer
    return out
