"""HTTP/2: a hundred requests at a time through one connection, and none in another's way.

Teaches: an HTTP/2 connection carries streams, one for each request. Answers come in the order in
which they are ready, and large ones take turns, frame by frame. Each stream has a window of its
own, so one that nobody reads stands still alone. To cancel a request is to reset its stream:
the connection goes on, and the handler can learn that nobody waits any more.
Look for: one connection in all, whatever happens to its streams.
"""

import asyncio

from protocols.client import Client
from protocols.http.handlers import Request, Response
from protocols.http.server import serve

MANY, FEW = 100, 8
LARGE = bytes(512 * 1024)  # twice what the client lets wait on a stream

peers: set[tuple[str, int] | None] = set()
gates = {f"/gate/{number}": asyncio.Event() for number in range(MANY)}
waiting: set[str] = set()
all_wait, left = asyncio.Event(), asyncio.Event()
start = asyncio.Barrier(FEW)


async def handle(request: Request) -> Response:
    """Answer what the path says, when it says so."""
    peers.add(request.client)
    if gate := gates.get(request.path):
        waiting.add(request.path)
        if len(waiting) == MANY:
            all_wait.set()
        await gate.wait()
        waiting.remove(request.path)
    elif request.path == "/together":
        await start.wait()
        return Response(LARGE)
    elif request.path == "/large":
        return Response(LARGE)
    elif request.path == "/forever":
        all_wait.set()
        await request.disconnected()
        left.set()
    return Response(f"answer to {request.path}")


async def in_any_order(client: Client, url: str) -> None:
    """Ask for many, and let the last be answered first."""
    asked = [asyncio.create_task(client.get(url + path)) for path in gates]
    await all_wait.wait()
    print(f"  {len(waiting)} handlers are at work, over {len(peers)} connection")
    for path, task in reversed([*zip(gates, asked, strict=True)]):
        gates[path].set()
        response = await task
        if len(waiting) % 33 == 0:
            print(f"  {response.text}; {len(waiting)} wait")


async def in_turns(client: Client, url: str) -> None:
    """Ask for large answers, and write down what comes in which order."""
    order: list[tuple[str, int]] = []

    async def read(number: int) -> int:
        size = 0
        async with client.stream("GET", url + "/together") as response:
            async for piece in response:
                order.append(("begun" if not size else "goes on", number))
                size += len(piece)
        order.append(("complete", number))
        return size

    sizes = await asyncio.gather(*(read(number) for number in range(FEW)))
    words = [word for word, _ in order]
    begun = words[: words.index("complete")].count("begun")
    print(f"  {sum(sizes)} bytes; begun before the first was complete: {begun} of {FEW}")


async def beside_one_unread(client: Client, url: str) -> None:
    """Begin a large answer, and have something else answered before it is read."""
    async with client.stream("GET", url + "/large") as large:
        quick = [await client.get(f"{url}/quick/{number}") for number in range(5)]
        print("  meanwhile:", quick[-1].text)
        print(f"  then {len(await large.read())} bytes")


async def cancelled(client: Client, url: str) -> None:
    """Cancel a request; the handler is told, and the connection is as good as before."""
    all_wait.clear()
    task = asyncio.create_task(client.get(url + "/forever"))
    await all_wait.wait()
    task.cancel()
    await left.wait()
    print("  the handler knows;", (await client.get(url + "/again")).text)


async def main() -> None:
    """Serve on a free port, and do all of it over one connection."""
    async with await serve(handle, "127.0.0.1") as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with Client(prior_knowledge=True) as client:
            for part in (in_any_order, in_turns, beside_one_unread, cancelled):
                print(f"{part.__name__.replace('_', ' ')}:")
                await part(client, url)
    print("connections in all:", len(peers))


if __name__ == "__main__":
    asyncio.run(main())
