"""A client's side of a WebSocket (RFC 6455), with permessage-deflate (RFC 7692), by wsproto.

It is a protocol on a transport: that of a connection which it asks to switch from
HTTP/1.1, or a tunnel through one of HTTP/2 that has been asked already (RFC 8441).

States
    connecting -- accepted ------------------------> open
               -- refused, failed -----------------> closed
    open       -- close, either side's ------------> closing
               -- lost ----------------------------> closed
    closing    -- the other's close, and its end --> closed
               -- lost, or not in time ------------> closed

Invariants
    open     bytes are taken in, unless ``_unfed`` holds some: then the queue is full
             and the transport is not reading
    closing  our close frame has been sent; messages that arrive are dropped
    closed   ``close_code`` is set, nobody waits for anything

Bytes go to wsproto in slices: it inflates a slice whole, so that is what bounds how much
there can be of a message before it is found too large, and of messages nobody has read.

Read next: websocket.py
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, TypeAlias

from wsproto import ConnectionType, WSConnection, events
from wsproto.connection import Connection, ConnectionState
from wsproto.extensions import Extension
from wsproto.handshake import client_extensions_handshake
from wsproto.utilities import ProtocolError

from .errors import ConnectFailed, Disconnected, WriteTimeout
from .exchange import Head
from .messages import Headers
from .tunnel import Tunnel
from .waiting import until
from .websocket_pings import Pings
from .websocket_settings import ConnectionClosed, Refused, Settings

__all__ = ["TRANSITIONS", "WebSocket"]

TRANSITIONS = (
    ("connecting", "accepted", "open"),
    ("connecting", "refused, failed", "closed"),
    ("open", "close, either side's", "closing"),
    ("open", "lost", "closed"),
    ("closing", "the other's close, and its end", "closed"),
    ("closing", "lost, or not in time", "closed"),
)

Message: TypeAlias = "str | bytes"

#: Of deflated bytes; no more than a thousandfold comes of them.
SLICE = 4096
#: Fragments of a message that are kept as they came.
FRAGMENTS = 1024
#: Answers to pings that the server does not read.
UNREAD_ANSWERS = 1024 * 1024
#: Codes that may be sent, besides 3000 to 4999 (RFC 6455 7.4).
CODES = frozenset((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014))


class WebSocket(asyncio.Protocol):
    """An open WebSocket.

    Attributes:
        subprotocol: what the server chose, or None.
        headers: what else it said to the handshake.
        over: ``HTTP/1.1`` or ``HTTP/2``.
        close_code, close_reason: once it is closed.
        untouched: whether the server cannot have looked at the handshake that failed.
    """

    def __init__(
        self, request: events.Request, extensions: list[Extension], settings: Settings
    ) -> None:
        self.settings = settings
        self.state = "connecting"
        self.subprotocol: str | None = None
        self.headers = Headers()
        self.over = "HTTP/1.1"
        self.untouched = True
        self.close_code: int | None = None
        self.close_reason = ""
        self._request = request
        self._extensions = extensions
        self._loop = asyncio.get_running_loop()
        self._ws: WSConnection | Connection = WSConnection(ConnectionType.CLIENT)
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | Tunnel | None = None
        self._queue: deque[Message] = deque()
        self._parts: list[Any] = []
        self._size = 0
        self._unfed = b""
        self._receiver: asyncio.Future[None] | None = None
        self._writers: set[asyncio.Future[None]] = set()
        self._paused_writing = False
        self._sending = asyncio.Lock()
        self._pings = Pings(settings, self._write_ping, self._unanswered)
        self._timer: asyncio.TimerHandle | None = None

    # --- the transport's side ------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = transport  # type: ignore[assignment]
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            self._refuse(ConnectFailed("the server chose HTTP/2, which the context for TLS offers"))
        else:
            self._wire.write(self._ws.send(self._request))

    def offers(self) -> list[bytes]:
        """Return the extensions that are asked for, as they are written in a field."""
        return [f"{each.name}; {each.offer()}".encode() for each in self._extensions]

    def tunnel_made(self, tunnel: Tunnel) -> None:
        """Use *tunnel*, which has been asked for."""
        self._transport = tunnel
        self.over = "HTTP/2"

    def tunnel_answered(self, head: Head) -> None:
        """Take in the answer to what the tunnel was asked for by."""
        self.untouched = False
        headers = Headers(head.fields)
        if not 200 <= head.status < 300:
            self._refuse(Refused(head.status, headers))
            return
        chosen = headers.get("sec-websocket-protocol")
        try:
            values = ",".join(headers.get_list("sec-websocket-extensions")).split(",")
            accepted = [value.strip() for value in values if value.strip()]
            extensions = client_extensions_handshake(accepted, self._extensions)
            if chosen is not None and chosen not in self._request.subprotocols:
                raise ValueError(f"the subprotocol {chosen!r} was not offered")
        except (ProtocolError, ValueError) as error:
            self._fail(1002, str(error))
            return
        self._ws = Connection(ConnectionType.CLIENT, extensions)
        self._accepted(chosen, headers)

    def connection_lost(self, exc: Exception | None) -> None:
        """End, whoever waits for whatever."""
        if not self.opened.done():
            text = str(exc or "the server closed the connection")
            if isinstance(exc, Disconnected):
                self.untouched = exc.unprocessed or exc.nothing_received
            self.opened.set_exception(ConnectFailed(f"no WebSocket: {text}"))
            self.opened.exception()
        self.state = "closed"
        self._unfed = b""
        if self.close_code is None:
            self.close_code = 1006
        if self._timer is not None:
            self._timer.cancel()
        closed = ConnectionClosed(self.close_code, self.close_reason)
        self._pings.lost(closed)
        self.resume_writing()
        self._wake()
        if not self._lost.done():
            self._lost.set_result(None)

    def eof_received(self) -> bool:
        """Close."""
        return False

    def pause_writing(self) -> None:
        """Have senders wait."""
        self._paused_writing = True

    def resume_writing(self) -> None:
        """Let senders go on."""
        self._paused_writing = False
        for writer in self._writers:
            if not writer.done():
                writer.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Take in *data*, as far as there is room for what comes of it."""
        self.untouched = False
        self._unfed += data
        self._feed()

    @property
    def _wire(self) -> asyncio.Transport | Tunnel:
        assert self._transport is not None, "not connected"
        return self._transport

    def abort(self) -> None:
        """Close without a word."""
        self.state = "closed"
        self._pings.stop()
        if self._transport is not None:
            self._transport.abort()
        elif not self._lost.done():
            self._lost.set_result(None)

    # --- receiving -----------------------------------------------------------------------

    def _feed(self) -> None:
        """Give wsproto slices, until the queue is full."""
        while self._unfed and self.state != "closed" and not self._full():
            part, self._unfed = self._unfed[:SLICE], self._unfed[SLICE:]
            if self._ws.state in (ConnectionState.CLOSED, ConnectionState.REMOTE_CLOSING):
                self._unfed = b""
                break
            try:
                self._ws.receive_data(part)
                for event in self._ws.events():
                    self._on_event(event)
            except (ProtocolError, ValueError) as error:  # wsproto takes numbers on trust
                self._fail(1002, str(error))
                return
        if self._unfed and not self._wire.is_closing():
            self._wire.pause_reading()
        elif not self._wire.is_closing():
            self._wire.resume_reading()

    def _full(self) -> bool:
        return self.state == "open" and len(self._queue) >= self.settings.max_queue

    def _on_event(self, event: events.Event) -> None:
        match event:
            case events.TextMessage() | events.BytesMessage():
                self._on_message(event)
            case events.Ping():
                if self.state == "open":
                    self._write(event.response())
                    if self._wire.get_write_buffer_size() > UNREAD_ANSWERS:
                        self._fail(1008, "pings, and nobody reads the pongs")
            case events.Pong():
                self._pings.answered(bytes(event.payload))
            case events.CloseConnection():
                self._on_close(event)
            case events.AcceptConnection():
                self._accepted(event.subprotocol, Headers(event.extra_headers))
            case events.RejectConnection():
                self._refuse(Refused(event.status_code, Headers(event.headers)))

    def _accepted(self, subprotocol: str | None, headers: Headers) -> None:
        self.state = "open"
        self.subprotocol = subprotocol
        self.headers = headers
        if not self.opened.done():
            self.opened.set_result(None)
        self._pings.begin()

    def _refuse(self, error: Exception) -> None:
        self.state = "closed"
        if not self.opened.done():
            self.opened.set_exception(error)
            self.opened.exception()
        self._wire.abort()

    def _on_message(self, event: Any) -> None:
        """Keep a part of a message; a whole one is for `recv`."""
        if self.state != "open":
            return
        data = event.data
        limit = self.settings.max_size
        self._size += len(data.encode()) if isinstance(data, str) else len(data)
        if limit is not None and self._size > limit:
            self._fail(1009, f"more than {limit} bytes")
            return
        if data or not self._parts:
            self._parts.append(data)
            if len(self._parts) == FRAGMENTS:  # small ones take up more room than their bytes
                self._parts = [_whole(self._parts)]
        if event.message_finished:
            self._queue.append(_whole(self._parts))
            self._parts, self._size = [], 0
            self._wake()

    def _on_close(self, event: events.CloseConnection) -> None:
        """The server says goodbye; or wsproto, because of what the server sent."""
        if self._ws.state in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING):
            self._fail(int(event.code), event.reason or "")
            return
        if self.close_code is None:
            self.close_code, self.close_reason = int(event.code), event.reason or ""
        if self.state == "open":
            self._write(event.response())
            self._closing()
            if isinstance(self._wire, Tunnel):
                self._wire.close()
        elif isinstance(self._wire, Tunnel):
            # All is said; a stream, unlike a connection, need not be ended by the server first.
            self._loop.call_soon(self._wire.abort)
        self._wake()

    def _fail(self, code: int, reason: str) -> None:
        """Close because of what the server did; tell it why, and wait for nothing."""
        if self.state == "connecting":
            self._refuse(ConnectFailed(f"no WebSocket: {reason}"))
            return
        if self.state == "open":
            self._write(events.CloseConnection(code=code, reason=reason))
        self.close_code, self.close_reason = code, reason
        self._closing()
        self._wire.close()

    def _closing(self) -> None:
        """Give the server so long to close the connection, which is its part."""
        self.state = "closing"
        self._pings.stop()
        self._parts.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(self.settings.close_seconds, self._wire.abort)
        self._wake()

    def _write_ping(self, payload: bytes) -> None:
        self._write(events.Ping(payload=payload))

    def _unanswered(self) -> bool:
        """Fail as a ping was not answered; as long as nothing is taken in, nobody knows."""
        if self._unfed:
            return False
        self._fail(1011, "a ping was not answered")
        return True

    # --- the user's side -----------------------------------------------------------------

    def _wake(self) -> None:
        if self._receiver is not None and not self._receiver.done():
            self._receiver.set_result(None)

    def _write(self, event: events.Event) -> None:
        if not self._wire.is_closing():
            self._wire.write(self._ws.send(event))

    def _check_open(self) -> None:
        if self.state != "open":
            code = 1006 if self.close_code is None else self.close_code
            raise ConnectionClosed(code, self.close_reason)

    async def ping(self) -> float:
        """Send a ping and wait for its answer; return the seconds that took.

        Raises:
            ConnectionClosed: it is closed, or was before the answer came.
        """
        self._check_open()
        return await self._pings.ping()

    async def send(self, message: Message | AsyncIterable[Message]) -> None:
        """Send text, bytes, or a message in fragments; return when there is room for more.

        Cancelled between the fragments of a message, it closes the WebSocket: nobody
        could send the rest.

        Raises:
            ConnectionClosed: it is closed.
            WriteTimeout: the server does not read.
        """
        async with self._sending:
            if isinstance(message, str | bytes):
                await self._send_part(message, last=True)
                return
            kind: type[Message] = bytes
            try:
                async for part in message:
                    kind = str if isinstance(part, str) else bytes
                    await self._send_part(part, last=False)
                await self._send_part(kind(), last=True)
            except BaseException:
                if self.state == "open":
                    self._fail(1011, "a message was not finished")
                raise

    async def _send_part(self, part: Message, *, last: bool) -> None:
        self._check_open()
        kind = events.TextMessage if isinstance(part, str) else events.BytesMessage
        self._write(kind(data=part, message_finished=last))  # type: ignore[arg-type]
        while self._paused_writing:
            await self._drained()
            self._check_open()

    async def _drained(self) -> None:
        writer: asyncio.Future[None] = self._loop.create_future()
        self._writers.add(writer)
        try:
            seconds = self.settings.write_seconds
            await until(writer, seconds, WriteTimeout(f"nothing could be sent for {seconds} s"))
        finally:
            self._writers.discard(writer)

    async def recv(self) -> Message:
        """Return the next message.  Cancelled, it loses none.

        Raises:
            ConnectionClosed: there are no more.
            RuntimeError: another task is receiving.
        """
        while not self._queue:
            self._check_open()
            if self._receiver is not None:
                raise RuntimeError("another task is receiving already")
            self._receiver = self._loop.create_future()
            try:
                await self._receiver
            finally:
                self._receiver = None
        message = self._queue.popleft()
        if self._unfed:
            self._feed()
        return message

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Yield messages until the WebSocket is closed in order (1000, 1001).

        Raises:
            ConnectionClosed: it was closed otherwise.
        """
        while True:
            try:
                message = await self.recv()
            except ConnectionClosed as error:
                if error.code in (1000, 1001):
                    return
                raise
            yield message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye and wait until the connection is closed; what was not received is lost.

        Cancelled, it closes the connection without waiting.

        Raises:
            ValueError: nobody may send this code.
        """
        if code not in CODES and not 3000 <= code <= 4999:
            raise ValueError(f"{code} is not a code to close with")
        if self.state == "open":
            self._write(events.CloseConnection(code=code, reason=reason))
            self._closing()
            self._feed()
        try:
            await asyncio.wait([self._lost])
        except asyncio.CancelledError:
            self.abort()
            raise


def _whole(parts: list[Any]) -> Message:
    """Return the parts of a message as one; they are all text or all bytes."""
    return b"".join(parts) if isinstance(parts[0], bytes) else "".join(parts)
