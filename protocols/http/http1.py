"""HTTP/1.1 on a server's connection, driven by h11 (RFC 9112).

h11 parses and writes; here is what it leaves to its user: the order of a pipeline, when
to read and when not, what the deadlines are, and how a connection ends.

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
    The parser holds one message: what comes after it waits in ``buffer``, and is looked at
    when the response is complete and the client has taken most of it.
    A request that waits for its body is in ``body`` even if its response is complete.

Read next: http2.py
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import h11

from .events import Headers, InformationalResponse, Request
from .exchange import Exchange
from .framing import Framing, Refused, check_fields, end_of_head, framing_of
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
        self.limits = limits = wire.limits
        self.parser = h11.Connection(
            h11.SERVER, max_incomplete_event_size=limits.header_block + limits.target
        )
        self.buffer = bytearray()
        self.state = "head"
        self.exchange: Exchange | None = None
        self._framing: Framing | None = None
        self._chunked = False
        self._last = False  # no request comes after this one
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
        self.parser.receive_data(bytes(buffer[:end]))
        del buffer[:end]
        event = self.parser.next_event()
        assert isinstance(event, h11.Request)
        self._begin(event)
        return True

    def _begin(self, event: h11.Request) -> None:
        headers = list(event.headers)
        version = event.http_version
        check_fields(headers, version)
        if event.method == b"CONNECT":
            raise Refused(501, "this is no proxy")
        self._framing = framing_of(headers, self.limits)
        protocol = _upgrade(event, headers) if self._framing is None else None
        self._requests += 1
        self._last = (
            self.wire.draining or protocol is not None or self._requests == self.limits.requests
        )
        request = Request(
            event.method,
            event.target,
            headers,
            version.decode(),
            self.wire.scheme,
            protocol,
            self.parser.they_are_waiting_for_100_continue,
        )
        self.deadline.clear()
        self.exchange = exchange = Exchange(self, request)
        exchange.on_body_deadline = self._slow_body
        if self._framing is None:
            self.state = "response"
            self.parser.next_event()
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
        self.parser.receive_data(bytes(self.buffer[:size]))
        del self.buffer[:size]
        if self.exchange.state == "ended":
            self._discarded += size
            if self._discarded > self.limits.discard:
                self._close(linger=True)
                return False
        while True:
            event = self.parser.next_event()
            if isinstance(event, h11.Data):
                self.exchange.feed(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                self._body_complete(self.exchange, list(event.headers))
                break
            else:
                break
        return complete

    def _body_complete(self, exchange: Exchange, trailers: Headers) -> None:
        self.state = "response"
        exchange.feed_end(trailers)
        if exchange.state == "ended":
            self._next(exchange)

    def eof_received(self) -> bool:
        """The client sends nothing more; return whether the connection stays open."""
        if self.state == "response" and self.exchange is not None:
            # It may have shut down its side only, and read on; a write will tell.
            self._last = True
            self.exchange.feed_left("the client sends nothing more")
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
        """Tell whether the client takes what it is sent."""
        return not self.wire.writing_paused

    def send_informational(self, exchange: Exchange, response: InformationalResponse) -> None:
        """Send an interim response."""
        event = h11.InformationalResponse(
            status_code=response.status, headers=response.headers, reason=_phrase(response.status)
        )
        self.wire.write(self.parser.send(event) or b"")

    def send(self, exchange: Exchange, data: bytes, end: bool, trailers: Headers) -> None:
        """Send the head if it was not yet, *data*, and the end."""
        if exchange.sink is not None:
            self._send_tunnel(exchange, data, end)
            return
        out = []
        if not exchange.sent_head:
            out.append(self._head(exchange, len(data) if end else None))
        if data:
            out.append(self.parser.send(h11.Data(data=data)) or b"")
        if end:
            last = h11.EndOfMessage(headers=trailers if self._chunked else [])
            out.append(self.parser.send(last) or b"")
        self.wire.write(b"".join(out))
        if end:
            self._response_complete(exchange)

    def _head(self, exchange: Exchange, length: int | None) -> bytes:
        """Return the head of the response; *length* is the body's where it is known."""
        assert exchange.response is not None
        exchange.sent_head = True
        status = exchange.response.status
        headers = self.wire.with_date(exchange.response.headers)
        names = [name for name, _ in headers]
        without_body = exchange.without_body(status)
        framed = without_body or b"content-length" in names or b"transfer-encoding" in names
        if length is not None and not framed:
            headers.append((b"content-length", b"%d" % length))
            framed = True
        self._chunked = not without_body and (not framed or b"transfer-encoding" in names)
        self._chunked = self._chunked and exchange.request.http_version != "1.0"
        self._last = self._last or self.wire.draining or exchange.waits_for_continue
        if self._last and b"connection" not in names:
            headers.append((b"connection", b"close"))
        event = h11.Response(status_code=status, headers=headers, reason=_phrase(status))
        return self.parser.send(event) or b""

    def _send_tunnel(self, exchange: Exchange, data: bytes, end: bool) -> None:
        if not exchange.sent_head:
            assert exchange.response is not None
            exchange.sent_head = True
            headers = [*self.wire.with_date(exchange.response.headers)]
            event = h11.InformationalResponse(
                status_code=101, headers=headers, reason=b"Switching Protocols"
            )
            self.wire.write(self.parser.send(event) or b"")
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
            self._advance()
        elif exchange.waits_for_continue or self._last:
            self._close(linger=True)
        else:
            exchange.discard()

    def _next(self, exchange: Exchange) -> None:
        """Both sides are complete: go on with the next request, or end."""
        self.exchange = None
        exchange.feed_closed(None)
        if self._last or self.parser.our_state is not h11.DONE:
            self._close(linger=bool(self.buffer) or not self.wire.all_sent)
            return
        self.parser.start_next_cycle()
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

    def _slow_body(self) -> None:
        self._refuse(408, "the body came too slowly")

    def _refuse(self, status: int, reason: str) -> None:
        """Answer with *status* if that is still possible, and close."""
        exchange = self.exchange
        self._drop(reason)
        if exchange is not None and exchange.sent_head:
            self.wire.abort()
            return
        text = reason.encode("ascii", "replace") + b"\n"
        self.wire.write(
            b"HTTP/1.1 %d %s\r\ncontent-type: text/plain\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n%s" % (status, _phrase(status), len(text), text)
        )
        self._close(linger=True)

    def _drop(self, reason: str) -> None:
        """Have no exchange any more."""
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            self.wire.finished(exchange)
            exchange.feed_closed(reason)

    def _close(self, linger: bool) -> None:
        """Close; if the client may still be sending, only after it had time to read why.

        To close with unread bytes would be a reset, which may overtake the response.
        """
        self.state = "closing"
        self.buffer.clear()
        self._drop("the connection is closed")
        if linger and self.wire.write_eof():
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
        self.wire.finished(exchange)
        exchange.feed_closed("the response was broken off")
        self.wire.abort()

    def drain(self) -> None:
        """Finish the request at work, and take no other one."""
        if self.state == "head" and not self.buffer:
            self._close(linger=False)
        elif self.exchange is not None and self.exchange.sink is not None:
            self.exchange.sink.draining()


def _upgrade(event: h11.Request, headers: Headers) -> bytes | None:
    """Return what an HTTP/1.1 client wants to upgrade to, if it says so properly."""
    if event.http_version != b"1.1" or event.method != b"GET":
        return None
    tokens = b",".join(value for name, value in headers if name == b"connection").lower()
    if b"upgrade" not in [token.strip() for token in tokens.split(b",")]:
        return None
    offered = [value.strip().lower() for name, value in headers if name == b"upgrade"]
    return b"websocket" if offered == [b"websocket"] else None


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""
