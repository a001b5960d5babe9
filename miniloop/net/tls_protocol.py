"""SSLProtocol: TLS as a state machine between two in-memory buffers.

To the transport below it is a protocol, to the protocol above it is a transport
(`SSLTransport`).  In between stands an ``ssl.SSLObject``, which knows no socket.
Each step of handshake, data and shutdown asks it to go on.  When it wants more
bytes from the peer it raises SSLWantReadError, and those bytes, when they arrive,
take the step again.

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
    At most one timer runs: first of the handshake, later of the shutdown.

Where it differs from asyncio
    All connections of a thread are read into the same buffer, which each empties at once.
    Handshake bytes are sent even while the program has paused reading.
    Context and SSLObject are let go when the connection is lost.

Read next: tls_transport.py
"""

from __future__ import annotations

import threading
from typing import Any

from ..interface import AbstractEventLoop, CancelledError
from ..support import describe
from .tls_flow import AGAIN, TLSFlow, ssl
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


_shared = threading.local()


class SSLProtocol(TLSFlow):
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
        super().__init__(loop, app_protocol)
        self._waiter = waiter
        self._timer: Any = None  # of the handshake, later of the shutdown
        self._began = 0.0
        self._extra: dict[str, Any] = {"sslcontext": sslcontext}
        self._eof_received = False
        if not call_connection_made:
            self._app_told = "connection made"
        self._sslobj = sslcontext.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_side,
            server_hostname=None if server_side else server_hostname or None,
        )
        self._app_transport = SSLTransport(loop, self)

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
        if self._sslobj is None:
            return  # start_tls() on a transport that was being closed: it is lost already
        self._transport = transport
        if self._loop.get_debug():
            describe.logger.debug("%r starts SSL handshake", self)
            self._began = self._loop.time()
        self._go("connection made")
        self._timer = self._loop.call_later(self._handshake_timeout, self._check_handshake_timeout)
        self._do_handshake()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Pass the end on, in a turn of its own, to who was told of the beginning."""
        self._write_backlog.clear()
        self._outgoing.read()
        self._conn_lost += 1
        if self._app_transport is not None:
            self._app_transport._closed = True
        if self._state != "DO_HANDSHAKE" and self._app_told in ("connection made", "eof"):
            self._app_told = "connection lost"
            self._loop.call_soon(self._app_protocol.connection_lost, exc)
        self._unwrapped()
        self._transport = None
        self._app_transport = None
        self._app_protocol = None
        # The program may keep the transport for long; TLS takes a lot of memory.
        self._sslobj = None
        for name in ("sslcontext", "ssl_object"):
            self._extra.pop(name, None)
        self._wake(exc)
        self._stop_timer()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the buffer for what arrives next: it is needed until `buffer_updated` only."""
        return _shared_buffer()

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has arrived, and the step that waits for it."""
        self._incoming.write(_shared_buffer()[:nbytes])
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
        if self._app_reading_paused:
            self._send_on()  # or the peer might never learn that the handshake is over
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


def _shared_buffer() -> memoryview:
    """Return this thread's buffer: a quarter of a megabyte for each connection would be much."""
    buffer: memoryview | None = getattr(_shared, "buffer", None)
    if buffer is None:
        buffer = _shared.buffer = memoryview(bytearray(SSLProtocol.max_size))
    return buffer


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
