"""Pipes as transports: one reads, one writes.  Character devices and sockets will do too.

Where it differs from asyncio
    A read that fails because the other end of a terminal is gone (EIO) is logged
    in debug mode only; so it is on asyncio.

Read next: sendfile.py
"""

from __future__ import annotations

import errno
import os
import selectors
import stat
import sys
import warnings
from collections.abc import Callable
from typing import Any

from ..interface import ReadTransport, WriteTransport
from ..support import describe
from . import readiness
from .transports import QUIET_WRITES, Attached, FlowControl, Reading, give_up, wake

__all__ = ["ReadPipeTransport", "WritePipeTransport", "connect_read_pipe", "connect_write_pipe"]

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


async def connect_read_pipe(
    loop: Any, protocol_factory: Callable[[], Any], pipe: Any
) -> tuple[Any, Any]:
    """Return a transport that reads from the file object *pipe*, and its protocol.

    The pipe becomes the transport's and does not block any more.  Raises
    ValueError when it is a regular file.
    """
    return await _connect(loop, protocol_factory, pipe, ReadPipeTransport, "Read")


async def connect_write_pipe(
    loop: Any, protocol_factory: Callable[[], Any], pipe: Any
) -> tuple[Any, Any]:
    """Return a transport that writes to the file object *pipe*, and its protocol.

    The pipe becomes the transport's and does not block any more.  Raises
    ValueError when it is a regular file.
    """
    return await _connect(loop, protocol_factory, pipe, WritePipeTransport, "Write")


async def _connect(
    loop: Any, protocol_factory: Callable[[], Any], pipe: Any, kind: Any, name: str
) -> tuple[Any, Any]:
    protocol = protocol_factory()
    waiter = loop.create_future()
    transport = kind(loop, pipe, protocol, waiter)
    try:
        await waiter
    except BaseException:
        give_up(loop, transport)
        raise
    if loop.get_debug():
        describe.logger.debug(
            "%s pipe %r connected: (%r, %r)", name, pipe.fileno(), transport, protocol
        )
    return transport, protocol


class _Pipe(Attached):
    """What both directions share: a descriptor that is claimed, watched and closed."""

    _closing: bool
    _event: int
    _extra: dict[str, Any]
    _fileno: int
    _pipe: Any
    _wrong_kind: str

    def _open(self, pipe: Any, protocol: Any) -> None:
        """Take over *pipe*; raises ValueError when it is none."""
        self._pipe = None
        self._closing = False
        fileno = pipe.fileno()
        mode = os.fstat(fileno).st_mode
        if not (stat.S_ISCHR(mode) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
            raise ValueError(self._wrong_kind)
        self._extra["pipe"] = pipe
        self._pipe = pipe
        self._fileno = fileno
        self._protocol = protocol
        os.set_blocking(fileno, False)

    def __repr__(self) -> str:
        info = [type(self).__name__]
        if self._pipe is None:
            info.append("closed")
        elif self._closing:
            info.append("closing")
        info.append(f"fd={self._fileno}")
        if self._pipe is None:
            info.append("closed")
        elif self._loop is None or self._loop.is_closed():
            info.append("open")
        else:
            polls = readiness.polls(self._loop, self._fileno, self._event)
            info.append("polling" if polls else "idle")
            if isinstance(self, WritePipeTransport):
                info.append(f"bufsize={self.get_write_buffer_size()}")
        return f"<{' '.join(info)}>"

    def __del__(self) -> None:
        if getattr(self, "_pipe", None) is not None:
            warnings.warn(
                f"unclosed transport {self!r}", ResourceWarning, stacklevel=1, source=self
            )
            self._pipe.close()

    def is_closing(self) -> bool:
        """Return whether the transport is closing or closed."""
        return self._closing

    def _lose(self, error: BaseException | None) -> None:
        """Stop at once; the protocol hears of it in a callback of its own."""
        self._closing = True
        readiness.remove(self._loop, self._fileno, _READ)
        self._loop.call_soon(self._call_connection_lost, error)

    def _call_connection_lost(self, error: BaseException | None) -> None:
        try:
            self._protocol.connection_lost(error)
        finally:
            self._pipe.close()
            self._pipe = self._protocol = self._loop = None


class ReadPipeTransport(Reading, _Pipe, ReadTransport):
    """Reads from *pipe*.  Counterpart: asyncio's ``_UnixReadPipeTransport``."""

    max_size = 256 * 1024  # the most that is read at once, in bytes
    _event = _READ
    _wrong_kind = "Pipe transport is for pipes/sockets only."

    def __init__(
        self,
        loop: Any,
        pipe: Any,
        protocol: Any,
        waiter: Any = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__({} if extra is None else extra)
        self._loop = loop
        self._open(pipe, protocol)
        self._paused = False
        loop.call_soon(protocol.connection_made, self)
        loop.call_soon(self._start_reading)
        if waiter is not None:
            loop.call_soon(wake, waiter)

    def _start_reading(self) -> None:
        if self.is_reading():
            readiness.add(self._loop, self._fileno, _READ, self._read_ready, ())

    def _stop_reading(self) -> None:
        readiness.remove(self._loop, self._fileno, _READ)

    def _read_ready(self) -> None:
        try:
            data = os.read(self._fileno, self.max_size)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            gone = error.errno == errno.EIO
            self._log_or_report(error, "Fatal read error on pipe transport", expected=gone)
            self._lose(error)
            return
        if data:
            self._protocol.data_received(data)
            return
        loop = self._loop
        if loop.get_debug():
            describe.logger.info("%r was closed by peer", self)
        self._closing = True
        readiness.remove(loop, self._fileno, _READ)
        loop.call_soon(self._protocol.eof_received)
        loop.call_soon(self._call_connection_lost, None)

    def close(self) -> None:
        """Stop reading and close the pipe."""
        if not self._closing:
            self._lose(None)


class WritePipeTransport(_Pipe, FlowControl, WriteTransport):
    """Writes to *pipe*.  Counterpart: asyncio's ``_UnixWritePipeTransport``."""

    _event = _WRITE
    _wrong_kind = "Pipe transport is only for pipes, sockets and character devices"

    def __init__(
        self,
        loop: Any,
        pipe: Any,
        protocol: Any,
        waiter: Any = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(extra, loop)
        self._open(pipe, protocol)
        self._buffer = bytearray()
        self._conn_lost = 0
        loop.call_soon(protocol.connection_made, self)
        mode = os.fstat(self._fileno).st_mode
        fifo = stat.S_ISFIFO(mode) and not sys.platform.startswith("aix")
        if stat.S_ISSOCK(mode) or fifo:
            # What is only written to can be read when the other end is closed.
            loop.call_soon(readiness.add, loop, self._fileno, _READ, self._peer_closed, ())
        if waiter is not None:
            loop.call_soon(wake, waiter)

    def _peer_closed(self) -> None:
        if self._loop.get_debug():
            describe.logger.info("%r was closed by peer", self)
        self._lose(BrokenPipeError() if self._buffer else None)

    def get_write_buffer_size(self) -> int:
        """Return how many bytes are waiting to be written."""
        return len(self._buffer)

    def write(self, data: Any) -> None:
        """Write *data*: at once what the pipe takes, the rest as soon as it takes it."""
        assert isinstance(data, bytes | bytearray | memoryview), repr(data)
        view = memoryview(data).cast("B")
        if not view:
            return
        if self._conn_lost or self._closing:
            if self._conn_lost >= QUIET_WRITES:
                describe.logger.warning(
                    "pipe closed by peer or os.write(pipe, data) raised exception."
                )
            self._conn_lost += 1
            return
        if not self._buffer:
            try:
                written = os.write(self._fileno, view)
            except (BlockingIOError, InterruptedError):
                written = 0
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self._conn_lost += 1
                self._fail(error)
                return
            view = view[written:]
            if not view:
                return
            readiness.add(self._loop, self._fileno, _WRITE, self._write_ready, ())
        self._buffer += view
        self._maybe_pause_protocol()

    def _write_ready(self) -> None:
        try:
            written = os.write(self._fileno, self._buffer)
        except (BlockingIOError, InterruptedError):
            return
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._buffer.clear()
            self._conn_lost += 1
            readiness.remove(self._loop, self._fileno, _WRITE)
            self._fail(error)
            return
        del self._buffer[:written]
        if self._buffer:
            return
        readiness.remove(self._loop, self._fileno, _WRITE)
        self._maybe_resume_protocol()  # which may write
        if self._closing:
            readiness.remove(self._loop, self._fileno, _READ)
            self._call_connection_lost(None)

    def can_write_eof(self) -> bool:
        """Return True: closing a pipe says that there is no more."""
        return True

    def write_eof(self) -> None:
        """Write what is buffered, then close the pipe."""
        if self._closing:
            return
        self._closing = True
        if not self._buffer:
            self._lose(None)

    def close(self) -> None:
        """Write what is buffered, then close the pipe."""
        if self._pipe is not None and not self._closing:
            self.write_eof()

    def abort(self) -> None:
        """Close the pipe at once; what is buffered is lost."""
        self._lose(None)

    def _fail(self, error: BaseException) -> None:
        expected = isinstance(error, OSError)
        self._log_or_report(error, "Fatal write error on pipe transport", expected)
        self._lose(error)

    def _lose(self, error: BaseException | None) -> None:
        if self._buffer:
            readiness.remove(self._loop, self._fileno, _WRITE)
            self._buffer.clear()
        super()._lose(error)
