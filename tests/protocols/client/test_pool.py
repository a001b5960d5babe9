"""The pool: who gets a connection, in which order, and what happens to those nobody uses."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from protocols.client import Client, Disconnected, Limits, PoolClosed, PoolTimeout, Timeouts

from ..loops import Run
from .servers import Peer, reply, scripted, site, tls_pair


async def serve_all(peer: Peer) -> None:
    """Answer each request with the number of the connection."""
    while True:
        await peer.request()
        peer.send(reply(str(peer.number).encode()))


class Gate:
    """A server that answers in the order of arrival, each when it is told to."""

    def __init__(self) -> None:
        self.arrived: list[str] = []
        self.news = asyncio.Condition()
        self.open = asyncio.Semaphore(0)

    async def __call__(self, peer: Peer) -> None:
        while True:
            head, _ = await peer.request()
            async with self.news:
                self.arrived.append(head.split()[1].decode())
                self.news.notify_all()
            await self.open.acquire()
            peer.send(reply(b"x"))

    async def wait_for(self, count: int) -> None:
        async with self.news:
            await self.news.wait_for(lambda: len(self.arrived) >= count)


def test_a_connection_is_used_again_the_latest_one_first(run: Run) -> None:
    async def main() -> None:
        async with scripted(serve_all) as served, Client() as client:
            both = await asyncio.gather(client.get(served.url), client.get(served.url))
            assert {each.text for each in both} == {"0", "1"}
            first = (await client.get(served.url)).text
            for _ in range(5):
                assert (await client.get(served.url)).text == first
            assert client.pool.count == 2

    run(main())


@pytest.mark.parametrize("limits", [Limits(connections=2), Limits(per_origin=2)], ids=str)
def test_who_waits_is_served_in_order(run: Run, limits: Limits) -> None:
    async def main() -> None:
        gate = Gate()
        async with scripted(gate) as served, Client(limits=limits) as client:
            tasks = []
            for number in range(8):
                tasks.append(asyncio.create_task(client.get(f"{served.url}/{number}")))
                await asyncio.sleep(0)
            tasks[4].cancel()
            for count in range(2, 8):
                await gate.wait_for(count)
                assert len(gate.arrived) == count
                assert client.pool.count <= 2
                gate.open.release()
            gate.open.release()
            await asyncio.gather(*tasks, return_exceptions=True)
            order = [f"/{number}" for number in (0, 1, 2, 3, 5, 6, 7)]
            assert sorted(gate.arrived[:2]) == order[:2]
            assert gate.arrived[2:] == order[2:]
            assert len(served.peers) == 2

    run(main())


def test_an_origin_at_its_limit_holds_up_no_other(run: Run) -> None:
    async def main() -> None:
        gate = Gate()
        limits = Limits(per_origin=1)
        async with (
            scripted(gate) as busy,
            scripted(serve_all) as free,
            Client(limits=limits) as client,
        ):
            tasks = [asyncio.create_task(client.get(busy.url)) for _ in range(2)]
            await gate.wait_for(1)
            assert (await client.get(free.url)).text == "0"
            gate.open.release()
            gate.open.release()
            await asyncio.gather(*tasks)

    run(main())


def test_an_idle_connection_makes_place_for_another_origin(run: Run) -> None:
    async def main() -> None:
        limits = Limits(connections=1)
        async with (
            scripted(serve_all) as one,
            scripted(serve_all) as two,
            Client(limits=limits) as client,
        ):
            for _ in range(2):
                await asyncio.gather(*(client.get(each.url) for each in (one, two, one, two)))
                assert client.pool.count == 1
            assert len(client.pool.sites) == 1

    run(main())


def test_waiting_for_too_long_is_a_pool_timeout(run: Run) -> None:
    async def main() -> None:
        gate = Gate()
        async with scripted(gate) as served, Client(limits=Limits(per_origin=1)) as client:
            first = asyncio.create_task(client.get(served.url))
            await gate.wait_for(1)
            with pytest.raises(PoolTimeout):
                await client.get(served.url, timeout=Timeouts(pool=0.02))
            gate.open.release()
            await first
            gate.open.release()
            assert (await client.get(served.url)).ok

    run(main())


def test_a_connection_that_dies_idle_is_noticed_by_the_loop(run: Run) -> None:
    """Nobody asks: when the server has closed, the pool is empty without a request."""

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(reply(b"a"))

    async def main() -> None:
        async with scripted(script) as served, Client() as client:
            await client.get(served.url)
            while client.pool.count:
                await asyncio.sleep(0.001)
            assert client.pool.sites == {}
            assert (await client.get(served.url)).ok

    run(main())


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_what_may_be_sent_twice_is_when_the_connection_had_died(run: Run, method: str) -> None:
    """The server closes just when the second request is under way."""

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(reply(str(peer.number).encode()))
        await peer.request()

    async def main() -> None:
        async with scripted(script) as served, Client() as client:
            await client.get(served.url)
            if method == "POST":
                with pytest.raises(Disconnected):
                    await client.request(method, served.url, content=b"abc")
            else:
                response = await client.request(method, served.url, content=b"abc")
                assert response.text == "1"

    run(main())


def test_it_is_sent_again_once_and_not_on_a_new_connection(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()

    async def main() -> None:
        async with scripted(script) as served, Client() as client:
            with pytest.raises(Disconnected):
                await client.get(served.url)
            assert len(served.peers) == 1

    run(main())


def test_what_is_idle_for_too_long_is_closed_by_a_timer(run: Run) -> None:
    async def main() -> None:
        limits = Limits(idle_seconds=0.05)
        async with scripted(serve_all) as served, Client(limits=limits) as client:
            await asyncio.gather(*(client.get(served.url) for _ in range(3)))
            assert client.pool.count == 3
            while client.pool.count:
                await asyncio.sleep(0.005)
        async with (
            scripted(serve_all) as served,
            Client(limits=Limits(idle_seconds=0)) as client,
        ):
            await client.get(served.url)
            assert client.pool.count == 0

    run(main())


def test_bytes_nobody_asked_for_end_an_idle_connection(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(reply(b"a"))
        await asyncio.sleep(0.01)
        peer.send(reply(b"poison"))
        await peer.gone()

    async def main() -> None:
        async with scripted(script) as served, Client() as client:
            await client.get(served.url)
            while client.pool.count:
                await asyncio.sleep(0.001)
            assert (await client.get(served.url)).content == b"a"

    run(main())


def test_closed_it_fails_what_is_under_way_and_what_waits(run: Run) -> None:
    async def main() -> None:
        gate = Gate()
        async with scripted(gate) as served:
            client = Client(limits=Limits(per_origin=1))
            tasks = [asyncio.create_task(client.get(served.url)) for _ in range(2)]
            await gate.wait_for(1)
            await client.aclose()
            for task in tasks:
                with pytest.raises(PoolClosed):
                    await task
            with pytest.raises(PoolClosed):
                await client.get(served.url)
            assert client.pool.count == 0
            gate.open.release()

    run(main())


def test_over_tls_with_the_server_s_choice_of_protocol(run: Run) -> None:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(body=bytes(200_000))

    async def main() -> None:
        server, trusted = tls_pair("http/1.1")
        async with site(web.get("/", hello), tls=server) as url, Client(tls=trusted) as client:
            for _ in range(2):
                response = await client.get(url)
                assert (response.http_version, len(response.content)) == ("HTTP/1.1", 200_000)
            assert client.pool.count == 1
            both = await asyncio.gather(client.get(url), client.get(url))
            assert all(each.ok for each in both)
        async with site(web.get("/", hello), tls=server) as url, Client() as client:
            with pytest.raises(ConnectionError, match="certificate"):
                await client.get(url)
            assert client.pool.count == 0

    run(main())


def test_over_a_unix_socket(run: Run, tmp_path: Path) -> None:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text=request.host)

    async def main() -> None:
        path = str(tmp_path / "socket")
        async with site(web.get("/", hello), unix=path) as url, Client(unix=path) as client:
            assert (await client.get(url)).text == "somewhere"

    run(main())
