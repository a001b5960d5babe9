"""A wire for two TLS protocols that is no network: the test decides what arrives when."""

from __future__ import annotations

import functools
import ssl
from typing import Any

import trustme

from miniloop.interface import BufferedProtocol, Protocol
from miniloop.net.tls import SSLProtocol

__all__ = ["Buffered", "Program", "Wire", "client_context", "server_context"]


@functools.cache
def authority() -> trustme.CA:
    """Return the authority that both sides trust."""
    return trustme.CA()


def server_context(*names: str, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Return a server's context with a certificate for *names*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert(*(names or ("localhost",))).configure_cert(context)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def client_context(*, trusting: bool = True, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Return a client's context, which trusts our authority or none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trusting:
        authority().configure_trust(context)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class Program(Protocol):
    """Notes what a program's protocol is called with."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.received = bytearray()
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.calls.append("connection_made")

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.calls[-1] != "data":
            self.calls.append("data")

    def eof_received(self) -> None:
        self.calls.append("eof")

    def connection_lost(self, exc: BaseException | None) -> None:
        self.calls.append(("connection_lost", type(exc).__name__))

    def pause_writing(self) -> None:
        self.calls.append("pause_writing")

    def resume_writing(self) -> None:
        self.calls.append("resume_writing")


class Buffered(Program, BufferedProtocol):
    """The same with a buffer of its own, of *size* bytes."""

    def __init__(self, size: int = 1000) -> None:
        super().__init__()
        self.buffer = bytearray(size)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self.buffer[:nbytes]))


class End:
    """A transport whose data waits in ``sent`` until the test delivers it."""

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.protocol: Any = None
        self.sent = bytearray()
        self.closing = False
        self.reading = True
        self.ended = False  # the peer has been told, and we have been

    def write(self, data: bytes) -> None:
        if not self.closing:
            self.sent += data

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": "peer"}.get(name, default)

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def close(self) -> None:
        self._force_close(None)

    def abort(self) -> None:
        self._force_close(None)

    def _force_close(self, exc: BaseException | None) -> None:
        if not self.closing:
            self.closing = True
            self.loop.call_soon(self.protocol.connection_lost, exc)


class Wire:
    """A client and a server joined back to back on *loop*, before the handshake.

    `deliver` is the network: what one side sent arrives at the other one in
    chunks of the sizes that are asked for.
    """

    def __init__(self, loop: Any, client: Any, server: Any, **options: Any) -> None:
        self.loop = loop
        self.client_program, self.server_program = client, server
        self.client_end, self.server_end = End(loop), End(loop)
        self.waiters = loop.create_future(), loop.create_future()
        self.client = SSLProtocol(
            loop,
            client,
            options.pop("client_context", None) or client_context(),
            self.waiters[0],
            server_hostname="localhost",
            **options,
        )
        self.server = SSLProtocol(
            loop, server, server_context(), self.waiters[1], server_side=True, **options
        )
        for end, protocol in ((self.client_end, self.client), (self.server_end, self.server)):
            end.protocol = protocol
            protocol.connection_made(end)

    def deliver(self, size: int = 2**20) -> bool:
        """Let up to *size* bytes arrive on both sides; return whether there were any."""
        moved = False
        for sender, receiver in (
            (self.client_end, self.server_end),
            (self.server_end, self.client_end),
        ):
            if sender.sent and receiver.reading and not receiver.closing:
                moved = True
                chunk = bytes(sender.sent[:size])
                del sender.sent[:size]
                feed(receiver.protocol, chunk)
            elif sender.closing and not sender.sent and not receiver.ended:
                receiver.ended = True
                if not receiver.closing:
                    moved = True
                    if not receiver.protocol.eof_received():
                        receiver.close()
        return moved

    def settle(self, size: int = 2**20) -> None:
        """Deliver and run the loop until nothing moves any more."""
        while self.deliver(size) or self.loop._ready:
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()


def feed(protocol: Any, data: bytes) -> None:
    """Give *data* to a buffered protocol, as a transport does."""
    while data:
        buffer = protocol.get_buffer(len(data))
        count = min(len(buffer), len(data))
        buffer[:count] = data[:count]
        data = data[count:]
        protocol.buffer_updated(count)
