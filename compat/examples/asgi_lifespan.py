"""ASGI by hand: an application as a coroutine, with a lifespan, served in the same program.

Teaches: an ASGI application is called once for its life and once for each request or WebSocket,
with a dictionary that says what it is, and two functions for messages. What it puts into the
state of its lifespan, every request finds, in a copy of its own that holds the same things.
Look for: nobody is answered before the start is complete; who leaves is told of by a message;
the server drains, that is, what has begun is finished, and only then comes the shutdown.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from protocols.client import Client
from protocols.client.websocket import connect
from protocols.http.server import Server, serve

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

slow_begins, slow_goes_on, gone = asyncio.Event(), asyncio.Event(), asyncio.Event()


async def app(scope: Any, receive: Receive, send: Send) -> None:
    """Do what the scope says."""
    await {"lifespan": live, "http": answer, "websocket": talk}[scope["type"]](scope, receive, send)


async def live(scope: Any, receive: Receive, send: Send) -> None:
    """Be there before the first request, and after the last."""
    assert (await receive())["type"] == "lifespan.startup"
    print("  app: starts, and opens a database")
    scope["state"]["database"] = {"visits": 0}
    scope["state"]["name"] = "shop"
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    print("  app: closes the database:", scope["state"]["database"], scope["state"]["name"])
    await send({"type": "lifespan.shutdown.complete"})


async def answer(scope: Any, receive: Receive, send: Send) -> None:
    """Answer a request with what is known of it."""
    state = scope["state"]
    state["database"]["visits"] += 1  # the thing that all requests share
    state["name"] += "!"  # only in this request's copy
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message["body"]), message["more_body"]
    if scope["path"] == "/slow":
        slow_begins.set()
        await slow_goes_on.wait()
        print("  app: answers what it has begun")
    if scope["path"] == "/left":
        slow_begins.set()
        print("  app:", (await receive())["type"])
        gone.set()
        return
    known = {name: scope[name] for name in ("method", "path", "http_version")}
    body = json.dumps({**known, "size": size, "name": state["name"], **state["database"]}).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body[:20], "more_body": True})
    await send({"type": "http.response.body", "body": body[20:]})


async def talk(scope: Any, receive: Receive, send: Send) -> None:
    """Count, for whoever is connected, the visits so far."""
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][0]})
    while (message := await receive())["type"] == "websocket.receive":
        text = f"{message['text']} {scope['state']['database']['visits']}"
        await send({"type": "websocket.send", "text": text})
    print("  app:", message["type"], message["code"])
    gone.set()


async def visit(server: Server, client: Client) -> None:
    """Ask for several things, and end the server while one is not yet answered."""
    port = server.sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    print("GET:", (await client.get(url + "/first?a=b")).text)
    print("POST:", (await client.post(url + "/second", content="x" * 1000)).text)
    async with connect(f"ws://127.0.0.1:{port}/", subprotocols=("count",)) as line:
        await line.send("visits:")
        print("WebSocket:", line.subprotocol, await line.recv())
    await gone.wait()
    gone.clear()
    leaving = asyncio.create_task(client.get(url + "/left"))
    await slow_begins.wait()
    leaving.cancel()
    await gone.wait()
    slow_begins.clear()
    slow = asyncio.create_task(client.get(url + "/slow"))
    await slow_begins.wait()
    print("the server drains")
    draining = asyncio.create_task(server.drain(30))
    await asyncio.sleep(0)
    print("  closed?", draining.done(), "listening?", bool(server.sockets))
    slow_goes_on.set()
    await draining
    print("GET:", (await slow).text, "- connection:", (await slow).headers["connection"])


async def main() -> None:
    """Serve the application on a free port, and be its client."""
    print("the server starts")
    async with await serve(app, "127.0.0.1") as server, Client() as client:
        await visit(server, client)
    print("the server has ended")


if __name__ == "__main__":
    asyncio.run(main())
