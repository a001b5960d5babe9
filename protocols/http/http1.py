"""HTTP/1.1 on a server's connection, driven by h11 (RFC 9112).

h11 parses; here is what it leaves to its user: the order of a pipeline, when to read and
when not, what the deadlines are, and how a connection ends.

States of a connection
    head     -- head complete ------> body
             -- head without body --> response
             -- refused, draining --> closing
    body     -- body complete ------> response
             -- refused ------------> closing
    response -- response complete --> head
             -- not to be kept -----> closing
             -- tunnel accepted ----> tunnel
    tunnel   -- either side ends ---> closing

Invariants
    A parser is given one message: what comes after it waits in ``buffer``, and is looked at
    when the response is complete and the client has taken most of it.
    A request that waits for its body is in ``body`` even if its response is complete.

Read next: http2.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11

from .events import Headers, InformationalResponse, Request, Response
from .exchange import Exchange
from .framing import (
    Chunked,
    Framing,
    Refused,
    check_fields,
    end_of_head,
    first_line,
    framing_of,
    origin_form,
    special_fields,
)
from .http1_heads import fields, keeps_alive, response_head, status_line, upgrade_of
from .limits import Deadline

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["TRANSITIONS", "Http1"]

TRANSITIONS = (
    ("head", "head complete", "body"),
    ("head", "head without body", "response"),
    ("head", "refused, draining", "closing"),
    ("body", "body complete", "response"),
    ("body", "refused", "closing"),
    ("response", "response complete", "head"),
    ("response", "not to be kept", "closing"),
    ("response", "tunnel accepted", "tunnel"),
    ("tunnel", "either side ends", "closing"),
)


class Http1:
    """Drives one connection; see `exchange.Driver` for what exchanges ask of it."""

    def __init__(self, wire: Connection) -> None:
        self.wire = wire
        self.loop = wire.loop
        self.limits = wire.limits
        self.buffer = bytearray()
        self.state = "head"
        self.exchange: Exchange | None = None
        self._framing: Framing | None = None
        self._parser: h11.Connection | None = None  # of a chunked body
        self._chunked = False  # the response
        self._keep_alive = True
        self._last = False  # no request comes after this one
        self._ended = False  # the client sends nothing more
        self._requests = 0
        self._searched = 0
        self._begun = True  # the first head's time runs from the connection
        self._discarded = 0
        self.deadline = Deadline(self.loop, self._late)
        self.deadline.set(wire.header_deadline - self.loop.time())

    # --- what arrives ----------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        if self.state == "closing":
            self._discard(len(data))
        elif self.state == "tunnel":
            assert self.exchange is not None
            self.exchange.feed(data)
            self._throttle()
        else:
            self.buffer += data
            self._advance()

    def _advance(self) -> None:
        try:
            while (
                self._read_head()
                if self.state == "head"
                else self.state == "body" and self._read_body()
            ):
                pass
        except Refused as refused:
            self._refuse(refused.status, refused.reason)
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint, str(error))
        if self._ended and self.state in ("head", "body") and not self.wire.writing_paused:
            self._close(linger=False)  # the rest of it will not come
        self._throttle()

    def _read_head(self) -> bool:
        buffer = self.buffer
        while buffer.startswith(b"\r\n"):  # RFC 9112, section 2.2
            del buffer[:2]
        if not buffer or self.wire.writing_paused:
            return False
        if not self._begun:
            self._begun = True
            self.deadline.set(self.limits.header_timeout)
        end = end_of_head(buffer, self._searched, self.limits)
        if not end:
            self._searched = len(buffer)
            return False
        most = self.limits.header_block + self.limits.target
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=most)
        parser.receive_data(bytes(buffer[:end]))
        event = parser.next_event()
        assert isinstance(event, h11.Request)
        self._begin(event, parser, end)
        return True

    def _begin(self, event: h11.Request, parser: h11.Connection, size: int) -> None:
        headers = [(name.lower(), value) for name, value in event.headers.raw_items()]
        version = event.http_version
        special = special_fields(headers)
        check_fields(special, version)
        if event.method == b"CONNECT":
            raise Refused(501, "this is no proxy")
        target = origin_form(event.method, event.target, headers)
        del self.buffer[:size]
        self._framing = framing = framing_of(special, self.limits)
        self._parser = parser if isinstance(framing, Chunked) else None
        protocol = upgrade_of(event.method, version, special) if framing is None else None
        self._keep_alive = keeps_alive(version, special.get(b"connection", []))
        self._requests += 1
        self._last = (
            self.wire.draining
            or protocol is not None
            or self._requests == self.limits.requests
            or (self._ended and framing is None and not self.buffer)
        )
        request = Request(
            event.method,
            target,
            headers,
            version.decode(),
            self.wire.scheme,
            protocol,
            parser.they_are_waiting_for_100_continue,
        )
        self.deadline.clear()
        self.exchange = exchange = Exchange(self, request)
        if framing is None:
            self.state = "response"
            exchange.feed_end([])
        else:
            self.state = "body"
            exchange.expect_body()
        self.wire.spawn(exchange)

    def _read_body(self) -> bool:
        assert self._framing is not None
        assert self.exchange is not None
        size, complete = self._framing.take(self.buffer)
        if not size:
            return False
        piece = bytes(self.buffer[:size])
        del self.buffer[:size]
        if self.exchange.state == "ended":
            self._discarded += size
            if self._discarded > self.limits.discard:
                self._close(linger=True)
                return False
        if self._parser is not None:
            self._read_chunks(self.exchange, self._parser, piece)
            return complete
        self.exchange.feed(piece)
        if complete:
            self._body_complete(self.exchange, [])
        return complete

    def _read_chunks(self, exchange: Exchange, parser: h11.Connection, piece: bytes) -> None:
        parser.receive_data(piece)
        while True:
            event = parser.next_event()
            if isinstance(event, h11.Data):
                exchange.feed(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                self._parser = None
                self._body_complete(exchange, list(event.headers))
                return
            else:
                return

    def _body_complete(self, exchange: Exchange, trailers: Headers) -> None:
        self.state = "response"
        exchange.feed_end(trailers)
        if exchange.state == "ended":
            self._next(exchange)

    def eof_received(self) -> bool:
        """The client sends nothing more; return whether the connection stays open.

        It may have shut down its side only, and read on: it is told what it asked before.
        """
        self._ended = True
        if self.state == "response" and self.exchange is not None:
            self._last = self._last or not self.buffer
            self.exchange.feed_left("the client sends nothing more")
            return True
        if self.state == "head" and self.buffer and self.wire.writing_paused:
            return True
        self._drop("the client left")
        return False

    def connection_lost(self) -> None:
        """Forget everything."""
        self.state = "closing"
        self.deadline.close()
        self._drop("the client left")

    # --- when to read ----------------------------------------------------------------------

    def _throttle(self) -> None:
        unread = self.exchange.unread if self.exchange is not None else 0
        waiting = 0 if self.state == "body" else len(self.buffer)
        self.wire.read(self.state == "closing" or max(unread, waiting) < self.limits.inbound)

    def consumed(self, exchange: Exchange, size: int) -> None:
        """Read on when the application has taken enough."""
        if exchange is self.exchange:
            self._throttle()

    def writable(self) -> None:
        """The client took what it was sent."""
        if self.exchange is not None:
            self.exchange.made_room()
        elif self.state == "head":
            self._advance()

    # --- what is sent ----------------------------------------------------------------------

    def has_room(self, exchange: Exchange) -> bool:
        """Tell whether the client takes what it is sent; who is told no waits for its end too."""
        return not self.wire.writing_paused and not self.wire.transport.is_closing()

    def send_informational(self, exchange: Exchange, response: InformationalResponse) -> None:
        """Send an interim response."""
        self.wire.write(status_line(response.status) + fields(response.headers))

    def send(self, exchange: Exchange, data: bytes, end: bool, trailers: Headers) -> None:
        """Send the head if it was not yet, *data*, and the end."""
        if exchange.sink is not None:
            self._send_tunnel(exchange, data, end)
            return
        length = len(data) if end and not trailers else None  # trailers come after chunks
        head = b"" if exchange.sent_head else self._head(exchange, length)
        if self._chunked:
            if data:
                data = b"%x\r\n%s\r\n" % (len(data), data)
            if end:
                data += b"0\r\n" + fields(trailers)
        self.wire.write(head + data)
        if end:
            self._response_complete(exchange)

    def _head(self, exchange: Exchange, length: int | None) -> bytes:
        """Return the head of the response; *length* is the body's where it is known."""
        response = exchange.response
        assert response is not None
        exchange.sent_head = True
        wire = self.wire
        self._last = self._last or wire.draining or exchange.waits_for_continue
        head, self._chunked, last = response_head(
            response,
            wire.server.date(),
            length,
            exchange.request.http_version == "1.0",
            exchange.without_body(response.status),
            self._last or not self._keep_alive,
        )
        self._keep_alive = not last
        return head

    def _send_tunnel(self, exchange: Exchange, data: bytes, end: bool) -> None:
        if not exchange.sent_head:
            assert exchange.response is not None
            exchange.sent_head = True
            headers = self.wire.with_date(exchange.response.headers)
            self.wire.write(status_line(101) + fields(headers))
            self.state = "tunnel"
            early, self.buffer = bytes(self.buffer), bytearray()
            if early:
                exchange.feed(early)
        if data:
            self.wire.write(data)
        if end:
            self.wire.finished(exchange)
            exchange.feed_closed(None)
            self._close(linger=True)

    def _response_complete(self, exchange: Exchange) -> None:
        self.wire.finished(exchange)
        if self.state == "response":
            self._next(exchange)
            if self.buffer:
                self._advance()
            else:
                self._throttle()
        elif exchange.waits_for_continue or self._last:
            self._close(linger=True)
        else:
            exchange.discard()

    def _next(self, exchange: Exchange) -> None:
        """Both sides are complete: go on with the next request, or end."""
        self.exchange = None
        exchange.feed_closed(None)
        if self._last or not self._keep_alive or (self._ended and not self.buffer):
            self._close(linger=bool(self.buffer) or not self.wire.all_sent)
            return
        self.state = "head"
        self._searched = self._discarded = 0
        self._begun = False
        self.deadline.set(self.limits.keep_alive)

    # --- how it ends -----------------------------------------------------------------------

    def _late(self) -> None:
        if self.state == "closing":
            self.wire.abort()
        elif not self.wire.all_sent:
            self.deadline.set(self.limits.keep_alive)  # what was sent is still on its way
        elif self.buffer:
            self._refuse(408, "the head did not come in time")
        else:
            self._close(linger=False)

    def too_slow(self, exchange: Exchange) -> None:
        """Refuse the rest of a body that did not come in time."""
        self._refuse(408, "the body came too slowly")

    def _refuse(self, status: int, reason: str) -> None:
        """Answer with *status* if that is still possible, and close."""
        exchange = self.exchange
        if exchange is None:  # there is one for whoever keeps a log
            exchange = self.exchange = Exchange(
                self, Request(*first_line(self.buffer, self.limits), [])
            )
        if exchange.sent_head:
            self._drop(reason)
            self.wire.abort()
            return
        text = reason.encode("ascii", "replace") + b"\n"
        exchange.response, exchange.sent_head = Response(status), True
        exchange.sent_bytes = len(text)
        self.wire.finished(exchange)
        self._drop(reason)
        self.wire.write(
            b"%scontent-type: text/plain\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n%s" % (status_line(status), len(text), text)
        )
        self._close(linger=True)

    def _drop(self, reason: str) -> None:
        """Have no exchange any more."""
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.feed_closed(reason)
            self.wire.finished(exchange)

    def _close(self, linger: bool) -> None:
        """Close; if the client may still be sending, only after it had time to read why.

        To close with unread bytes would be a reset, which may overtake the response.
        """
        self.state = "closing"
        self.buffer.clear()
        self._drop("the connection is closed")
        if linger and not self._ended and self.wire.write_eof():
            self._discarded = 0
            self.deadline.set(self.limits.linger)
            self.wire.read(True)
        else:
            self.deadline.close()
            self.wire.close()

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > 16 * self.limits.discard:
            self.wire.abort()

    def abort(self, exchange: Exchange) -> None:
        """Break the response off: the client sees that it is incomplete."""
        exchange.feed_closed("the response was broken off")
        self.wire.finished(exchange)
        self.wire.abort()

    def drain(self) -> None:
        """Finish the request at work, and take no other one."""
        if self.state == "head" and not self.buffer:
            self._close(linger=False)
        elif self.exchange is not None and self.exchange.sink is not None:
            self.exchange.sink.draining()
