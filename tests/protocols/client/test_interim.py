"""What comes before a response: 100 for a body that waits for it, early hints, and too many."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from h2.exceptions import ProtocolError

from protocols.client import BadMessage, Client, Limits, RedirectFailed, Timeouts, TooLarge
from protocols.client.messages import Headers, Interim

from ..loops import Run
from .h2_servers import H2Peer, served_h2
from .servers import Peer, reply, scripted

#: Nobody waits as long as that.
FOR_EVER = Timeouts(expect=3600)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def body_of(kind: str, begun: list[bool]) -> bytes | AsyncIterator[bytes]:
    """Return a body of 200,000 bytes, or 5, as bytes or in pieces; *begun* grows when it does."""

    async def pieces() -> AsyncIterator[bytes]:
        begun.append(True)
        for _ in range(4):
            yield bytes(50_000)

    if kind == "pieces":
        return pieces()
    return b"hello" if kind == "small" else bytes(200_000)


KINDS = pytest.mark.parametrize("kind", ["small", "large", "pieces"])


@KINDS
def test_a_body_waits_for_100_over_http1(run: Run, kind: str) -> None:
    seen: list[bytes] = []

    async def script(peer: Peer) -> None:
        while True:
            head = await peer.head()
            assert b"expect: 100-continue" in head
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.reader.read(1), 0.02)
            peer.send(CONTINUE)
            seen.append(await peer.body(head))
            peer.send(reply(b"thanks"))

    async def main() -> None:
        async with scripted(script) as served, Client(timeout=FOR_EVER) as client:
            for _ in range(2):
                response = await client.post(
                    served.url, content=body_of(kind, []), expect_continue=True
                )
                assert response.content == b"thanks"
                assert [each.status for each in response.interim] == [100]
            assert len(served.peers) == 1, "the connection is used again"
        assert seen == [b"hello" if kind == "small" else bytes(200_000)] * 2

    run(main())


@KINDS
def test_a_final_status_instead_of_100_keeps_the_body_back_over_http1(run: Run, kind: str) -> None:
    """The connection is closed: what comes next on it would be taken for the body."""

    async def script(peer: Peer) -> None:
        head = await peer.head()
        if b"expect" in head:
            peer.send(reply(b"too large", status="413 Content Too Large"))
            assert await peer.reader.read() == b"", "the body was sent"
        else:
            peer.send(reply(b"next"))

    async def main() -> None:
        begun: list[bool] = []
        async with scripted(script) as served, Client(timeout=FOR_EVER) as client:
            response = await client.post(
                served.url, content=body_of(kind, begun), expect_continue=True
            )
            assert (response.status, response.content) == (413, b"too large")
            assert response.body_withheld
            assert client.pool.count == 0
            assert (await client.get(served.url)).content == b"next"
            assert len(served.peers) == 2
        assert begun == []

    run(main())


def test_a_server_that_says_nothing_gets_the_body_after_a_while(run: Run) -> None:
    async def script(peer: Peer) -> None:
        _, body = await peer.request()
        peer.send(reply(body))
        await peer.gone()

    async def main() -> None:
        timeouts = Timeouts(expect=0.01)
        async with scripted(script) as served, Client(timeout=timeouts) as client:
            response = await client.post(served.url, content=b"hello", expect_continue=True)
            assert response.content == b"hello"
            assert not response.body_withheld
            assert client.pool.count == 1

    run(main())


def test_a_good_answer_before_100_wants_the_body_all_the_same(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        peer.send(await peer.reader.readexactly(5))
        await peer.gone()

    async def main() -> None:
        async with scripted(script) as served, Client(timeout=FOR_EVER) as client:
            response = await client.post(served.url, content=b"hello", expect_continue=True)
            assert response.content == b"hello"
            assert client.pool.count == 1

    run(main())


@pytest.mark.parametrize("kind", ["small", "pieces"])
def test_417_is_asked_again_without_the_expectation(run: Run, kind: str) -> None:
    """RFC 9110 10.1.1: a body in pieces too, as none of it has been taken."""

    async def script(peer: Peer) -> None:
        head = await peer.head()
        if b"expect" in head:
            peer.send(reply(b"", status="417 Expectation Failed"))
            await peer.gone()
        else:
            await peer.body(head)
            peer.send(reply(b"thanks", "Connection: close"))

    async def main() -> None:
        begun: list[bool] = []
        async with scripted(script) as served, Client(timeout=FOR_EVER) as client:
            response = await client.post(
                served.url, content=body_of(kind, begun), expect_continue=True
            )
            assert (response.status, response.content) == (200, b"thanks")
            assert len(served.peers) == 2

    run(main())


def test_a_redirect_takes_a_body_along_that_was_kept_back(run: Run) -> None:
    async def script(peer: Peer) -> None:
        head = await peer.head()
        if b"/first" in head:
            peer.send(reply(b"", "Location: /second", status="307 Temporary Redirect"))
            if b"expect" not in head:
                await peer.body(head)
            await peer.gone()
        else:
            peer.send(CONTINUE)
            await peer.body(head)
            peer.send(reply(b"thanks", "Connection: close"))
            await peer.gone()

    async def main() -> None:
        async with scripted(script) as served, Client(timeout=FOR_EVER) as client:
            url = served.url + "/first"
            response = await client.post(url, content=body_of("pieces", []), expect_continue=True)
            assert response.content == b"thanks"
            with pytest.raises(RedirectFailed):
                await client.post(url, content=body_of("pieces", []))

    run(main())


@KINDS
def test_over_http2_a_body_waits_or_is_kept_back_and_its_stream_only(run: Run, kind: str) -> None:
    waiting: list[int] = []

    def on_head(peer: H2Peer, stream_id: int) -> None:
        head = peer.heads[stream_id]
        if head[b":path"] == b"/no":
            peer.h2.send_headers(stream_id, [(":status", "413"), ("content-length", "0")])
            peer.h2.end_stream(stream_id)
        elif b"expect" in head:
            waiting.append(stream_id)
            asyncio.get_running_loop().call_later(0.02, go_on, peer, stream_id)

    def go_on(peer: H2Peer, stream_id: int) -> None:
        assert peer.bodies[stream_id] == b"", "the body did not wait"
        peer.h2.send_headers(stream_id, [(":status", "100")])
        peer.flush()

    def on_request(peer: H2Peer, stream_id: int) -> None:
        peer.answer(stream_id, b"%d" % len(peer.bodies[stream_id]))

    async def main() -> None:
        async with (
            served_h2(on_request, on_head=on_head) as served,
            Client(prior_knowledge=True, timeout=FOR_EVER) as client,
        ):
            size = 5 if kind == "small" else 200_000
            response = await client.post(
                served.url, content=body_of(kind, []), expect_continue=True
            )
            assert response.content == b"%d" % size
            assert [each.status for each in response.interim] == [100]
            begun: list[bool] = []
            response = await client.post(
                served.url + "/no", content=body_of(kind, begun), expect_continue=True
            )
            assert response.status == 413
            assert response.body_withheld
            assert begun == []
            assert (await client.get(served.url)).content == b"0"
            (peer,) = served.peers
            assert peer.bodies[3] == b""
            assert [stream for stream, _ in peer.resets] == [3]

    run(main())


HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_early_hints_are_told_when_they_come_and_kept(run: Run, http2: bool) -> None:
    released = asyncio.Event()

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            peer.send(b"HTTP/1.1 102 Processing\r\n\r\n" + HINT)
            await released.wait()
            peer.send(reply(b"page"))

    def on_request(peer: H2Peer, stream_id: int) -> None:
        peer.h2.send_headers(stream_id, [(":status", "102")])
        peer.h2.send_headers(stream_id, [(":status", "103"), ("link", "</a.css>")])
        peer.flush()
        released.clear()
        asyncio.get_running_loop().create_task(later(peer, stream_id))

    async def later(peer: H2Peer, stream_id: int) -> None:
        await released.wait()
        with contextlib.suppress(ProtocolError):  # the client has given it up
            peer.answer(stream_id, b"page")

    hints: list[Interim] = []

    def hinted(interim: Interim) -> None:
        hints.append(interim)
        if interim.status == 103:
            released.set()  # the response comes only after its hints have been seen

    async def main() -> None:
        serve = served_h2(on_request) if http2 else scripted(script)
        async with serve as served, Client(prior_knowledge=http2) as client:
            response = await client.get(served.url, on_interim=hinted)
            assert response.content == b"page"
            assert response.interim == hints
            assert [each.status for each in hints] == [102, 103]
            assert hints[1].headers == Headers([(b"link", b"</a.css>")])

            def bad(interim: Interim) -> None:
                raise LookupError("a callback's own error")

            with pytest.raises(LookupError):
                await client.get(served.url, on_interim=bad)
            released.set()
            assert client.pool.count == (1 if http2 else 0)

    run(main())


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (HINT * 21, BadMessage),
        (HINT.replace(b"</a.css>", b"x" * 5000), TooLarge),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", BadMessage),
    ],
    ids=["many", "large", "101"],
)
def test_too_many_too_large_or_out_of_place(run: Run, data: bytes, error: type[Exception]) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(data)
        await peer.gone()

    async def main() -> None:
        limits = Limits(header_bytes=4000)
        async with scripted(script) as served, Client(limits=limits) as client:
            with pytest.raises(error):
                await client.get(served.url)
            assert client.pool.count == 0

    run(main())
