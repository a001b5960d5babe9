"""What transports share: flow control for all, and a life on a socket for TCP and UDP.

States of a transport on a socket
    made    -- connection_made --> reading
    reading -- pause_reading ----> paused
            -- close ------------> closing
            -- fail -------------> losing
    paused  -- resume_reading ---> reading
            -- close ------------> closing
            -- fail -------------> losing
    closing -- written ----------> losing
            -- fail -------------> losing
    losing  -- connection_lost --> lost

Invariants
    The protocol is called from the loop only, never from a method that the
    program called, but for ``pause_writing``: ``connection_made`` comes first and
    ``connection_lost`` last, each exactly once, each in a callback of its own.
    The descriptor is watched for reading only in the state reading.
    ``_conn_lost`` is above zero from losing on; it also counts the writes since
    then, so that a program that goes on writing gets a warning.

Where it differs from asyncio
    The size of the write buffer is kept, not added up on each write.
    Whoever asks whether a descriptor is a transport's gets the answer from a
    plain dictionary of weak references.

Read next: tcp.py
"""

from __future__ import annotations

import enum
import selectors
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any

from ..core.handles import Handle
from ..interface import Transport, TransportSocket
from ..support import describe
from . import readiness

__all__ = [
    "TRANSITIONS",
    "Attached",
    "FlowControl",
    "Reading",
    "SelectorTransport",
    "SendfileMode",
    "check_bytes",
    "give_up",
    "wake",
]

TRANSITIONS = (
    ("made", "connection_made", "reading"),
    ("reading", "pause_reading", "paused"),
    ("reading", "close", "closing"),
    ("reading", "fail", "losing"),
    ("paused", "resume_reading", "reading"),
    ("paused", "close", "closing"),
    ("paused", "fail", "losing"),
    ("closing", "written", "losing"),
    ("closing", "fail", "losing"),
    ("losing", "connection_lost", "lost"),
)

#: After the connection is lost, this many writes are dropped without a word.
QUIET_WRITES = 5

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_BYTES_LIKE = (bytes, bytearray, memoryview)
#: Stands for the deque of a transport that never had to wait with a write: an empty one
#: weighs 600 bytes, and most connections are idle.
_NOTHING = ()


class SendfileMode(enum.Enum):
    """What ``loop.sendfile`` may do with a transport."""

    UNSUPPORTED = enum.auto()
    TRY_NATIVE = enum.auto()
    FALLBACK = enum.auto()


def wake(waiter: Any) -> None:
    """Complete the future *waiter*, unless it was cancelled meanwhile."""
    if not waiter.cancelled():
        waiter.set_result(None)


def give_up(loop: Any, transport: Any) -> None:
    """Close *transport*, whose making failed; on a closed loop its collection does."""
    if not loop.is_closed():
        transport.close()


class Attached:
    """A transport's protocol, and how it says what ended it; a part of every transport."""

    _loop: Any
    _protocol: Any

    __slots__ = ()

    def set_protocol(self, protocol: Any) -> None:
        """Have *protocol* called from now on."""
        self._protocol = protocol

    def get_protocol(self) -> Any:
        """Return the protocol that is called."""
        return self._protocol

    def _log_or_report(self, error: BaseException, message: str, expected: bool) -> None:
        """Say that *error* ended the transport: to nobody but debuggers if it was *expected*."""
        if not expected:
            self._loop.call_exception_handler(
                {
                    "message": message,
                    "exception": error,
                    "transport": self,
                    "protocol": self._protocol,
                }
            )
        elif self._loop.get_debug():
            describe.logger.debug("%r: %s", self, message, exc_info=True)


class FlowControl(Attached, Transport):
    """A transport that tells its protocol when to pause and resume writing.

    A subclass has `get_write_buffer_size`, calls `_maybe_pause_protocol` when the
    buffer grew and `_maybe_resume_protocol` when it shrank.
    """

    _extra: dict[str, Any]  # the base class has the slot
    __slots__ = ("_high_water", "_loop", "_low_water", "_protocol", "_protocol_paused")

    def __init__(self, extra: dict[str, Any] | None, loop: Any) -> None:
        super().__init__({} if extra is None else extra)
        self._loop = loop
        self._protocol = None
        self._protocol_paused = False
        self._set_write_buffer_limits()

    def _maybe_pause_protocol(self) -> None:
        if not self._protocol_paused and self.get_write_buffer_size() > self._high_water:
            self._protocol_paused = True
            self._tell_protocol("pause_writing")

    def _maybe_resume_protocol(self) -> None:
        if self._protocol_paused and self.get_write_buffer_size() <= self._low_water:
            self._protocol_paused = False
            self._tell_protocol("resume_writing")

    def _tell_protocol(self, method: str) -> None:
        try:
            getattr(self._protocol, method)()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._log_or_report(error, f"protocol.{method}() failed", expected=False)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the sizes, in bytes, at which the protocol is resumed and paused."""
        return self._low_water, self._high_water

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Pause the protocol above *high* bytes in the buffer, resume it at *low*.

        Defaults: 64 KiB, and a quarter of *high*.  Raises ValueError unless
        ``high >= low >= 0``.
        """
        self._set_write_buffer_limits(high, low)
        self._maybe_pause_protocol()

    def _set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if high is None:
            high = 64 * 1024 if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high_water = high
        self._low_water = low


class Reading:
    """What can be paused, as a part of a transport with `_start_reading` and `_stop_reading`."""

    _closing: bool
    _loop: Any
    _paused: bool
    _start_reading: Callable[[], None]
    _stop_reading: Callable[[], None]

    __slots__ = ()

    def is_reading(self) -> bool:
        """Return whether the transport reads: it is neither paused nor closing."""
        return not self._closing and not self._paused

    def pause_reading(self) -> None:
        """Stop reading until `resume_reading`; does nothing when paused or closing."""
        if self._closing or self._paused:
            return
        self._paused = True  # type: ignore[misc]
        self._stop_reading()
        if self._loop.get_debug():
            describe.logger.debug("%r pauses reading", self)

    def resume_reading(self) -> None:
        """Read on; does nothing when not paused, or closing."""
        if self._closing or not self._paused:
            return
        self._paused = False  # type: ignore[misc]
        self._start_reading()
        if self._loop.get_debug():
            describe.logger.debug("%r resumes reading", self)


class SelectorTransport(Reading, FlowControl):
    """The life of a transport on a socket, as the module's table has it.

    A subclass has `_reading`, and keeps what could not be written yet by `_push`.
    """

    max_size = 256 * 1024  # the most that is read at once, in bytes

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_buffer",
        "_buffer_size",
        "_closing",
        "_conn_lost",
        "_paused",
        "_reader",
        "_server",
        "_sock",
        "_sock_fd",
    )

    def __init__(
        self,
        loop: Any,
        sock: Any,
        protocol: Any,
        extra: dict[str, Any] | None = None,
        server: Any = None,
    ) -> None:
        super().__init__(extra, loop)
        self._server: Any = None
        if server is not None:
            server._attach(self)  # refuses when it is closed: the socket is not ours then
            self._server = server
        self._sock = sock
        self._sock_fd: int = sock.fileno()
        self._closing = False
        self._conn_lost = 0
        self._paused = False
        self._buffer: Any = _NOTHING
        self._buffer_size = 0
        #: The handle that is called whenever the socket can be read.
        self._reader: Handle | None = None
        self._describe_socket(sock)
        self.set_protocol(protocol)
        readiness.claim(loop, self._sock_fd, self)

    def _describe_socket(self, sock: Any) -> None:
        extra = self._extra
        extra["socket"] = TransportSocket(sock)
        try:
            extra["sockname"] = sock.getsockname()
        except OSError:
            extra["sockname"] = None
        if "peername" not in extra:
            try:
                extra["peername"] = sock.getpeername()
            except OSError:
                extra["peername"] = None

    def _begin(self, waiter: Any) -> None:
        """Ask for the first three callbacks: the protocol's, reading, and the *waiter*'s."""
        call_soon = self._loop.call_soon
        call_soon(self._protocol.connection_made, self)
        call_soon(self._start_reading)
        if waiter is not None:
            call_soon(wake, waiter)

    def __repr__(self) -> str:
        info = [type(self).__name__]
        if self._sock is None:
            info.append("closed")
        elif self._closing:
            info.append("closing")
        info.append(f"fd={self._sock_fd}")
        loop = self._loop
        if loop is not None and not loop.is_closed():
            reads = readiness.polls(loop, self._sock_fd, _READ)
            writes = readiness.polls(loop, self._sock_fd, _WRITE)
            info.append(f"read={'polling' if reads else 'idle'}")
            state = "polling" if writes else "idle"
            info.append(f"write=<{state}, bufsize={self.get_write_buffer_size()}>")
        return f"<{' '.join(info)}>"

    def __del__(self) -> None:
        if getattr(self, "_sock", None) is not None:
            warnings.warn(
                f"unclosed transport {self!r}", ResourceWarning, stacklevel=1, source=self
            )
            self._let_go()

    # -- reading ---------------------------------------------------------------

    def _reading(self) -> Callable[[], object]:
        """Return what to call whenever the socket can be read."""
        raise NotImplementedError

    def _start_reading(self) -> None:
        if not self._closing and not self._paused:
            self._reader = readiness.add(self._loop, self._sock_fd, _READ, self._reading(), ())
            self._take_at_once()

    def _take_at_once(self) -> None:
        """Have what comes taken before anything runs, if the protocol does but keep it."""

    def _stop_reading(self) -> None:
        self._reader = None
        readiness.remove(self._loop, self._sock_fd, _READ)

    # -- ending ----------------------------------------------------------------

    def is_closing(self) -> bool:
        """Return whether the transport is closing or closed."""
        return self._closing

    def close(self) -> None:
        """Write what is buffered, then close; the protocol hears of it by `connection_lost`."""
        if self._closing:
            return
        self._closing = True
        self._stop_reading()
        if not self._buffer:
            self._conn_lost += 1
            if self._buffer is not _NOTHING:
                readiness.remove(self._loop, self._sock_fd, _WRITE)
            self._loop.call_soon(self._call_connection_lost, None)

    def abort(self) -> None:
        """Close at once; what is buffered is lost."""
        self._force_close(None)

    def _fatal_error(self, error: BaseException, message: str = "Fatal error on transport") -> None:
        """End the transport because of *error*, unless that is to end the whole program."""
        if isinstance(error, SystemExit | KeyboardInterrupt):
            raise error
        self._log_or_report(error, message, isinstance(error, OSError))
        self._force_close(error)

    def _force_close(self, error: BaseException | None) -> None:
        if self._conn_lost:
            return
        if self._buffer:
            self._buffer.clear()
            self._buffer_size = 0
            readiness.remove(self._loop, self._sock_fd, _WRITE)
        if not self._closing:
            self._closing = True
            self._stop_reading()
        self._conn_lost += 1
        self._loop.call_soon(self._call_connection_lost, error)

    def _call_connection_lost(self, error: BaseException | None) -> None:
        self._conn_lost = self._conn_lost or 1
        try:
            self._protocol.connection_lost(error)
        finally:
            self._let_go()
            self._protocol = self._loop = None

    def _let_go(self) -> None:
        readiness.release(self._loop, self._sock_fd, self)
        self._sock.close()
        self._sock = None
        if self._server is not None:
            self._server._detach(self)
            self._server = None

    # -- writing ---------------------------------------------------------------

    def get_write_buffer_size(self) -> int:
        """Return how many bytes are waiting to be written."""
        return self._buffer_size

    def _push(self, item: Any, size: int) -> None:
        """Put *item*, which counts *size* bytes, behind what is buffered."""
        if self._buffer is _NOTHING:
            self._buffer = deque()
        self._buffer.append(item)
        self._buffer_size += size

    def _lost_before(self) -> bool:
        """Count a write after the connection was lost; return whether it was."""
        if not self._conn_lost:
            return False
        if self._conn_lost >= QUIET_WRITES:
            describe.logger.warning("socket.send() raised exception.")
        self._conn_lost += 1
        return True


def check_bytes(data: Any) -> None:
    """Raise TypeError unless *data* is bytes, a bytearray or a memoryview."""
    if not isinstance(data, _BYTES_LIKE):
        raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
