"""A stream of HTTP/2 that has become a connection of its own (RFC 8441): a transport.

It is asked for like any request, by CONNECT with a ``:protocol``; once that is answered
by 200, bytes go both ways until each side has ended its own.  What the protocol above
does not read is not credited; what the server gives no credit for waits here.

States
    asked   -- answered 2xx --------------------> open
            -- answered otherwise, lost --------> lost
    open    -- close ---------------------------> closing
            -- server ends, or lost, or abort --> lost
    closing -- server ends, or lost, or abort --> lost

Invariants
    lost     the driver has forgotten it, and the protocol has been told, once
    closing  no more is written; END_STREAM is sent after what still waits
    ``_held`` is empty unless reading is paused

Read next: websocket_pings.py
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from .exchange import Exchange, Head
from .messages import Field, Request
from .settings import Timeouts

if TYPE_CHECKING:
    from .http2 import Http2Connection

__all__ = ["TRANSITIONS", "Tunnel", "TunnelProtocol"]

TRANSITIONS = (
    ("asked", "answered 2xx", "open"),
    ("asked", "answered otherwise, lost", "lost"),
    ("open", "close", "closing"),
    ("open", "server ends, or lost, or abort", "lost"),
    ("closing", "server ends, or lost, or abort", "lost"),
)

#: More than that waits: the protocol is asked to pause.  Below a quarter it goes on.
HIGH = 64 * 1024
FOREVER = Timeouts(None, None, None, None, None)


class TunnelProtocol(Protocol):
    """What a tunnel tells; everything but the first is as in `asyncio.Protocol`."""

    def tunnel_answered(self, head: Head) -> None:
        """The server has answered: with 2xx the tunnel is open."""

    def data_received(self, data: bytes) -> None:
        """Take in bytes."""

    def eof_received(self) -> bool | None:
        """The server sends no more."""

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""

    def pause_writing(self) -> None:
        """Have writers wait."""

    def resume_writing(self) -> None:
        """Let them go on."""


class Tunnel(Exchange):
    """One stream; `write`, `close` and their like are as in `asyncio.Transport`."""

    def __init__(self, driver: Http2Connection, request: Request, protocol: TunnelProtocol) -> None:
        super().__init__(driver, request, driver.limits, FOREVER, None)
        self.state = "asked"
        self._stream = driver
        self._protocol = protocol
        self._out = bytearray()
        self._full = False
        self._end_sent = False
        self._pump_due = False
        self._reading = True
        self._held: deque[tuple[bytes, int]] = deque()
        self._end_due = False
        self._delivering = False

    # --- fed by the driver ---------------------------------------------------------------

    def on_head(self, head: Head) -> None:
        """The server accepts, or refuses, which is the end of it."""
        self.head = head
        if 200 <= head.status < 300:
            self.state = "open"
            self._protocol.tunnel_answered(head)
        else:
            self._protocol.tunnel_answered(head)
            self.abort()

    def on_data(self, data: bytes, credit: int) -> None:
        """Hand on what arrives, or hold it."""
        self._held.append((data, credit))
        self._deliver()

    def on_end(self, trailers: list[Field]) -> None:
        """The server has ended its side, and the driver ours."""
        self.over = True
        self._end_due = True
        self._deliver()

    def on_error(self, error: BaseException) -> None:
        """The stream, or the connection, is gone: at once, whatever is held."""
        if not self.over:
            self.over = True
            self._drop()
            self._lose(error if isinstance(error, Exception) else None)

    def _deliver(self) -> None:
        """Hand on what is held, and give credit for it, while somebody reads."""
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._held and self._reading and self.state != "lost":
                data, credit = self._held.popleft()
                self._protocol.data_received(data)
                self.driver.consumed(self, credit)
            if self._end_due and not self._held and self.state != "lost":
                self._protocol.eof_received()
                self._lose(None)
        finally:
            self._delivering = False

    def _drop(self) -> None:
        """Forget what is held, which other streams get the credit for."""
        while self._held:
            self.driver.consumed(self, self._held.popleft()[1])

    def _lose(self, error: Exception | None) -> None:
        if self.state != "lost":
            self.state = "lost"
            self._out.clear()
            self._loop.call_soon(self._protocol.connection_lost, error)

    @property
    def uploading(self) -> bool:
        """Whether this side has not been ended."""
        return not self._end_sent

    # --- as a transport ------------------------------------------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the connection below knows."""
        return self._stream.transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Tell whether nothing may be written any more."""
        return self.state in ("closing", "lost")

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait for credit."""
        return len(self._out)

    def pause_reading(self) -> None:
        """Hold what arrives."""
        self._reading = False

    def resume_reading(self) -> None:
        """Hand on what is held, and what arrives."""
        self._reading = True
        self._deliver()

    def write(self, data: bytes) -> None:
        """Send *data*, now or when the server gives credit."""
        if self.is_closing():
            return
        self._out += data
        self.pump()
        if len(self._out) > HIGH and not self._full:
            self._full = True
            self._protocol.pause_writing()

    def pump(self) -> None:
        """Send a frame of what waits, and look again: other streams have their turn between."""
        self._pump_due = False
        if self.state == "lost" or self.over or self._end_sent:
            return
        size = min(self._stream.sendable(self), len(self._out))
        data = bytes(self._out[:size])
        del self._out[:size]
        self._end_sent = self.state == "closing" and not self._out
        if size or self._end_sent:
            self._stream.send_now(self, data, end=self._end_sent)
        if self._full and len(self._out) <= HIGH // 4:
            self._full = False
            self._protocol.resume_writing()
        if self._out and size and not self._pump_due:
            self._pump_due = True
            self._loop.call_soon(self.pump)

    def close(self) -> None:
        """End this side once everything is sent; the server has its own to end."""
        if not self.is_closing():
            self.state = "closing"
            self.pump()

    def abort(self) -> None:
        """Reset the stream."""
        if self.state != "lost":
            if not self.over:
                self.over = True
                self.driver.abandon(self)
            self._drop()
            self._lose(None)
