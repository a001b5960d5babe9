"""Sending data with aiohttp: JSON, forms, files, and bodies that are made while they are sent.

Teaches: what is given to `session.post` decides how it travels: `json=` and `data=` set the
Content-Type by themselves; a dictionary is a form; `FormData` with a file is multipart; an async
generator is sent in chunks, and nobody needs to know beforehand how long it is.
Look for: what the server understood of each.
"""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import BodyPartReader, ClientSession, FormData, web
from aiohttp.test_utils import TestServer


async def receive(request: web.Request) -> web.Response:
    """Tell the client what it sent."""
    understood: object
    if request.content_type == "application/json":
        understood = await request.json()
    elif request.content_type == "application/x-www-form-urlencoded":
        understood = dict(await request.post())
    else:
        understood = f"{len(await request.read())} bytes"
    told = {"method": request.method, "type": request.content_type, "understood": understood}
    return web.json_response(told, status=201)


async def upload(request: web.Request) -> web.Response:
    """Take files, piece by piece as they come, and count."""
    sizes: dict[str, int] = {}
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)  # it could also be a multipart in itself
        name = part.filename or part.name or "?"
        sizes[name] = 0
        while piece := await part.read_chunk():
            sizes[name] += len(piece)
    return web.json_response(sizes)


async def lines(count: int) -> AsyncIterator[bytes]:
    """A body that is made while it is sent."""
    for number in range(count):
        yield b"line %d\n" % number
        await asyncio.sleep(0)


async def main() -> None:
    """Send data in five ways."""
    app = web.Application()
    app.add_routes([web.post("/", receive), web.put("/", receive), web.post("/files", upload)])
    async with TestServer(app) as server, ClientSession(server.make_url("/")) as session:
        async with session.post("/", json={"name": "Ann", "tags": [1, None]}) as response:
            print("JSON:", response.status, await response.json())
        async with session.post("/", data={"name": "Bob", "mood": "so & so"}) as response:
            print("form:", response.status, await response.json())
        async with session.put("/", data=b"\x00\x01\x02") as response:
            print("bytes:", response.status, await response.json())
        async with session.post("/", data=lines(1000)) as response:
            print("made on the way:", response.status, await response.json())
        form = FormData()
        form.add_field("comment", "two files")
        form.add_field("file", b"x" * 300_000, filename="large.bin")
        form.add_field("file", b"hello\n", filename="small.txt", content_type="text/plain")
        async with session.post("/files", data=form) as response:
            print("files:", response.status, await response.json())


if __name__ == "__main__":
    asyncio.run(main())
