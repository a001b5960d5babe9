"""A connection that speaks HTTP/1.1 (RFC 9112), driven by h11: one exchange at a time.

States
    idle   -- request -------------------------> asking
           -- end, or bytes nobody asked for --> closed
           -- handed over ---------------------> closed
    asking -- response complete ---------------> idle
           -- response complete, no reuse -----> closed
           -- given up, failed, ended ---------> closed

Invariants
    idle     h11 is at the start of a cycle, the transport is reading
    asking   ``_exchange`` is fed with what arrives
    closed   ``_exchange`` is None

A response that is complete frees the connection at once, even if nobody has read it
yet.  It is not used again if the server says so, if the request was still being sent,
if more bytes followed than the response has, or if the response was framed twice
(Content-Length and Transfer-Encoding: RFC 9112 6.3).

Read next: http2_heads.py
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11

from .connection import Connection
from .errors import BadMessage, ClientError, Disconnected, TooLarge
from .exchange import Exchange, Head
from .http1_heads import AT_ONCE, check_size, head_of
from .http1_parser import END, Http1Parser
from .messages import Field, Origin
from .settings import Limits

__all__ = ["TRANSITIONS", "Http1Connection"]

TRANSITIONS = (
    ("idle", "request", "asking"),
    ("idle", "end, or bytes nobody asked for", "closed"),
    ("idle", "handed over", "closed"),
    ("asking", "response complete", "idle"),
    ("asking", "response complete, no reuse", "closed"),
    ("asking", "given up, failed, ended", "closed"),
)

VERSIONS = {b"1.1": "HTTP/1.1", b"1.0": "HTTP/1.0"}


class Http1Connection(Connection):
    """HTTP/1.1 to one origin."""

    def __init__(self, origin: Origin, limits: Limits, owner: Any) -> None:
        super().__init__(origin, limits, owner)
        self._h11 = Http1Parser(limits.header_bytes)
        self._exchange: Exchange | None = None
        self._reading = True
        self._received = False
        self._framed_twice = False

    def exchanges(self) -> tuple[Exchange, ...]:
        """Return the exchange, if there is one."""
        return () if self._exchange is None else (self._exchange,)

    # --- sending -------------------------------------------------------------------------

    def start(self, exchange: Exchange) -> None:
        """Send the head, and the body with it if that is small."""
        try:
            head = head_of(exchange.request)
        except ValueError:
            exchange.over = True
            self.release()
            raise
        if self.closed:  # since it was given out
            exchange.on_error(Disconnected("the connection is closed", unprocessed=True))
            return
        self._exchange = exchange
        self._received = self._framed_twice = False
        content = exchange.request.content
        if head.whole and isinstance(content, bytes):
            self._h11.send_whole(head.told)
            self.transport.write(head.data + content)
            return
        self._h11.send(head.told.request)
        later = exchange.waiting or exchange.request.trailers is not None
        if isinstance(content, bytes) and len(content) <= AT_ONCE and not later:
            self._send_measured(exchange, head.data, content)
        else:
            self.transport.write(head.data)
            exchange.upload()

    def _send_measured(self, exchange: Exchange, head: bytes, content: bytes) -> None:
        """Send *head* and *content*, whose length somebody else has said."""
        try:
            body = self._h11.send(h11.Data(data=content)) or b""
            body += self._h11.send(END) or b""
        except h11.LocalProtocolError as error:
            exchange.give_up(ValueError(str(error)))
        else:
            self.transport.write(head + body)

    async def send(self, exchange: Exchange, data: bytes) -> None:
        """Send *data* of the body; return when there is room for more."""
        for start in range(0, len(data), AT_ONCE):
            piece = data[start : start + AT_ONCE]
            self._write(exchange, h11.Data(data=piece))
            await self.room_to_write(exchange.timeouts.write)

    def finish(self, exchange: Exchange, trailers: list[Field]) -> None:
        """Send the end of the body, and *trailers*."""
        self._write(exchange, h11.EndOfMessage(headers=trailers) if trailers else END)

    def _write(self, exchange: Exchange, event: h11.Event) -> None:
        """Send *event*, which the length given in the head has to allow."""
        if self._exchange is not exchange:
            raise Disconnected("the connection was closed while sending")
        try:
            self.transport.write(self._h11.send(event) or b"")
        except h11.LocalProtocolError as error:
            raise ValueError(f"the body does not fit its head: {error}") from None

    def hand_over(self, protocol: asyncio.Protocol) -> None:
        """Leave the transport to *protocol*, in place of the exchange that the owner counted."""
        self.busy -= 1
        self._leave()
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        self.lost.set_result(None)

    # --- receiving -----------------------------------------------------------------------

    def data_received(self, data: bytes | memoryview) -> None:
        """Feed the exchange; bytes that nobody asked for end the connection."""
        exchange = self._exchange
        if exchange is None:
            self.close()
            return
        self._received = True
        self._h11.receive_data(data)  # type: ignore[arg-type]  # it copies whatever has bytes
        self._pump()

    def eof_received(self) -> bool:
        """End: an exchange that is not complete by that has failed."""
        exchange = self._exchange
        if exchange is not None and exchange.head is not None:
            self._h11.receive_data(b"")
            self._pump(ended=True)
        self.fail(Disconnected("the server closed the connection"))
        self.close()
        return False

    def _pump(self, *, ended: bool = False) -> None:
        """Take everything out of h11 that is complete."""
        try:
            while (exchange := self._exchange) is not None:
                event = self._h11.next_event()
                kind = type(event)  # exact, as of an abstract class isinstance takes longer
                if kind is h11.Data:
                    self._on_data(exchange, bytes(event.data))  # type: ignore[union-attr]
                elif kind is h11.Response:
                    self._on_response(exchange, event)  # type: ignore[arg-type]
                elif kind is h11.EndOfMessage:
                    self._on_end(exchange, event)  # type: ignore[arg-type]
                elif kind is h11.InformationalResponse:
                    self._on_informational(exchange, event)  # type: ignore[arg-type]
                else:
                    return
        except (TooLarge, BadMessage) as error:
            self._break(error)
        except h11.RemoteProtocolError as error:
            if ended:
                self._break(Disconnected("the server closed the connection in a body"))
            elif error.error_status_hint == 431:
                self._break(TooLarge(str(error)))
            else:
                self._break(BadMessage(str(error)))

    def _on_response(self, exchange: Exchange, event: h11.Response) -> None:
        fields = [(name.lower(), value) for name, value in event.headers.raw_items()]
        check_size(fields, self.limits)
        version = event.http_version
        if version not in VERSIONS:
            raise h11.RemoteProtocolError(f"HTTP/{version.decode()} was not asked for")
        names = [name for name, _ in fields]
        self._framed_twice = b"transfer-encoding" in names and b"content-length" in names
        exchange.on_head(Head(event.status_code, event.reason, fields, VERSIONS[version]))

    def _on_informational(self, exchange: Exchange, event: h11.InformationalResponse) -> None:
        fields = list(event.headers)
        check_size(fields, self.limits)
        if event.status_code == 101:
            raise BadMessage("a response 101 out of place")
        exchange.on_interim(event.status_code, fields)

    def _on_data(self, exchange: Exchange, data: bytes) -> None:
        exchange.on_data(data, len(data))
        if self._reading and exchange.buffered > self.limits.buffer_bytes:
            self._reading = False
            self.transport.pause_reading()

    def _on_end(self, exchange: Exchange, event: h11.EndOfMessage) -> None:
        trailers = [(name.lower(), value) for name, value in event.headers.raw_items()]
        if trailers:
            check_size(trailers, self.limits)
        connection = self._h11
        whole = not exchange.uploading
        again = (
            whole
            and connection.our_state is connection.their_state is h11.DONE
            and not connection.trailing_data[0]
            and not self._framed_twice
        )
        if again:
            connection.start_next_cycle()
        self._exchange = None
        exchange.on_end(trailers)
        if again and self.usable:
            self._read_on()
        else:
            self.close(abort=not whole)
        self.release()

    def consumed(self, exchange: Exchange, credit: int) -> None:
        """Read on when the buffer is down to half."""
        if exchange is self._exchange and exchange.buffered <= self.limits.buffer_bytes // 2:
            self._read_on()

    def _read_on(self) -> None:
        if not self._reading and not self.closed:
            self._reading = True
            self.transport.resume_reading()

    # --- the end -------------------------------------------------------------------------

    def fail(self, error: Exception) -> None:
        """Fail the exchange, if there is one."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            if isinstance(error, Disconnected):
                error.nothing_received = not self._received
            exchange.on_error(error)
            self.busy -= 1

    def _break(self, error: ClientError) -> None:
        """Fail, and close without more ado."""
        self.fail(error)
        self.close(abort=True)

    def abandon(self, exchange: Exchange) -> None:
        """Close: what more arrives for *exchange* could not be told from the next response."""
        if exchange is self._exchange:
            self._exchange = None
            self.busy -= 1
            self.close(abort=True)
