"""Endpoints for datagrams: the socket that a program asks for, and a transport on it.

Read next: pipes.py
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..support import describe
from . import readiness, resolver
from .listening import remove_stale, set_reuse_port
from .transports import give_up
from .udp import SocketDatagramTransport

__all__ = ["create_datagram_endpoint"]

#: A family and a protocol, and the local and remote address to use with them.
Candidate: TypeAlias = tuple[tuple[int, int], tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What kind of socket the program asked for."""

    local_addr: Any
    remote_addr: Any
    family: int
    proto: int
    flags: int
    reuse_port: bool | None
    allow_broadcast: bool | None

    def refuse_with_socket(self) -> None:
        """Raise ValueError if anything is asked for that a ready-made socket has already."""
        fields = self.__dataclass_fields__
        asked = {name: getattr(self, name) for name in fields if getattr(self, name)}
        if asked:
            problems = ", ".join(f"{name}={value}" for name, value in asked.items())
            raise ValueError(
                "socket modifier keyword arguments can not be used when sock is specified. "
                f"({problems})"
            )


async def create_datagram_endpoint(
    loop: Any,
    protocol_factory: Callable[[], Any],
    local_addr: Any = None,
    remote_addr: Any = None,
    *,
    family: int = 0,
    proto: int = 0,
    flags: int = 0,
    reuse_port: bool | None = None,
    allow_broadcast: bool | None = None,
    sock: Any = None,
) -> tuple[Any, Any]:
    """Return a transport and protocol for datagrams; bound, connected, both or neither.

    *local_addr* and *remote_addr* are ``(host, port)``, or paths with the family
    ``AF_UNIX``.  Raises ValueError or TypeError for arguments that do not go
    together, and OSError when there is no such address.
    """
    wanted = Wanted(local_addr, remote_addr, family, proto, flags, reuse_port, allow_broadcast)
    remote = None
    if sock is not None:
        if sock.type == socket.SOCK_STREAM:
            raise ValueError(f"A datagram socket was expected, got {sock!r}")
        wanted.refuse_with_socket()
        sock.setblocking(False)
    else:
        sock, remote = await _first_possible(loop, wanted, await _candidates(loop, wanted))
    protocol = protocol_factory()
    waiter = loop.create_future()
    readiness.check_free(loop, sock)
    transport = SocketDatagramTransport(loop, sock, protocol, remote, waiter)
    if loop.get_debug():
        _log_created(wanted, transport, protocol)
    try:
        await waiter
    except BaseException:
        give_up(loop, transport)
        raise
    return transport, protocol


def _log_created(wanted: Wanted, transport: Any, protocol: Any) -> None:
    if wanted.local_addr:
        describe.logger.info(
            "Datagram endpoint local_addr=%r remote_addr=%r created: (%r, %r)",
            wanted.local_addr,
            wanted.remote_addr,
            transport,
            protocol,
        )
    else:
        describe.logger.debug(
            "Datagram endpoint remote_addr=%r created: (%r, %r)",
            wanted.remote_addr,
            transport,
            protocol,
        )


async def _candidates(loop: Any, wanted: Wanted) -> list[Candidate]:
    """Return every way to make the *wanted* endpoint, the best first."""
    key = (wanted.family, wanted.proto)
    addresses = (wanted.local_addr, wanted.remote_addr)
    if not (wanted.local_addr or wanted.remote_addr):
        if wanted.family == 0:
            raise ValueError("unexpected address family")
        return [(key, (None, None))]
    if wanted.family == socket.AF_UNIX:
        for address in addresses:
            if address is not None and not isinstance(address, str):
                raise TypeError("string is expected")
        if wanted.local_addr:
            remove_stale(wanted.local_addr)
        return [(key, addresses)]
    found: dict[tuple[int, int], list[Any]] = {}
    for place, address in enumerate(addresses):
        for family, _, proto, _, resolved in await _resolve(loop, address, wanted):
            found.setdefault((family, proto), [None, None])[place] = resolved
    candidates: list[Candidate] = [
        (pair, (local, remote))
        for pair, (local, remote) in found.items()
        if not (wanted.local_addr and local is None) and not (wanted.remote_addr and remote is None)
    ]
    if not candidates:
        raise ValueError("can not get address information")
    return candidates


async def _resolve(loop: Any, address: Any, wanted: Wanted) -> list[resolver.AddressInfo]:
    if address is None:
        return []
    if not (isinstance(address, tuple) and len(address) == 2):
        raise TypeError("2-tuple is expected")
    infos = await resolver.ensure_resolved(
        loop,
        address,
        family=wanted.family,
        type=socket.SOCK_DGRAM,
        proto=wanted.proto,
        flags=wanted.flags,
    )
    if not infos:
        raise OSError("getaddrinfo() returned empty list")
    return infos


async def _first_possible(
    loop: Any, wanted: Wanted, candidates: list[Candidate]
) -> tuple[Any, Any]:
    """Return a socket for the first of *candidates* that works, and its remote address."""
    errors = []
    for candidate in candidates:
        try:
            return await _open(loop, wanted, candidate)
        except OSError as error:
            errors.append(error)
    try:
        raise errors[0]
    finally:
        errors.clear()  # no cycle through the traceback


async def _open(loop: Any, wanted: Wanted, candidate: Candidate) -> tuple[Any, Any]:
    (family, proto), (local, remote) = candidate
    sock = loop._make_socket(family, socket.SOCK_DGRAM, proto)
    try:
        if wanted.reuse_port:
            set_reuse_port(sock)
        if wanted.allow_broadcast:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setblocking(False)
        if wanted.local_addr:
            sock.bind(local)
        if wanted.remote_addr and not wanted.allow_broadcast:
            await loop.sock_connect(sock, remote)
        return sock, remote if wanted.remote_addr else None
    except BaseException:
        sock.close()
        raise
