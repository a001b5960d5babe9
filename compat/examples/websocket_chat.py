"""A chat over WebSocket, with the server and the client of this checkout.

Teaches: a WebSocket begins as a request of HTTP; the handler may refuse it with an ordinary
answer, and once it accepts, both sides may send whenever they like. A guest has a task that
reads, and each message is sent to everybody. A close has a code and a reason; a guest who is
too slow, or whose line is dead, is found out by pings and by limits on time.
Look for: who hears what. A name that is taken is refused before there is a WebSocket; a message
that is too long ends it with 1009; at the end the service restarts, which is 1012.
"""

import asyncio
from contextlib import AsyncExitStack

from protocols.client import websocket as ws
from protocols.http.handlers import Request, Response
from protocols.http.limits import Limits
from protocols.http.server import serve
from protocols.http.websocket import WebSocket, WebSocketClosed


class Room:
    """Who is there."""

    def __init__(self) -> None:
        self.guests: dict[str, WebSocket] = {}

    async def tell(self, text: str) -> None:
        """Send a message to everybody, whoever is just leaving excepted."""
        for guest in list(self.guests.values()):
            try:
                await guest.send(text)
            except WebSocketClosed:
                pass  # its own task will say so

    async def handle(self, request: Request) -> Response | None:
        """Serve one guest, whose name is in the query."""
        name = request.query.get("name", [""])[0]
        if not request.wants_websocket:
            return Response("come with a WebSocket\n", 426, [("upgrade", "websocket")])
        if not name or name in self.guests:
            return Response(f"{name or 'no name'} cannot come in\n", 403)
        guest = await request.websocket("chat")
        self.guests[name] = guest
        await self.tell(f"{name} comes in")
        async for message in guest:
            await self.tell(f"{name}: {message if isinstance(message, str) else len(message)}")
        del self.guests[name]
        await self.tell(f"{name} goes out, {guest.code} {guest.reason}")
        return None


class Guest:
    """A client that prints what it hears."""

    def __init__(self, url: str, name: str, stack: AsyncExitStack) -> None:
        self.url, self.name, self.stack = f"{url}?name={name}", name, stack

    async def come(self) -> None:
        """Connect; closed at the latest with the stack."""
        connecting = ws.connect(self.url, subprotocols=("chat",))
        self.line = await self.stack.enter_async_context(connecting)

    async def hear(self) -> None:
        """Wait for a message, or for the end, and print it."""
        try:
            print(f"  {self.name} hears {await self.line.recv()!r}")
        except ws.ConnectionClosed as closed:
            print(f"  {self.name} is out: {closed.code} {closed.reason}")


async def main() -> None:
    """Three guests, a namesake, and what they say."""
    limits = Limits(websocket_message=1000)
    server = await serve(Room().handle, "127.0.0.1", limits=limits)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, AsyncExitStack() as stack:
        ann, bob, cid = (Guest(url, name, stack) for name in ("Ann", "Bob", "Cid"))

        async def all_hear() -> None:
            for guest in (ann, bob, cid):
                if hasattr(guest, "line") and guest.line.state == "open":
                    await guest.hear()

        print("they come:")
        for guest in (ann, bob, cid):
            await guest.come()
            await all_hear()
        print("  they speak the subprotocol", ann.line.subprotocol)
        try:
            await Guest(url, "Ann", stack).come()
        except ws.Refused as refused:
            print("  a second Ann is refused:", refused.status)
        print("they talk:")
        for guest, message in ((ann, "hello"), (bob, "hello, Ann"), (cid, b"\0" * 7)):
            await guest.line.send(message)
            await all_hear()
        print("they go:")
        await bob.line.send("bla" * 1000)
        await bob.hear()
        await all_hear()
        await cid.line.close(1000, "good night")
        await all_hear()
        draining = asyncio.create_task(server.drain(10))
        await ann.hear()
        await draining


if __name__ == "__main__":
    asyncio.run(main())
