"""A TCP proxy: it stands between client and server and passes everything on, both ways.

Teaches: a connection is two streams, and each ends on its own. The proxy copies each in a task of
its own, and where one ends it passes on that end, with `write_eof`, while the other goes on. If one
breaks, the task group ends the other.
Look for: the client has said all it had to say; only then does the server sum up, through the half
of the connection that is still open. The second client does not say goodbye.
"""

import asyncio
import socket
import struct


async def count_words(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The server behind: answers each line at once, and sums up after end of file."""
    words = 0
    async for line in reader:
        words += len(line.split())
        writer.write(f"{len(line.split())} words\n".encode())
    writer.write(f"{words} words in all\n".encode())
    writer.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Pass one direction on, its end too; return how many bytes it was."""
    passed = 0
    while data := await reader.read(65536):
        passed += len(data)
        writer.write(data)
        await writer.drain()
    writer.write_eof()
    return passed


class Proxy:
    """Passes connections on to the server at `port`; says in `log` how each one went."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.log: asyncio.Queue[str] = asyncio.Queue()

    async def serve(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        """Serve one client: connect to the server and copy both ways until both have ended."""
        far, to_far = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.TaskGroup() as group:
                there = group.create_task(copy(near, to_far))
                back = group.create_task(copy(far, to_near))
            self.log.put_nowait(f"{there.result()} bytes there, {back.result()} bytes back")
        except* ConnectionResetError:
            to_far.write_eof()
            rest = await far.read()
            self.log.put_nowait(f"the client hung up, {len(rest)} bytes are for nobody")
        to_near.close()
        to_far.close()


async def polite_client(port: int) -> None:
    """Send lines, end the sending half, and read on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for text in ("roses are red", "violets are blue", "sugar is sweet and so are you"):
        writer.write(f"{text}\n".encode())
        print(f"{text!r} has {(await reader.readline()).decode().strip()}")
    writer.write_eof()
    print("that was all I had to say")
    print((await reader.read()).decode().strip())
    writer.close()
    await writer.wait_closed()


async def rude_client(port: int) -> None:
    """Send one line, read its answer, reset the connection."""
    loop = asyncio.get_running_loop()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setblocking(False)
        await loop.sock_sendall(connection, b"roses are\n")
        print("'roses are' has", (await loop.sock_recv(connection, 100)).decode().strip())
        no_goodbye = struct.pack("ii", 1, 0)  # linger for 0 s: closing resets
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_goodbye)


async def main() -> None:
    """One server, one proxy in front of it, two clients one after the other."""
    server = await asyncio.start_server(count_words, "127.0.0.1", 0)
    proxy = Proxy(server.sockets[0].getsockname()[1])
    front = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    async with server, front:
        for client in (polite_client, rude_client):
            await client(front.sockets[0].getsockname()[1])
            print("  proxy:", await proxy.log.get())


if __name__ == "__main__":
    asyncio.run(main())
