"""When a fetch goes wrong with aiohttp: which exception means what.

Teaches: an answer with status 404 or 500 is an answer, not an exception, unless `raise_for_status`
makes it one. Exceptions are for what kept the answer from coming: refused, hung up, too slow, not
what it was said to be. All are ClientError, but for the timeout. A retry helps with some only.
Look for: the flaky page, which is fetched by trying again with a growing pause.
"""

import asyncio
import socket

from aiohttp import ClientError, ClientResponseError, ClientSession, ClientTimeout, web
from aiohttp.test_utils import TestServer

failures_left = 2


async def missing(request: web.Request) -> web.Response:
    raise web.HTTPNotFound(text="no such page")


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(0.5)
    return web.Response(text="at last")


async def hang_up(request: web.Request) -> web.Response:
    assert request.transport
    request.transport.close()
    return web.Response()


async def cut_short(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"only this")
    assert request.transport
    request.transport.close()
    return response


async def flaky(request: web.Request) -> web.Response:
    global failures_left
    if failures_left:
        failures_left -= 1
        raise web.HTTPServiceUnavailable
    return web.Response(text="here I am")


async def attempt(session: ClientSession, what: str, url: str) -> None:
    """Fetch `url` as JSON and say how that went."""
    try:
        async with session.get(url, timeout=ClientTimeout(total=0.2)) as response:
            response.raise_for_status()
            print(f"{what}: {await response.json()}")
    except ClientResponseError as error:
        print(f"{what}: {type(error).__name__}, status {error.status}, {error.message[:23]}")
    except ClientError as error:
        print(f"{what}: {type(error).__name__}")
    except asyncio.TimeoutError:
        print(f"{what}: timeout")


async def persistent(session: ClientSession, url: str, tries: int = 5) -> str:
    """Fetch `url`, and again while the server says that it cannot just now."""
    for number in range(1, tries + 1):
        async with session.get(url) as response:
            if response.status != 503:
                return f"{await response.text()!r} at try {number}"
        await asyncio.sleep(0.01 * 2**number)
    raise TimeoutError(f"still unavailable after {tries} tries")


async def main() -> None:
    """Everything that can go wrong, one after the other."""
    app = web.Application()
    for handler in (missing, slow, hang_up, cut_short, flaky):
        app.router.add_get(f"/{handler.__name__}", handler)
    async with TestServer(app) as server, ClientSession() as session:
        async with session.get(server.make_url("/missing")) as response:
            print("without raise_for_status:", response.status, await response.text())
        for page in ("missing", "slow", "hang_up", "cut_short"):
            await attempt(session, page, str(server.make_url(f"/{page}")))
        print("flaky:", await persistent(session, str(server.make_url("/flaky"))))
        await attempt(session, "not JSON", str(server.make_url("/flaky")))
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))  # a port on which nobody listens
            port = nobody.getsockname()[1]
            await attempt(session, "nobody there", f"http://127.0.0.1:{port}/")


if __name__ == "__main__":
    asyncio.run(main())
