"""Bodies that are made on the way, up and down, and who has to wait for whom.

Teaches: a body may be an async iterator on either side. It is asked for its next piece only
when the ones before have found room: if the reader stops, then the writer stops as well, and
neither keeps the whole in memory. That is backpressure, and it reaches from the handler's
`async for` through two kernels to the client's generator.
Look for: while nobody reads, only a part of the 32 MiB is made: HTTP/1.1 leaves it to TCP how
much, HTTP/2 has windows of its own. When the client leaves, the handler's generator ends.
"""

import asyncio
from collections.abc import AsyncIterator

from protocols.client import Client
from protocols.http.handlers import Request, Response
from protocols.http.server import serve

PIECE = bytes(64 * 1024)
PIECES = 512
MIB = 1024 * 1024

read_on, ended = asyncio.Event(), asyncio.Event()


class Source:
    """Makes a body of 32 MiB, and knows how much of it has been made."""

    made = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        """Make one piece whenever it is asked for one."""
        try:
            for _ in range(PIECES):
                self.made += len(PIECE)
                yield PIECE
        finally:
            ended.set()

    async def stands_still(self) -> None:
        """Wait until no more is made."""
        before = -1
        while before != self.made:
            before = self.made
            await asyncio.sleep(0.05)


down = Source()


async def handle(request: Request) -> Response:
    """Read a body late, make one, or turn one into capitals while it arrives."""
    if request.path == "/down":
        return Response(down.pieces())
    if request.path == "/capitals":
        return Response(piece.upper() async for piece in request)
    await read_on.wait()
    size = 0
    async for piece in request:
        size += len(piece)
    return Response(f"{size // MIB} MiB arrived")


async def words(heard: asyncio.Queue[bytes]) -> AsyncIterator[bytes]:
    """Say a word, and the next one only when the first was answered."""
    for word in (b"one ", b"two ", b"three "):
        yield word
        print(f"  sent {word!r}, heard {await heard.get()!r}")


async def conversation(client: Client, url: str) -> None:
    """Send a body while the answer to it arrives."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    async with client.stream("POST", url + "/capitals", content=words(heard)) as response:
        async for piece in response:
            heard.put_nowait(piece)


async def upload(client: Client, url: str, most: int) -> None:
    """Send to a handler that does not read, and then does."""
    read_on.clear()
    source = Source()
    posting = asyncio.create_task(client.post(url + "/up", content=source.pieces()))
    await source.stands_still()
    print(f"  up: nobody reads; at most {most} MiB made? {0 < source.made <= most * MIB}")
    read_on.set()
    print(f"  up: {(await posting).text}; {source.made // MIB} MiB made")


async def download(client: Client, url: str, most: int) -> None:
    """Begin to read, stop, and leave."""
    down.made = 0
    ended.clear()
    async with client.stream("GET", url + "/down") as response:
        first = await anext(aiter(response))
        await down.stands_still()
        print(f"  down: begun? {bool(first)}; at most {most} MiB made? {down.made <= most * MIB}")
    await ended.wait()
    print(f"  down: the client has left; made more since? {down.made > most * MIB}")


async def main() -> None:
    """Everything over HTTP/1.1, and over HTTP/2."""
    async with await serve(handle, "127.0.0.1") as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for version, most in (("1.1", 16), ("2", 1)):
            async with Client(prior_knowledge=version == "2") as client:
                print(f"HTTP/{version}:")
                await conversation(client, url)
                await upload(client, url, most)
                await download(client, url, most)


if __name__ == "__main__":
    asyncio.run(main())
