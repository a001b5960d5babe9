"""HTTP with the server and the client of this checkout: a handler, and who asks it.

Teaches: a server calls a coroutine for every request, and what it returns is the answer. One
port speaks HTTP/1.1 and HTTP/2: the first bytes of a connection tell which. The client keeps
connections and uses them again; over HTTP/1.1 each carries one request at a time, over HTTP/2
all go through one.
Look for: the same answers in both versions, from one connection after the other or five at
once. What a handler raises is the server's fault, 500, and the connection lives on.
"""

import asyncio
import logging

from protocols.client import Client
from protocols.http.handlers import Request, Response
from protocols.http.server import serve

peers: set[tuple[str, int] | None] = set()
meeting = asyncio.Barrier(5)


class Told(logging.Handler):
    """Prints what the server logs, without the traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        print("  the server's log:", record.getMessage())


async def handle(request: Request) -> Response:
    """Greet whoever the path names."""
    peers.add(request.client)
    if "together" in request.query:
        await meeting.wait()
    if request.path == "/oops":
        raise RuntimeError("the handler has a mistake")
    if request.method not in ("GET", "HEAD"):
        return Response("only to be looked at\n", 405, [("allow", "GET, HEAD")])
    name = request.path.removeprefix("/hello/")
    if name == request.path:
        return Response("nothing there\n", 404)
    times = int(request.query.get("times", ["1"])[0])
    return Response(f"hello, {name}\n" * times, headers=[("content-language", "en")])


async def visit(url: str, client: Client) -> None:
    """Ask for several things, one after the other and at once."""
    peers.clear()
    response = await client.get(f"{url}/hello/world")
    print(f"{response.http_version}: {response.status} {response.reason} {response.text!r}")
    for name in ("content-type", "content-length", "content-language"):
        print(f"  {name}: {response.headers.get(name)}")
    response = await client.get(f"{url}/hello/wörld", params={"times": 3})
    print("  three times, and a letter outside ASCII:", response.text.split())
    response = await client.head(f"{url}/hello/world")
    print("  HEAD:", response.status, response.headers["content-length"], response.content)
    response = await client.get(f"{url}/elsewhere")
    print("  elsewhere:", response.status, response.reason)
    response = await client.post(f"{url}/hello/world", content="hello yourself")
    print("  POST:", response.status, response.headers["allow"])
    response = await client.get(f"{url}/oops")
    print("  a mistake:", response.status, response.reason)
    print("  connections so far:", len(peers))
    names = ["ann", "bob", "cid", "dan", "eve"]
    asking = [client.get(f"{url}/hello/{name}?together") for name in names]
    responses = await asyncio.gather(*asking)
    print("  at once:", *(response.text.split()[1] for response in responses))
    print("  connections in the end:", len(peers))


async def main() -> None:
    """Serve on a free port, and be two clients."""
    logging.getLogger("protocols.http").addHandler(Told())
    logging.getLogger("protocols.http").propagate = False
    async with await serve(handle, "127.0.0.1") as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with Client() as client:
            await visit(url, client)
        async with Client(prior_knowledge=True) as client:
            await visit(url, client)


if __name__ == "__main__":
    asyncio.run(main())
