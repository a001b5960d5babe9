"""A peer without a loop or a transport of its own: the test decides how badly it behaves."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from typing import Any

from .tls_wire import client_context

__all__ = ["Peer"]


class Peer:
    """A client that does what the test says and nothing else, plain or (`over_tls`) with TLS."""

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.tls: Any = None
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    @classmethod
    async def to(cls, server: Any, tls: bool) -> Peer:
        """Return a peer connected to *server*."""
        peer = cls(asyncio.get_running_loop())
        await peer.loop.sock_connect(peer.sock, server.sockets[0].getsockname())
        if tls:
            await peer.over_tls(client_context())
        return peer

    async def over_tls(self, context: ssl.SSLContext) -> None:
        """Do the handshake of a client."""
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        await self._tls_step(self.tls.do_handshake)

    async def _tls_step(self, step: Any, *args: Any) -> Any:
        while True:
            try:
                result = step(*args)
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self.loop.sock_recv(self.sock, 2**16)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        if self.outgoing.pending:
            await self.loop.sock_sendall(self.sock, self.outgoing.read())

    async def send(self, data: bytes) -> None:
        if self.tls is None:
            await self.loop.sock_sendall(self.sock, data)
        else:
            await self._tls_step(self.tls.write, data)

    async def receive(self) -> bytes:
        """Return what came, or nothing at the end, polite or not."""
        if self.tls is None:
            return bytes(await self.loop.sock_recv(self.sock, 2**16))
        try:
            return bytes(await self._tls_step(self.tls.read, 2**16))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def receive_all(self) -> bytes:
        received = b""
        while data := await self.receive():
            received += data
        return received

    async def say_goodbye(self) -> None:
        """Send TLS's close_notify, and leave the connection open."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        await self._flush()

    def half_close(self) -> None:
        """Say, without a word of TLS, that no more will come."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection by a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()
