"""TLS connections: over a new socket, or over a connection that is already there.

    tls_flow.py       bytes through an SSLObject, and flow control both ways
    tls_protocol.py   handshake and shutdown: the states of a connection
    tls_transport.py  what the program's protocol sees of it

Where it differs from asyncio
    `start_tls` needs nothing but the public methods of loop and transport, so
    it works on a loop of any make.
    A client that begins its handshake without waiting for the server's word is
    understood, even if a stream has read the beginning already.

Read next: tls_flow.py
"""

from __future__ import annotations

from typing import Any

from ..interface import AbstractEventLoop
from . import tcp
from .tls_flow import ssl
from .tls_protocol import SSLProtocol
from .tls_transport import SSLTransport
from .transports import give_up

__all__ = ["SSLProtocol", "SSLTransport", "make_ssl_transport", "start_tls"]


def make_ssl_transport(
    loop: AbstractEventLoop,
    rawsock: Any,
    protocol: Any,
    sslcontext: Any,
    waiter: Any = None,
    *,
    server_side: bool = False,
    server_hostname: str | None = None,
    extra: dict[str, Any] | None = None,
    server: Any = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
) -> SSLTransport:
    """Return the transport of a TLS connection over *rawsock*, a connected socket.

    *waiter*, if given, is done after the handshake; *protocol* is told of the
    connection just before.  *extra* and *server* are the socket transport's; the
    rest is `SSLProtocol`'s.  Raises ValueError for a server without a context.
    """
    ssl_protocol = SSLProtocol(
        loop,
        protocol,
        sslcontext,
        waiter,
        server_side,
        server_hostname,
        ssl_handshake_timeout=ssl_handshake_timeout,
        ssl_shutdown_timeout=ssl_shutdown_timeout,
    )
    tcp.make_socket_transport(loop, rawsock, ssl_protocol, extra=extra, server=server)
    return ssl_protocol._app_transport  # type: ignore[no-any-return]


async def start_tls(
    loop: AbstractEventLoop,
    transport: Any,
    protocol: Any,
    sslcontext: Any,
    *,
    server_side: bool = False,
    server_hostname: str | None = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
) -> SSLTransport:
    """Put TLS over *transport*, which *protocol* has used up to here; return what to use now.

    *protocol* is told nothing, and has to use the new transport itself.  The
    timeouts are seconds.  Raises TypeError when *sslcontext* is none, and for a
    transport that cannot carry TLS; else what the handshake raises.  On any
    failure and on cancellation *transport* is closed.
    """
    _check_start_tls(transport, sslcontext)
    waiter = loop.create_future()
    ssl_protocol = SSLProtocol(
        loop,
        protocol,
        sslcontext,
        waiter,
        server_side,
        server_hostname,
        call_connection_made=False,
        ssl_handshake_timeout=ssl_handshake_timeout,
        ssl_shutdown_timeout=ssl_shutdown_timeout,
    )
    if server_side:
        _give_back(protocol, ssl_protocol)
    # Nothing may arrive between here and connection_made(), which is called soon.
    transport.pause_reading()
    transport.set_protocol(ssl_protocol)
    made = loop.call_soon(ssl_protocol.connection_made, transport)
    resumed = loop.call_soon(transport.resume_reading)
    try:
        await waiter
    except BaseException:
        give_up(loop, transport)
        made.cancel()
        resumed.cancel()
        raise
    return ssl_protocol._app_transport  # type: ignore[no-any-return]


def _give_back(protocol: Any, ssl_protocol: SSLProtocol) -> None:
    """Take what *protocol*'s stream has read too much: it is the beginning of the handshake."""
    reader = getattr(protocol, "_stream_reader", None)
    early = getattr(reader, "_buffer", None)
    if early:
        ssl_protocol._incoming.write(early)
        early.clear()


def _check_start_tls(transport: Any, sslcontext: Any) -> None:
    if ssl is None:
        raise RuntimeError("Python ssl module is not available")
    if not isinstance(sslcontext, ssl.SSLContext):
        raise TypeError(
            f"sslcontext is expected to be an instance of ssl.SSLContext, got {sslcontext!r}"
        )
    if not getattr(transport, "_start_tls_compatible", False):
        raise TypeError(f"transport {transport!r} is not supported by start_tls()")
