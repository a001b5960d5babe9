"""aiohttp as a server: routes, bodies, cookies, streams, files, middleware."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web

from .cells import Say, Scenario, cases, same
from .serving import Handler, client_tls, free_path, routed, served, server_tls

#: More than the buffers of a connection hold.
LARGE = bytes(range(256)) * 4 * 4096


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def routes(say: Say) -> None:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text=f"hello {request.match_info['name']}")

    async def number(request: web.Request) -> web.Response:
        return web.json_response({"twice": 2 * int(request.match_info["number"])})

    async def query(request: web.Request) -> web.Response:
        return web.json_response([request.query.getall("tag", []), request.query.get("q")])

    async def headers(request: web.Request) -> web.Response:
        answer = {"x-back": request.headers["x-there"], "x-host": request.host.split(":")[0]}
        return web.Response(status=202, headers=answer)

    async def broken(request: web.Request) -> web.Response:
        raise LookupError("a mistake")

    async def away(request: web.Request) -> web.Response:
        raise web.HTTPFound("/hello/redirected")

    app = routed(
        ("GET", "/hello/{name}", hello),
        ("GET", r"/number/{number:\d+}", number),
        ("GET", "/query", query),
        ("GET", "/headers", headers),
        ("GET", "/broken", broken),
        ("GET", "/away", away),
    )
    async with served(app) as url, aiohttp.ClientSession(url) as session:
        for method, path in (
            ("GET", "/hello/w%C3%B6rld"),
            ("HEAD", "/hello/x"),
            ("GET", "/number/21"),
            ("GET", "/number/none"),
            ("DELETE", "/hello/x"),
            ("GET", "/query?tag=a&tag=%20b&q=%F0%9F%90%8D"),
            ("GET", "/broken"),
            ("GET", "/away"),
            ("GET", "/headers"),
        ):
            sent = {"X-There": "and"}
            async with session.request(method, path, headers=sent) as response:
                back = {name: response.headers.get(name) for name in ("x-back", "X-HOST", "Allow")}
                say(method, path, response.status, await response.text(), back)
                say([each.status for each in response.history], response.content_type)


async def bodies(say: Say) -> None:
    async def echo(request: web.Request) -> web.Response:
        sent = await request.json()
        return web.json_response({"got": sent, "type": request.content_type})

    async def form(request: web.Request) -> web.Response:
        return web.json_response(sorted((await request.post()).items()))

    async def upload(request: web.Request) -> web.Response:
        parts = []
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            assert isinstance(part, aiohttp.BodyPartReader)
            data = await part.read()
            parts.append([part.name, part.filename, len(data), digest(bytes(data))])
        return web.json_response(parts)

    app = routed(
        ("POST", "/json", echo),
        ("POST", "/form", form),
        ("PUT", "/upload", upload),
        client_max_size=2 * len(LARGE),
    )
    async with served(app) as url, aiohttp.ClientSession(url) as session:
        async with session.post("/json", json={"a": [1, None, "ü"]}) as response:
            say(await response.json())
        async with session.post("/json", data=b"not json") as response:
            say(response.status)
        async with session.post("/form", data={"name": "ö & =", "other": "2"}) as response:
            say(await response.json())
        data = aiohttp.FormData({"note": "with two files"})
        data.add_field("small", b"tiny", filename="small.bin")
        data.add_field("large", io.BytesIO(LARGE), filename="large.bin", content_type="image/png")
        async with session.put("/upload", data=data) as response:
            parts = await response.json()
            assert parts[2] == ["large", "large.bin", len(LARGE), digest(LARGE)]
            say(parts)


async def too_large(say: Say) -> None:
    async def read(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    app = routed(("POST", "/", read), client_max_size=1000)
    async with served(app) as url, aiohttp.ClientSession(url) as session:
        for size in (1000, 1001, 5000):
            async with session.post("/", data=bytes(size)) as response:
                say(size, response.status)


async def cookies(say: Say) -> None:
    async def visit(request: web.Request) -> web.Response:
        visits = int(request.cookies.get("visits", "0")) + 1
        response = web.Response(text=str(visits))
        if visits == 3:
            response.del_cookie("visits")
        else:
            response.set_cookie("visits", str(visits), httponly=True)
        return response

    async with served(routed(("GET", "/", visit))) as url:
        async with aiohttp.ClientSession(url) as session:
            for _ in range(4):
                async with session.get("/") as response:
                    say(await response.text(), response.cookies.output(header="").split(";")[0])
        async with (
            aiohttp.ClientSession(url, cookies={"visits": "40"}) as session,
            session.get("/") as response,
        ):
            say(await response.text())


async def streaming(say: Say) -> None:
    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number in range(3):
            await response.write(f"data: {number}\n\n".encode())
            await heard.get()  # not before the client has it
        await response.write_eof()
        return response

    async def count(request: web.Request) -> web.Response:
        sizes = [len(chunk) async for chunk in request.content.iter_chunked(10_000)]
        return web.json_response([sum(sizes), max(sizes) <= 10_000])

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield bytes(9999)
            await asyncio.sleep(0)

    heard: asyncio.Queue[None] = asyncio.Queue()
    app = routed(("GET", "/events", events), ("POST", "/count", count))
    async with served(app) as url, aiohttp.ClientSession(url) as session:
        async with session.get("/events") as response:
            async for line in response.content:
                say(line)
                if line.strip():
                    heard.put_nowait(None)
            say(response.headers["Transfer-Encoding"])
        async with session.post("/count", data=parts()) as response:
            say(await response.json())


async def backpressure(say: Say) -> None:
    """A side that does not read makes the other side wait, both ways."""
    written, produced, go_on = [0], [0], asyncio.Event()

    async def download(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(256):
            await response.write(LARGE[:65_536])
            written[0] += 1
        return response

    async def upload(request: web.Request) -> web.Response:
        await go_on.wait()
        total = hashlib.sha256()
        async for chunk in request.content.iter_any():
            total.update(chunk)
        return web.Response(text=total.hexdigest())

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(256):
            produced[0] += 1
            yield LARGE[:65_536]

    async def still(counter: list[int]) -> int:
        """Wait until *counter* stops; return where."""
        before = -1
        while counter[0] != before or not before:
            before = counter[0]
            await asyncio.sleep(0.05)
        return before

    app = routed(("GET", "/", download), ("POST", "/", upload))
    async with served(app) as url, aiohttp.ClientSession(url) as session:
        async with session.get("/") as response:
            assert await still(written) < 256
            assert digest(await response.read()) == digest(LARGE[:65_536] * 256)
            say(written)
        post = asyncio.ensure_future(session.post("/", data=parts()))
        assert await still(produced) < 256
        go_on.set()
        async with await post as response:
            assert await response.text() == digest(LARGE[:65_536] * 256)
            say(produced)


async def compression(say: Say) -> None:
    """Large bodies are compressed by the loop's executor."""

    async def squeezed(request: web.Request) -> web.Response:
        response = web.Response(body=LARGE)
        response.enable_compression()
        return response

    async with served(routed(("GET", "/", squeezed))) as url, aiohttp.ClientSession(url) as session:
        for encoding in ("gzip", "deflate", "identity"):
            async with session.get("/", headers={"Accept-Encoding": encoding}) as response:
                say(response.headers.get("Content-Encoding"), digest(await response.read()))


async def files(say: Say) -> None:
    """Files go out by `loop.sendfile`, over TLS by its fallback."""
    with free_path() as folder:
        path = f"{folder}/large.bin"
        with open(path, "wb") as file:
            file.write(LARGE)
        for tls in (None, server_tls()):
            app = web.Application()
            app.router.add_static("/files", folder)
            trust = aiohttp.TCPConnector(ssl=client_tls())
            async with (
                served(app, tls=tls) as url,
                aiohttp.ClientSession(url, connector=trust) as session,
            ):
                for span in ("", "bytes=5-1000004", "bytes=-7", f"bytes={len(LARGE)}-"):
                    headers = {"Range": span} if span else {}
                    async with session.get("/files/large.bin", headers=headers) as response:
                        body = await response.read()
                        say(response.status, response.headers.get("Content-Range"), len(body))
                        say(digest(body))
                async with session.get("/files/none") as response:
                    say(response.status)


async def middlewares(say: Say) -> None:
    user = web.RequestKey("user", str)

    @web.middleware
    async def outer(request: web.Request, handler: Handler) -> web.StreamResponse:
        say("outer in", request.path)
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = web.json_response({"error": error.reason}, status=error.status)
        say("outer out", response.status)
        response.headers["X-Outer"] = "yes"
        return response

    @web.middleware
    async def inner(request: web.Request, handler: Handler) -> web.StreamResponse:
        say("inner in")
        request[user] = "somebody"
        try:
            return await handler(request)
        finally:
            say("inner out")

    async def handler(request: web.Request) -> web.Response:
        if request.path == "/denied":
            raise web.HTTPForbidden(reason="not you")
        return web.Response(text=request[user])

    app = routed(("GET", "/", handler), ("GET", "/denied", handler), middlewares=[outer, inner])
    async with served(app) as url, aiohttp.ClientSession(url) as session:
        for path in ("/", "/denied", "/missing"):
            async with session.get(path) as response:
                say(response.status, await response.text(), response.headers["X-Outer"])


async def unix_sockets(say: Say) -> None:
    async def where(request: web.Request) -> web.Response:
        assert request.transport is not None
        name = request.transport.get_extra_info("sockname")
        assert name == path
        return web.json_response(len(await request.read()))

    with free_path() as folder:
        path = f"{folder}/s"
        async with served(routed(("POST", "/", where)), path=path) as url:
            connector = aiohttp.UnixConnector(path)
            async with aiohttp.ClientSession(url, connector=connector) as session:
                for size in (0, len(LARGE) % 1_000_000):
                    async with session.post("/", data=bytes(size)) as response:
                        say(response.status, await response.json())


SCENARIOS: list[Scenario] = [
    routes,
    bodies,
    too_large,
    cookies,
    streaming,
    backpressure,
    compression,
    files,
    middlewares,
    unix_sockets,
]


@cases(SCENARIOS, bodies, streaming, files)
def test_as_on_asyncio(scenario: Scenario, debug: bool) -> None:
    same(scenario, debug=debug)
