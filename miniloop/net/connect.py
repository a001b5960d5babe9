"""Connections that a program makes: to a host by name, or on a socket it has.

Read next: staggered.py
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable
from typing import Any

from ..support import describe
from . import resolver
from .opening import Tls, open_transport
from .resolver import AddressInfo
from .sockets import check_not_tls
from .staggered import Race

__all__ = ["connect_accepted_socket", "create_connection"]


async def create_connection(
    loop: Any,
    protocol_factory: Callable[[], Any],
    host: Any = None,
    port: Any = None,
    *,
    ssl: Any = None,
    family: int = 0,
    proto: int = 0,
    flags: int = 0,
    sock: Any = None,
    local_addr: Any = None,
    server_hostname: str | None = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
    happy_eyeballs_delay: float | None = None,
    interleave: int | None = None,
    all_errors: bool = False,
) -> tuple[Any, Any]:
    """Connect to *host* and *port*, or use *sock*; return the transport and its protocol.

    The addresses of *host* are tried in turn, or every *happy_eyeballs_delay*
    seconds without waiting for the last; *interleave* of the first family come
    first, then families take turns.  *local_addr* is where to connect from.
    *ssl* is a context, or True; timeouts are in seconds.

    Raises ValueError for arguments that do not go together, and OSError when
    nothing can be reached: what happened to each address, together in an
    ExceptionGroup if *all_errors*.  Cancellation closes what was opened.
    """
    tls = _client_tls(host, ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout)
    if sock is not None:
        check_not_tls(sock)
    if host is not None or port is not None:
        if sock is not None:
            raise ValueError("host/port and sock can not be specified at the same time")
        ask = functools.partial(_resolve, loop, family=family, proto=proto, flags=flags)
        infos = await ask((host, port))
        local = None if local_addr is None else await ask(local_addr)
        if interleave is None:
            interleave = 0 if happy_eyeballs_delay is None else 1
        infos = resolver.interleave(infos, interleave) if interleave else infos
        sock = await _connect(loop, infos, local, happy_eyeballs_delay, all_errors)
    elif sock is None:
        raise ValueError("host and port was not specified and no sock specified")
    elif sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A Stream Socket was expected, got {sock!r}")
    transport, protocol = await open_transport(loop, sock, protocol_factory, tls)
    if loop.get_debug():
        _log_connected(host, port, transport, protocol)
    return transport, protocol


def _log_connected(host: Any, port: Any, transport: Any, protocol: Any) -> None:
    sock = transport.get_extra_info("socket")
    describe.logger.debug("%r connected to %s:%r: (%r, %r)", sock, host, port, transport, protocol)


def _client_tls(
    host: Any,
    ssl: Any,
    server_hostname: str | None,
    handshake_timeout: float | None,
    shutdown_timeout: float | None,
) -> Tls:
    """Return what a client was told about TLS; raise ValueError if it makes no sense."""
    if server_hostname is not None and not ssl:
        raise ValueError("server_hostname is only meaningful with ssl")
    if server_hostname is None and ssl:
        # The certificate must be for somebody; an empty name asks for no check.
        if not host:
            raise ValueError("You must set server_hostname when using ssl without a host")
        server_hostname = host
    return Tls(ssl, server_hostname, handshake_timeout, shutdown_timeout).check()


async def _resolve(loop: Any, address: Any, **options: int) -> list[AddressInfo]:
    infos = await resolver.ensure_resolved(loop, address, type=socket.SOCK_STREAM, **options)
    if not infos:
        raise OSError("getaddrinfo() returned empty list")
    return infos


async def _connect(
    loop: Any,
    infos: list[AddressInfo],
    local: list[AddressInfo] | None,
    delay: float | None,
    all_errors: bool,
) -> Any:
    """Return a socket connected to one of *infos*; raise what happened if there is none."""
    errors: list[list[Exception]] = []
    if delay is None:
        for info in infos:
            try:
                return await _connect_to(loop, errors, info, local)
            except OSError:
                continue
    else:
        attempts = (functools.partial(_connect_to, loop, errors, info, local) for info in infos)
        sock = await Race(loop, attempts, delay, discard=socket.socket.close).winner()
        if sock is not None:
            return sock
    failures = [error for attempt in errors for error in attempt]
    try:
        raise _combined(failures, all_errors)
    finally:
        errors.clear()
        failures.clear()  # no cycle through the tracebacks


def _combined(errors: list[Exception], all_errors: bool) -> Exception:
    """Return one exception that stands for *errors*."""
    if all_errors:
        return ExceptionGroup("create_connection failed", errors)
    if len({str(error) for error in errors}) == 1:
        return errors[0]
    texts = ", ".join(map(str, errors))
    return OSError(f"Multiple exceptions: {texts}")


async def _connect_to(
    loop: Any,
    errors: list[list[Exception]],
    info: AddressInfo,
    local: list[AddressInfo] | None,
) -> Any:
    """Return a socket connected to *info* from one of *local*; add what failed to *errors*."""
    mine: list[Exception] = []
    errors.append(mine)
    family, kind, proto, _, address = info
    sock = None
    try:
        sock = loop._make_socket(family, kind, proto)
        sock.setblocking(False)
        if local is not None:
            _bind_to_one(sock, family, local, mine)
        await loop.sock_connect(sock, address)
    except OSError as error:
        mine.append(error)
        if sock is not None:
            sock.close()
        raise
    except BaseException:
        if sock is not None:
            sock.close()
        raise
    else:
        return sock
    finally:
        del mine, errors  # no cycle through the traceback


def _bind_to_one(sock: Any, family: int, local: list[AddressInfo], errors: list[Exception]) -> None:
    """Bind *sock* to the first of *local* that is possible; raise OSError if none is."""
    for local_family, _, _, _, address in local:
        if local_family != family:
            continue
        try:
            sock.bind(address)
        except OSError as error:
            text = f"error while attempting to bind on address {address!r}: {str(error).lower()}"
            errors.append(OSError(error.errno, text))
        else:
            return
    if errors:
        raise errors.pop()
    raise OSError(f"no matching local address with {family=} found")


async def connect_accepted_socket(
    loop: Any,
    protocol_factory: Callable[[], Any],
    sock: Any,
    *,
    ssl: Any = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
) -> tuple[Any, Any]:
    """Return a transport and protocol for *sock*, a connection accepted elsewhere.

    *ssl* is the context of a server; timeouts are in seconds.  Raises ValueError
    for arguments that do not go together.
    """
    if sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A Stream Socket was expected, got {sock!r}")
    tls = Tls(ssl, "", ssl_handshake_timeout, ssl_shutdown_timeout).check()
    check_not_tls(sock)
    transport, protocol = await open_transport(loop, sock, protocol_factory, tls, server_side=True)
    if loop.get_debug():
        sock = transport.get_extra_info("socket")
        describe.logger.debug("%r handled: (%r, %r)", sock, transport, protocol)
    return transport, protocol
