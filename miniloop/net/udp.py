"""The transport for datagrams.

One datagram is read per readiness, so that whatever a datagram sets off runs
before the next one arrives, as on asyncio.

Where it differs from asyncio
    A datagram of the internet has at most 64 KiB, so no more is asked for: what is
    asked for is allocated, and a quarter of a megabyte costs a system call, a page
    fault for every 4 KiB, and another call to return it (see ``tcp.py``).
    Each datagram in the buffer counts 8 bytes more than it has, as on asyncio from
    3.13 on, and they are taken off again.

Read next: endpoints.py
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from typing import Any

from ..interface import DatagramTransport
from . import readiness
from .transports import SelectorTransport, check_bytes

__all__ = ["SocketDatagramTransport"]

#: The most that a datagram over IPv4 or IPv6 can carry, in bytes.
INTERNET_DATAGRAM = 64 * 1024
#: What each datagram in the buffer counts in addition to its length, in bytes.
HEADER = 8

_INTERNET = (socket.AF_INET, socket.AF_INET6)
_WRITE = selectors.EVENT_WRITE


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
        if not self._buffer_size:
            try:
                if self._connected:
                    self._sock.send(data)
                else:
                    self._sock.sendto(data, addr)
                return
            except (BlockingIOError, InterruptedError):
                readiness.add(self._loop, self._sock_fd, _WRITE, self._write_ready, ())
            except BaseException as error:
                self._not_sent(error)
                return
        # A copy: the program may reuse its buffer.
        self._push((bytes(data), addr), len(data) + HEADER)
        self._maybe_pause_protocol()

    def _not_sent(self, error: BaseException) -> None:
        if isinstance(error, OSError):
            self._protocol.error_received(error)
        else:
            self._fatal_error(error, "Fatal write error on datagram transport")

    def _write_ready(self) -> None:
        buffer = self._buffer
        while buffer:
            data, addr = buffer[0]
            try:
                if self._connected:
                    self._sock.send(data)
                else:
                    self._sock.sendto(data, addr)
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
