"""aiohttp over TLS: who is trusted, large bodies, proxies, and TLS inside TLS."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from .cells import Say, Scenario, cases, outcome, same
from .serving import answering, client_tls, routed, served, server_tls

LARGE = bytes(range(256)) * 4 * 4096


async def echo(request: web.Request) -> web.StreamResponse:
    """Answer with what came, piece by piece."""
    response = web.StreamResponse(headers={"X-Secure": str(request.secure)})
    await response.prepare(request)
    async for chunk in request.content.iter_any():
        await response.write(chunk)
    return response


async def post(session: aiohttp.ClientSession, url: str, data: bytes) -> tuple[str, str]:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 100_000):
            yield data[start : start + 100_000]

    async with session.post(url, data=pieces()) as response:
        assert await response.read() == data
        return response.headers["X-Secure"], hashlib.sha256(data).hexdigest()


def session(**options: object) -> aiohttp.ClientSession:
    """Return a session that trusts the tests' authority."""
    connector = aiohttp.TCPConnector(ssl=client_tls())
    return aiohttp.ClientSession(connector=connector, **options)  # type: ignore[arg-type]


async def bodies(say: Say) -> None:
    app = routed(("POST", "/", echo))
    async with served(app, tls=server_tls()) as url, session() as client:
        for size in (0, 1, 16_384, 16_385, len(LARGE)):
            say(await post(client, url, LARGE[:size]))
        say(await asyncio.gather(*(post(client, url, LARGE[: n * 70_000]) for n in range(8))))


async def who_is_trusted(say: Say) -> None:
    app = routed(("POST", "/", echo))
    async with served(app, tls=server_tls()) as url, aiohttp.ClientSession() as client:
        for context in (client_tls(trusting=False), True, False):
            error = await outcome(client.post(url, data=b"", ssl=context))
            if isinstance(error, aiohttp.ClientResponse):
                say(error.status)
                error.release()
            else:
                say(error[0], "CERTIFICATE_VERIFY_FAILED" in error[1])
        elsewhere = url.replace("localhost", "127.0.0.1")
        error = await outcome(client.post(elsewhere, data=b"", ssl=client_tls()))
        say(error[0], "IP address mismatch" in error[1])
        wrong = aiohttp.Fingerprint(bytes(32))
        say((await outcome(client.post(url, data=b"", ssl=wrong)))[0])
        plain = url.replace("https", "http")
        say((await outcome(client.post(plain, data=b"")))[0])


async def not_tls_at_all(say: Say) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)

    async with session() as client:
        for talk in (plain, silent):
            async with answering(talk) as port:
                say((await outcome(client.get(f"https://localhost:{port}")))[0])


@asynccontextmanager
async def proxy(say: Say, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Run a proxy that makes a tunnel on CONNECT; yield its URL."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass  # the other end has had enough
        finally:
            writer.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, where, _ = head.split(b" ", 2)
        host, _, port = where.decode().partition(":")
        say("proxy", method, host)
        if host == "forbidden":
            writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return
        there = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    async with answering(talk, tls=tls) as port:
        yield f"{'https' if tls else 'http'}://localhost:{port}"


async def through_a_proxy(say: Say) -> None:
    """`start_tls` on a connection that is there, over TCP and over TLS."""
    app = routed(("POST", "/", echo))
    async with served(app, tls=server_tls()) as url:
        for tls in (None, server_tls()):
            async with proxy(say, tls) as between, session(proxy=between) as client:
                for size in (1, 100_000, len(LARGE)):
                    say(await post(client, url, LARGE[:size]))
                error = await outcome(client.post("https://forbidden:1/", data=b""))
                say(error[0])


async def websockets(say: Say) -> None:
    async def handler(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(max_msg_size=0)
        await ws.prepare(request)
        async for message in ws:
            await ws.send_bytes(message.data[::-1])
        say("server saw", ws.close_code)
        return ws

    app = routed(("GET", "/", handler))
    async with (
        served(app, tls=server_tls()) as url,
        session() as client,
        client.ws_connect(url, max_msg_size=0) as ws,
    ):
        for size in (0, 125, 65_536, len(LARGE)):
            await ws.send_bytes(LARGE[:size])
            assert await ws.receive_bytes() == LARGE[:size][::-1]
            say(size)


SCENARIOS: list[Scenario] = [
    bodies,
    who_is_trusted,
    not_tls_at_all,
    through_a_proxy,
    websockets,
]


@cases(SCENARIOS, who_is_trusted, through_a_proxy)
def test_as_on_asyncio(scenario: Scenario, debug: bool) -> None:
    same(scenario, debug=debug)
