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
from collections.abc import Callable
from itertools import islice
from typing import Any

from ..interface import AsyncioStreamReader, AsyncioStreamReaderProtocol, BufferedProtocol
from ..support import describe
from . import readiness
from .seats import QUICK_READ
from .stream_protocol import StreamReaderProtocol
from .stream_reader import StreamReader
from .transports import SelectorTransport, SendfileMode, check_bytes

__all__ = ["SocketTransport", "make_socket_transport"]

#: How many buffers one ``sendmsg`` takes.
MAXIMUM_BUFFERS = os.sysconf("SC_IOV_MAX") if hasattr(os, "sysconf") else 16

_WRITE = selectors.EVENT_WRITE
#: What goes on in a callback for reading: this, or the method of the protocol of that name.
_READ = "recv"


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


def _keeping(protocol: Any) -> Callable[[Any], object] | None:
    """Return what keeps data for a reader, if *protocol* does nothing else with it.

    A class of the program's own may do anything, so that only the two as they are count.
    """
    if type(protocol) not in (StreamReaderProtocol, AsyncioStreamReaderProtocol):
        return None
    reader = protocol._stream_reader
    if type(reader) is AsyncioStreamReader:
        return protocol.data_received  # type: ignore[no-any-return]
    if type(reader) is StreamReader:
        return reader._keep if 2 * reader._limit >= QUICK_READ else reader.feed_data
    return None


class SocketTransport(SelectorTransport):
    """A stream over *sock*.  Counterpart: asyncio's ``_SelectorSocketTransport``."""

    _start_tls_compatible = True
    _sendfile_compatible = SendfileMode.TRY_NATIVE

    __slots__ = ("_empty_waiter", "_eof", "_read_size")

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
            self._take_at_once()

    def _reading(self) -> Callable[[], object]:
        if isinstance(self._protocol, BufferedProtocol):
            return self._read_into_buffer
        return self._read_data

    # -- reading ---------------------------------------------------------------

    def _read_data(self, data: bytes | None = None) -> None:
        """Read, unless *data* has just been read, and hand it over."""
        if self._conn_lost:
            return
        doing = _READ
        try:
            if data is None:
                data = self._sock.recv(self._read_size)
            if len(data) >= QUICK_READ:
                data = self._read_rest(data)
            elif self._read_size > QUICK_READ:
                self._read_size = QUICK_READ
                self._take_at_once()
            doing = "data_received"
            if data:
                self._protocol.data_received(data)
            else:
                self._read_eof()
        except BaseException as error:
            self._not_read(error, doing)

    def _take_at_once(self) -> None:
        loop, fd, sock, keep = self._loop, self._sock_fd, self._sock, _keeping(self._protocol)
        usual = self._read_size == QUICK_READ and type(sock) is socket.socket
        if keep is not None and usual and fd in loop._readers:  # else it is to be written to, too
            loop._takers[fd] = self, sock.recv, keep
        else:
            loop._takers.pop(fd, None)

    def _read_into_buffer(self) -> None:
        if self._conn_lost:
            return
        doing = "get_buffer"
        try:
            buffer = self._protocol.get_buffer(-1)
            if not len(buffer):
                raise RuntimeError("get_buffer() returned an empty buffer")
            doing = _READ
            size = self._sock.recv_into(buffer)
            doing = "buffer_updated"
            if size:
                self._protocol.buffer_updated(size)
            else:
                self._read_eof()
        except BaseException as error:
            self._not_read(error, doing)

    def _not_read(self, error: BaseException, doing: str) -> None:
        """End the transport because of *error* in reading, or in a method of the protocol."""
        if doing is not _READ:
            self._fatal_error(error, f"Fatal error: protocol.{doing}() call failed.")
        elif not isinstance(error, BlockingIOError | InterruptedError):
            self._fatal_error(error, "Fatal read error on socket transport")

    def _read_rest(self, data: bytes) -> bytes:
        """Return *data*, which is all that was asked for, and what else fits in one reading."""
        if self._read_size < self.max_size:
            self._read_size = self.max_size  # until less comes: then there is nothing to join
            self._take_at_once()
            try:
                data += self._sock.recv(self.max_size - len(data))
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:
                # It would have come with the next reading; *data* is still good.
                self._loop.call_soon(self._fail, error)
        return data

    def _fail(self, error: OSError) -> None:
        if not self._conn_lost:
            self._fatal_error(error, "Fatal read error on socket transport")

    def _read_eof(self) -> None:
        if self._loop.get_debug():
            describe.logger.debug("%r received EOF", self)
        try:
            keep_open = self._protocol.eof_received()
        except BaseException as error:
            self._not_read(error, "eof_received")
            return
        if keep_open:
            # The protocol may go on writing; there is nothing more to read.
            self._stop_reading()
        else:
            self.close()

    # -- writing ---------------------------------------------------------------

    def write(self, data: Any) -> None:
        """Send *data*: at once what the kernel takes, the rest as soon as it takes it.

        A bytearray or memoryview must not be changed until then.  Raises
        TypeError for anything but bytes-like objects, and RuntimeError after
        `write_eof` and while a file is being sent.
        """
        if type(data) is not bytes:
            check_bytes(data)
        if self._eof or self._empty_waiter is not None:
            self._refuse("write")
        if not data or (self._conn_lost and self._lost_before()):
            return
        if not self._buffer_size:
            try:
                sent = self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except BaseException as error:
                self._fatal_error(error, "Fatal write error on socket transport")
                return
            if sent == len(data):
                return
            data = memoryview(data).cast("B")[sent:]
            if not data:
                return
            readiness.add(self._loop, self._sock_fd, _WRITE, self._write_ready, ())
        self._append(data)
        self._maybe_pause_protocol()

    def writelines(self, list_of_data: Any) -> None:
        """Send each element of *list_of_data*, together; see `write`."""
        if self._eof or self._empty_waiter is not None:
            self._refuse("writelines")
        if not list_of_data or self._lost_before():
            return
        for data in list_of_data:
            self._append(memoryview(data))
        if not self._buffer:
            return
        self._write_ready()
        if self._buffer:
            readiness.add(self._loop, self._sock_fd, _WRITE, self._write_ready, ())
            self._maybe_pause_protocol()

    def _refuse(self, method: str) -> None:
        if self._eof:
            raise RuntimeError(f"Cannot call {method}() after write_eof()")
        raise RuntimeError(f"unable to {method}; sendfile is in progress")

    def _append(self, data: Any) -> None:
        if type(data) is not bytes:
            data = memoryview(data).cast("B")
        if data:
            self._push(data, len(data))

    def _write_ready(self) -> None:
        """Send what is buffered; when all is gone, do what waited for that."""
        if self._conn_lost:
            return
        try:
            self._drop_sent(self._sock.sendmsg(islice(self._buffer, MAXIMUM_BUFFERS)))
        except (BlockingIOError, InterruptedError):
            return
        except BaseException as error:
            self._fatal_error(error, "Fatal write error on socket transport")
            if self._empty_waiter is not None:
                self._empty_waiter.set_exception(error)
            return
        self._maybe_resume_protocol()  # which may write
        if self._buffer:
            return
        readiness.remove(self._loop, self._sock_fd, _WRITE)
        if self._reader is not None:
            self._take_at_once()
        if self._empty_waiter is not None:
            self._empty_waiter.set_result(None)
        if self._closing:
            self._call_connection_lost(None)
        elif self._eof:
            self._sock.shutdown(socket.SHUT_WR)

    def _drop_sent(self, sent: int) -> None:
        """Take the first *sent* bytes off the buffer."""
        buffer = self._buffer
        self._buffer_size -= sent
        while sent:
            first = buffer.popleft()
            if len(first) > sent:
                buffer.appendleft(memoryview(first)[sent:])
                return
            sent -= len(first)

    # -- ending ----------------------------------------------------------------

    def can_write_eof(self) -> bool:
        """Return True: a stream has two halves."""
        return True

    def write_eof(self) -> None:
        """Close the writing half once what is buffered is sent; reading goes on."""
        if self._closing or self._eof:
            return
        self._eof = True
        if not self._buffer:
            self._sock.shutdown(socket.SHUT_WR)

    def _call_connection_lost(self, error: BaseException | None) -> None:
        if self._empty_waiter is not None:  # a file may be on its way over the socket
            sending = readiness.take_writer(self._loop, self._sock_fd)
            if sending is not None:
                self._loop.call_soon(sending)  # it finds the socket closed
        try:
            super()._call_connection_lost(error)
        finally:
            waiter = self._empty_waiter
            if waiter is not None and not waiter.done():
                waiter.set_exception(ConnectionError("Connection is closed by peer"))

    def _make_empty_waiter(self) -> Any:
        """Return a future for the moment when all is written; until it is reset, nobody writes."""
        if self._empty_waiter is not None:
            raise RuntimeError("Empty waiter is already set")
        self._empty_waiter = self._loop.create_future()
        if not self._buffer:
            self._empty_waiter.set_result(None)
        return self._empty_waiter

    def _reset_empty_waiter(self) -> None:
        self._empty_waiter = None
