"""A connection that speaks HTTP/2 (RFC 9113), driven by h2: many exchanges at a time.

States, of one stream
    asked     -- response head ------------> answering
              -- reset, given up, failed --> gone
    answering -- end of stream ------------> gone
              -- reset, given up, failed --> gone

Invariants
    asked, answering  in ``_streams``; the owner counts it in ``busy``
    gone              not there any more; if it was we who ended it, it has been reset

The server gets credit for what has been read, not for what has arrived.  The window of
the connection is as large as those of all streams together: a stream that nobody reads
holds up none of the others.  After GOAWAY the streams that the server will not look at
fail as unprocessed, and are retried elsewhere; the others go on.

Read next: racing.py
"""

from __future__ import annotations

import asyncio
from collections.abc import ValuesView
from typing import Any

import h2.config
import h2.events
import h2.exceptions
import h2.settings
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from ..h2_rules import Http2Parser
from ..h2_streams import StreamMalformed
from .connection import Connection
from .errors import BadMessage, Disconnected, TooLarge
from .exchange import Exchange, Head
from .http1_heads import check_size
from .http2_heads import check_greeting, head_of, response_head
from .messages import Field, Origin, Request
from .settings import Limits
from .tunnel import Tunnel, TunnelProtocol

__all__ = ["TRANSITIONS", "Http2Connection"]

TRANSITIONS = (
    ("asked", "response head", "answering"),
    ("asked", "reset, given up, failed", "gone"),
    ("answering", "end of stream", "gone"),
    ("answering", "reset, given up, failed", "gone"),
)

#: What a stream may receive before somebody reads it.
STREAM_WINDOW = 256 * 1024
#: Credit for what was received on streams that are over is given when it is so much.
OWED = STREAM_WINDOW // 4
#: Answers to what the server sent that it does not read: more than that is an attack.
UNREAD_ANSWERS = 1024 * 1024


class Http2Connection(Connection):
    """HTTP/2 to one origin."""

    multiplexed = True
    http_version = "HTTP/2"

    def __init__(self, origin: Origin, limits: Limits, owner: Any) -> None:
        super().__init__(origin, limits, owner)
        self._streams: dict[int, Exchange] = {}
        self._tunnels: set[Tunnel] = set()
        self._settings_known: asyncio.Future[None] = self.loop.create_future()
        self._arrivals = 0
        self._greeting = b""
        self._greeted = False
        self._owed = 0
        self._silent = False  # nothing is to be said when it is closed
        self._flush_due = False
        # What is sent was checked and put into lower case by `head_of`, what is received is
        # checked by `h2_streams`.
        config = h2.config.H2Configuration(
            client_side=True,
            header_encoding=None,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
            validate_inbound_headers=False,
            normalize_inbound_headers=False,
        )
        self._h2 = Http2Parser(config)
        self._on_event = {
            h2.events.ResponseReceived: self._on_response,
            h2.events.InformationalResponseReceived: self._on_informational,
            h2.events.DataReceived: self._on_data,
            h2.events.TrailersReceived: self._on_trailers,
            h2.events.StreamEnded: self._on_stream_ended,
            h2.events.StreamReset: self._on_stream_reset,
            StreamMalformed: self._on_malformed,
            h2.events.ConnectionTerminated: self._on_goaway,
            h2.events.WindowUpdated: self._on_room,
            h2.events.RemoteSettingsChanged: self._on_room,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the preface and the settings."""
        super().connection_made(transport)
        connection = self._h2
        connection.local_settings = h2.settings.Settings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
                SettingCodes.MAX_HEADER_LIST_SIZE: 2 * self.limits.header_bytes,
            },
        )
        connection.initiate_connection()
        window = max(self.limits.streams, 1) * STREAM_WINDOW
        connection.increment_flow_control_window(window - 65535)
        self._flush()

    def room(self) -> bool:
        """Tell whether one more stream would fit: as many as the server and the limits allow."""
        allowed = min(self._h2.remote_settings.max_concurrent_streams, self.limits.streams)
        return self.usable and self.busy < allowed

    def exchanges(self) -> ValuesView[Exchange]:
        """Return those of all streams."""
        return self._streams.values()

    def _flush(self) -> None:
        """Hand over to the transport what h2 has to send."""
        self._flush_due = False
        data = self._h2.data_to_send()
        if data and not self.transport.is_closing():
            self.transport.write(data)
            if self.transport.get_write_buffer_size() > UNREAD_ANSWERS:
                self.fail(BadMessage("the server asks for answers and does not read them"))
                self.close(abort=True)

    # --- sending -------------------------------------------------------------------------

    def start(self, exchange: Exchange) -> None:
        """Send the head, and the body with it if the windows allow."""
        request = exchange.request
        try:
            head = head_of(request)
        except ValueError:
            exchange.over = True
            self.release()
            raise
        try:
            if not self.usable:
                raise h2.exceptions.NoAvailableStreamIDError
            stream_id = self._h2.get_next_available_stream_id()
            more = request.protocol is not None or request.trailers is not None
            whole = request.content == b"" and not more
            self._h2.send_headers(stream_id, head, end_stream=whole)
        except (h2.exceptions.TooManyStreamsError, h2.exceptions.NoAvailableStreamIDError) as error:
            exchange.on_error(Disconnected("no stream can be opened any more", unprocessed=True))
            if isinstance(error, h2.exceptions.NoAvailableStreamIDError):
                self.retire()
            self.release()
            return
        exchange.stream_id = stream_id
        exchange.mark = self._arrivals
        self._streams[stream_id] = exchange
        if not whole and request.protocol is None:
            self._begin_body(exchange)
        if len(self._streams) == 1:
            self._flush()  # who asks alone waits for nobody
        elif not self._flush_due:  # what is asked for in one turn of the loop leaves in one write
            self._flush_due = True
            self.loop.call_soon(self._flush)

    def _begin_body(self, exchange: Exchange) -> None:
        """Send the body, now if the windows allow."""
        content = exchange.request.content
        later = exchange.waiting or exchange.request.trailers is not None
        window = self._window(exchange.stream_id)
        if isinstance(content, bytes) and len(content) <= window and not later:
            self._h2.send_data(exchange.stream_id, content, end_stream=True)
        else:
            exchange.upload()

    async def can_tunnel(self) -> bool:
        """Wait for the server's settings; tell whether it takes tunnels (RFC 8441 3).

        Raises:
            Disconnected: there were none.
        """
        if not self._settings_known.done():
            await asyncio.wait([self._settings_known, self.lost], return_when="FIRST_COMPLETED")
        if self.closed or not self._settings_known.done():
            raise Disconnected("the server closed the connection before its settings came")
        return bool(self._h2.remote_settings.enable_connect_protocol)

    def tunnel(self, request: Request, protocol: TunnelProtocol) -> Tunnel:
        """Ask for a tunnel, for which the owner has counted one more in ``busy``.

        Raises:
            ValueError: the request is malformed; nothing was sent.
        """
        tunnel = Tunnel(self, request, protocol)
        self.served += 1
        self.start(tunnel)
        if tunnel.stream_id in self._streams:
            self._tunnels.add(tunnel)
        return tunnel

    def _window(self, stream_id: int) -> int:
        """Return how much may be sent in one frame now."""
        connection = self._h2
        window: int = connection.local_flow_control_window(stream_id)
        return max(0, min(window, connection.max_outbound_frame_size))

    async def send(self, exchange: Exchange, data: bytes) -> None:
        """Send *data*, frame by frame, as the server gives credit; streams take turns."""
        seconds = exchange.timeouts.write
        while data:
            limit = None if seconds is None else self.loop.time() + seconds
            while not (window := self._window_of(exchange)):
                await self.wait_to_write(
                    None if limit is None else max(0.0, limit - self.loop.time())
                )
            self._h2.send_data(exchange.stream_id, data[:window])
            data = data[window:]
            self._flush()
            await self.room_to_write(seconds)
            if len(self._streams) > 1:
                await asyncio.sleep(0)

    def sendable(self, tunnel: Tunnel) -> int:
        """Return how much of *tunnel* may be sent in one frame now."""
        if self._paused_writing or self.closed or tunnel.stream_id not in self._streams:
            return 0
        try:
            return self._window(tunnel.stream_id)
        except h2.exceptions.ProtocolError:
            return 0  # it has been reset, which comes next among the events

    def send_now(self, tunnel: Tunnel, data: bytes, *, end: bool) -> None:
        """Send *data*, which is no more than `sendable`, and the end."""
        try:
            if data:
                self._h2.send_data(tunnel.stream_id, data)
        except h2.exceptions.ProtocolError:
            return  # as above
        if end:
            self._end(tunnel.stream_id)
        self._flush()

    def resume_writing(self) -> None:
        """Let everybody look again at what may be sent."""
        super().resume_writing()
        for tunnel in list(self._tunnels):
            tunnel.pump()

    def _window_of(self, exchange: Exchange) -> int:
        """Return `_window`, if the stream is still there."""
        if self.closed or exchange.stream_id not in self._streams:
            raise Disconnected("the stream was closed while sending")
        return self._window(exchange.stream_id)

    def finish(self, exchange: Exchange, trailers: list[Field]) -> None:
        """End the stream on this side, with *trailers*."""
        self._window_of(exchange)
        if trailers:
            self._h2.send_headers(exchange.stream_id, trailers, end_stream=True)
        else:
            self._h2.end_stream(exchange.stream_id)
        self._flush()

    # --- receiving -----------------------------------------------------------------------

    def data_received(self, data: bytes | memoryview) -> None:
        """Feed the exchanges with what has arrived for them."""
        if self.closed:
            return
        self._arrivals += 1
        if not self._greeted:
            data = self._greeting = self._greeting + data
            if len(data) < 9:
                return
            self._greeted = True
        try:
            if self._greeting:
                check_greeting(data)
                self._greeting = b""
            events = self._h2.receive_data(data)
        except h2.exceptions.ProtocolError as error:
            self._break(BadMessage(f"not HTTP/2 as it should be: {error}"))
            return
        for event in events:
            if (handler := self._on_event.get(type(event))) is not None:
                handler(event)
        self._flush()

    def _on_response(self, event: Any) -> None:
        exchange = self._streams.get(event.stream_id)
        if exchange is not None:
            try:
                status, fields = response_head(event.headers, self.limits)
            except TooLarge as error:
                exchange.give_up(error)
            else:
                exchange.on_head(Head(status, b"", fields, "HTTP/2"))

    def _on_informational(self, event: Any) -> None:
        exchange = self._streams.get(event.stream_id)
        if exchange is not None:
            try:
                exchange.on_interim(*response_head(event.headers, self.limits))
            except (BadMessage, TooLarge) as error:
                exchange.give_up(error)

    def _on_data(self, event: Any) -> None:
        exchange = self._streams.get(event.stream_id)
        credit = event.flow_controlled_length
        if exchange is not None and event.data:
            exchange.on_data(event.data, credit)
        elif credit:
            self._h2.acknowledge_received_data(credit, event.stream_id)

    def _on_trailers(self, event: Any) -> None:
        exchange = self._streams.get(event.stream_id)
        if exchange is not None:
            try:
                check_size(event.headers, self.limits)
            except TooLarge as error:
                exchange.give_up(error)
            else:
                exchange.trailers = event.headers

    def _on_stream_ended(self, event: Any) -> None:
        exchange = self._take(event.stream_id)
        if exchange is not None:
            if exchange.uploading and exchange.request.protocol is not None:
                self._end(event.stream_id)  # each side of a tunnel ends by itself
            elif exchange.uploading:
                self._reset(event.stream_id)
            exchange.on_end(exchange.trailers)
            self._wake_writers()
            self.release()

    def _on_stream_reset(self, event: Any) -> None:
        exchange = self._take(event.stream_id)
        if exchange is not None:
            refused = event.error_code == ErrorCodes.REFUSED_STREAM
            text = f"the server reset the stream: {_name(event.error_code)}"
            exchange.on_error(Disconnected(text, unprocessed=refused))
            self._wake_writers()
            self.release()

    def _on_malformed(self, event: Any) -> None:
        exchange = self._take(event.stream_id)
        if exchange is not None:
            exchange.on_error(BadMessage(f"the response is malformed: {event.reason}"))
            self._wake_writers()
            self.release()

    def _on_goaway(self, event: Any) -> None:
        """Take no more streams; fail those that the server will not look at."""
        self.retire()
        text = f"the server is going away: {_name(event.error_code)}"
        for stream_id in [each for each in self._streams if each > event.last_stream_id]:
            exchange = self._take(stream_id)
            self._reset(stream_id)
            if exchange is not None:
                exchange.on_error(Disconnected(text, unprocessed=True))
                self.release()

    def _on_room(self, event: Any) -> None:
        """Something may be sent, or opened, that could not be before."""
        self._wake_writers()
        if isinstance(event, h2.events.RemoteSettingsChanged):
            if not self._settings_known.done():
                self._settings_known.set_result(None)
            self.owner.released(self)

    def _wake_writers(self) -> None:
        """Have every writer look again at its window."""
        if not self._paused_writing:
            self.resume_writing()

    def consumed(self, exchange: Exchange, credit: int) -> None:
        """Give the server credit for what was read.

        When a stream is over there is only the window of the connection left to give it for,
        of which a little may be owed.
        """
        if not credit or self.closed:
            return
        if exchange.over:
            self._owed += credit
            if self._owed < OWED:
                return
            credit, self._owed = self._owed, 0
        self._h2.acknowledge_received_data(credit, exchange.stream_id)
        self._flush()

    def eof_received(self) -> bool:
        """End."""
        self._silent = True
        self.fail(Disconnected("the server closed the connection"))
        self.close()
        return False

    # --- the end -------------------------------------------------------------------------

    def _take(self, stream_id: int) -> Exchange | None:
        """Remove and return the exchange of a stream that is over."""
        exchange = self._streams.pop(stream_id, None)
        if isinstance(exchange, Tunnel):
            self._tunnels.discard(exchange)
        return exchange

    def _end(self, stream_id: int) -> None:
        """End our side of a stream."""
        try:
            self._h2.end_stream(stream_id)
        except h2.exceptions.ProtocolError:
            return  # it is closed already

    def _reset(self, stream_id: int) -> None:
        """Tell the server that nobody waits for the stream any more."""
        try:
            self._h2.reset_stream(stream_id, ErrorCodes.CANCEL)
        except h2.exceptions.ProtocolError:
            return  # it is closed already

    def abandon(self, exchange: Exchange) -> None:
        """Reset the stream of *exchange*."""
        if self._take(exchange.stream_id) is not None:
            self._reset(exchange.stream_id)
            self._flush()
            self._wake_writers()
            self.release()

    def fail(self, error: Exception) -> None:
        """Fail every exchange; tell those since whose start nothing at all was received."""
        streams, self._streams = self._streams, {}
        self._tunnels.clear()
        for exchange in streams.values():
            if isinstance(error, Disconnected):
                untouched = exchange.mark == self._arrivals
                exchange.on_error(Disconnected(str(error), nothing_received=untouched))
            else:
                exchange.on_error(error)
        self.busy -= len(streams)

    def _break(self, error: BadMessage) -> None:
        """Fail, say why (h2 has the frame ready), and close."""
        self.fail(error)
        self._flush()
        self._silent = True
        self.close()

    def close(self, *, abort: bool = False) -> None:
        """Close; a server that still listens is told so first (RFC 9113 5.4.1)."""
        if not (self.closed or self._silent or abort or self.transport is None):
            self._silent = True
            self._h2.close_connection()
            self._flush()
        super().close(abort=abort)


def _name(code: Any) -> str:
    """Return how RFC 9113 7 calls an error."""
    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"error {code}"
