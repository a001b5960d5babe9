"""HTTP/2 with httpx, against a server of this program's own: hypercorn with a small ASGI app.

Teaches: HTTP/2 carries many requests at a time over one encrypted connection; client and server
agree on it by ALPN while they set up TLS. An ASGI app is a coroutine that is called for each
request, with what is known of it and two functions to receive and send messages.
Look for: the last question is answered first, and all answers come through the same connection. A
client that does not offer HTTP/2 gets HTTP/1.1 from the same port.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from hypercorn.asyncio import serve
from hypercorn.config import Config

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

CERTIFICATE = Path(__file__).with_name("localhost.pem")

peers: set[tuple[str, int]] = set()
release = asyncio.Event()


async def app(scope: Any, receive: Receive, send: Send) -> None:
    """Say what was asked for; of the page `/slow` only when it is released."""
    if scope["type"] != "http":
        return
    peers.add(tuple(scope["client"]))
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    if scope["path"] == "/slow":
        await release.wait()
    text = f"{scope['method']} {scope['path']}, {len(body)} bytes".encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    """Serve the app on a free port until the block ends."""
    config, stopping = Config(), asyncio.Event()
    config.certfile = config.keyfile = str(CERTIFICATE)
    config.alpn_protocols = ["h2", "http/1.1"]
    config.errorlog = config.accesslog = None
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    config.bind = [f"fd://{listening.detach()}"]
    task = asyncio.create_task(serve(app, config, shutdown_trigger=stopping.wait))
    yield f"https://localhost:{port}"
    stopping.set()
    await task


async def main() -> None:
    """Ask over HTTP/2, many at once, and over HTTP/1.1."""
    trust = ssl.create_default_context(cafile=CERTIFICATE)
    order: list[str] = []

    async def fetch(path: str) -> httpx.Response:
        response = await client.get(path)
        order.append(path)
        return response

    async with serving() as url:
        async with httpx.AsyncClient(http2=True, verify=trust, base_url=url) as client:
            response = await client.post("/upload", content=b"x" * 200_000)
            print(response.http_version, response.status_code, response.text)
            slow = [asyncio.create_task(fetch("/slow")) for _ in range(3)]
            await fetch("/quick")
            release.set()
            await asyncio.gather(*slow)
            print("answers came in this order:", *order)
            print("connections so far:", len(peers))
            pages = await asyncio.gather(*(fetch(f"/page/{number}") for number in range(20)))
            print(pages[19].text, "- connections so far:", len(peers))
        async with httpx.AsyncClient(verify=trust, base_url=url) as client:
            response = await client.get("/")
            print(response.http_version, response.status_code, response.text)
        print("connections in all:", len(peers))


if __name__ == "__main__":
    asyncio.run(main())
