"""One accepted connection: its transport, and which driver speaks for it.

HTTP/2 is known by ALPN (RFC 9113, section 3.2) or by its preface (section 3.3), of which
no beginning is an HTTP/1.1 request.  What both drivers need of a transport is here: is
everything sent, does the client take it, when to stop reading.

States of a connection
    new      -- known what is spoken ----------> speaking
             -- silent, drained, unknown ------> closing
             -- lost --------------------------> closed
    speaking -- all is said -------------------> ended
             -- closed, aborted ---------------> closing
             -- lost --------------------------> closed
    ended    -- closed, aborted ---------------> closing
             -- lost --------------------------> closed
    closing  -- everything sent, or given up --> closed

Invariants
    new       ``driver`` is None; it becomes something else within ``Limits.header_timeout``
    speaking  nothing is sent in any other state
    ended     what the client sends is still read, so that it can take what it was sent
    closing   the transport is closing; a timer ends it if the client takes nothing
    closed    the server has been told, no timer is left

Read next: http1.py
"""

from __future__ import annotations

import asyncio
import fcntl
import termios
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, TypeAlias

from .events import Headers
from .exchange import Exchange
from .http1 import Http1
from .http2 import Http2
from .limits import Deadline
from .tls import describe

if TYPE_CHECKING:
    from .server import Server

__all__ = ["TRANSITIONS", "Connection"]

TRANSITIONS = (
    ("new", "known what is spoken", "speaking"),
    ("new", "silent, drained, unknown", "closing"),
    ("new", "lost", "closed"),
    ("speaking", "all is said", "ended"),
    ("speaking", "closed, aborted", "closing"),
    ("speaking", "lost", "closed"),
    ("ended", "closed, aborted", "closing"),
    ("ended", "lost", "closed"),
    ("closing", "everything sent, or given up", "closed"),
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_MAGIC = PREFACE[:16]

Driver: TypeAlias = Http1 | Http2


class Connection(asyncio.Protocol):
    """A protocol of the loop's, made by the server for each client."""

    transport: asyncio.Transport

    def __init__(self, server: Server) -> None:
        self.server = server
        self.loop = asyncio.get_running_loop()
        self.limits = server.limits
        self.scheme = "http"
        self.state = "new"
        self.writing_paused = False
        self.driver: Driver | None = None
        self.client: tuple[str, int] | None = None
        self.address: tuple[str, int | None] | None = None
        self.header_deadline = 0.0
        self._reading = True
        self._tls: dict[str, Any] | None = None
        self._first = bytearray()
        self._sniffing = Deadline(self.loop, self.abort)
        self._stall = Deadline(self.loop, self._stalled)
        self._stall_size = 0
        self._leaving = Deadline(self.loop, self._leave)

    @property
    def draining(self) -> bool:
        """Whether the server takes no more requests."""
        return self.server.draining

    # --- the loop's side -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]
        if self.server.state in ("closing", "closed"):  # the handshake of TLS took too long
            self.abort()
            return
        self.transport.set_write_buffer_limits(high=self.limits.outbound)
        self.client = _address(transport.get_extra_info("peername"))
        self.address = _address(transport.get_extra_info("sockname")) or _path(transport)
        self.server.connections.add(self)
        tls = transport.get_extra_info("ssl_object")
        self.header_deadline = self.loop.time() + self.limits.header_timeout
        if tls is None:
            self._sniffing.set(self.limits.header_timeout)
            return
        self.scheme = "https"
        self._speak(Http2 if tls.selected_alpn_protocol() == "h2" else Http1)

    def _speak(self, kind: type[Driver]) -> None:
        """Leave the rest to a driver."""
        self.state = "speaking"
        self.driver = kind(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        if self.driver is None:
            if self.transport.is_closing():
                return
            self._first += data
            data = bytes(self._first)
            if len(data) < len(PREFACE) and PREFACE.startswith(data):
                return
            self._sniffing.close()
            if data.startswith(_MAGIC) and not data.startswith(PREFACE):
                self.abort()
                return
            self._speak(Http2 if data.startswith(PREFACE) else Http1)
        if self.driver is not None:
            self.driver.data_received(data)

    def eof_received(self) -> bool:
        """Tell the driver; return whether the connection stays open (never over TLS)."""
        return self.driver is not None and self.driver.eof_received() and self.scheme == "http"

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the driver, and leave no timer."""
        self.state = "closed"
        self._sniffing.close()
        self._stall.close()
        self._leaving.close()
        if self.driver is not None:
            self.driver.connection_lost()
        self.server.lost(self)

    def pause_writing(self) -> None:
        """The client does not take what it is sent: begin to count."""
        self.writing_paused = True
        self._watch()

    def resume_writing(self) -> None:
        """The client took most of it."""
        self.writing_paused = False
        self._stall.clear()
        if self.driver is not None:
            self.driver.writable()

    def _watch(self) -> None:
        self._stall_size = self.transport.get_write_buffer_size()
        self._stall.set(self.limits.write_stall)

    def _stalled(self) -> None:
        # In drops is not at all: as slow as a body may not come, a response may not go.
        taken = self._stall_size - self.transport.get_write_buffer_size()
        if taken >= self.limits.write_stall * self.limits.body_rate:
            self._watch()
        else:
            self.abort()

    # --- the drivers' side -----------------------------------------------------------------

    @property
    def unsent(self) -> int:
        """How many bytes wait for the client to take them."""
        return self.transport.get_write_buffer_size()

    @property
    def all_sent(self) -> bool:
        """Whether nothing waits for the client."""
        return not self.unsent

    def write(self, data: bytes) -> None:
        """Send *data*, unless the client is gone."""
        if data and self.state == "speaking" and not self.transport.is_closing():
            self.transport.write(data)

    def read(self, wanted: bool) -> None:
        """Read on, or stop reading until further notice."""
        if wanted is self._reading or self.state == "closed":
            return
        if not self.transport.is_closing():
            self._reading = wanted
            if wanted:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    def write_eof(self) -> bool:
        """Tell the client that nothing more comes; return False where that cannot be done."""
        if self.state == "closed" or self.transport.is_closing():
            return False
        if not self.transport.can_write_eof():
            return False
        if self.state == "speaking":
            self.state = "ended"
            try:
                self.transport.write_eof()
            except OSError:  # it answered with a reset, of which the loop does not know yet
                self.abort()
                return False
        return True

    def close(self) -> None:
        """Close when everything is sent, or when the client stops taking it.

        TLS tells the client of its end, and the loop awaits an answer for long; many clients
        give none on a connection that they keep for later (RFC 8446, 6.1, asks for none).
        """
        if self.state != "closed":
            self.state = "closing"
            if self.unsent:
                self._watch()
            if self.scheme == "https":
                self._leaving.set(self.limits.linger)
            self.transport.close()

    def _leave(self) -> None:
        if self.unsent or _unacknowledged(self.transport):
            self._leaving.set(self.limits.linger)
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        if self.state != "closed":
            self.state = "closing"
            self.transport.abort()

    def drain(self) -> None:
        """Finish what is at work, and take nothing else."""
        if self.driver is None:
            self.close()
        else:
            self.driver.drain()

    def spawn(self, exchange: Exchange, ended: Callable[[], None] | None = None) -> None:
        """Have the application at work on *exchange*; *ended* is called when it has returned."""
        self.server.spawn(self, exchange, ended)

    def finished(self, exchange: Exchange) -> None:
        """Tell the server that the response is complete, or was broken off; once."""
        if exchange.reported:
            return
        exchange.reported = True
        self.server.finished(self, exchange)

    def with_date(self, headers: Headers) -> Headers:
        """Return a copy of *headers* that has a date (RFC 9110, section 6.6.1)."""
        for name, _ in headers:
            if name == b"date":
                return list(headers)
        return [*headers, (b"date", self.server.date())]

    def tls(self) -> dict[str, Any] | None:
        """Return the contents of ASGI's extension ``tls``, or None in clear text."""
        if self._tls is None and self.scheme == "https":
            self._tls = describe(self.transport.get_extra_info("ssl_object"))
        return dict(self._tls) if self._tls is not None else None


class Clock:
    """The date of responses, made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._date = b""

    def date(self) -> bytes:
        """Return the date now, as HTTP writes it (RFC 9110, section 5.6.7)."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._date = formatdate(second, usegmt=True).encode()
        return self._date


def _unacknowledged(transport: asyncio.BaseTransport) -> bool:
    """Return whether the system still has bytes to send; True where it does not say."""
    try:
        sock = transport.get_extra_info("socket")
        return any(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))
    except (AttributeError, OSError, ValueError):
        return True


def _address(name: Any) -> tuple[str, int] | None:
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) and len(name) >= 2 else None


def _path(transport: asyncio.BaseTransport) -> tuple[str, None] | None:
    name = transport.get_extra_info("sockname")
    return (name, None) if isinstance(name, str) and name else None
