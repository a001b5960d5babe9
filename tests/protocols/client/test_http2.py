"""HTTP/2: many exchanges on one connection, none of which harms another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import hyperframe.frame as frames
import pytest
from h2.errors import ErrorCodes

from protocols.client import (
    BadMessage,
    Client,
    Disconnected,
    Limits,
    PoolTimeout,
    ReadTimeout,
    Timeouts,
    TooLarge,
    WriteTimeout,
)
from protocols.client.http2 import STREAM_WINDOW

from ..loops import Run
from .h2_servers import H2Peer, served_h2
from .servers import tls_pair


def echo(peer: H2Peer, stream_id: int) -> None:
    peer.answer(stream_id, peer.bodies[stream_id] or peer.heads[stream_id][b":path"])


def plain(**options: Any) -> Client:
    return Client(prior_knowledge=True, **options)


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


def test_requests_share_one_connection_over_tls(run: Run) -> None:
    async def main() -> None:
        server, trusted = tls_pair("h2", "http/1.1")
        async with served_h2(echo, tls=server) as served, Client(tls=trusted) as client:
            urls = [f"{served.url}/{number}" for number in range(30)]
            responses = await asyncio.gather(*(client.get(url) for url in urls))
            assert [each.text for each in responses] == [f"/{number}" for number in range(30)]
            assert {each.http_version for each in responses} == {"HTTP/2"}
            assert responses[0].reason == "OK"
            assert len(served.peers) == client.pool.count == 1

    run(main())


def test_a_server_that_chooses_http1_gets_one_connection_each(run: Run) -> None:
    """The first handshake tells what is spoken; then the others connect as well."""
    from aiohttp import web

    from .servers import site

    async def hello(request: web.Request) -> web.Response:
        await asyncio.sleep(0.01)
        return web.Response(text="hello")

    async def main() -> None:
        server, trusted = tls_pair("http/1.1")
        async with site(web.get("/", hello), tls=server) as url, Client(tls=trusted) as client:
            responses = await asyncio.gather(*(client.get(url) for _ in range(5)))
            assert {each.http_version for each in responses} == {"HTTP/1.1"}
            assert client.pool.count > 1

    run(main())


@pytest.mark.parametrize("window", [1000, 65535, 1_000_000])
def test_bodies_larger_than_any_window_go_both_ways(run: Run, window: int) -> None:
    def answer(peer: H2Peer, stream_id: int) -> None:
        peer.h2.send_headers(stream_id, [(":status", "200")])
        peer.open -= 1
        peer.pour(stream_id, len(peer.bodies[stream_id]) * 4 or 1)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield bytes(17_777)

    async def main() -> None:
        async with served_h2(answer, INITIAL_WINDOW_SIZE=window) as served, plain() as client:
            await client.get(served.url)  # from here on the server's settings are known
            one, two = await asyncio.gather(
                client.post(served.url, content=bytes(300_000)),
                client.post(served.url, content=chunks()),
            )
            assert len(one.content) == 1_200_000
            assert len(two.content) == 20 * 17_777 * 4
            assert len(served.peers) == 1

    run(main())


def test_a_cancelled_request_resets_its_stream_and_nothing_else(run: Run) -> None:
    def answer(peer: H2Peer, stream_id: int) -> None:
        if peer.heads[stream_id][b":path"] != b"/never":
            peer.answer(stream_id, b"x")

    async def main() -> None:
        async with served_h2(answer) as served, plain() as client:
            never = [asyncio.create_task(client.get(served.url + "/never")) for _ in range(300)]
            await until(lambda: served.peers and len(served.peers[0].requests) == 100)
            for number, task in enumerate(never):
                if number % 3 != 2:
                    task.cancel()
            await until(lambda: len(served.peers[0].resets) >= 66)
            for task in never:
                task.cancel()
            await asyncio.gather(*never, return_exceptions=True)
            assert (await client.get(served.url)).content == b"x"
            assert len(served.peers) == 1
            assert {code for _, code in served.peers[0].resets} == {ErrorCodes.CANCEL}
            assert next(iter(client.pool.sites.values())).shared.busy == 0  # type: ignore[union-attr]

    run(main())


def test_a_stream_left_in_the_middle_gives_its_credit_back(run: Run) -> None:
    """Many streams are left with full buffers; the connection's window is not used up."""

    def answer(peer: H2Peer, stream_id: int) -> None:
        peer.h2.send_headers(stream_id, [(":status", "200")])
        peer.pour(stream_id, 2 * STREAM_WINDOW)

    async def main() -> None:
        async with served_h2(answer) as served, plain(limits=Limits(streams=4)) as client:
            for _ in range(20):
                async with client.stream("GET", served.url) as response:
                    assert await anext(response.__aiter__())
            assert len((await client.get(served.url)).content) == 2 * STREAM_WINDOW
            assert len(served.peers) == 1

    run(main())


def test_what_nobody_reads_is_bounded_and_holds_up_no_other(run: Run) -> None:
    def answer(peer: H2Peer, stream_id: int) -> None:
        if peer.heads[stream_id][b":path"] == b"/large":
            peer.h2.send_headers(stream_id, [(":status", "200")])
            peer.pour(stream_id, 5_000_000)
        else:
            peer.answer(stream_id, b"small")

    async def main() -> None:
        async with (
            served_h2(answer) as served,
            plain(limits=Limits(streams=3)) as client,
            client.stream("GET", served.url + "/large") as one,
            client.stream("GET", served.url + "/large") as two,
        ):
            for _ in range(10):
                assert (await client.get(served.url)).content == b"small"
            assert max(one._exchange.buffered, two._exchange.buffered) <= STREAM_WINDOW
            assert sum([len(piece) async for piece in one]) == 5_000_000
            assert two._exchange.buffered <= STREAM_WINDOW

    run(main())


def test_empty_and_tiny_frames_cost_nothing(run: Run) -> None:
    def answer(peer: H2Peer, stream_id: int) -> None:
        peer.h2.send_headers(stream_id, [(":status", "200")])
        for _ in range(1000):
            peer.h2.send_data(stream_id, b"")
            peer.h2.send_data(stream_id, b"", pad_length=10)
            peer.h2.send_data(stream_id, b"a")
        peer.h2.end_stream(stream_id)

    async def main() -> None:
        async with (
            served_h2(answer) as served,
            plain() as client,
            client.stream("GET", served.url) as response,
        ):
            await until(lambda: response._exchange.over)
            assert len(response._exchange._chunks) == 1
            assert await response.read() == b"a" * 1000

    run(main())


def test_no_more_streams_than_the_server_allows(run: Run) -> None:
    def answer(peer: H2Peer, stream_id: int) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.002, peer.answer, stream_id, b"x")

    async def main() -> None:
        async with served_h2(answer, MAX_CONCURRENT_STREAMS=3) as served, plain() as client:
            assert (await client.get(served.url)).content == b"x"
            responses = await asyncio.gather(*(client.get(served.url) for _ in range(20)))
            assert len(responses) == 20
            assert served.peers[0].most == 3
            assert len(served.peers) == 1

    run(main())


def test_waiting_for_a_stream_has_its_timeout(run: Run) -> None:
    async def main() -> None:
        async with served_h2(None, MAX_CONCURRENT_STREAMS=1) as served, plain() as client:
            first = asyncio.create_task(client.get(served.url))
            await until(lambda: served.peers and served.peers[0].requests)
            with pytest.raises(PoolTimeout):
                await client.get(served.url, timeout=Timeouts(pool=0.02))
            first.cancel()
            await asyncio.wait([first])

    run(main())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_a_leaving_server_did_not_look_at_is_asked_elsewhere(run: Run, method: str) -> None:
    """GOAWAY with the first stream as last: that one goes on, the others move."""

    def answer(peer: H2Peer, stream_id: int) -> None:
        if peer.number:
            peer.answer(stream_id, b"new")
        elif len(peer.requests) == 4:
            peer.transport.write(frames.GoAwayFrame(0, last_stream_id=1).serialize())
            asyncio.get_running_loop().call_later(0.02, rest, peer)

    def rest(peer: H2Peer) -> None:
        headers = frames.HeadersFrame(1, data=b"\x88", flags=["END_HEADERS"])
        data = frames.DataFrame(1, data=b"old", flags=["END_STREAM"])
        peer.transport.write(headers.serialize() + data.serialize())

    async def main() -> None:
        async with served_h2(answer) as served, plain() as client:
            tasks = [client.request(method, served.url, content=b"") for _ in range(4)]
            responses = await asyncio.gather(*tasks)
            assert [each.content for each in responses] == [b"old", b"new", b"new", b"new"]
            assert len(served.peers) == 2
            await until(lambda: served.peers[0].lost)
            assert client.pool.count == 1

    run(main())


def test_a_refused_stream_is_tried_again_but_not_for_ever(run: Run) -> None:
    def answer(peer: H2Peer, stream_id: int) -> None:
        if peer.heads[stream_id][b":path"] == b"/never" or stream_id < 5:
            peer.h2.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
        else:
            peer.answer(stream_id, b"x")

    async def main() -> None:
        async with served_h2(answer) as served, plain() as client:
            assert (await client.post(served.url, content=b"a")).content == b"x"
            with pytest.raises(Disconnected, match="REFUSED"):
                await client.get(served.url + "/never")

    run(main())


def test_a_stream_that_breaks_is_one_stream_s_error(run: Run) -> None:
    def answer(peer: H2Peer, stream_id: int) -> None:
        path = peer.heads[stream_id][b":path"]
        if path == b"/reset":
            peer.h2.send_headers(stream_id, [(":status", "200")])
            peer.h2.reset_stream(stream_id, ErrorCodes.INTERNAL_ERROR)
        elif path == b"/fields":
            peer.answer(stream_id, b"", *[(f"a{number}", "b") for number in range(150)])
        elif path == b"/hints":
            for _ in range(30):
                peer.h2.send_headers(stream_id, [(":status", "103")])
        elif path != b"/silent":
            peer.answer(stream_id, b"fine")

    async def main() -> None:
        timeouts = Timeouts(read=0.1)
        async with served_h2(answer) as served, plain(timeout=timeouts) as client:
            for path, error in [
                ("/reset", Disconnected),
                ("/fields", TooLarge),
                ("/hints", BadMessage),
                ("/silent", ReadTimeout),
            ]:
                with pytest.raises(error):
                    await client.get(served.url + path)
                assert (await client.get(served.url)).content == b"fine"
            assert len(served.peers) == 1

    run(main())


def test_an_early_answer_ends_the_upload_with_a_reset(run: Run) -> None:
    def answer(peer: H2Peer, stream_id: int) -> None:
        peer.answer(stream_id, b"early")

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1000)
            await asyncio.sleep(0)

    async def main() -> None:
        async with served_h2(on_head=answer) as served, plain() as client:
            assert (await client.post(served.url, content=endless())).content == b"early"
            await until(lambda: served.peers[0].resets)
            assert (await client.get(served.url)).content == b"early"
            assert len(served.peers) == 1

    run(main())


def test_no_credit_is_a_write_timeout_even_while_others_get_some(run: Run) -> None:
    async def main() -> None:
        async with served_h2(None) as served, plain() as client:
            served.credit = False
            with pytest.raises(WriteTimeout):
                await client.post(
                    served.url, content=bytes(100_000), timeout=Timeouts(write=0.05, read=5)
                )
            served.credit = True
            served.on_request = echo
            assert (await client.get(served.url)).ok

    run(main())


@pytest.mark.parametrize(("headers", "words"), [({"a": "b\r\nc"}, "value"), ({"a b": "c"}, "name")])
def test_a_bad_field_is_found_before_it_is_encoded(
    run: Run, headers: dict[str, str], words: str
) -> None:
    async def main() -> None:
        async with served_h2(echo) as served, plain() as client:
            with pytest.raises(ValueError, match=words):
                await client.get(served.url, headers=headers)
            headers_ = {"Connection": "x", "Keep-Alive": "1", "TE": "gzip", "X": " y "}
            assert (await client.get(served.url, headers=headers_)).ok
            assert served.peers[0].heads[1][b"x"] == b"y"
            assert not {b"connection", b"te", b"host"} & set(served.peers[0].heads[1])

    run(main())


def test_a_server_that_speaks_something_else_is_an_error(run: Run) -> None:
    from .servers import Peer, reply, scripted

    async def script(peer: Peer) -> None:
        peer.send(reply(b"hello"))
        await peer.gone()

    async def main() -> None:
        async with scripted(script) as served, plain() as client:
            with pytest.raises(BadMessage):
                await client.get(served.url)
            assert client.pool.count == 0

    run(main())


def test_a_connection_lost_fails_all_and_the_next_request_makes_another(run: Run) -> None:
    def answer(peer: H2Peer, stream_id: int) -> None:
        if peer.number:
            peer.answer(stream_id, b"x")
        elif len(peer.requests) == 3:
            peer.transport.abort()

    async def main() -> None:
        async with served_h2(answer) as served, plain() as client:
            tasks = [client.get(served.url) for _ in range(3)]
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert type(results[0]) is Disconnected
            assert (await client.get(served.url)).content == b"x"

    run(main())


def test_an_idle_connection_says_goodbye(run: Run) -> None:
    """RFC 9113 6.8: whether it is the timer that ends it, or the client."""

    async def main() -> None:
        async with served_h2(echo) as served:
            async with plain(limits=Limits(idle_seconds=0.01)) as client:
                await client.get(served.url)
                await until(lambda: served.peers[0].lost)
                assert client.pool.count == 0
            async with plain() as client:
                await client.get(served.url)
            await until(lambda: served.peers[1].lost)
        assert [peer.goodbyes for peer in served.peers] == [[ErrorCodes.NO_ERROR]] * 2

    run(main())


def test_a_server_that_breaks_the_rules_is_told_which_and_no_more(run: Run) -> None:
    def bad(peer: H2Peer, stream_id: int) -> None:
        peer.transport.write(frames.WindowUpdateFrame(0, window_increment=2**31 - 1).serialize())

    async def main() -> None:
        async with served_h2(bad) as served, plain() as client:
            with pytest.raises(BadMessage):
                await client.get(served.url)
            await until(lambda: served.peers[0].lost)
        assert served.peers[0].goodbyes == [ErrorCodes.FLOW_CONTROL_ERROR]

    run(main())


@pytest.mark.parametrize("status", ["abc", "99", "+20", "2000"])
def test_a_status_that_is_none_fails_its_stream_only(run: Run, status: str) -> None:
    """h2 passes on whatever a status is: RFC 9113 8.1.1 has it be an error of the stream."""

    def answers(peer: H2Peer, stream_id: int) -> None:
        if peer.heads[stream_id][b":path"] == b"/good":
            peer.answer(stream_id, b"good")
        else:
            peer.h2.send_headers(stream_id, [(":status", status)])
            peer.flush()

    async def main() -> None:
        async with served_h2(answers) as served, plain() as client:
            with pytest.raises(BadMessage, match=r"malformed: .* status"):
                await client.get(f"{served.url}/bad")
            response = await client.get(f"{served.url}/good")
            assert response.content == b"good"
            (peer,) = served.peers
            assert [stream_id for stream_id, _ in peer.resets] == [1]

    run(main())
