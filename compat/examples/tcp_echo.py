"""TCP echo: a server and its clients in one program, with streams.

Teaches: `start_server` calls a coroutine for each connection, with a reader and a writer;
`open_connection` gives the same pair to a client; `write` only queues bytes and `drain` waits
until there is room; end of file ends the conversation.
Look for: the server speaks with the second client while the first is still connected. Port 0
lets the system choose a free port.
"""

import asyncio


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one client: send every line back in capitals."""
    print("  server: a client has come")
    async for line in reader:
        print("  server: got", line.decode().strip())
        writer.write(line.upper())
        await writer.drain()
    print("  server: a client has said goodbye")
    writer.close()
    await writer.wait_closed()


class Client:
    """One connection to the server, used line by line."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def connect(self, port: int) -> None:
        """Open the connection."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)

    async def say(self, text: str) -> None:
        """Send a line and wait for its echo."""
        self.writer.write(text.encode() + b"\n")
        await self.writer.drain()
        answer = await self.reader.readline()
        print(f"  {self.name} hears {answer.decode().strip()}")

    async def leave(self) -> None:
        """Say goodbye by end of file and wait for the server's end of file."""
        self.writer.write_eof()
        rest = await self.reader.read()
        print(f"  {self.name} leaves with {len(rest)} bytes unread")
        self.writer.close()
        await self.writer.wait_closed()


async def main() -> None:
    """Start a server, talk to it twice, stop it."""
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    ann, bob = Client("Ann"), Client("Bob")
    async with server:
        await ann.connect(port)
        await ann.say("hello")
        await bob.connect(port)
        await bob.say("good morning")
        await ann.say("how are you?")
        await ann.leave()
        await bob.leave()
    print("serving?", server.is_serving())


if __name__ == "__main__":
    asyncio.run(main())
