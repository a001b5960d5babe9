"""A chat room: one server that passes each guest's lines on to all others.

Teaches: the server keeps the writers of all who are connected; each guest has a task of its own
that reads; what one says is written to everybody else. All this happens in one thread, and
nothing else runs between two awaits, so the dictionary needs no lock.
Look for: Ann hears everything, Cid only what was said while he was in the room.
"""

import asyncio

writers: dict[str, asyncio.StreamWriter] = {}


def tell_others(sender: str, text: str) -> None:
    """Pass a line on to everybody but its sender."""
    for name, writer in writers.items():
        if name != sender:
            writer.write(text.encode() + b"\n")


async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one guest: the first line is the name, the others are what is said."""
    name = (await reader.readline()).decode().strip()
    writers[name] = writer
    writer.write(b"welcome\n")
    tell_others(name, f"{name} comes in")
    async for line in reader:
        tell_others(name, f"{name}: {line.decode().strip()}")
    del writers[name]
    tell_others(name, f"{name} goes out")
    writer.close()
    await writer.wait_closed()


class Guest:
    """A client that prints what it hears."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def come(self, port: int) -> None:
        """Connect, give the name, wait for the welcome."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.say(self.name)
        await self.hear()

    def say(self, text: str) -> None:
        """Send one line."""
        self.writer.write(text.encode() + b"\n")

    async def hear(self) -> None:
        """Wait for one line and print it."""
        line = await self.reader.readline()
        print(f"  {self.name} hears: {line.decode().strip()}")

    async def go(self) -> None:
        """Hang up, and wait until the server has done so, too."""
        self.writer.write_eof()
        await self.reader.read()
        self.writer.close()
        await self.writer.wait_closed()


async def main() -> None:
    """Three guests and what they say."""
    server = await asyncio.start_server(visit, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    ann, bob, cid = Guest("Ann"), Guest("Bob"), Guest("Cid")
    async with server:
        await ann.come(port)
        await bob.come(port)
        await ann.hear()
        bob.say("hello, Ann")
        await ann.hear()
        await cid.come(port)
        ann.say("hello, both")
        for guest in (ann, bob, bob, cid):
            await guest.hear()
        await bob.go()
        await ann.hear()
        await cid.hear()
        await cid.go()
        await ann.hear()
        await ann.go()
    print("the room is empty")


if __name__ == "__main__":
    asyncio.run(main())
