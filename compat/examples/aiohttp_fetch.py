"""Fetching pages with aiohttp: a session, a request, an answer.

Teaches: a `ClientSession` keeps connections open between requests, so make one and use it for all;
`async with session.get(...)` gives the answer as soon as its head has come, and `text`, `json` or
`read` wait for the body. A large body can be read in pieces.
Look for: three requests and one connection.

The server is in the same program, on a free port: so it is in all examples with aiohttp.
"""

import asyncio
import hashlib

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

clients_seen: set[object] = set()


async def hello(request: web.Request) -> web.Response:
    """A page that greets whoever is named in the query."""
    clients_seen.add(request.transport)
    return web.Response(text=f"<h1>Hello, {request.query.get('name', 'world')}!</h1>\n")


async def weather(request: web.Request) -> web.Response:
    """The same kind of thing for machines."""
    clients_seen.add(request.transport)
    return web.json_response({"place": request.match_info["place"], "degrees": 21})


async def large(request: web.Request) -> web.StreamResponse:
    """A body that is sent in pieces, as they are made."""
    clients_seen.add(request.transport)
    response = web.StreamResponse()
    await response.prepare(request)
    for number in range(100):
        await response.write(bytes([number]) * 10_000)
    await response.write_eof()
    return response


async def main() -> None:
    """Fetch a page, some data, and a large body."""
    app = web.Application()
    app.add_routes([web.get("/", hello), web.get("/weather/{place}", weather)])
    app.add_routes([web.get("/large", large)])
    async with TestServer(app) as server, ClientSession(server.make_url("/")) as session:
        async with session.get("/", params={"name": "Ann & Bob"}) as response:
            print(response.status, response.reason, response.content_type, response.charset)
            print(" ", (await response.text()).strip())
        async with session.get("/weather/Rome") as response:
            print(response.status, response.reason, response.content_type)
            print(" ", await response.json())
        async with session.get("/large") as response:
            total, checksum = 0, hashlib.sha256()
            async for piece in response.content.iter_chunked(65536):
                total += len(piece)
                checksum.update(piece)
            print(response.status, response.reason, response.headers["Transfer-Encoding"])
            print(f"  {total} bytes, checksum {checksum.hexdigest()[:8]}")
        print("connections that the server saw:", len(clients_seen))


if __name__ == "__main__":
    asyncio.run(main())
