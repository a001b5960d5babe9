"""httpx in the World: HTTP/1.1 against a server on plain streams; pools, timeouts, cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest

from miniloop.testing import World

from .worlds import alike, breaks, faulty, holds

#: Made once: it takes a while, and nothing here uses it.
NO_TLS = ssl.create_default_context()
BLOCK = bytes(range(256)) * 40


class Server:
    """A server for HTTP/1.1: the path says what is answered, and after how many seconds.

    ``/text/seconds`` the text; ``/blocks/seconds`` five blocks, chunked, so far apart; a body
    comes back after them.
    """

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.at_once = self.most_at_once = 0
        self._talking: dict[Any, None] = {}

    async def serve(self, host: str) -> None:
        """Serve until cancelled."""
        async with await asyncio.start_server(self._talk, host, 80):
            self.ready.set()
            try:
                await asyncio.Event().wait()
            finally:
                for task in self._talking:
                    task.cancel()
                await asyncio.gather(*self._talking, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking = asyncio.current_task()
        self._talking[talking] = None
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                sizes = [
                    line.split(":")[1] for line in head if line.lower().startswith("content-l")
                ]
                body = await reader.readexactly(int(sizes[0])) if sizes else b""
                _, text, seconds = head[0].split()[1].split("/")
                await self._answer(writer, text, float(seconds), body)
        except (asyncio.IncompleteReadError, OSError):
            pass
        except asyncio.CancelledError:
            assert talking is not None
            talking.uncancel()  # before Python 3.13 streams report a handler that is cancelled
        finally:
            self.at_once -= 1
            del self._talking[talking]
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(
        self, writer: asyncio.StreamWriter, text: str, seconds: float, body: bytes
    ) -> None:
        if text == "blocks":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(5):
                await asyncio.sleep(seconds)
                writer.write(b"%x\r\n%s\r\n" % (len(BLOCK), BLOCK))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        else:
            await asyncio.sleep(seconds)
            data = text.encode() + body
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data))
        await writer.drain()


@asynccontextmanager
async def served(world: World, **options: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Server]]:
    """Serve on the host ``web``; give a client of it, and the server."""
    server = Server()
    serving = world.host("web").spawn(server.serve("web"))
    await server.ready.wait()
    options = {"timeout": 60, "verify": NO_TLS, "trust_env": False, **options}
    try:
        async with httpx.AsyncClient(base_url="http://web", **options) as client:
            yield client, server
    finally:
        serving.cancel()
        await asyncio.wait([serving])


async def requests_at_once(world: World) -> list[Any]:
    """Two on one connection, three at once, one with a body, one that takes too long."""
    async with served(world) as (client, _):
        seen = [(await client.get(f"/{name}/0")).text for name in ("one", "two")]
        answers = await asyncio.gather(*(client.get(f"/{number}/1") for number in range(3)))
        seen += [answer.text for answer in answers]
        seen.append((await client.post("/sent/0", content=b" and back")).text)
        try:
            await client.get("/never/3600", timeout=1800)
        except httpx.ReadTimeout as error:
            seen.append(type(error).__name__)
    return seen


async def a_body_that_streams(world: World) -> int:
    """Blocks over links that take half of everything, and have little room."""
    link = world.network.link("localhost", "web")
    link.latency, link.partial_writes, link.capacity = 0.02, True, 8192
    got = b""
    async with served(world) as (client, _), client.stream("GET", "/blocks/0.1") as response:
        async for data in response.aiter_bytes():
            got += data
    assert got == BLOCK * 5
    return len(got)


async def over_a_bad_link(world: World) -> str:
    """Resets, refusals, halves: an answer is to its own question, and whole, or it is an error."""
    limits = httpx.Limits(max_connections=2, max_keepalive_connections=1)
    async with served(world, limits=limits, timeout=httpx.Timeout(60, pool=3600)) as (client, _):
        link = world.network.link("localhost", "web")
        faulty(link)

        async def ask(number: int) -> None:
            with contextlib.suppress(httpx.NetworkError, httpx.RemoteProtocolError):
                answer = await client.post(f"/{number}/0.1", content=b"!" * number)
                assert answer.text == f"{number}" + "!" * number

        await asyncio.gather(*(ask(number) for number in range(4)))
        link.resets = link.refusals = False
        await asyncio.gather(*(ask(number) for number in range(4)))
        return (await client.get("/again/0")).text


async def a_pool_of_one(world: World) -> list[str]:
    """Many share one connection, one after the other; some have no patience, others all of it."""
    limits = httpx.Limits(max_connections=1)
    async with served(world, limits=limits, timeout=None) as (client, server):

        async def ask(number: int, patience: float | None) -> str:
            try:
                timeout = httpx.Timeout(None, pool=patience)
                return (await client.get(f"/{number}/30", timeout=timeout)).text
            except httpx.PoolTimeout:
                return "no connection"

        got = await asyncio.gather(*(ask(n, 15 if n == 2 else None) for n in range(4)))
    assert got == ["0", "1", "no connection", "3"]
    assert server.most_at_once <= 2, "one, and one whose end has not come yet"
    return got


async def a_stream_that_is_left(world: World) -> str:
    """Whoever leaves in the middle of a body, by anyio's scope, gives the connection back."""
    limits = httpx.Limits(max_connections=1)
    async with served(world, limits=limits, timeout=None) as (client, _):
        got = 0
        with anyio.CancelScope() as scope:
            world.sometime(scope.cancel)
            async with client.stream("GET", "/blocks/0.1") as response:
                async for data in response.aiter_bytes():
                    got += len(data)
        assert scope.cancelled_caught or got == 5 * len(BLOCK)
        return (await client.get("/after/0")).text


async def a_permit_that_is_kept(world: World) -> str:
    """Broken: who is cancelled while he asks does not give back his permit to do so."""
    permits = asyncio.Semaphore(1)
    async with served(world) as (client, _):

        async def ask(name: str, after: float) -> str:
            await asyncio.sleep(after)
            await permits.acquire()
            answer = await client.get(f"/{name}/0.1")
            permits.release()
            return answer.text

        task = asyncio.create_task(ask("one", 0.01))
        world.sometime(task.cancel)
        await asyncio.wait([task])
        return await ask("two", 0)


async def an_update_that_is_lost(world: World) -> None:
    """Broken: a number is read, and written back with one more: two do so, and one is lost."""
    world.network.default_link.latency = 0.01
    kept = "0"
    async with served(world) as (client, _):

        async def add(after: float) -> None:
            nonlocal kept
            await asyncio.sleep(after)
            number = int((await client.get(f"/{kept}/0.1")).text)
            kept = (await client.get(f"/{number + 1}/0.1")).text

        await asyncio.gather(add(0), add(1))
    assert kept == "2", f"2 have added 1, and it is {kept}"


RIGHT = (
    requests_at_once,
    a_body_that_streams,
    over_a_bad_link,
    a_pool_of_one,
    a_stream_that_is_left,
)


@pytest.mark.parametrize("scenario", RIGHT)
def test_httpx_is_alike_and_holds(scenario: Any) -> None:
    alike(scenario)
    holds(scenario)


def test_a_timeout_takes_half_an_hour_and_no_time() -> None:
    run = alike(requests_at_once)
    assert run.result == ["one", "two", "0", "1", "2", "sent and back", "ReadTimeout"]
    assert run.seconds > 1800


@pytest.mark.parametrize(
    ("scenario", "words", "kind"),
    [
        (a_permit_that_is_kept, "deadlock", "event"),
        (an_update_that_is_lost, "it is 1", "jump"),
    ],
)
def test_broken_programs_are_found(scenario: Any, words: str, kind: str) -> None:
    found = breaks(scenario, words)
    assert [key[0] for key in found.schedule.deviations] == [kind]
