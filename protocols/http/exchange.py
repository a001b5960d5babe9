"""One request and its response: where a connection's driver and an application meet.

The driver puts in what arrives and never waits; the application takes it out when it
wants to, and only then is the client given credit for more.  What the application sends
is checked here, once for HTTP/1.1 and HTTP/2: the order of the parts, the characters of
the headers, the length that was promised.

States of the response
    unanswered -- respond ------------> answered
               -- accept a tunnel ----> tunnel
               -- client leaves ------> closed
    answered   -- last byte is sent --> ended
               -- client leaves ------> closed
               -- application fails --> closed
    tunnel     -- last byte is sent --> ended
               -- client leaves ------> closed
    ended      -- both sides done ----> closed

Read next: http1.py
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from .events import (
    Body,
    EndOfBody,
    Headers,
    Inbound,
    InformationalResponse,
    Request,
    Response,
    StreamClosed,
    Trailers,
)
from .fields import clean, promised
from .limits import Deadline, Limits

__all__ = ["TRANSITIONS", "Disconnected", "Driver", "Exchange", "Signal", "Sink"]

TRANSITIONS = (
    ("unanswered", "respond", "answered"),
    ("unanswered", "accept a tunnel", "tunnel"),
    ("unanswered", "client leaves", "closed"),
    ("answered", "last byte is sent", "ended"),
    ("answered", "client leaves", "closed"),
    ("answered", "application fails", "closed"),
    ("tunnel", "last byte is sent", "ended"),
    ("tunnel", "client leaves", "closed"),
    ("ended", "both sides done", "closed"),
)

_BODYLESS = (204, 304)
_PIECES = 256


class Disconnected(ConnectionError):
    """The client left before the response was complete."""


class Signal:
    """Wakes everybody who waits for it at that moment."""

    __slots__ = ("_loop", "_waiters")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiters: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        """Wait for the next `notify`; to be cancelled leaves nothing behind."""
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def notify(self) -> None:
        """Wake those who wait."""
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)


class Sink(Protocol):
    """Takes the bytes of a tunnel as they come, instead of `Exchange.receive`."""

    def data(self, data: bytes) -> None:
        """Take bytes; the sink calls `Exchange.consumed` for them some time."""

    def ended(self, reason: str | None) -> None:
        """Nothing more will come."""

    def writable(self) -> None:
        """There is room again for what is sent."""

    def draining(self) -> None:
        """The server ends: say so to the other side."""


class Driver(Protocol):
    """What an exchange asks of its connection."""

    loop: asyncio.AbstractEventLoop
    limits: Limits

    def send_informational(self, exchange: Exchange, response: InformationalResponse) -> None:
        """Send an interim response."""

    def send(self, exchange: Exchange, data: bytes, end: bool, trailers: Headers) -> None:
        """Send the head if it was not yet, *data*, and the end."""

    def has_room(self, exchange: Exchange) -> bool:
        """Tell whether more should be sent now."""

    def consumed(self, exchange: Exchange, size: int) -> None:
        """Give the client credit for *size* bytes."""

    def too_slow(self, exchange: Exchange) -> None:
        """Refuse the rest of a body that did not come in time."""

    def abort(self, exchange: Exchange) -> None:
        """Break the exchange off, as nothing sensible can be sent any more."""


class Exchange:
    """One request and its response.

    Invariants: ``state`` is as drawn above; ``unread`` counts the bytes put in and not yet
    taken out; the body's deadline runs exactly while the body is incomplete, was asked for,
    and nothing of it is left unread.
    """

    def __init__(self, driver: Driver, request: Request, stream_id: int = 0) -> None:
        self.driver = driver
        self.request = request
        self.stream_id = stream_id
        self.response: Response | None = None
        self.state = "unanswered"
        self.sent_head = False
        self.reported = False  # to whoever keeps a log
        self.complete = False  # the request's side
        self.unread = 0
        self.sent_bytes = 0
        self.sink: Sink | None = None
        self.left = False
        self.reason: str | None = None
        self.room = Signal(driver.loop)
        self._arrived = Signal(driver.loop)
        self._inbox: list[bytes] = []
        self._trailers: Headers = []
        self._told_end = False
        self._continued = not request.expects_continue
        self._left: int | None = None  # of the length that the response promised
        self._body: Deadline | None = None
        self._waited_from = 0.0
        self._spare = 0.0  # seconds the body may still be waited for

    # --- the driver's side: never waits ----------------------------------------------------

    def expect_body(self) -> None:
        """Begin to measure how fast the body comes."""
        self._body = Deadline(self.driver.loop, lambda: self.driver.too_slow(self))
        self._spare = self.driver.limits.body_grace
        if self._continued:
            self._wait_for_body()

    def feed(self, data: bytes) -> None:
        """Put in bytes of the body."""
        self.unread += len(data)
        self._continued = True
        if self._body is not None:
            self._came(len(data), self._body)
        if self.sink is not None:
            self.sink.data(data)
        elif self.state == "ended":
            self.consumed(len(data))
        else:
            self._inbox.append(data)
            if len(self._inbox) == _PIECES:  # small ones take up more room than their bytes
                self._inbox = [b"".join(self._inbox)]
            self._arrived.notify()

    def _came(self, size: int, deadline: Deadline) -> None:
        # Unread bytes stop the clock; to be fast once buys no longer silence later.
        limits = self.driver.limits
        if self._waited_from:
            self._spare -= self.driver.loop.time() - self._waited_from
            self._waited_from = 0.0
            deadline.clear()
        self._spare = min(limits.body_grace, self._spare + size / limits.body_rate)

    def discard(self) -> None:
        """Throw away what was not read, and what comes of the body from now on."""
        if self.unread:
            self._inbox.clear()
            self.consumed(self.unread)

    def feed_end(self, trailers: Headers) -> None:
        """The request is complete."""
        self.complete = True
        self._trailers = trailers
        self._close_deadline()
        if self.sink is not None:
            self.sink.ended(None)
        self._arrived.notify()

    def feed_left(self, reason: str) -> None:
        """The client will send nothing more, but may still read: the application is told."""
        self.left = True
        self.reason = reason
        self._arrived.notify()

    def feed_closed(self, reason: str | None) -> None:
        """The exchange is over; further calls do nothing."""
        if self.state == "closed":
            return
        self.state = "closed"
        self.reason = reason
        self._close_deadline()
        if self.sink is not None:
            self.sink.ended(reason)
        self._arrived.notify()
        self.room.notify()

    def made_room(self) -> None:
        """What waits to send may go on."""
        if self.sink is not None:
            self.sink.writable()
        self.room.notify()

    def _wait_for_body(self) -> None:
        if self._body is not None and not self._waited_from and not self.complete:
            self._waited_from = self.driver.loop.time()
            self._body.set(max(0.0, self._spare))

    def _close_deadline(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    # --- the application's side ------------------------------------------------------------

    @property
    def waits_for_continue(self) -> bool:
        """Whether the client was to be told to send the body, and was not."""
        return not self._continued

    @property
    def open(self) -> bool:
        """Whether the client is still there and the response incomplete."""
        return self.state not in ("ended", "closed")

    @property
    def broken(self) -> bool:
        """Whether it is over though the response is not complete."""
        return self.state == "closed" and self.reason is not None

    @property
    def over(self) -> bool:
        """Whether nothing more will be given or taken."""
        return self.state == "closed"

    def consumed(self, size: int) -> None:
        """Tell that *size* bytes of what was fed were used: the client may send as many."""
        self.unread -= size
        self.driver.consumed(self, size)
        if not self.unread:
            self._wait_for_body()

    def ask_for_body(self) -> None:
        """Let a client begin that waits to be told so (100 Continue)."""
        if not self._continued:
            self._continued = True
            if self.open and not self.sent_head:
                self.driver.send_informational(self, InformationalResponse(100))
            self._wait_for_body()

    async def receive(self) -> Inbound:
        """Return the next part of the request: what there is of the body, as one piece.

        After the end it waits until the exchange is over.  Cancelled, it loses nothing.
        """
        self.ask_for_body()
        while True:
            if self._inbox:
                data = self._inbox[0] if len(self._inbox) == 1 else b"".join(self._inbox)
                self._inbox.clear()
                self.consumed(len(data))
                return Body(data)
            if self.complete and not self._told_end:
                if self._trailers:
                    trailers, self._trailers = self._trailers, []
                    return Trailers(trailers)
                self._told_end = True
                return EndOfBody()
            if self.left or not self.open:
                return StreamClosed(self.reason)
            await self._arrived.wait()

    async def changed(self) -> None:
        """Wait until something comes, or becomes of the exchange; nothing is taken out."""
        await self._arrived.wait()

    def take_end(self) -> bool:
        """Tell whether the body is complete and all taken, so that `receive` need not say so."""
        if self.complete and not self._inbox and not self._trailers:
            self._told_end = True
        return self._told_end

    def inform(self, response: InformationalResponse) -> None:
        """Send an interim response, as 103 Early Hints (RFC 8297).

        Raises RuntimeError after the response, ValueError for bad headers.
        """
        if self.sent_head:
            raise RuntimeError("an interim response comes before the response, not after it")
        if self.open and self.request.http_version != "1.0":
            self.driver.send_informational(
                self, InformationalResponse(response.status, clean(response.headers))
            )

    def respond(self, response: Response) -> None:
        """Begin the response; its head leaves with the first bytes of the body.

        Raises RuntimeError if there is a response already, ValueError for bad headers,
        Disconnected if the client left.
        """
        if self.broken:
            raise Disconnected(self.reason)
        if self.state != "unanswered":
            raise RuntimeError(
                f"this request is answered already, with status {self.status}: "
                "one request has one response"
            )
        headers = clean(response.headers)
        if not 200 <= response.status <= 999:
            raise ValueError(f"{response.status} is not the status of a final response")
        length = promised(headers)
        self._left = None if self.without_body(response.status) else length
        self.response = Response(response.status, headers)
        self.state = "answered"

    def open_tunnel(self, status: int, headers: Headers, sink: Sink) -> None:
        """Accept what the client wants to speak; its bytes go to *sink* from now on.

        Raises RuntimeError if there is a response already, ValueError for bad headers,
        Disconnected if the client left.
        """
        if self.state != "unanswered":
            self.respond(Response(200))  # says what is wrong
        self.response = Response(status, clean(headers))
        self.state = "tunnel"
        self.sink = sink
        self.driver.send(self, b"", False, [])
        for data in self._inbox:
            sink.data(data)
        self._inbox.clear()
        self._arrived.notify()

    @property
    def status(self) -> int:
        """The status of the response, 0 if there is none yet."""
        return self.response.status if self.response is not None else 0

    def without_body(self, status: int) -> bool:
        """Tell whether a response with *status* has no body (RFC 9110, section 6.4.1)."""
        return self.request.method == b"HEAD" or status in _BODYLESS

    def write(self, data: bytes, end: bool = False, trailers: Headers | None = None) -> None:
        """Send *data* without waiting for room.

        Raises as `send` does.
        """
        if self.broken:
            raise Disconnected(self.reason)
        if self.state not in ("answered", "tunnel"):
            raise RuntimeError(
                "the body comes after the head of the response, which was not sent"
                if self.state == "unanswered"
                else "the response has ended: nothing can be sent after its last part"
            )
        if self.state == "closed":
            raise Disconnected(self.reason)
        last = clean(trailers) if trailers else []
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0 or (end and self._left):
                raise RuntimeError("the body is not as long as its Content-Length")
        if self.state == "answered" and self.without_body(self.status):
            data = b""
        self.sent_bytes += len(data)
        if end:
            self.state = "ended"
            self._arrived.notify()
        self.driver.send(self, data, end, last)

    async def send(self, data: bytes, end: bool = False, trailers: Headers | None = None) -> None:
        """Send a part of the body, and wait until there is room for another one.

        Raises RuntimeError before the head, after the end, or if the length is not what was
        promised; Disconnected if the client left.  Cancelled, *data* is still sent.
        """
        self.write(data, end, trailers)
        while self.state in ("answered", "tunnel") and not self.driver.has_room(self):
            await self.room.wait()

    def fail(self) -> None:
        """The application gave no proper response: say 500, or break the response off."""
        if self.state == "closed" or self.state == "ended":
            return
        if self.sent_head:
            self.driver.abort(self)
            return
        text = b"Internal Server Error"
        length = str(len(text)).encode()
        headers = [(b"content-type", b"text/plain"), (b"content-length", length)]
        # In place of the application's, if it had begun one.
        self.response, self.state, self._left = Response(500, headers), "answered", None
        self.write(text, end=True)
