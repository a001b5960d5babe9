"""httpx on top of the client: its features work, its errors are raised."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
from aiohttp import web

from protocols.client import Timeouts
from protocols.client.httpx_transport import HttpxTransport

from ..loops import Run
from .h2_servers import H2Peer, served_h2
from .servers import Peer, reply, scripted, site


async def show(request: web.Request) -> web.Response:
    body = await request.post() if request.content_type.startswith("multipart") else {}
    answer = web.json_response(
        {
            "cookies": dict(request.cookies),
            "fields": {name: str(value) for name, value in body.items()},
            "body": "" if body else await request.text(),
            "auth": request.headers.get("Authorization", ""),
        }
    )
    answer.set_cookie("seen", "yes")
    answer.enable_compression()
    return answer


async def away(request: web.Request) -> web.Response:
    raise web.HTTPFound("/")


def test_cookies_auth_multipart_redirects_and_codings_are_httpx_s(run: Run) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async def main() -> None:
        async with (
            site(web.route("*", "/", show), web.get("/away", away)) as url,
            httpx.AsyncClient(transport=HttpxTransport(), base_url=url) as client,
        ):
            first = (await client.get("/away", follow_redirects=True, auth=("me", "pw"))).json()
            assert (first["cookies"], first["auth"]) == ({}, "Basic bWU6cHc=")
            second = await client.post("/", data={"a": "1"}, files={"b": b"2"})
            assert second.json()["cookies"] == {"seen": "yes"}
            assert second.json()["fields"]["a"] == "1"
            assert second.http_version == "HTTP/1.1"
            assert (await client.post("/", content=pieces())).json()["body"] == "one two"
            transport = client._transport
            assert isinstance(transport, HttpxTransport)
            assert transport.client.pool.count == 1
        assert transport.client.pool.count == 0

    run(main())


def test_a_stream_that_is_left_closes_its_connection(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        await peer.gone()

    async def main() -> None:
        transport = HttpxTransport()
        async with scripted(script) as served, httpx.AsyncClient(transport=transport) as client:
            async with client.stream("GET", served.url) as response:
                assert await anext(response.aiter_raw()) == b"abc"
            assert transport.client.pool.count == 0

    run(main())


def test_http2_and_a_coded_body(run: Run) -> None:
    def answer(peer: H2Peer, stream_id: int) -> None:
        peer.answer(stream_id, gzip.compress(b"hello"), ("content-encoding", "gzip"))

    async def main() -> None:
        transport = HttpxTransport(prior_knowledge=True)
        async with served_h2(answer) as served, httpx.AsyncClient(transport=transport) as client:
            response = await client.get(served.url)
            assert (response.text, response.http_version) == ("hello", "HTTP/2")

    run(main())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"no HTTP at all\r\n\r\n", httpx.RemoteProtocolError),
        (None, httpx.ReadTimeout),
    ],
    ids=["end", "rubbish", "silence"],
)
def test_errors_have_httpx_s_names(run: Run, answer: bytes | None, error: type[Exception]) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if answer is None:
            await peer.gone()
        else:
            peer.send(answer)

    async def main() -> None:
        transport = HttpxTransport()
        patience = 0.1 if error is httpx.ReadTimeout else 60
        async with (
            scripted(script) as served,
            httpx.AsyncClient(transport=transport, timeout=patience) as client,
        ):
            with pytest.raises(error):
                await client.get(served.url)
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient(transport=HttpxTransport()) as client:
                await client.get(served.url)

    run(main())


def test_the_total_timeout_httpx_does_not_have(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(reply(bytes(1000))[:-900])
        await peer.gone()

    async def main() -> None:
        transport = HttpxTransport(timeout=Timeouts(total=0.1))
        async with scripted(script) as served, httpx.AsyncClient(transport=transport) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get(served.url)

    run(main())
