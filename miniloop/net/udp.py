"""Datagrams: their transport, and the endpoints that programs make.

One datagram is read per readiness, so that whatever a datagram sets off runs
before the next one arrives, as on asyncio.

Where it differs from asyncio
    A datagram of the internet has at most 64 KiB, so no more is asked for: what is
    asked for is allocated, and a quarter of a megabyte costs a system call, a page
    fault for every 4 KiB, and another call to return it (see ``tcp.py``).
    Each datagram in the buffer counts 8 bytes more than it has, as on asyncio from
    3.13 on, and they are taken off again.

Read next: pipes.py
"""

from __future__ import annotations

import os
import selectors
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..interface import DatagramTransport
from ..support import describe
from . import readiness, resolver
from .listening import set_reuse_port
from .transports import SelectorTransport, check_bytes

__all__ = ["SocketDatagramTransport", "create_datagram_endpoint", "remove_stale"]

#: The most that a datagram over IPv4 or IPv6 can carry, in bytes.
INTERNET_DATAGRAM = 64 * 1024
#: What each datagram in the buffer counts in addition to its length, in bytes.
HEADER = 8

_INTERNET = (socket.AF_INET, socket.AF_INET6)
_WRITE = selectors.EVENT_WRITE

#: A family and a protocol, and the local and remote address to use with them.
Candidate: TypeAlias = tuple[tuple[int, int], tuple[Any, Any]]


class SocketDatagramTransport(SelectorTransport, DatagramTransport):
    """Datagrams over *sock*, all to *address* if one is given.

    Counterpart: asyncio's ``_SelectorDatagramTransport``.
    """

    __slots__ = ("_address", "_connected", "_read_size")

    def __init__(
        self,
        loop: Any,
        sock: Any,
        protocol: Any,
        address: Any = None,
        waiter: Any = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(loop, sock, protocol, extra)
        self._address = address
        self._connected = bool(self._extra["peername"])
        self._read_size = INTERNET_DATAGRAM if sock.family in _INTERNET else self.max_size
        self._begin(waiter)

    def _reading(self) -> Callable[[], object]:
        return self._read_datagram

    def _read_datagram(self) -> None:
        if self._conn_lost:
            return
        try:
            data, address = self._sock.recvfrom(self._read_size)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._protocol.error_received(error)
            return
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fatal_error(error, "Fatal read error on datagram transport")
            return
        self._protocol.datagram_received(data, address)

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send the datagram *data* to *addr*, at once or as soon as the kernel takes it.

        An endpoint with a remote address sends there only.  What the network
        refuses is told to ``protocol.error_received``.  Raises TypeError for
        anything but bytes-like objects and ValueError for a wrong address.
        """
        if type(data) is not bytes:
            check_bytes(data)
        if self._address:
            if addr not in (None, self._address):
                raise ValueError(f"Invalid address: must be None or {self._address}")
            addr = self._address
        if self._conn_lost and (self._address or self._sock is None) and self._lost_before():
            return
        if not self._buffer:
            try:
                self._send(data, addr)
            except (BlockingIOError, InterruptedError):
                readiness.add(self._loop, self._sock_fd, _WRITE, self._write_ready, ())
            except BaseException as error:
                self._not_sent(error)
                return
            else:
                return
        self._buffer.append((bytes(data), addr))  # a copy: the program may reuse its buffer
        self._buffer_size += len(data) + HEADER
        self._maybe_pause_protocol()

    def _send(self, data: Any, addr: Any) -> None:
        if self._connected:
            self._sock.send(data)
        else:
            self._sock.sendto(data, addr)

    def _not_sent(self, error: BaseException) -> None:
        if isinstance(error, SystemExit | KeyboardInterrupt):
            raise error
        if isinstance(error, OSError):
            self._protocol.error_received(error)
        else:
            self._fatal_error(error, "Fatal write error on datagram transport")

    def _write_ready(self) -> None:
        buffer = self._buffer
        while buffer:
            data, addr = buffer[0]
            try:
                self._send(data, addr)
            except (BlockingIOError, InterruptedError):
                break
            except BaseException as error:
                self._drop_first()
                self._not_sent(error)
                return
            self._drop_first()
        self._maybe_resume_protocol()  # which may send
        if not buffer:
            readiness.remove(self._loop, self._sock_fd, _WRITE)
            if self._closing:
                self._call_connection_lost(None)

    def _drop_first(self) -> None:
        data, _ = self._buffer.popleft()
        self._buffer_size -= len(data) + HEADER


# -- endpoints -----------------------------------------------------------------


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
        transport.close()
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
