"""Server-sent events: news that a server writes into one long answer, and how to miss none.

Teaches: the answer to a GET of type `text/event-stream` does not end. Each event is a few lines
and an empty one; it has a number, so that who was cut off can ask for what came after the last
one heard. The server keeps a few events, and gives each listener a queue of its own.
Look for: Ann loses her connection, and hears in the next what was said in between. That she has
left, the server knows at once, though it had nothing to say to her. Bob comes late, and asks for
everything that is kept.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from protocols.client import Client, Response
from protocols.http.handlers import Request
from protocols.http.handlers import Response as Answer
from protocols.http.server import serve

Event = tuple[int, str, str]  # number, kind, text
Queue = asyncio.Queue[Event | None]


class News:
    """What was said last, and who listens."""

    def __init__(self) -> None:
        self.kept: deque[Event] = deque(maxlen=5)
        self.listeners: set[Queue] = set()
        self.changed = asyncio.Event()

    def say(self, number: int, kind: str, text: str) -> None:
        """Tell everybody who listens."""
        self.kept.append((number, kind, text))
        for queue in self.listeners:
            queue.put_nowait((number, kind, text))

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        """Yield those of the kept events that are new to a client, and then what comes."""
        queue: Queue = asyncio.Queue()
        for kept in self.kept:
            if kept[0] > int(request.header("last-event-id", "0")):
                queue.put_nowait(kept)
        leaving = asyncio.create_task(request.disconnected())
        leaving.add_done_callback(lambda _: queue.put_nowait(None))
        self.listeners.add(queue)
        self.changed.set()
        try:
            while event := await queue.get():
                number, kind, text = event
                data = "".join(f"data: {line}\n" for line in text.split("\n"))
                yield f"id: {number}\nevent: {kind}\n{data}\n".encode()
        finally:
            self.listeners.discard(queue)
            self.changed.set()

    async def heard_by(self, count: int) -> None:
        """Wait until so many listen."""
        while len(self.listeners) != count:
            self.changed.clear()
            await self.changed.wait()


async def events(response: Response) -> AsyncIterator[Event]:
    """Take a stream apart: events are divided by empty lines, their fields by line ends."""
    rest = b""
    async for piece in response:
        *blocks, rest = (rest + piece).split(b"\n\n")
        for block in blocks:
            lines = [line.split(": ", 1) for line in block.decode().split("\n")]
            fields = dict(lines)
            text = "\n".join(value for name, value in lines if name == "data")
            yield int(fields["id"]), fields["event"], text


async def listen(client: Client, url: str, until: str, last: int = 0) -> list[Event]:
    """Return the events after a number, to the first of a kind."""
    heard = []
    async with client.stream("GET", url, headers={"last-event-id": str(last)}) as response:
        async for event in events(response):
            heard.append(event)
            if event[1] == until:
                break
    return heard


async def main() -> None:
    """Listeners who come and go, and what is said meanwhile."""
    news = News()

    async def handle(request: Request) -> Answer:
        return Answer(news.stream(request), headers=[("content-type", "text/event-stream")])

    async with await serve(handle, "127.0.0.1") as server, Client() as client:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ann = asyncio.create_task(listen(client, url, "sports"))
        await news.heard_by(1)
        news.say(1, "weather", "rain,\nand later sun")
        news.say(2, "sports", "2:1")
        heard = await ann
        print("Ann has heard", *heard, sep="\n  ")
        await news.heard_by(0)
        print("nobody listens")
        news.say(3, "sports", "2:2")
        ann = asyncio.create_task(listen(client, url, "end", heard[-1][0]))
        bob = asyncio.create_task(listen(client, url, "end"))
        await news.heard_by(2)
        news.say(4, "end", "good night")
        print("Ann has heard", *await ann, sep="\n  ")
        print("Bob has heard", *await bob, sep="\n  ")
        await news.heard_by(0)


if __name__ == "__main__":
    asyncio.run(main())
