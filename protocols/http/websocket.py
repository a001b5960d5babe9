"""A WebSocket on a server, over HTTP/1.1 (RFC 6455) or a stream of HTTP/2 (RFC 8441).

wsproto reads and writes frames; it is given slices so small that nothing inflates to
much before its size is looked at.  Bytes are parsed as they come, so that pings are
answered while the application does something else, until it is a queue behind; then
the client gets no more credit.

States
    connecting -- accept -------------------> open
               -- reject, client leaves ----> closed
    open       -- close --------------------> closing
               -- client closes or leaves --> closed
               -- error in what it sends ---> closing
    closing    -- answered, or time is up --> closed

Invariants
    open: either a ping is due or its pong is, and one deadline tells when.
    What is unread of a message has passed the size limit.

Read next: asgi_websocket.py
"""

from __future__ import annotations

import base64
import binascii
from collections import deque
from typing import Any

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    TextMessage,
)
from wsproto.extensions import Extension, PerMessageDeflate
from wsproto.handshake import server_extensions_handshake
from wsproto.utilities import LocalProtocolError, generate_accept_token

from .events import Headers, Response
from .exchange import Disconnected, Exchange, Signal
from .limits import Deadline

__all__ = ["TRANSITIONS", "WebSocket", "WebSocketClosed"]

TRANSITIONS = (
    ("connecting", "accept", "open"),
    ("connecting", "reject, client leaves", "closed"),
    ("open", "close", "closing"),
    ("open", "client closes or leaves", "closed"),
    ("open", "error in what it sends", "closing"),
    ("closing", "answered, or time is up", "closed"),
)

#: Bytes parsed at a time: deflate makes at most a thousand times as many of them.
SLICE = 4096
#: Messages that wait for the application, beside the limit on their bytes.
_MESSAGES = 64
#: Fragments of a message that are kept as they came.
_FRAGMENTS = 1024


class WebSocketClosed(Disconnected):
    """The WebSocket is closed.

    Args:
        code: the other side's close code, 1005 if it gave none, 1006 if it just left.
        reason: its words.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"the WebSocket is closed with {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class WebSocket:
    """A server's side of a WebSocket; also the `exchange.Sink` of its bytes."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.limits = exchange.driver.limits
        self.state = "connecting"
        self.code = 1006
        self.reason = ""
        self.subprotocols = [
            offer.strip().decode("latin-1")
            for offer in self._header(b"sec-websocket-protocol").split(b",")
            if offer.strip()
        ]
        self._wire: Connection
        self._raw = bytearray()
        self._parsing = False
        self._queue: deque[str | bytes] = deque()
        self._queued = 0
        self._parts: list[str | bytes] = []
        self._size = 0
        self._arrived = Signal(exchange.driver.loop)
        self._deadline = Deadline(exchange.driver.loop, self._late)
        self._pinged = False

    # --- the application's side ------------------------------------------------------------

    def problem(self) -> str | None:
        """Return what is wrong with the request (RFC 6455, section 4.2.1), or None."""
        if self.exchange.request.protocol != b"websocket":
            return "this is no request for a WebSocket"
        if self._header(b"sec-websocket-version") != b"13":
            return "version 13 of the WebSocket protocol is spoken here"
        if self.exchange.request.http_version == "2":
            return None
        try:
            key = base64.b64decode(self._header(b"sec-websocket-key"), validate=True)
        except binascii.Error:
            key = b""
        return None if len(key) == 16 else "the key of the WebSocket is not 16 bytes"

    async def check(self) -> None:
        """Answer a request that is no proper one with what is wrong, and raise Disconnected."""
        problem = self.problem()
        if problem is None:
            return
        headers = [(b"content-type", b"text/plain"), (b"sec-websocket-version", b"13")]
        self.exchange.respond(Response(426 if "version" in problem else 400, headers))
        self.state = "closed"
        await self.exchange.send(problem.encode() + b"\n", end=True)
        raise Disconnected(problem)

    async def accept(self, subprotocol: str | None = None, headers: Headers | None = None) -> None:
        """Accept it.

        Raises ValueError if the request is no proper one or *subprotocol* was not offered,
        RuntimeError if it was answered, Disconnected if the client left.
        """
        if self.state != "connecting":
            raise RuntimeError("this WebSocket is answered already: it is accepted once")
        problem = self.problem()
        if problem is not None:
            raise ValueError(problem)
        if subprotocol is not None and subprotocol not in self.subprotocols:
            raise ValueError(f"the client did not offer the subprotocol {subprotocol!r}")
        fields, extensions = self._extensions()
        if subprotocol is not None:
            fields.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))
        fields += headers or []
        status = 200
        if self.exchange.request.http_version != "2":
            status = 101
            token = generate_accept_token(self._header(b"sec-websocket-key"))
            fields += [
                (b"upgrade", b"websocket"),
                (b"connection", b"Upgrade"),
                (b"sec-websocket-accept", token),
            ]
        self._wire = Connection(ConnectionType.SERVER, extensions)
        self.state = "open"
        try:
            self.exchange.open_tunnel(status, fields, self)
        except BaseException:
            self.state = "closed"
            raise
        # Frames that came with the request may have closed it already.
        if self.limits.websocket_ping and self.state == "open":
            self._deadline.set(self.limits.websocket_ping)

    async def reject(self, status: int = 403, headers: Headers | None = None) -> None:
        """Refuse it with *status* and no body; raises as `Exchange.respond` does."""
        self.exchange.respond(Response(status, headers or []))
        self.state = "closed"
        await self.exchange.send(b"", end=True)

    async def receive(self) -> str | bytes:
        """Return the next message; raise WebSocketClosed when there is none any more."""
        while not self._queue:
            if self.state in ("closed", "connecting"):
                raise WebSocketClosed(self.code, self.reason)
            await self._arrived.wait()
        message = self._queue.popleft()
        self._queued -= _size(message)
        self._parse()
        return message

    def __aiter__(self) -> WebSocket:
        return self

    async def __anext__(self) -> str | bytes:
        try:
            return await self.receive()
        except WebSocketClosed:
            raise StopAsyncIteration from None

    async def send(self, message: str | bytes) -> None:
        """Send a message, and wait until there is room for another one.

        Raises WebSocketClosed.
        """
        if self.state != "open":
            raise WebSocketClosed(self.code, self.reason)
        kind = TextMessage if isinstance(message, str) else BytesMessage
        await self.exchange.send(self._wire.send(kind(data=message)))  # type: ignore[arg-type]

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close it, and wait until the other side has said so too, or was given up on."""
        self.start_close(code, reason)
        while self.state == "closing":
            await self._arrived.wait()

    # --- the exchange's side ---------------------------------------------------------------

    def data(self, data: bytes) -> None:
        """Take bytes."""
        self._raw += data
        self._parse()

    def writable(self) -> None:
        """Go on with what waited because its answers had no room."""
        self._parse()

    def ended(self, reason: str | None) -> None:
        """The client sends nothing more."""
        if self.state != "closed":
            self._parse()
            self._end()

    def draining(self) -> None:
        """The server ends."""
        self.start_close(1012, "the service restarts")

    # --- frames ----------------------------------------------------------------------------

    def _parse(self) -> None:
        if self._parsing:
            return
        self._parsing = True
        try:
            while self._raw and self.state in ("open", "closing") and not self._is_behind():
                piece = bytes(self._raw[:SLICE])
                del self._raw[:SLICE]
                self.exchange.consumed(len(piece))
                if self._wire.state in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING):
                    self._wire.receive_data(piece)
                    for event in self._wire.events():
                        self._take(event)
        finally:
            self._parsing = False
        if self.state == "closed" and self._raw:
            size = len(self._raw)
            self._raw.clear()
            self.exchange.consumed(size)

    def _is_behind(self) -> bool:
        if self.state == "closing":
            return False  # what comes is only looked at for the close frame
        full = self._queued >= self.limits.inbound or len(self._queue) >= _MESSAGES
        return full or not self.exchange.driver.has_room(self.exchange)

    def _take(self, event: Event) -> None:
        if isinstance(event, Message):
            if self.state == "open":
                self._message(event)
        elif isinstance(event, Ping):
            self._answer(event.response())
        elif isinstance(event, Pong):
            if self._pinged and self.state == "open":
                self._pinged = False
                self._deadline.set(self.limits.websocket_ping)
        elif isinstance(event, CloseConnection):
            self._closed(event)

    def _message(self, event: Message[Any]) -> None:
        data = event.data if isinstance(event.data, str) else bytes(event.data)
        self._size += _size(data)
        if self._size > self.limits.websocket_message:
            self._parts.clear()
            self.start_close(1009, "the message is too large")
            return
        if data or not self._parts:
            self._parts.append(data)
            if len(self._parts) == _FRAGMENTS:  # small ones take up more room than their bytes
                self._parts = [_whole(self._parts)]
        if event.message_finished:
            whole = _whole(self._parts)
            self._parts, self._size = [], 0
            self._queue.append(whole)
            self._queued += _size(whole)
            self._arrived.notify()

    def _closed(self, event: CloseConnection) -> None:
        if self._wire.state is ConnectionState.OPEN:
            # The other side broke a rule; wsproto says which.
            self.start_close(event.code, event.reason or "")
            self._end()
            return
        if self._wire.state is ConnectionState.REMOTE_CLOSING:
            self.code, self.reason = event.code, event.reason or ""
            self._answer(event.response())
        elif self.state == "closing" and self.code == 1006:
            self.code, self.reason = event.code, event.reason or ""
        self._end()

    def _answer(self, event: Event) -> None:
        if self.exchange.open:
            try:
                self.exchange.write(self._wire.send(event))
            except LocalProtocolError:
                pass  # too late for it: this side has closed already

    def start_close(self, code: int, reason: str) -> None:
        """Send a close frame, unless it is closed or being closed; the rest comes by itself."""
        if self.state != "open":
            return
        self.state = "closing"
        if code != 1000:
            self.code, self.reason = code, reason
        self._answer(CloseConnection(code=code, reason=_short(reason)))
        self._deadline.set(self.limits.websocket_close)

    def _late(self) -> None:
        if self.state == "closing":
            self._end()
        elif not self._pinged:
            self._pinged = True
            self._answer(Ping(payload=b"?"))
            self._deadline.set(self.limits.websocket_pong)
        elif self._raw:
            self._deadline.set(self.limits.websocket_pong)  # the pong may be among the unread
        else:
            self.start_close(1011, "no pong came")
            self.code = 1006  # what is said is not what happened
            self._end()

    def _end(self) -> None:
        if self.state == "closed":
            return
        self.state = "closed"
        self._deadline.close()
        if self.exchange.open:
            self.exchange.write(b"", end=True)
        self._arrived.notify()

    # --- the handshake ---------------------------------------------------------------------

    def _header(self, name: bytes) -> bytes:
        values = [value for key, value in self.exchange.request.headers if key == name]
        return b", ".join(values)

    def _extensions(self) -> tuple[Headers, list[Extension]]:
        offered = self._header(b"sec-websocket-extensions").decode("latin-1")
        deflate = PerMessageDeflate()
        try:
            accepted = server_extensions_handshake(
                [offer.strip() for offer in offered.split(",") if offer.strip()], [deflate]
            )
        except ValueError:  # parameters that are no numbers
            accepted = None
        if accepted is None:
            return [], []
        return [(b"sec-websocket-extensions", accepted)], [deflate]


def _size(data: str | bytes) -> int:
    return len(data) if isinstance(data, bytes) or data.isascii() else len(data.encode())


def _whole(parts: list[Any]) -> str | bytes:
    """Return the parts of a message as one; they are all text or all bytes."""
    return b"".join(parts) if isinstance(parts[0], bytes) else "".join(parts)


def _short(reason: str) -> str:
    """Return *reason* as it fits into a control frame (RFC 6455, section 5.5)."""
    return reason.encode()[:123].decode("utf-8", "ignore")
