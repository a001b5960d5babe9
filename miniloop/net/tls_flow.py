"""TLSFlow: data on its way through an SSLObject, in both directions, and who may pause it.

    transport -> ``_incoming`` -> read() --> the program's protocol
    transport <- ``_outgoing`` <- write() <- ``_write_backlog`` <- the program

The half of `SSLProtocol` that does not ask why a connection begins or ends: it
moves bytes while the state lets it.

Invariants
    Whatever a step leaves in ``_outgoing`` goes to the transport at its end,
    unless the transport wants no more.
    The program is paused by what waits in ``_outgoing`` and ``_write_backlog``,
    the transport by what waits in ``_incoming``.

Where it differs from asyncio
    A read ends when the input is used up: no exception is needed to learn that.
    A large write is encrypted piece by piece without copying the rest each time.
    A BufferedProtocol that offers no room has failed, as over TCP: asyncio takes what it
    could not read then for the peer's end.

Read next: tls_protocol.py
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

try:
    import ssl
except ImportError:  # an interpreter that was built without it
    ssl = None  # type: ignore[assignment]
    AGAIN: Any = ()
else:
    #: The SSLObject wants to be called again when more has arrived.
    AGAIN = (ssl.SSLWantReadError, ssl.SSLSyscallError)

from ..interface import AbstractEventLoop, BufferedProtocol
from ..support import describe

__all__ = ["AGAIN", "RECORD", "TLSFlow", "ssl"]

#: High-water marks in bytes: of data that the peer has sent, and of data for the peer.
READ_HIGH_WATER = 256 * 1024
WRITE_HIGH_WATER = 512 * 1024
#: The most bytes that one TLS record carries: no single read returns more.
RECORD = 16 * 1024
#: So many writes to a closed connection go without a warning.
SILENT_WRITES = 5


class TLSFlow(BufferedProtocol):
    """Moves data between the transport below and *app_protocol* above, on *loop*."""

    def __init__(self, loop: AbstractEventLoop, app_protocol: Any) -> None:
        self._loop = loop
        self._state = "UNWRAPPED"
        self._app_told = "nothing"
        self._transport: Any = None
        self._app_transport: Any = None
        self._app_protocol: Any = None
        self._set_app_protocol(app_protocol)
        self._sslobj: Any = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._conn_lost = 0
        self._write_backlog: deque[Any] = deque()
        self._write_buffer_size = 0
        # by the program, by what waits for the peer, by what waits for the program,
        # by the transport below
        self._app_reading_paused = False
        self._app_writing_paused = False
        self._ssl_reading_paused = False
        self._ssl_writing_paused = False
        self._set_read_buffer_limits()
        self._set_write_buffer_limits()

    def _set_app_protocol(self, protocol: Any) -> None:
        self._app_protocol = protocol
        self._app_is_buffered = isinstance(protocol, BufferedProtocol)

    def pause_writing(self) -> None:
        """The transport wants no more: keep what is encrypted."""
        assert not self._ssl_writing_paused
        self._ssl_writing_paused = True

    def resume_writing(self) -> None:
        """The transport wants more."""
        if not self._ssl_writing_paused:
            raise AssertionError  # as asyncio's, and without the words that pytest would add
        self._ssl_writing_paused = False
        self._process_outgoing()

    # -- from the program to the peer ------------------------------------------

    def _write_appdata(self, list_of_data: Iterable[Any]) -> None:
        if self._state in ("FLUSHING", "SHUTDOWN", "UNWRAPPED"):
            if self._conn_lost >= SILENT_WRITES:
                describe.logger.warning("SSL connection is closed")
            self._conn_lost += 1
            return
        for data in list_of_data:
            self._write_backlog.append(data)
            self._write_buffer_size += len(data)
        if self._state == "WRAPPED":
            try:
                self._do_write()
            except Exception as error:
                self._fatal_error(error, "Fatal error on SSL protocol")

    def _do_write(self) -> None:
        backlog = self._write_backlog
        try:
            while backlog:
                data = backlog[0]
                count = self._sslobj.write(data)
                self._write_buffer_size -= count
                if count < len(data):
                    backlog[0] = memoryview(data)[count:]
                else:
                    backlog.popleft()
        except AGAIN:
            pass
        self._process_outgoing()

    def _process_outgoing(self) -> None:
        if not self._ssl_writing_paused and self._outgoing.pending:
            self._transport.write(self._outgoing.read())
        self._control_app_writing()

    def _control_app_writing(self) -> None:
        size = self._outgoing.pending + self._write_buffer_size
        if self._app_writing_paused:
            if size <= self._outgoing_low_water:
                self._app_writing_paused = False
                self._tell_app("resume_writing")
        elif size >= self._outgoing_high_water:
            self._app_writing_paused = True
            self._tell_app("pause_writing")

    def _tell_app(self, method: str) -> None:
        try:
            getattr(self._app_protocol, method)()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            self._loop.call_exception_handler(
                {
                    "message": f"protocol.{method}() failed",
                    "exception": error,
                    "transport": self._app_transport,
                    "protocol": self,
                }
            )

    def _get_write_buffer_size(self) -> int:
        return self._outgoing.pending + self._write_buffer_size

    def _set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._outgoing_high_water, self._outgoing_low_water = _water_marks(
            high, low, WRITE_HIGH_WATER
        )

    # -- from the peer to the program ------------------------------------------

    def _do_read(self) -> None:
        if self._state not in ("WRAPPED", "FLUSHING"):
            return
        try:
            if not self._app_reading_paused:
                if self._app_is_buffered:
                    self._read_into_buffer()
                else:
                    self._read_chunks()
                self._send_on()
            self._control_ssl_reading()
        except Exception as error:
            self._fatal_error(error, "Fatal error on SSL protocol")

    def _send_on(self) -> None:
        if self._write_backlog:
            self._do_write()
        else:
            self._process_outgoing()

    def _read_chunks(self) -> None:
        chunks = []
        ended = False
        try:
            while True:
                chunk = self._sslobj.read(RECORD)
                if not chunk:
                    ended = True
                    break
                chunks.append(chunk)
                if not self._incoming.pending:  # another read would only raise
                    break
        except AGAIN:
            pass
        if chunks:
            self._app_protocol.data_received(chunks[0] if len(chunks) == 1 else b"".join(chunks))
        if ended:
            self._close_notify_received()

    def _read_into_buffer(self) -> None:
        view = memoryview(self._app_protocol.get_buffer(self._incoming.pending))
        if not len(view):
            raise RuntimeError("get_buffer() returned an empty buffer")
        filled = 0
        ended = False
        try:
            while True:
                count = self._sslobj.read(len(view) - filled, view[filled:])
                if not count:
                    ended = True
                    break
                filled += count
                if filled == len(view):
                    self._loop.call_soon(self._do_read)  # the rest, into the next buffer
                    break
                if not self._incoming.pending and not self._sslobj.pending():
                    break
        except AGAIN:
            pass
        if filled:
            self._app_protocol.buffer_updated(filled)
        if ended:
            self._close_notify_received()

    def _pause_reading(self) -> None:
        self._app_reading_paused = True

    def _resume_reading(self) -> None:
        if self._app_reading_paused:
            self._app_reading_paused = False
            self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        if self._state == "WRAPPED":
            self._do_read()
        elif self._state == "FLUSHING":
            self._do_flush()
        elif self._state == "SHUTDOWN":
            self._do_shutdown()

    def _control_ssl_reading(self) -> None:
        size = self._incoming.pending
        if self._ssl_reading_paused:
            if size <= self._incoming_low_water:
                self._ssl_reading_paused = False
                self._transport.resume_reading()
        elif size >= self._incoming_high_water:
            self._ssl_reading_paused = True
            self._transport.pause_reading()

    def _set_read_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._incoming_high_water, self._incoming_low_water = _water_marks(
            high, low, READ_HIGH_WATER
        )

    # -- what the states decide ------------------------------------------------

    def _close_notify_received(self) -> None:
        raise NotImplementedError

    def _do_flush(self) -> None:
        raise NotImplementedError

    def _do_shutdown(self) -> None:
        raise NotImplementedError

    def _fatal_error(self, exc: BaseException | None, message: str = "") -> None:
        raise NotImplementedError


def _water_marks(high: int | None, low: int | None, default: int) -> tuple[int, int]:
    """Return the high and the low mark; what is not given follows from the other one."""
    if high is None:
        high = default if low is None else 4 * low
    if low is None:
        low = high // 4
    if not high >= low >= 0:
        raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
    return high, low
