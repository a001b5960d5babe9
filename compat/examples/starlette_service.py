"""A service with Starlette, served by uvicorn and used with httpx.

Teaches: Starlette turns an ASGI app into routes, requests and responses; uvicorn is the server
underneath, here inside the same program on a socket that we made. `lifespan` is what happens before
the first request and after the last. A background task runs when its answer has been sent; a
streaming answer is made while it is sent; a handler that may block gets a thread.
Look for: the order of the answer, the background task, and the end.
"""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

answered, posted = asyncio.Event(), asyncio.Event()


async def order(request: Request) -> Response:
    """Take an order; the letter that confirms it is written after the answer."""
    fruit = (await request.json())["fruit"]
    task = BackgroundTask(write_letter, fruit)
    return JSONResponse({"ordered": fruit}, status_code=201, background=task)


async def write_letter(fruit: str) -> None:
    """Pretend to write a letter, when the customer has got the answer."""
    await answered.wait()
    print(f"  a letter about {fruit} is in the post")
    posted.set()


async def price(request: Request) -> Response:
    """Look a price up; what is not sold has none."""
    fruit = request.path_params["fruit"]
    if fruit != "pear":
        raise HTTPException(404, f"we have no {fruit}")
    return JSONResponse({"fruit": fruit, "price": 4})


async def count(request: Request) -> Response:
    """Answer in pieces."""

    async def pieces() -> AsyncIterator[str]:
        for number in range(1, 6):
            yield f"{number} "
            await asyncio.sleep(0)

    return StreamingResponse(pieces(), media_type="text/plain")


def think(request: Request) -> Response:
    """A handler that is no coroutine function may block: it runs in a thread."""
    here = threading.current_thread() is threading.main_thread()
    return PlainTextResponse(f"in the main thread? {here}")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """What is before the first request and after the last."""
    print("  service starts")
    yield
    print("  service ends")


async def main() -> None:
    """Serve on a free port and be one's own customer."""
    routes = [Route("/orders", order, methods=["POST"]), Route("/prices/{fruit}", price)]
    routes += [Route("/count", count), Route("/think", think)]
    app = Starlette(routes=routes, lifespan=lifespan)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        async with httpx.AsyncClient(base_url=url) as client:
            for path in ("/prices/pear", "/prices/plum", "/count", "/think", "/orders"):
                response = await client.get(path)
                print(f"GET {path}: {response.status_code} {response.text}")
            response = await client.post("/orders", json={"fruit": "apple"})
            print(f"POST /orders: {response.status_code} {response.text}")
            answered.set()
            await posted.wait()
        server.should_exit = True
        await serving


if __name__ == "__main__":
    asyncio.run(main())
