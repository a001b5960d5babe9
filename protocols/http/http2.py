"""HTTP/2 on a server's connection, driven by h2 (RFC 9113).

h2 keeps the frames, the windows and the states of streams; here is what it leaves to its
user: one writer that takes turns among the streams, credit that follows what applications
consume, what a client may do only so often, and how a connection ends.

States of a connection
    open   -- drain: GOAWAY with no last stream --> warned
           -- client sends GOAWAY ----------------> last
           -- error, abuse, idle -----------------> closing
    warned -- PING answered: GOAWAY again --------> last
           -- error, abuse -----------------------> closing
    last   -- no stream left ---------------------> closing
           -- error, abuse -----------------------> closing

Invariants
    A stream is among the turns if it may have something to send; whoever takes it out
    sends one frame at most and puts it back behind its equals (see priorities.py).
    A stream that waits for the client's credit, and only such a one, has a deadline.
    An exchange is in ``_waiting`` until its application is started.

Read next: websocket.py
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from h2 import events
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from hyperframe.frame import GoAwayFrame

from .abuse import CONTROL, SMALL, Account
from .events import Headers, InformationalResponse, Response
from .exchange import Exchange
from .http2_heads import CONNECTION_HEADERS, new_parser, read_request
from .limits import Deadline
from .outbound import Outbound
from .priorities import NO_RFC7540_PRIORITIES, PRIORITY_UPDATE, Priorities

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["TRANSITIONS", "Http2"]

TRANSITIONS = (
    ("open", "drain: GOAWAY with no last stream", "warned"),
    ("open", "client sends GOAWAY", "last"),
    ("open", "error, abuse, idle", "closing"),
    ("warned", "PING answered: GOAWAY again", "last"),
    ("warned", "error, abuse", "closing"),
    ("last", "no stream left", "closing"),
    ("last", "error, abuse", "closing"),
)

_NO_LAST_STREAM = 2**31 - 1
#: What a connection's window is before anything is said of it (section 6.9.2).
_FIRST_WINDOW = 65535
_DRAIN_PING = b"draining"
#: Seconds that a client has to answer that PING.
_ROUND_TRIP = 1.0
# Bytes parsed at a time.
_SLICE = 16 * 1024


class Http2:
    """Drives one connection; see `exchange.Driver` for what exchanges ask of it."""

    def __init__(self, wire: Connection) -> None:
        self.wire = wire
        self.loop = wire.loop
        self.limits = limits = wire.limits
        self.state = "open"
        self.streams: dict[int, Outbound] = {}
        self.account = Account(limits, self.loop.time, self._overdrawn)
        self.parser = new_parser(limits.streams, limits.header_block)
        if limits.connection_window > _FIRST_WINDOW:
            self.parser.increment_flow_control_window(limits.connection_window - _FIRST_WINDOW)
        self.priorities = Priorities(limits.streams)
        self._sent = 0  # bytes of bodies
        self._flush_due = False
        self._running = 0
        self._waiting: deque[Exchange] = deque()
        self._requests = 0
        self._idle = Deadline(self.loop, self._late)
        self._idle.set(wire.header_deadline - self.loop.time())
        self._head = Deadline(self.loop, self._overdrawn)
        self._within_head = False
        self._round_trip = Deadline(self.loop, self._say_last)
        self._handlers: dict[type[events.Event], Any] = {
            events.RequestReceived: self._request,
            events.DataReceived: self._data,
            events.StreamEnded: self._stream_ended,
            events.TrailersReceived: self._trailers,
            events.StreamReset: self._reset,
            events.WindowUpdated: self._window,
            events.RemoteSettingsChanged: self._settings,
            events.PingReceived: lambda event: self.account.spend(CONTROL),
            events.PingAckReceived: self._ping_answered,
            events.SettingsAcknowledged: lambda event: self.account.spend(SMALL),
            events.PriorityUpdated: lambda event: self.account.minor(),
            events.UnknownFrameReceived: self._unknown,
            events.ConnectionTerminated: self._client_ends,
        }
        self._flush()

    # --- what arrives ----------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        if len(data) <= _SLICE:
            self._take(data)
        else:  # h2 works through all that it is given before anybody can say that it is too much
            for start in range(0, len(data), _SLICE):
                self._take(data[start : start + _SLICE])
        if self.state == "closing":
            return
        if self.parser.within_head is not self._within_head:
            self._within_head = self.parser.within_head
            if self._within_head:
                self._head.set(self.limits.header_timeout)
            else:
                self._head.clear()
        self._flush()
        if self.wire.unsent > 2 * self.limits.outbound + self.limits.control_queue:
            self.wire.abort()  # it asks, and does not read the answers

    def _take(self, data: bytes) -> None:
        if self.state == "closing":
            return
        try:
            received = self.parser.receive_data(data)
        except ProtocolError:
            self._close()  # h2 has a GOAWAY ready that says why
            return
        if self.parser.passed_over:  # honest ones were on their way when the stream was closed
            self.account.minor(self.parser.passed_over)
            self.parser.passed_over = 0
        for event in received:
            handler = self._handlers.get(type(event))
            if handler is not None and self.state != "closing":
                handler(event)

    def _overdrawn(self) -> None:
        self._end_with(ErrorCodes.ENHANCE_YOUR_CALM)

    def _end_with(self, error: int) -> None:
        if self.state != "closing":
            self.parser.close_connection(error)
            self._close()

    def _request(self, event: events.RequestReceived) -> None:
        stream_id = event.stream_id
        if self.state == "last":
            self.parser.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
            self.account.spend(1)
            return
        headers = [(bytes(name), bytes(value)) for name, value in event.headers]
        ended = event.stream_ended is not None
        request, refused = read_request(headers, self.wire.scheme, self.limits.header_fields)
        exchange = Exchange(self, request, stream_id)
        said = [value for name, value in headers if name == b"priority"]
        self.priorities.opened(stream_id, said, self.streams)
        self.streams[stream_id] = stream = Outbound(exchange)
        stream.turn = self._sent
        self._idle.clear()
        if ended:
            exchange.feed_end([])
        elif request.protocol is None:
            exchange.expect_body()
        if refused is not None:
            exchange.respond(Response(refused.status, [(b"content-type", b"text/plain")]))
            exchange.write(refused.reason.encode() + b"\n", end=True)
            self.account.spend(1)
            return
        if event.priority_updated is not None:  # an event of its own
            self.account.allow()
        self._requests += 1
        self._waiting.append(exchange)
        self._start()
        if self._requests == self.limits.requests:
            self._warn()

    def _start(self) -> None:
        """Start as many applications as may run; a client that left meanwhile has none."""
        while self._waiting and self._running < self.limits.running_handlers:
            exchange = self._waiting.popleft()
            if not exchange.over:
                self._running += 1
                self.wire.spawn(exchange, self._application_ended)

    def _application_ended(self) -> None:
        self._running -= 1
        self._start()

    def _data(self, event: events.DataReceived) -> None:
        stream = self.streams.get(event.stream_id)
        size = event.flow_controlled_length
        if not event.data and event.stream_ended is None:
            self.account.spend(1)
        if stream is None:
            self.parser.acknowledge_received_data(size, event.stream_id)
            return
        if size > len(event.data):  # padding is nobody's to consume
            self.parser.acknowledge_received_data(size - len(event.data), event.stream_id)
        if event.data:
            stream.exchange.feed(bytes(event.data))

    def _stream_ended(self, event: events.StreamEnded) -> None:
        stream = self.streams.get(event.stream_id)
        if stream is not None and not stream.exchange.complete:
            stream.exchange.feed_end([])

    def _trailers(self, event: events.TrailersReceived) -> None:
        stream = self.streams.get(event.stream_id)
        if stream is not None:
            stream.exchange.feed_end([(bytes(name), bytes(value)) for name, value in event.headers])

    def _reset(self, event: events.StreamReset) -> None:
        self._forget(event.stream_id, "the client reset the stream")
        self.account.spend(1)

    def _window(self, event: events.WindowUpdated) -> None:
        self.account.minor()
        if event.stream_id:
            stream = self.streams.get(event.stream_id)
            if stream is not None:
                self.priorities.ready(event.stream_id, stream)
        else:
            self.priorities.all_ready(self.streams)

    def _settings(self, event: events.RemoteSettingsChanged) -> None:
        self.priorities.all_ready(self.streams)
        self.account.spend(CONTROL)
        said = event.changed_settings.get(NO_RFC7540_PRIORITIES)
        if said is not None and self.state != "closing":
            try:
                self.priorities.setting(said.new_value, self.streams)
            except ProtocolError as error:
                self._end_with(error.error_code)

    def _unknown(self, event: events.UnknownFrameReceived) -> None:
        self.account.spend(SMALL)
        frame: Any = event.frame
        if frame.type == PRIORITY_UPDATE and self.state != "closing":
            try:
                self.priorities.update(frame.stream_id, frame.body, self.streams)
            except ProtocolError as error:
                self._end_with(error.error_code)

    def _ping_answered(self, event: events.PingAckReceived) -> None:
        if self.state == "warned" and event.ping_data == _DRAIN_PING:
            self._say_last()
        else:
            self.account.spend(SMALL)

    def _client_ends(self, event: events.ConnectionTerminated) -> None:
        self.state = "last"
        self.account.spend(1)
        self._end_if_last()

    def eof_received(self) -> bool:
        """The client sends nothing more: there is no half of an HTTP/2 connection."""
        return False

    def connection_lost(self) -> None:
        """Forget everything."""
        self.state = "closing"
        for deadline in (self._idle, self._head, self._round_trip):
            deadline.close()
        self._waiting.clear()
        for stream_id in list(self.streams):
            self._forget(stream_id, "the client left")

    # --- what is sent ----------------------------------------------------------------------

    def writable(self) -> None:
        """The client took what it was sent."""
        self._flush()

    def has_room(self, exchange: Exchange) -> bool:
        """Tell whether less than the stream may keep is waiting."""
        stream = self.streams.get(exchange.stream_id)
        return stream is None or stream.size < self.limits.outbound

    def consumed(self, exchange: Exchange, size: int) -> None:
        """Give credit for *size* bytes."""
        if self.state != "closing" and exchange.stream_id in self.streams:
            self.parser.acknowledge_received_data(size, exchange.stream_id)
            self._flush_soon()

    def send_informational(self, exchange: Exchange, response: InformationalResponse) -> None:
        """Send an interim response."""
        head = [(b":status", b"%d" % response.status), *response.headers]
        self.parser.send_headers(exchange.stream_id, head)
        self._flush_soon()

    def send(self, exchange: Exchange, data: bytes, end: bool, trailers: Headers) -> None:
        """Queue the head if it was not yet, *data*, and the end."""
        stream = self.streams[exchange.stream_id]
        if not exchange.sent_head:
            exchange.sent_head = True
            assert exchange.response is not None
            head = self.wire.with_date(exchange.response.headers)
            fields = [(b":status", b"%d" % exchange.response.status)]
            fields += [field for field in head if field[0] not in CONNECTION_HEADERS]
            for name, value in head:
                if name == b"priority":
                    self.priorities.answered(exchange.stream_id, stream, value)
            bare = end and not data and not trailers
            self.parser.send_headers(exchange.stream_id, fields, end_stream=bare)
            stream.done = bare
        stream.put(data, end, trailers)
        self.priorities.ready(exchange.stream_id, stream)
        self._flush_soon()

    def _flush_soon(self) -> None:
        # What several applications send in one turn of the loop leaves in one write.
        if not self._flush_due:
            self._flush_due = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Write what streams have and clients take: a frame of each in turn."""
        self._flush_due = False
        queued = 0
        priorities = self.priorities
        while not self.wire.writing_paused and self.state != "closing":
            turn = priorities.turns.take()
            if turn is None:
                break
            stream_id, stream = turn
            sent = self._send_frame(stream)
            if stream.done:
                self._complete(stream)
            elif sent:
                priorities.ready(stream_id, stream)
            queued += sent
            if queued >= self.limits.outbound:
                self.wire.write(self.parser.data_to_send())
                queued = 0
        self.wire.write(self.parser.data_to_send())

    def _send_frame(self, stream: Outbound) -> int:
        """Send one frame of *stream*, if the client gave credit; return its size."""
        stream_id = stream.exchange.stream_id
        if stream.done:
            return 0
        if not stream.size:
            if stream.ended:
                self._send_end(stream)
            return 0
        window = self.parser.local_flow_control_window(stream_id)
        if window <= 0:
            stream.wait_for_credit(self._stalled)
            return 0
        self.account.sent(window, stream.size)
        data = stream.take(min(window, self.parser.max_outbound_frame_size))
        self._sent += len(data)
        stream.turn = self._sent
        last = stream.ended and not stream.size and not stream.trailers
        self.parser.send_data(stream_id, data, end_stream=last)
        stream.done = last
        stream.exchange.made_room()
        return len(data)

    def _send_end(self, stream: Outbound) -> None:
        stream_id = stream.exchange.stream_id
        if stream.trailers:
            self.parser.send_headers(stream_id, stream.trailers, end_stream=True)
        else:
            self.parser.end_stream(stream_id)
        stream.done = True

    def _complete(self, stream: Outbound) -> None:
        """The response was sent; tell a client that still sends that it need not."""
        exchange = stream.exchange
        if not exchange.complete and not exchange.over:
            self.parser.reset_stream(exchange.stream_id, ErrorCodes.NO_ERROR)
        self._forget(exchange.stream_id, None)

    # --- how streams end -------------------------------------------------------------------

    def _forget(self, stream_id: int, reason: str | None) -> None:
        stream = self.streams.pop(stream_id, None)
        if stream is None:
            return
        self.priorities.closed(stream_id)
        stream.close()
        unread = stream.exchange.unread
        if unread and self.state != "closing":
            self.parser.acknowledge_received_data(unread, stream_id)
        stream.exchange.feed_closed(reason)
        self.wire.finished(stream.exchange)
        if not self.streams and self.state != "closing":
            self._idle.set(self.limits.keep_alive)
            self._end_if_last()

    def _break_off(
        self, exchange: Exchange, reason: str, code: ErrorCodes = ErrorCodes.CANCEL
    ) -> None:
        if exchange.stream_id in self.streams and self.state != "closing":
            self.parser.reset_stream(exchange.stream_id, code)
            self._forget(exchange.stream_id, reason)
            self._flush_soon()

    def too_slow(self, exchange: Exchange) -> None:
        """Reset a stream whose body did not come in time."""
        self._break_off(exchange, "the body came too slowly")
        self.account.spend(1)

    def _stalled(self, stream: Outbound) -> None:
        exchange, limits = stream.exchange, self.limits
        own = self.parser.streams.get(exchange.stream_id)
        has_own = own is not None and own.outbound_flow_control_window > 0
        if has_own and self._sent - stream.turn >= limits.write_stall * limits.body_rate:
            # Others, whose turn it was, had the credit of the connection.
            stream.turn = self._sent
            stream.wait_again()
            return
        self._break_off(exchange, "the client gave no credit", ErrorCodes.CANCEL)
        self.account.spend(1)

    def abort(self, exchange: Exchange) -> None:
        """Reset the stream: the client sees that the response is incomplete."""
        self._break_off(exchange, "the response was broken off", ErrorCodes.INTERNAL_ERROR)

    # --- how the connection ends -----------------------------------------------------------

    def drain(self) -> None:
        """Finish the requests at work, and take no other ones."""
        self._warn()
        for stream in list(self.streams.values()):
            if stream.exchange.sink is not None:
                stream.exchange.sink.draining()

    def _warn(self) -> None:
        """Say that streams not yet on their way come too late, then finish the others."""
        if self.state == "open":
            self.state = "warned"
            self._goaway(_NO_LAST_STREAM)
            self.parser.ping(_DRAIN_PING)
            self._flush()
            self._round_trip.set(_ROUND_TRIP)

    def _say_last(self) -> None:
        if self.state == "warned":
            self.state = "last"
            self._goaway(self.parser.highest_inbound_stream_id)
            self._end_if_last()

    def _goaway(self, last_stream: int) -> None:
        # h2 would take its own GOAWAY for the end of everything.
        self._flush()
        self.wire.write(GoAwayFrame(0, last_stream_id=last_stream).serialize())

    def _end_if_last(self) -> None:
        if self.state == "last" and not self.streams:
            self._flush()
            self._close()

    def _late(self) -> None:
        if self.state == "closing":
            self.wire.abort()
        elif self.wire.all_sent:
            self.parser.close_connection()
            self._close()
        else:
            self._idle.set(self.limits.keep_alive)

    def _close(self) -> None:
        """Send what h2 has to say last, and close."""
        self.state = "closing"
        self._head.close()
        self.wire.write(self.parser.data_to_send())
        for stream_id in list(self.streams):
            self._forget(stream_id, "the connection is closed")
        if self.wire.write_eof():
            self._idle.set(self.limits.linger)
        else:
            self._idle.close()
            self.wire.close()
