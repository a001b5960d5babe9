"""UDP echo: every datagram is sent back to where it came from, as one piece or not at all.

    python -m protocols.udp_echo serve --port 7007
    python -m protocols.udp_echo send --port 7007 hello

What it teaches
    There is no connection and no promise.  A datagram may be lost, so a client that waits
    for ever may wait for ever; it may come twice or late, so an answer has to be told from
    the answer to something earlier: here by its bytes, which an echo leaves as they are.
    A server that cannot send at the moment drops what comes instead of keeping it: that is
    a loss like any other, and memory does not grow.

Read next: reliable_udp/__init__.py
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any, Self, cast

from protocols import command

__all__ = ["MAX_DATAGRAM", "EchoClient", "EchoServer", "connect", "serve"]

#: Bytes of the largest datagram over IPv4: 65,535 less the headers of IP and UDP (RFC 768).
MAX_DATAGRAM = 65_507


class _Endpoint(asyncio.DatagramProtocol):
    """What both sides have: a transport, and whether it takes more at the moment."""

    transport: asyncio.DatagramTransport

    def __init__(self) -> None:
        self.paused = False
        self.lost = asyncio.get_running_loop().create_future()

    @property
    def address(self) -> tuple[str, int]:
        """This side's host and port."""
        host, port = self.transport.get_extra_info("sockname")[:2]
        return host, port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)

    async def close(self) -> None:
        """Close the socket and wait until it is closed; what waits to be sent is dropped."""
        self.transport.abort()
        await asyncio.shield(self.lost)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class EchoServer(_Endpoint):
    """Sends each datagram back; made by `serve`."""

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Send *data* back, unless earlier answers still wait in this process."""
        if not self.paused:
            self.transport.sendto(data, addr)


class EchoClient(_Endpoint):
    """Sends datagrams to one server and waits for them to come back; made by `connect`."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[bytes, list[asyncio.Future[None]]] = {}

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Wake the first who waits for *data*; what nobody waits for is late, and dropped."""
        waiters = self._waiting.get(data, [])
        waiter = next((one for one in waiters if not one.done()), None)
        if waiter is not None:
            waiter.set_result(None)

    def error_received(self, exc: Exception) -> None:
        """Tell everybody who waits that the server's host has refused a datagram."""
        for waiters in self._waiting.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(ConnectionError(f"the server does not listen: {exc}"))

    async def send(self, data: bytes, *, timeout: float = 10.0) -> bytes:
        """Send *data* once and return it when it is back.

        Raises TimeoutError after *timeout* seconds, ValueError for what no datagram can
        carry, ConnectionError when the server's host says that nobody listens.
        """
        if not 0 < len(data) <= MAX_DATAGRAM:  # asyncio before 3.13 sends no empty datagram
            raise ValueError(f"a datagram carries 1 to {MAX_DATAGRAM} bytes, not {len(data)}")
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(data, []).append(waiter)
        try:
            async with asyncio.timeout(timeout):
                self.transport.sendto(data)
                await waiter
        finally:
            self._waiting[data].remove(waiter)
            if not self._waiting[data]:
                del self._waiting[data]
        return data


async def serve(host: str = "127.0.0.1", port: int = 0) -> EchoServer:
    """Return a server on *host* and *port* (0: a free one); OSError if they cannot be had."""
    loop = asyncio.get_running_loop()
    return (await loop.create_datagram_endpoint(EchoServer, local_addr=(host, port)))[1]


async def connect(host: str, port: int) -> EchoClient:
    """Return a client of the server at *host* and *port*; nothing is sent yet."""
    loop = asyncio.get_running_loop()
    return (await loop.create_datagram_endpoint(EchoClient, remote_addr=(host, port)))[1]


async def _serve_command(options: argparse.Namespace) -> None:
    async with await serve(options.host, options.port) as server, command.until_stopped():
        command.say(f"listening on {server.address[0]} port {server.address[1]}")


async def _send_command(options: argparse.Namespace) -> None:
    data = " ".join(options.text).encode()
    async with await connect(options.host, options.port) as client:
        try:
            answer = await client.send(data, timeout=options.timeout)
        except TimeoutError:
            raise TimeoutError(f"no answer within {options.timeout:g} s") from None
    command.say(answer.decode(errors="replace"))


def main() -> int:
    """Do what the command line says; return the exit status."""
    options = command.parser("protocols.udp_echo", "UDP echo.").parse_args()
    chosen = _serve_command if options.command == "serve" else _send_command
    return command.run("udp_echo", chosen(options))


if __name__ == "__main__":
    sys.exit(main())
