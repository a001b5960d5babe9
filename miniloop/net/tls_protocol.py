"""SSLProtocol: TLS as a state machine between two in-memory buffers.

To the transport below it is a protocol, to the protocol above it is a transport
(`SSLTransport`).  In between stands an ``ssl.SSLObject``, which knows no socket:

    transport -> ``_incoming`` -> read() --> the program's protocol
    transport <- ``_outgoing`` <- write() <- ``_write_backlog`` <- the program

Each step asks the SSLObject to go on.  When it wants more bytes from the peer it
raises SSLWantReadError, and the next bytes that arrive take the step again.

States
    UNWRAPPED    -- connection made --> DO_HANDSHAKE
    DO_HANDSHAKE -- handshake done ---> WRAPPED
                 -- lost or aborted --> UNWRAPPED
    WRAPPED      -- closing ----------> FLUSHING
                 -- lost or aborted --> UNWRAPPED
    FLUSHING     -- flushed ----------> SHUTDOWN
                 -- lost or aborted --> UNWRAPPED
    SHUTDOWN     -- lost or aborted --> UNWRAPPED

    Either side may begin the closing: the program by closing its transport, the
    peer by its close_notify or by simply ending the connection.  SHUTDOWN waits
    for the peer's close_notify, for the timeout, or for the connection's end.

Invariants
    ``connection_lost`` of the program's protocol is called if and only if its
    ``connection_made`` was, and in a turn of its own.
    Whatever a step leaves in ``_outgoing`` goes to the transport at its end,
    unless the transport wants no more.

Where it differs from asyncio
    The buffer that is read into begins small and grows with what arrives, and a
    read ends when the input is used up: no exception is needed to learn that.
    A large write is encrypted piece by piece without copying the rest each time.

Read next: tls_transport.py
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

try:
    import ssl
except ImportError:  # an interpreter that was built without it
    ssl = None  # type: ignore[assignment]

from ..interface import AbstractEventLoop, BufferedProtocol, CancelledError, TimeoutError
from ..support import describe
from .tls_transport import SSLTransport

__all__ = ["TRANSITIONS", "SSLProtocol"]

TRANSITIONS = (
    ("UNWRAPPED", "connection made", "DO_HANDSHAKE"),
    ("DO_HANDSHAKE", "handshake done", "WRAPPED"),
    ("DO_HANDSHAKE", "lost or aborted", "UNWRAPPED"),
    ("WRAPPED", "closing", "FLUSHING"),
    ("WRAPPED", "lost or aborted", "UNWRAPPED"),
    ("FLUSHING", "flushed", "SHUTDOWN"),
    ("FLUSHING", "lost or aborted", "UNWRAPPED"),
    ("SHUTDOWN", "lost or aborted", "UNWRAPPED"),
)
_NEXT = {(state, event): new_state for state, event, new_state in TRANSITIONS}

#: Seconds to wait for the end of the handshake, and of the shutdown.
HANDSHAKE_TIMEOUT = 60.0
SHUTDOWN_TIMEOUT = 30.0
#: High-water marks in bytes: of data that the peer has sent, and of data for the peer.
READ_HIGH_WATER = 256 * 1024
WRITE_HIGH_WATER = 512 * 1024
#: The most bytes that one TLS record carries: no single read returns more.
RECORD = 16 * 1024
#: So many writes to a closed connection go without a warning.
SILENT_WRITES = 5

#: The SSLObject wants to be called again when more has arrived.
AGAIN: Any = () if ssl is None else (ssl.SSLWantReadError, ssl.SSLSyscallError)


class SSLProtocol(BufferedProtocol):
    """TLS between the transport below and *app_protocol* above.

    *sslcontext* makes the SSLObject (None: the default of a client); *waiter* is
    a future, or None, that is done when the handshake is; *server_side* and
    *server_hostname* are those of ``SSLContext.wrap_bio``.  Without
    *call_connection_made* the program's protocol is told nothing of the
    connection, which it had before.  The timeouts are seconds (None: 60 for the
    handshake, 30 for the shutdown).  Raises ValueError for a timeout that is not
    positive, and for a server without a context.
    Counterpart: ``asyncio.sslproto.SSLProtocol``.
    """

    max_size = 256 * 1024

    def __init__(
        self,
        loop: AbstractEventLoop,
        app_protocol: Any,
        sslcontext: Any,
        waiter: Any,
        server_side: bool = False,
        server_hostname: str | None = None,
        call_connection_made: bool = True,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> None:
        if ssl is None:
            raise RuntimeError("stdlib ssl module not available")
        self._handshake_timeout = _positive(
            "ssl_handshake_timeout", ssl_handshake_timeout, HANDSHAKE_TIMEOUT
        )
        self._shutdown_timeout = _positive(
            "ssl_shutdown_timeout", ssl_shutdown_timeout, SHUTDOWN_TIMEOUT
        )
        sslcontext = sslcontext or _default_context(server_side, server_hostname)
        self._loop = loop
        self._waiter = waiter
        self._timer: Any = None  # of the handshake, later of the shutdown
        self._began = 0.0
        self._transport: Any = None
        self._extra: dict[str, Any] = {"sslcontext": sslcontext}
        self._state = "UNWRAPPED"
        self._app_told = "nothing" if call_connection_made else "connection made"
        self._eof_received = False
        self._conn_lost = 0
        # what is on its way, and who does not want more of it
        self._buffer = memoryview(bytearray(RECORD))
        self._write_backlog: deque[Any] = deque()
        self._write_buffer_size = 0
        self._app_reading_paused = False
        self._app_writing_paused = False
        self._ssl_reading_paused = False
        self._ssl_writing_paused = False
        self._set_read_buffer_limits()
        self._set_write_buffer_limits()
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._sslobj: Any = sslcontext.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_side,
            server_hostname=None if server_side else server_hostname or None,
        )
        self._app_protocol: Any = None
        self._set_app_protocol(app_protocol)
        self._app_transport: Any = SSLTransport(loop, self)

    def _set_app_protocol(self, protocol: Any) -> None:
        self._app_protocol = protocol
        self._app_is_buffered = isinstance(protocol, BufferedProtocol)

    def _get_extra_info(self, name: str, default: Any = None) -> Any:
        if name in self._extra:
            return self._extra[name]
        if self._transport is not None:
            return self._transport.get_extra_info(name, default)
        return default

    def _is_transport_closing(self) -> bool:
        return self._transport is not None and self._transport.is_closing()

    def _go(self, event: str) -> None:
        """Take the transition for *event*; raises RuntimeError when there is none."""
        try:
            self._state = _NEXT[self._state, event]
        except KeyError:
            raise RuntimeError(f"TLS state {self._state} does not allow: {event}") from None

    # -- what the transport below calls ----------------------------------------

    def connection_made(self, transport: Any) -> None:
        """Begin the handshake."""
        self._transport = transport
        if self._loop.get_debug():
            describe.logger.debug("%r starts SSL handshake", self)
            self._began = self._loop.time()
        self._go("connection made")
        self._timer = self._loop.call_later(
            self._handshake_timeout, self._check_handshake_timeout
        )
        self._do_handshake()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Pass the end on, in a turn of its own, to who was told of the beginning."""
        self._write_backlog.clear()
        self._outgoing.read()
        self._conn_lost += 1
        self._app_transport._closed = True
        if self._state != "DO_HANDSHAKE" and self._app_told in ("connection made", "eof"):
            self._app_told = "connection lost"
            self._loop.call_soon(self._app_protocol.connection_lost, exc)
        self._unwrapped()
        self._transport = None
        self._app_transport = None
        self._app_protocol = None
        self._wake(exc)
        self._stop_timer()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the buffer for what arrives next."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has arrived, and the step that waits for it."""
        self._incoming.write(self._buffer[:nbytes])
        if nbytes == len(self._buffer) < self.max_size:
            self._buffer = memoryview(bytearray(4 * nbytes))  # more than fits comes at once
        state = self._state
        if state == "WRAPPED":
            self._do_read()
        elif state == "DO_HANDSHAKE":
            self._do_handshake()
        elif state == "FLUSHING":
            self._do_flush()
        elif state == "SHUTDOWN":
            self._do_shutdown()

    def eof_received(self) -> bool | None:
        """The peer ended the connection, politely or not; return True to keep it open a while."""
        self._eof_received = True
        try:
            if self._loop.get_debug():
                describe.logger.debug("%r received EOF", self)
            if self._state == "DO_HANDSHAKE":
                self._handshake_failed(ConnectionResetError())
            elif self._state == "WRAPPED":
                self._go("closing")
                if self._app_reading_paused:
                    return True  # the program may still want what has arrived
                self._do_flush()
            elif self._state == "FLUSHING":
                self._do_write()
                self._go("flushed")
                self._do_shutdown()
            elif self._state == "SHUTDOWN":
                self._do_shutdown()
        except Exception:
            self._transport.close()
            raise
        return None

    def pause_writing(self) -> None:
        """The transport wants no more: keep what is encrypted."""
        assert not self._ssl_writing_paused
        self._ssl_writing_paused = True

    def resume_writing(self) -> None:
        """The transport wants more."""
        assert self._ssl_writing_paused
        self._ssl_writing_paused = False
        self._process_outgoing()

    # -- handshake -------------------------------------------------------------

    def _do_handshake(self) -> None:
        try:
            self._sslobj.do_handshake()
            peercert = self._sslobj.getpeercert()
        except AGAIN:
            self._process_outgoing()
        except Exception as error:
            self._handshake_failed(error)
        else:
            self._handshake_done(peercert)

    def _check_handshake_timeout(self) -> None:
        if self._state == "DO_HANDSHAKE":
            self._fatal_error(
                ConnectionAbortedError(
                    f"SSL handshake is taking longer than {self._handshake_timeout} seconds: "
                    "aborting the connection"
                )
            )

    def _handshake_failed(self, error: BaseException) -> None:
        self._stop_timer()
        self._unwrapped()
        if isinstance(error, ssl.CertificateError):
            message = "SSL handshake failed on verifying the certificate"
        else:
            message = "SSL handshake failed"
        self._fatal_error(error, message)
        self._wake(error)

    def _handshake_done(self, peercert: Any) -> None:
        self._stop_timer()
        self._go("handshake done")
        if self._loop.get_debug():
            elapsed = self._loop.time() - self._began
            describe.logger.debug("%r: SSL handshake took %.1f ms", self, elapsed * 1e3)
        self._extra.update(
            peercert=peercert,
            cipher=self._sslobj.cipher(),
            compression=self._sslobj.compression(),
            ssl_object=self._sslobj,
        )
        if self._app_told == "nothing":
            self._app_told = "connection made"
            self._app_protocol.connection_made(self._app_transport)
        self._wake()
        self._do_read()

    def _wake(self, error: BaseException | None = None) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.cancelled():
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    # -- shutdown --------------------------------------------------------------

    def _start_shutdown(self) -> None:
        """Close politely: send what was written, then a close_notify, and wait for the peer's."""
        if self._state in ("FLUSHING", "SHUTDOWN", "UNWRAPPED"):
            return
        self._app_transport._closed = True
        if self._state == "DO_HANDSHAKE":
            self._abort(None)
            return
        self._go("closing")
        self._timer = self._loop.call_later(self._shutdown_timeout, self._check_shutdown_timeout)
        self._do_flush()

    def _check_shutdown_timeout(self) -> None:
        if self._state in ("FLUSHING", "SHUTDOWN"):
            self._force_close(TimeoutError("SSL shutdown timed out"))

    def _do_flush(self) -> None:
        self._do_read()
        if self._state == "FLUSHING":  # the program may have aborted meanwhile
            self._go("flushed")
            self._do_shutdown()

    def _do_shutdown(self) -> None:
        try:
            if not self._eof_received:
                self._sslobj.unwrap()
        except AGAIN:
            self._process_outgoing()
        except ssl.SSLError as error:
            self._stop_timer()
            self._fatal_error(error)
        else:
            self._process_outgoing()
            self._call_eof_received()
            self._stop_timer()
            self._loop.call_soon(self._transport.close)

    def _abort(self, exc: BaseException | None) -> None:
        self._unwrapped()
        self._force_close(exc)

    def _unwrapped(self) -> None:
        if self._state != "UNWRAPPED":
            self._go("lost or aborted")

    def _force_close(self, exc: BaseException | None) -> None:
        transport = self._transport
        if transport is None:
            return
        # asyncio's transports and ours can be closed with an exception, others cannot.
        force_close = getattr(transport, "_force_close", None)
        if force_close is not None:
            force_close(exc)
        else:
            transport.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fatal_error(
        self, exc: BaseException | None, message: str = "Fatal error on transport"
    ) -> None:
        """Close the connection because of *exc*, and report it unless it is the network's."""
        self._force_close(exc)
        if isinstance(exc, OSError):
            if self._loop.get_debug():
                describe.logger.debug("%r: %s", self, message, exc_info=True)
        elif not isinstance(exc, CancelledError):
            self._loop.call_exception_handler(
                {
                    "message": message,
                    "exception": exc,
                    "transport": self._transport,
                    "protocol": self,
                }
            )

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
                if self._write_backlog:
                    self._do_write()
                else:
                    self._process_outgoing()
            self._control_ssl_reading()
        except Exception as error:
            self._fatal_error(error, "Fatal error on SSL protocol")

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

    def _close_notify_received(self) -> None:
        self._call_eof_received()
        self._start_shutdown()

    def _call_eof_received(self) -> None:
        if self._app_told != "connection made":
            return
        self._app_told = "eof"
        try:
            if self._app_protocol.eof_received():
                describe.logger.warning(
                    "returning true from eof_received() has no effect when using ssl"
                )
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            self._fatal_error(error, "Error calling eof_received()")

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


def _positive(name: str, seconds: float | None, default: float) -> float:
    if seconds is None:
        return default
    if seconds <= 0:
        raise ValueError(f"{name} should be a positive number, got {seconds}")
    return seconds


def _default_context(server_side: bool, server_hostname: str | None) -> Any:
    if server_side:
        raise ValueError("Server side SSL needs a valid SSLContext")
    context = ssl.create_default_context()
    if not server_hostname:
        context.check_hostname = False
    return context


def _water_marks(high: int | None, low: int | None, default: int) -> tuple[int, int]:
    """Return the high and the low mark; what is not given follows from the other one."""
    if high is None:
        high = default if low is None else 4 * low
    if low is None:
        low = high // 4
    if not high >= low >= 0:
        raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
    return high, low
