"""WebSockets with the library `websockets`: both sides may speak at any time.

Teaches: `serve` calls a coroutine for each connection, which reads messages with `async for`;
`connect` gives a client the same object. Messages arrive whole, text as str and binary as bytes.
`broadcast` sends to many without waiting for any. Each side says by a code why it closes.
Look for: the news that nobody asked for, a ping, and the codes of a close by either side.
"""

import asyncio

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

arrived: asyncio.Queue[ServerConnection] = asyncio.Queue()


async def handle(connection: ServerConnection) -> None:
    """Serve one client, according to the path it connected to."""
    assert connection.request
    if connection.request.path == "/news":
        arrived.put_nowait(connection)
        await connection.wait_closed()
    else:
        await calculate(connection)


async def calculate(connection: ServerConnection) -> None:
    """Add up numbers; a binary message is sent back reversed, nonsense ends the connection."""
    total = 0
    async for message in connection:
        if isinstance(message, bytes):
            await connection.send(message[::-1])
        elif message.isdecimal():
            total += int(message)
            await connection.send(f"{total} so far")
        else:
            await connection.close(1008, f"{message} is no number")
            break


def only_known(connection: ServerConnection, request: Request) -> Response | None:
    """Turn away, before the handshake, those who want something else."""
    if request.path in ("/news", "/sum"):
        return None
    return connection.respond(404, "nothing there\n")


async def read_news(url: str, name: str) -> str:
    """Listen to the news until the server ends it."""
    async with connect(url + "/news", proxy=None) as connection:
        headlines = [message async for message in connection]
    return f"{name} heard {headlines}, closed with {connection.close_code}"


async def talk(connection: ClientConnection, *messages: str | bytes) -> None:
    """Send messages one by one and print the answers."""
    for message in messages:
        await connection.send(message)
        print(f"  {message!r} -> {await connection.recv()!r}")


async def main() -> None:
    """One who calculates, two who listen, one who is turned away."""
    async with serve(handle, "127.0.0.1", 0, process_request=only_known) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        print("a conversation:")
        async with connect(url + "/sum", proxy=None) as connection:
            await talk(connection, "20", b"\x01\x02\x03", "22")
            print("  pong came back?", await (await connection.ping()) >= 0)
            try:
                await talk(connection, "two")
            except ConnectionClosed as error:
                print("  the server closed:", error.rcvd and (error.rcvd.code, error.rcvd.reason))
        print("news:")
        listeners: set[ServerConnection] = set()
        reading = [asyncio.create_task(read_news(url, name)) for name in ("Ann", "Bob")]
        for _ in reading:
            listeners.add(await arrived.get())
        broadcast(listeners, "rain tomorrow")
        broadcast(listeners, "sun on Friday")
        await asyncio.gather(*(listener.close(1001, "good night") for listener in listeners))
        for result in await asyncio.gather(*reading):
            print(" ", result)
        print("somewhere else:")
        try:
            await connect(url + "/weather", proxy=None)
        except InvalidStatus as refused:
            print("  refused:", refused.response.status_code, bytes(refused.response.body))


if __name__ == "__main__":
    asyncio.run(main())
