"""h2, with the rules of RFC 9113 that it leaves to its user or takes too lightly.

Both ends use it.  Each rule names its section; the cases that fail without it are in
tests/protocols/h2_conformance/, where most came to light.

What h2 4.4 does by itself: anything but SETTINGS may come first; RST_STREAM on an idle
stream is passed over; after GOAWAY every frame is an error, so that what is under way is
lost; a request may announce a body and end with its head; a field block that cannot be
decoded is called a PROTOCOL_ERROR; a frame that is too long (16 MiB can be announced) is
refused when all of it has been kept; and of a field block that does not end 64 frames are
kept, a MiB.  Whenever a stream is opened, it looks at all the others, to count those that
are open; and of every frame it makes a text, for a log.  Where the streams are a client's
own kind (h2_streams.py) what is known of their connection is not looked up.

Read next: http/http2.py
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from h2.connection import (
    AllowedStreamIDs,
    ConnectionInputs,
    ConnectionState,
    H2Connection,
    _decode_headers,
)
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, Event, RequestReceived
from h2.exceptions import (
    DenialOfServiceError,
    FrameTooLargeError,
    ProtocolError,
    StreamClosedError,
    StreamIDTooLowError,
    TooManyStreamsError,
)
from h2.stream import H2Stream
from hpack import HeaderTuple, HPACKError, OversizedHeaderListError
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
)

from .h2_fields import FieldDecoder, FieldEncoder
from .h2_streams import Http2Stream, MalformedError, StreamMalformed, is_for

__all__ = ["CompressionError", "Http2Parser"]

Received: TypeAlias = tuple[list[Frame], list[Event]]

#: So many streams are not worth counting.
_FEW = 16
#: Bytes of a frame before its payload.
_HEADER = 9


class CompressionError(ProtocolError):
    """A field block cannot be decoded (RFC 9113, section 4.3)."""

    error_code = ErrorCodes.COMPRESSION_ERROR


class _Fields(FieldDecoder):
    """Decodes field blocks, and calls a bad one what RFC 9113 calls it."""

    def decode(self, data: bytes, raw: bool = False) -> Iterable[HeaderTuple]:
        try:
            return super().decode(data, raw)
        except OversizedHeaderListError:
            raise  # of which h2 makes ENHANCE_YOUR_CALM
        except (HPACKError, IndexError, TypeError) as error:
            raise CompressionError(f"a field block cannot be decoded: {error}") from error


class Http2Parser(H2Connection):
    """h2's connection, and what it leaves out; raises ProtocolError from `receive_data`."""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        most = self.decoder.max_header_list_size
        self.encoder = FieldEncoder()
        self.decoder = _Fields()
        self.decoder.max_header_list_size = most
        self._begun = False
        self._as_client = is_for(self.config)
        self._enough = 0  # streams, open or not, from which on they are counted again
        #: Frames that were no event: those that come too late, some of which h2 answers.
        self.passed_over = 0
        #: Whether a field block has begun and not ended.
        self.within_head = False

    def receive_data(self, data: Any) -> list[Event]:
        """Take bytes, return events; raise ProtocolError when a GOAWAY is due, and ready."""
        received = super().receive_data(data)
        left = self.incoming_buffer._data
        if len(left) >= _HEADER and int.from_bytes(left[:3], "big") > self.max_inbound_frame_size:
            self._terminate_connection(ErrorCodes.FRAME_SIZE_ERROR)  # section 4.2
            raise FrameTooLargeError("a frame is longer than was allowed")
        head = self.incoming_buffer._headers_buffer
        self.within_head = bool(head)
        if head and sum(len(frame.data) for frame in head) > self.decoder.max_header_list_size:
            self._terminate_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            raise DenialOfServiceError("a field block is longer than all that it may say")
        return received

    def data_to_send(self, amount: int | None = None) -> bytes:
        """Return what is to be sent, or so much of it."""
        return super().data_to_send(amount) if self._data_to_send else b""

    def _prepare_for_sending(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._data_to_send += frame.serialize()
            assert frame.body_len <= self.max_outbound_frame_size

    def _open_streams(self, remainder: int) -> int:
        """Return how many are open, or as many at most, if that is less than may be."""
        known = len(self.streams)
        if known < self._enough:
            ours = remainder == self.config.client_side
            settings = self.remote_settings if ours else self.local_settings
            if known < settings.max_concurrent_streams:
                return known
        count = super()._open_streams(remainder)  # which forgets those that are closed
        left = len(self.streams)
        self._enough = max(left + left // 2 + 1, _FEW)
        return count

    def send_headers(
        self,
        stream_id: int,
        headers: Iterable[Any],
        end_stream: bool = False,
        priority_weight: int | None = None,
        priority_depends_on: int | None = None,
        priority_exclusive: bool | None = None,
    ) -> None:
        """Send a head, or trailers; see h2.  Streams that are its own take no priorities."""
        if not self._as_client:
            priority = priority_weight, priority_depends_on, priority_exclusive
            super().send_headers(stream_id, headers, end_stream, *priority)
            return
        stream: Any = self.streams.get(stream_id)
        if stream is None:
            most = self.remote_settings.max_concurrent_streams
            if self._open_streams(1) >= most:
                raise TooManyStreamsError(f"no more than {most} streams may be open")
            stream = self._begin_new_stream(stream_id, AllowedStreamIDs.ODD)
        if self.state_machine.state is not ConnectionState.CLIENT_OPEN:  # else it stays that
            self.state_machine.process_input(ConnectionInputs.SEND_HEADERS)
        self._data_to_send += stream.head(headers, self.encoder, end_stream)

    def _begin_new_stream(self, stream_id: int, allowed_ids: Any) -> H2Stream:
        stream = super()._begin_new_stream(stream_id, allowed_ids)
        if self._as_client:
            stream.__class__ = Http2Stream  # h2 has no place to say which class it is to be
        return stream

    def _receive_frame(self, frame: Frame) -> list[Event]:
        if not self._begun:  # section 3.4
            if not isinstance(frame, SettingsFrame) or "ACK" in frame.flags:
                raise ProtocolError("the first frame is not SETTINGS")
            self._begun = True
        answers: list[Frame]
        received: list[Event]
        try:
            answers, received = self._frame_dispatch_table[frame.__class__](frame)
        except (StreamClosedError, StreamIDTooLowError) as error:
            answers, received = self._too_late(error)
        except MalformedError as error:
            answers, received = self._malformed(error, frame)
        if answers:
            self._prepare_for_sending(answers)
        if not received:
            self.passed_over += 1
        return received

    def _too_late(self, error: Any) -> Received:
        """Answer a frame on a stream that is over, or raise if that ends the connection."""
        if self._stream_is_closed_by_reset(error.stream_id):  # section 5.1
            answer = RstStreamFrame(error.stream_id)
            answer.error_code = ErrorCodes.STREAM_CLOSED
            return [answer], getattr(error, "_events", [])
        if self._stream_is_closed_by_end(error.stream_id):
            raise StreamClosedError(error.stream_id) from error
        raise error

    def _malformed(self, error: MalformedError, frame: Frame) -> Received:
        """Reset the stream of a malformed response (section 8.1.1)."""
        stream_id = error.stream_id
        self.reset_stream(stream_id, ErrorCodes.PROTOCOL_ERROR)
        if isinstance(frame, DataFrame) and frame.flow_controlled_length:  # nobody will read it
            self.acknowledge_received_data(frame.flow_controlled_length, stream_id)
        return [], [StreamMalformed(stream_id, str(error))]

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> Received:
        event = ConnectionTerminated()  # section 6.8: what was begun may still be finished
        event.error_code = frame.error_code
        event.last_stream_id = frame.last_stream_id
        event.additional_data = frame.additional_data or None
        return [], [event]

    def _receive_rst_stream_frame(self, frame: RstStreamFrame) -> Received:
        ours = frame.stream_id % 2 == self.config.client_side
        highest = self.highest_outbound_stream_id if ours else self.highest_inbound_stream_id
        if frame.stream_id > highest:  # section 6.4
            raise ProtocolError("RST_STREAM on an idle stream")
        return super()._receive_rst_stream_frame(frame)

    def _receive_headers_frame(self, frame: HeadersFrame) -> Received:
        received: Received
        stream: Any = self.streams.get(frame.stream_id) if self._as_client else None
        is_open = self.state_machine.state is ConnectionState.CLIENT_OPEN  # and stays that
        if stream is not None and is_open and "PRIORITY" not in frame.flags:
            headers = _decode_headers(self.decoder, frame.data)
            received = stream.receive_headers(headers, "END_STREAM" in frame.flags, None)
            return received
        received = super()._receive_headers_frame(frame)
        if not self.config.client_side:
            for event in received[1]:
                match event:
                    case RequestReceived() if event.stream_ended and _announces(event.headers):
                        raise ProtocolError("a body was announced, and none came")  # 8.1.1
        return received


def _announces(headers: Any) -> bool:
    """Return whether fields announce a body of one byte or more."""
    return any(name == b"content-length" and int(value) for name, value in headers)
