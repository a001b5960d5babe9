"""UDP echo: datagrams, and the protocol callbacks below the streams.

Teaches: with `create_datagram_endpoint` the loop calls the methods of a protocol object: when the
transport is ready, for each datagram, and at the end. There is no connection: the server answers
to the address from which a datagram came. A Future joins callbacks to coroutines.
Look for: each datagram arrives as one piece, however the next one follows.
"""

import asyncio
from typing import cast


class EchoServer(asyncio.DatagramProtocol):
    """Sends every datagram back, reversed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        print("  server: ready")
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        print(f"  server: got {len(data)} bytes")
        self.transport.sendto(data[::-1], address)


class Client(asyncio.DatagramProtocol):
    """Sends a datagram and keeps a future for the answer."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[str] = loop.create_future()
        self.closed: asyncio.Future[bool] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.answer.set_result(data.decode())

    def connection_lost(self, error: Exception | None) -> None:
        self.closed.set_result(error is None)

    async def ask(self, text: str) -> str:
        """Send a datagram and wait for the answer."""
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.sendto(text.encode())
        return await asyncio.wait_for(self.answer, timeout=10)


async def main() -> None:
    """Ask three times, then close both ends."""
    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(EchoServer, local_addr=("127.0.0.1", 0))
    address = server.get_extra_info("sockname")
    transport, client = await loop.create_datagram_endpoint(Client, remote_addr=address)
    for text in ("live", "stressed", "x" * 1000 + "y"):
        answer = await client.ask(text)
        print(f"  client: sent {text[:8]}, got {answer[:8]}")
    transport.close()
    print("  client closed without error?", await client.closed)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
