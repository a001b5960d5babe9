"""From a connected socket to a transport, plain or with TLS.

Clients, servers and Unix sockets all come through here.

Read next: connect.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import tcp
from .tls import make_ssl_transport
from .transports import give_up

__all__ = ["PLAIN", "Tls", "make_transport", "open_transport"]


@dataclass(frozen=True, slots=True)
class Tls:
    """What a program says about TLS; timeouts are in seconds, None for the default.

    *context* is an ``ssl.SSLContext``, True for the default one, or None for
    a plain connection.
    """

    context: Any = None
    server_hostname: str | None = None
    handshake_timeout: float | None = None
    shutdown_timeout: float | None = None

    def check(self) -> Tls:
        """Return this; raise ValueError for timeouts without TLS."""
        if not self.context:
            if self.handshake_timeout is not None:
                raise ValueError("ssl_handshake_timeout is only meaningful with ssl")
            if self.shutdown_timeout is not None:
                raise ValueError("ssl_shutdown_timeout is only meaningful with ssl")
        return self


PLAIN = Tls()


def make_transport(
    loop: Any,
    sock: Any,
    protocol: Any,
    waiter: Any,
    tls: Tls,
    *,
    server_side: bool,
    extra: dict[str, Any] | None = None,
    server: Any = None,
) -> Any:
    """Return a transport on *sock*; *waiter* is completed when it is ready, or fails."""
    if not tls.context:
        return tcp.make_socket_transport(loop, sock, protocol, waiter, extra=extra, server=server)
    return make_ssl_transport(
        loop,
        sock,
        protocol,
        None if isinstance(tls.context, bool) else tls.context,
        waiter,
        server_side=server_side,
        server_hostname=tls.server_hostname,
        extra=extra,
        server=server,
        ssl_handshake_timeout=tls.handshake_timeout,
        ssl_shutdown_timeout=tls.shutdown_timeout,
    )


async def open_transport(
    loop: Any,
    sock: Any,
    protocol_factory: Callable[[], Any],
    tls: Tls,
    *,
    server_side: bool = False,
) -> tuple[Any, Any]:
    """Return a transport on *sock* and its protocol, once ``connection_made`` was called.

    Raises what the TLS handshake raises.  When that fails, or on cancellation,
    the transport is closed.
    """
    sock.setblocking(False)
    protocol = protocol_factory()
    waiter = loop.create_future()
    transport = make_transport(loop, sock, protocol, waiter, tls, server_side=server_side)
    try:
        await waiter
    except BaseException:
        give_up(loop, transport)
        raise
    return transport, protocol
