"""A stream of HTTP/2 as a client has it: h2's, which looks at what is said on it once.

h2 sends each field through nine generators, byte by byte, and makes of every malformed
message an error of the connection.  Here a response is checked by the same rules, in one
pass, and a malformed one is an error of its stream (RFC 9113, section 8.1.1): that is reset,
and the others go on.  What is sent was checked, and put into bytes, by whoever sends it.

It is for clients whose h2 is configured to validate and to normalise nothing.

Read next: h2_rules.py
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from h2.config import H2Configuration
from h2.errors import ErrorCodes
from h2.events import Event, TrailersReceived
from h2.exceptions import InvalidBodyLengthError, ProtocolError
from h2.stream import H2Stream, StreamInputs
from hpack.table import HeaderTable
from hyperframe.frame import ContinuationFrame, HeadersFrame

__all__ = ["Http2Stream", "MalformedError", "StreamMalformed", "is_for"]

#: Fields that say something about an HTTP/1.1 connection (section 8.2.2).
OF_CONNECTIONS = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
#: Flags of HEADERS and CONTINUATION (section 6.2), and how every frame begins.
END_STREAM, END_HEADERS = 0x1, 0x4
_FRAME = struct.Struct(">BHBBL")
NAME = re.compile(rb"[!-9;-@\[-~]+")
VALUE = re.compile(rb"(?:[^\0\r\n\t ](?:[^\0\r\n]*[^\0\r\n\t ])?)?")
STATUS = re.compile(rb"[1-9][0-9][0-9]")
#: Names of which it is known that they are well-formed, and may be in a response.
KNOWN = frozenset(
    name
    for name, _ in HeaderTable.STATIC_TABLE
    if NAME.fullmatch(name) and name not in OF_CONNECTIONS
)
#: Statuses of responses without content, whatever length they tell (section 8.1.1).
EMPTY = frozenset((b"204", b"304"))


class MalformedError(ProtocolError):
    """A response is malformed, which its stream dies of, and no other."""

    def __init__(self, stream_id: int, reason: str) -> None:
        super().__init__(reason)
        self.stream_id = stream_id
        self.error_code = ErrorCodes.PROTOCOL_ERROR


@dataclass
class StreamMalformed(Event):
    """The response on a stream is malformed; the stream has been reset.

    Attributes:
        stream_id: of the stream.
        reason: what is wrong with it.
    """

    stream_id: int
    reason: str


def flaw_of(headers: Iterable[Any], *, trailers: bool) -> str | None:
    """Return what is wrong with the fields of a response, or with its *trailers*.

    The source is RFC 9113, sections 8.2 and 8.3.
    """
    fields = iter(headers)
    if not trailers:
        name, value = next(fields, (b"", b""))
        if name != b":status" or not STATUS.fullmatch(value):
            return "it does not begin with a status"
    for name, value in fields:
        if name not in KNOWN:
            if not NAME.fullmatch(name):
                return f"{name!r} cannot be the name of a field there"
            if name in OF_CONNECTIONS or (name == b"te" and value.lower() != b"trailers"):
                return f"there is no {name.decode()} in HTTP/2"
        if not VALUE.fullmatch(value):
            return f"{value!r} cannot be the value of a field"
    return None


def is_for(config: H2Configuration) -> bool:
    """Tell whether h2 is configured so that streams can be of the kind here."""
    return config.client_side and not (
        config.validate_outbound_headers
        or config.normalize_outbound_headers
        or config.validate_inbound_headers
        or config.normalize_inbound_headers
        or config.header_encoding
    )


def frame_of(kind: int, flags: int, stream_id: int, payload: bytes) -> bytes:
    """Return a frame (section 4.1)."""
    size = len(payload)
    return _FRAME.pack(size >> 16, size & 0xFFFF, kind, flags, stream_id) + payload


class Http2Stream(H2Stream):
    """One stream; what is not said here is h2's."""

    def head(self, headers: Iterable[Any], encoder: Any, end_stream: bool) -> bytes:
        """Return a head, or trailers, as they are sent: HEADERS, and what goes on with it."""
        machine = self.state_machine
        machine.process_input(StreamInputs.SEND_HEADERS)
        if end_stream:
            machine.process_input(StreamInputs.SEND_END_STREAM)
        elif machine.trailers_sent:
            raise ProtocolError("trailers do not end the stream")
        block = encoder.encode(headers)  # last, as it cannot be undone
        if self.request_method is None:
            said = dict(headers)
            self._authority = said.get(b":authority")
            self.request_method = said.get(b":method")
        most = self.max_outbound_frame_size or len(block)
        kind, flags = HeadersFrame.type, END_STREAM if end_stream else 0
        sent = b""
        while len(block) > most:
            sent += frame_of(kind, flags, self.stream_id, block[:most])
            kind, flags, block = ContinuationFrame.type, 0, block[most:]
        return sent + frame_of(kind, flags | END_HEADERS, self.stream_id, block)

    def receive_headers(
        self, headers: Any, end_stream: bool, header_encoding: Any
    ) -> tuple[list[Any], list[Event]]:
        """Take in a head, or trailers; raise MalformedError."""
        machine = self.state_machine
        if not machine.client:
            raise ProtocolError("a server opened a stream")  # section 5.1.1
        status = headers[0][1] if headers and headers[0][0] == b":status" else b""
        interim = status.startswith(b"1")
        events = machine.process_input(
            StreamInputs.RECV_INFORMATIONAL_HEADERS if interim else StreamInputs.RECV_HEADERS
        )
        event: Any = events[0]
        trailers = type(event) is TrailersReceived
        flaw = flaw_of(headers, trailers=trailers)
        if interim and (end_stream or status == b"101"):  # for which see section 8.6
            flaw = "an interim response is the last, or 101"
        elif trailers and not end_stream:
            flaw = "trailers do not end it"
        if flaw is not None:
            raise MalformedError(self.stream_id, flaw)
        if not interim:
            self._measure(headers, status, end_stream)
        if end_stream:
            ended: list[Any] = machine.process_input(StreamInputs.RECV_END_STREAM)
            event.stream_ended = ended[0]
            events += ended
        event.headers = headers
        return [], events

    def _measure(self, headers: Any, status: bytes, end_stream: bool) -> None:
        """Look how long the body is to be, or, after trailers, whether it was that long."""
        if status:
            try:
                self._initialize_content_length(headers)
            except ProtocolError as error:
                raise MalformedError(self.stream_id, str(error)) from None
            if status in EMPTY:
                self._expected_content_length = 0
            elif self.request_method == b"CONNECT" and status.startswith(b"2"):
                self._expected_content_length = None  # RFC 9110, section 9.3.6
        if end_stream:
            try:
                self._track_content_length(0, end_stream)
            except InvalidBodyLengthError as error:
                raise MalformedError(self.stream_id, str(error)) from None

    def receive_data(
        self, data: bytes, end_stream: bool, flow_control_len: int
    ) -> tuple[list[Any], list[Event]]:
        """Take in a piece of the body; raise MalformedError."""
        if self.open and not self.state_machine.headers_received:
            raise MalformedError(self.stream_id, "its body comes first")
        try:
            return super().receive_data(data, end_stream, flow_control_len)
        except InvalidBodyLengthError as error:
            raise MalformedError(self.stream_id, str(error)) from None
