"""The transport on a connected stream socket: TCP, and Unix sockets as well.

Reading is one ``recv`` per readiness, up to ``max_size`` bytes, as asyncio's.
Writing tries at once; what the kernel does not take waits in a buffer.

Where it differs from asyncio
    `QUICK_READ`: the usual ``recv`` asks for less than ``max_size`` and, when that
    was not enough, asks for the rest in the same callback.  Python allocates what
    is asked for, and above 128 KiB that is a system call to get the memory, one to
    return it and a page fault for every 4 KiB: 13 microseconds of 16 per message.

Read next: connect.py
"""

from __future__ import annotations

import os
import selectors
import socket
from itertools import islice
from typing import Any

from ..interface import BufferedProtocol
from ..support import describe
from . import readiness
from .transports import SelectorTransport, SendfileMode, check_bytes

__all__ = ["SocketTransport", "make_socket_transport"]

#: How many bytes are asked for at first: the C library keeps memory of this size at hand.
QUICK_READ = 120 * 1024
#: How many buffers one ``sendmsg`` takes.
MAXIMUM_BUFFERS = os.sysconf("SC_IOV_MAX") if hasattr(os, "sysconf") else 16

_WRITE = selectors.EVENT_WRITE


def make_socket_transport(
    loop: Any,
    sock: Any,
    protocol: Any,
    waiter: Any = None,
    *,
    extra: dict[str, Any] | None = None,
    server: Any = None,
) -> SocketTransport:
    """Return a transport on *sock*, which is connected and does not block.

    The future *waiter* is completed after ``protocol.connection_made``.  Raises
    RuntimeError when another transport uses the socket.
    """
    readiness.check_free(loop, sock)
    return SocketTransport(loop, sock, protocol, waiter, extra, server)


def _send_at_once(sock: Any) -> None:
    """Have TCP not wait for more before it sends a small write (no Nagle algorithm)."""
    if (
        sock.family in (socket.AF_INET, socket.AF_INET6)
        and sock.type == socket.SOCK_STREAM
        and sock.proto == socket.IPPROTO_TCP
    ):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class SocketTransport(SelectorTransport):
    """A stream over *sock*.  Counterpart: asyncio's ``_SelectorSocketTransport``."""

    _start_tls_compatible = True
    _sendfile_compatible = SendfileMode.TRY_NATIVE

    __slots__ = ("_empty_waiter", "_eof", "_read_ready", "_read_size")

    def __init__(
        self,
        loop: Any,
        sock: Any,
        protocol: Any,
        waiter: Any = None,
        extra: dict[str, Any] | None = None,
        server: Any = None,
    ) -> None:
        self._eof = False
        self._read_size = min(QUICK_READ, self.max_size)
        #: Completed when the buffer is empty; while there is one, nobody may write.
        self._empty_waiter: Any = None
        super().__init__(loop, sock, protocol, extra, server)
        _send_at_once(sock)
        self._begin(waiter)

    def set_protocol(self, protocol: Any) -> None:
        """Have *protocol*, buffered or not, called from now on."""
        self._protocol = protocol
        if self._reader is not None:
            self._reader._callback = self._reading()

    def _reading(self) -> Any:
        if isinstance(self._protocol, BufferedProtocol):
            return self._read_into_buffer
        return self._read_data

    # -- reading ---------------------------------------------------------------

    def _read_data(self) -> None:
        if self._conn_lost:
            return
        try:
            data = self._sock.recv(self._read_size)
            if len(data) >= QUICK_READ:
                data = self._read_rest(data)
        except (BlockingIOError, InterruptedError):
            return
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fatal_error(error, "Fatal read error on socket transport")
            return
        if not data:
            self._read_eof()
            return
        try:
            self._protocol.data_received(data)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fatal_error(error, "Fatal error: protocol.data_received() call failed.")

    def _read_into_buffer(self) -> None:
        if self._conn_lost:
            return
        try:
            buffer = self._protocol.get_buffer(-1)
            if not len(buffer):
                raise RuntimeError("get_buffer() returned an empty buffer")
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fatal_error(error, "Fatal error: protocol.get_buffer() call failed.")
            return
        try:
            size = self._sock.recv_into(buffer)
        except (BlockingIOError, InterruptedError):
            return
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fatal_error(error, "Fatal read error on socket transport")
            return
        if not size:
            self._read_eof()
            return
        try:
            self._protocol.buffer_updated(size)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fatal_error(error, "Fatal error: protocol.buffer_updated() call failed.")
