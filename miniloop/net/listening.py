"""Sockets that listen, and servers on them.

Read next: unix.py
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..support import describe
from ..sync.combinators import gather
from ..sync.sleeping import sleep
from . import resolver
from .opening import Tls
from .server import Server
from .sockets import check_not_tls

__all__ = ["check_server_tls", "create_server", "remove_stale", "serve", "set_reuse_port"]


@dataclass(frozen=True, slots=True)
class Options:
    """How a socket that listens is to be bound."""

    reuse_address: bool | None
    reuse_port: bool | None
    keep_alive: bool | None


async def create_server(
    loop: Any,
    protocol_factory: Callable[[], Any],
    host: Any = None,
    port: Any = None,
    *,
    family: int = socket.AF_UNSPEC,
    flags: int = socket.AI_PASSIVE,
    sock: Any = None,
    backlog: int = 100,
    ssl: Any = None,
    reuse_address: bool | None = None,
    reuse_port: bool | None = None,
    keep_alive: bool | None = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
    start_serving: bool = True,
) -> Server:
    """Return a server on every address of *host* (a name, several, or None for all) and *port*.

    Or on *sock*, which is bound already.  *backlog* connections are kept waiting;
    each gets a protocol from *protocol_factory*, and TLS if *ssl* is a context;
    timeouts are in seconds.  Raises ValueError or TypeError for arguments that do
    not go together, and OSError when no address can be bound.
    """
    tls = check_server_tls(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
    if sock is not None:
        check_not_tls(sock)
    if host is not None or port is not None:
        if sock is not None:
            raise ValueError("host/port and sock can not be specified at the same time")
        if reuse_address is None:
            reuse_address = os.name == "posix" and sys.platform != "cygwin"
        infos = await _addresses(loop, host, port, family, flags)
        sockets = _bind_all(loop, infos, Options(reuse_address, reuse_port, keep_alive))
    else:
        if sock is None:
            raise ValueError("Neither host/port nor sock were specified")
        if sock.type != socket.SOCK_STREAM:
            raise ValueError(f"A Stream Socket was expected, got {sock!r}")
        sockets = [sock]
    server = await serve(Server(loop, sockets, protocol_factory, tls, backlog), start_serving)
    if loop.get_debug():
        describe.logger.info("%r is serving", server)
    return server


def check_server_tls(
    ssl: Any, handshake_timeout: float | None, shutdown_timeout: float | None
) -> Tls:
    """Return what a server was told about TLS; raise TypeError or ValueError if it makes no sense.

    A server needs a certificate, so True is no context for it.
    """
    if isinstance(ssl, bool):
        raise TypeError("ssl argument must be an SSLContext or None")
    return Tls(ssl, None, handshake_timeout, shutdown_timeout).check()


async def serve(server: Server, start_serving: bool) -> Server:
    """Return *server*, which accepts connections by then if it shall *start_serving*."""
    for sock in server._sockets or ():
        sock.setblocking(False)
    if start_serving:
        server._start_serving()
        try:
            await sleep(0)  # as on asyncio, one turn: the sockets are watched by then
        except BaseException:
            server.close()  # nobody has it, so nobody else can
            raise
    return server


async def _addresses(
    loop: Any, host: Any, port: Any, family: int, flags: int
) -> set[resolver.AddressInfo]:
    """Return the addresses to listen on, each once."""
    hosts: Iterable[Any]
    if host == "":
        hosts = [None]
    elif isinstance(host, str) or not isinstance(host, Iterable):
        hosts = [host]
    else:
        hosts = host
    found = await gather(*(_resolve(loop, each, port, family, flags) for each in hosts))
    return {info for infos in found for info in infos}


async def _resolve(
    loop: Any, host: Any, port: Any, family: int, flags: int
) -> list[resolver.AddressInfo]:
    infos = await resolver.ensure_resolved(
        loop, (host, port), family=family, type=socket.SOCK_STREAM, flags=flags
    )
    if not infos:
        raise OSError(f"getaddrinfo({host!r}) returned empty list")
    return infos


def _bind_all(loop: Any, infos: set[resolver.AddressInfo], options: Options) -> list[Any]:
    """Return a socket for each of *infos* that this machine has; close them all on an error."""
    sockets: list[Any] = []
    try:
        for info in infos:
            sock = _make(loop, info)
            if sock is None:
                continue
            sockets.append(sock)
            if not _bind(loop, sock, info, options):
                sockets.pop().close()
        if not sockets:
            tried = [info[4] for info in infos]
            raise OSError(f"could not bind on any address out of {tried!r}")
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _make(loop: Any, info: resolver.AddressInfo) -> Any:
    """Return a socket for *info*, or None when the machine knows no such sockets."""
    try:
        return loop._make_socket(*info[:3])
    except OSError:
        if loop.get_debug():
            describe.logger.warning(
                "create_server() failed to create socket.socket(%r, %r, %r)",
                *info[:3],
                exc_info=True,
            )
        return None


def _bind(loop: Any, sock: Any, info: resolver.AddressInfo, options: Options) -> bool:
    """Bind *sock* to the address of *info*; return False when the machine has no such address."""
    family, address = info[0], info[4]
    if options.reuse_address:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
    if options.reuse_port:
        set_reuse_port(sock)
    if options.keep_alive:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, True)
    if family == socket.AF_INET6:
        # IPv4 has a socket of its own.
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, True)
    try:
        sock.bind(address)
    except OSError as error:
        text = f"error while attempting to bind on address {address!r}: {str(error).lower()}"
        if error.errno != errno.EADDRNOTAVAIL:
            raise OSError(error.errno, text) from None
        if loop.get_debug():
            describe.logger.warning(text)
        return False
    return True


def set_reuse_port(sock: Any) -> None:
    """Let other sockets be bound to the same address; raises ValueError where that is unknown."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise ValueError("reuse_port not supported by socket module")
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError:
        raise ValueError(
            "reuse_port not supported by socket module, SO_REUSEPORT defined but not implemented."
        ) from None


def remove_stale(path: Any) -> None:
    """Remove the Unix socket that an earlier process left behind at *path*, if there is one.

    An abstract path (one that begins with a zero) is no file.  Raises nothing.
    """
    if path[0] in (0, "\0"):
        return
    try:
        if stat.S_ISSOCK(os.stat(path).st_mode):
            os.remove(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        # The directory may allow no more than to make a socket.
        describe.logger.error("Unable to check or remove stale UNIX socket %r: %r", path, error)
