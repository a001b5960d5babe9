"""Making a connection: TCP or a Unix socket, TLS or not, and which HTTP is spoken on it.

With TLS the server chooses by ALPN (RFC 7301); in clear text it is HTTP/1.1, or HTTP/2
by prior knowledge (RFC 9113 3.3).

Read next: pool.py
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import Callable
from typing import Any

from .connection import Connection
from .errors import BadMessage, ConnectFailed, ConnectTimeout
from .http1 import Http1Connection
from .http2 import Http2Connection
from .messages import Origin
from .racing import first_to_answer
from .settings import Limits

__all__ = ["Dialer", "open_transport"]


async def open_transport(
    protocol: asyncio.Protocol,
    origin: Origin,
    unix: str | None,
    context: Callable[[], ssl.SSLContext],
) -> None:
    """Connect *protocol* to *origin*, or to the Unix socket *unix*.

    Args:
        context: returns what TLS is spoken with, if the scheme says so.

    Raises:
        OSError: nobody there, or no TLS with it.

    Cancelled, it closes what it has opened.
    """
    loop = asyncio.get_running_loop()
    options: dict[str, Any] = {}
    if origin.scheme == "https":
        options = {"ssl": context(), "server_hostname": origin.host}
    if unix is not None:
        await loop.create_unix_connection(lambda: protocol, unix, **options)
    elif is_address(origin.host):
        await loop.create_connection(lambda: protocol, origin.host, origin.port, **options)
    else:
        sock = await first_to_answer(origin.host, origin.port)
        await loop.create_connection(lambda: protocol, sock=sock, **options)


@functools.cache
def default_context(*, http2: bool) -> ssl.SSLContext:
    """Return a context that trusts the system's roots: it takes long to read them."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"] if http2 else ["http/1.1"])
    return context


def is_address(host: str) -> bool:
    """Tell whether *host* is an address, so that there is nothing to resolve."""
    return ":" in host or host.replace(".", "").isdigit()


class _Chooser(asyncio.Protocol):
    """Stands in until it is known what is spoken, which is when the handshake is over."""

    def __init__(self, dialer: Dialer, origin: Origin, owner: Any) -> None:
        self.dialer = dialer
        self.origin = origin
        self.owner = owner
        self.connection: Connection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Choose, before anything is received."""
        tls = transport.get_extra_info("ssl_object")
        told = None if tls is None else tls.selected_alpn_protocol()
        is_h2 = told == "h2" or (tls is None and self.dialer.prior_knowledge)
        kind = Http2Connection if is_h2 else Http1Connection
        self.connection = kind(self.origin, self.dialer.limits, self.owner)
        transport.set_protocol(self.connection)
        self.connection.connection_made(transport)


class Dialer:
    """Makes connections, all in the same way.

    Args:
        limits: for the connections.
        http2: whether to offer HTTP/2 in a TLS handshake.
        prior_knowledge: whether to speak HTTP/2 in clear text, unasked.
        tls: the context for TLS, whose ALPN is set here; None for the default one.
        unix: the path of a Unix socket to use whatever the host is.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        http2: bool,
        prior_knowledge: bool,
        tls: ssl.SSLContext | None,
        unix: str | None,
    ) -> None:
        self.limits = limits
        self.http2 = http2
        self.prior_knowledge = prior_knowledge
        self.unix = unix
        self._tls = tls
        self._tls_ready = False

    def may_multiplex(self, origin: Origin) -> bool:
        """Tell whether HTTP/2 may come of dialing *origin*."""
        return self.http2 if origin.scheme == "https" else self.prior_knowledge

    def context(self) -> ssl.SSLContext:
        """Return the context for the client's own connections."""
        if self._tls is None:
            return default_context(http2=self.http2)
        if not self._tls_ready:
            self._tls_ready = True
            self._tls.set_alpn_protocols(["h2", "http/1.1"] if self.http2 else ["http/1.1"])
        return self._tls

    def context_without_http2(self) -> ssl.SSLContext:
        """Return one that does not offer HTTP/2; one that was given offers what it does."""
        return default_context(http2=False) if self._tls is None else self.context()

    async def dial(self, origin: Origin, owner: Any, seconds: float | None) -> Connection:
        """Connect to *origin*.

        Raises:
            ConnectTimeout: not connected after so many *seconds*.
            ConnectFailed: nobody there, or no TLS with it.
        """
        chooser = _Chooser(self, origin, owner)
        if origin.scheme == "https":
            self.context()  # to read the roots takes its time, which is not the server's
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                await open_transport(chooser, origin, self.unix, self.context)
        except TimeoutError as error:
            if scope.expired():
                raise ConnectTimeout(
                    f"no connection to {origin.authority} in {seconds} s"
                ) from None
            raise ConnectFailed(f"no connection to {origin.authority}: {error}") from error
        except (OSError, UnicodeError) as error:
            raise ConnectFailed(f"no connection to {origin.authority}: {error}") from error
        if chooser.connection is None:
            raise BadMessage("connected without a connection")
        return chooser.connection
