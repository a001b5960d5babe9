"""A port scanner: find out which ports of a machine have somebody behind them.

Teaches: `open_connection` ends in one of three ways: connected, refused (OSError), or no answer at
all, which only `wait_for` ends. A semaphore keeps the number of attempts that are under way small;
`gather` returns the findings in the order of the ports, however they came in.
Look for: the silent ports cost their whole timeout, but at the same time.
"""

import asyncio
import socket
from contextlib import ExitStack

AT_ONCE = 4
PATIENCE = 0.5  # seconds


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A service that says who it is to whoever comes."""
    writer.write(b"220 mail is ready\r\n")
    writer.close()
    await writer.wait_closed()


class Scanner:
    """Looks at ports, only so many at a time."""

    def __init__(self) -> None:
        self.free = asyncio.Semaphore(AT_ONCE)
        self.under_way = self.most = 0

    async def look(self, port: int) -> str:
        """Return what is behind `port` of this machine."""
        async with self.free:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            try:
                return await self.knock(port)
            finally:
                self.under_way -= 1

    async def knock(self, port: int) -> str:
        """Connect, and wait a moment for a greeting."""
        try:
            opening = asyncio.open_connection("127.0.0.1", port)
            reader, writer = await asyncio.wait_for(opening, PATIENCE)
        except ConnectionRefusedError:
            return "closed"
        except asyncio.TimeoutError:
            return "no answer"
        try:
            banner = await asyncio.wait_for(reader.readline(), PATIENCE)
        except asyncio.TimeoutError:
            return "open, says nothing"
        finally:
            writer.close()
            await writer.wait_closed()
        return f"open, says {banner.decode().strip()!r}"


def bound_socket() -> socket.socket:
    """A socket with a port of its own, on which nobody listens."""
    new = socket.socket()
    new.bind(("127.0.0.1", 0))
    return new


async def main() -> None:
    """Make ports of all kinds and scan them."""
    with ExitStack() as stack:
        closed = [stack.enter_context(bound_socket()) for _ in range(4)]
        mute, full = (stack.enter_context(bound_socket()) for _ in range(2))
        mute.listen()
        full.listen(0)  # no room for anybody who waits...
        stack.enter_context(socket.create_connection(full.getsockname()))  # ...but for one
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
            found = [*closed[:2], server.sockets[0], mute, *closed[2:], full, server.sockets[0]]
            ports = [one.getsockname()[1] for one in found]
            scanner = Scanner()
            findings = await asyncio.gather(*(scanner.look(port) for port in ports))
    for number, finding in enumerate(findings, start=1):
        print(f"door {number}: {finding}")
    print(f"{scanner.most} looked at together, {AT_ONCE} allowed")


if __name__ == "__main__":
    asyncio.run(main())
