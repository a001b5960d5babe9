"""Fields after the body of a request: over HTTP/1.1 in chunks, over HTTP/2 in a head at the end."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.client import Client
from protocols.client.http1_heads import AT_ONCE
from protocols.client.messages import NO_TRAILERS, trailer_fields

from ..loops import Run
from .h2_servers import H2Peer, served_h2
from .servers import Peer, reply, scripted

BODIES = [b"", b"body", bytes(3 * AT_ONCE)]
SIZES = ["none", "short", "long"]


class Digest:
    """A body that is made as it is sent, and what is known of it afterwards."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.sum = hashlib.sha256()

    async def body(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.sum.update(piece)
            yield piece

    def fields(self) -> dict[str, str]:
        return {"X-Digest": self.sum.hexdigest()}


async def whole(peer: Peer) -> tuple[h11.Request, bytes, list[Any]]:
    """Return a request: its head, its body, its trailers."""
    server = h11.Connection(h11.SERVER)
    head, body = None, b""
    while True:
        event = server.next_event()
        if event is h11.NEED_DATA:
            server.receive_data(await peer.reader.read(65536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        else:
            assert isinstance(event, h11.EndOfMessage)
            assert head is not None
            return head, body, list(event.headers)


async def over_http1(**options: Any) -> tuple[dict[bytes, bytes], bytes, list[Any]]:
    """Return what a server saw of a request, the second on its connection."""
    seen: list[Any] = []

    async def script(peer: Peer) -> None:
        for _ in range(2):
            seen.append(await whole(peer))
            peer.send(reply(b"done"))

    async with scripted(script) as served, Client() as client:
        for _ in range(2):
            assert (await client.post(served.url, **options)).content == b"done"
        assert client.pool.count == 1
    (head, body, trailers), _ = seen
    return dict(head.headers), body, trailers


async def over_http2(**options: Any) -> tuple[dict[bytes, bytes], bytes, list[Any]]:
    """Return what a server saw of a request, the second on its connection."""

    def answer(peer: H2Peer, stream_id: int) -> None:
        peer.answer(stream_id, b"done")

    async with served_h2(answer) as served, Client(prior_knowledge=True) as client:
        for _ in range(2):
            assert (await client.post(served.url, **options)).content == b"done"
        (peer,) = served.peers
        return peer.heads[3], peer.bodies[3], peer.trailers[3]


both = pytest.mark.parametrize("over", [over_http1, over_http2])


@both
@pytest.mark.parametrize("content", BODIES, ids=SIZES)
def test_trailers_that_are_known(run: Run, over: Callable[..., Any], content: bytes) -> None:
    head, body, trailers = run(
        over(content=content, trailers=[("X-Sum", " 12 "), ("x-sum", "3"), ("x-end", "")])
    )
    assert body == content
    assert trailers == [(b"x-sum", b"12"), (b"x-sum", b"3"), (b"x-end", b"")]
    assert head[b"trailer"] == b"x-sum, x-end"


@both
def test_trailers_that_come_of_the_body(run: Run, over: Callable[..., Any]) -> None:
    async def main() -> Any:
        digest = Digest(b"a" * 1000, b"b" * 100_000)
        options = {"content": digest.body(), "trailers": digest.fields}
        if over is over_http1:
            async with scripted(once) as served, Client() as client:
                await client.put(served.url, **options)
            return digest, seen[-1][1:]
        async with served_h2(H2Peer.answer) as served, Client(prior_knowledge=True) as client:
            await client.put(served.url, **options)
            (peer,) = served.peers
            return digest, (peer.bodies[1], peer.trailers[1])

    seen: list[Any] = []

    async def once(peer: Peer) -> None:
        seen.append(await whole(peer))
        peer.send(reply())

    digest, (body, trailers) = run(main())
    assert body == b"".join(digest.pieces)
    assert trailers == [(b"x-digest", digest.sum.hexdigest().encode())]


@both
def test_none_in_the_end(run: Run, over: Callable[..., Any]) -> None:
    _, body, trailers = run(over(content=b"body", trailers=lambda: None))
    assert (body, trailers) == (b"body", [])


@pytest.mark.parametrize("second", [False, True], ids=["http1", "http2"])
def test_what_cannot_be_a_trailer(run: Run, second: bool) -> None:
    """Known before, nothing is sent; found out at the end, the request is given up."""

    async def main() -> None:
        async with served_h2(H2Peer.answer) as h2, scripted(Peer.gone) as h1:
            url = h2.url if second else h1.url
            async with Client(prior_knowledge=second) as client:
                for name in ("Host", "content-length", ":path", "a b", ""):
                    with pytest.raises(ValueError, match="after the body"):
                        await client.post(url, content=b"body", trailers={name: "a"})
                with pytest.raises(ValueError, match="after the body"):
                    await client.post(url, content=b"body", trailers={"x-a": "a\nb"})
                assert client.pool.count == 0
                with pytest.raises(ValueError, match="after the body"):
                    await client.post(url, content=b"body", trailers=lambda: {"host": "a"})

    run(main())


def test_a_length_and_trailers_exclude_each_other_in_http1(run: Run) -> None:
    async def main() -> None:
        async with scripted(Peer.gone) as served, Client() as client:
            with pytest.raises(ValueError, match="chunks"):
                await client.post(
                    served.url,
                    headers={"content-length": "4"},
                    content=b"body",
                    trailers={"a": "b"},
                )

    run(main())


@given(st.sampled_from(sorted(NO_TRAILERS)), st.sampled_from([str.upper, str.title, str.lower]))
def test_no_case_of_a_name_gets_through(name: bytes, case: Callable[[str], str]) -> None:
    with pytest.raises(ValueError, match="after the body"):
        trailer_fields({case(name.decode()): "a"})
