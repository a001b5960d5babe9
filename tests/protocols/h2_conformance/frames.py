"""The bytes of HTTP/2 frames, right and wrong: what a conformance case sends.

A library that builds frames refuses to build a wrong one, and wrong ones are
the point, so here a frame is what RFC 9113 (4.1) draws and nothing checks it.
(What a peer sends is parsed by hyperframe; see `wire.py`.)

Read next: wire.py
"""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag

__all__ = [
    "MAX_WINDOW",
    "PREFACE",
    "Error",
    "Flag",
    "Setting",
    "Type",
    "continuation",
    "data",
    "dependency",
    "frame",
    "goaway",
    "headers",
    "name_of",
    "ping",
    "priority",
    "promise",
    "reset",
    "settings",
    "window_update",
]

#: What a client says first (RFC 9113, 3.4).
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#: The largest flow-control window (RFC 9113, 6.9.1).
MAX_WINDOW = 2**31 - 1


class Type(IntEnum):
    """The types of frames (RFC 9113, 6), and one that nobody has defined."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9
    UNKNOWN = 0xFF


class Flag(IntFlag):
    """The flags of frames: what a bit means depends on the type."""

    NONE = 0
    ACK = 0x1
    END_STREAM = 0x1
    END_HEADERS = 0x4
    PADDED = 0x8
    PRIORITY = 0x20


class Error(IntEnum):
    """The error codes (RFC 9113, 7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Setting(IntEnum):
    """The settings (RFC 9113, 6.5.2)."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


def name_of(code: int) -> str:
    """Return the name of an error code."""
    return Error(code).name if code in Error.__members__.values() else str(code)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame; a *stream* of 2**31 and more sets the reserved bit."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def data(stream: int, payload: bytes = b"", *, end: bool = True) -> bytes:
    """Return a DATA frame, by default the last one of its stream."""
    return frame(Type.DATA, Flag.END_STREAM if end else 0, stream, payload)


def headers(
    stream: int, block: bytes, *, end: bool = True, complete: bool = True, flags: int = 0
) -> bytes:
    """Return a HEADERS frame; *complete* says that no CONTINUATION is to follow."""
    flags |= (Flag.END_STREAM if end else 0) | (Flag.END_HEADERS if complete else 0)
    return frame(Type.HEADERS, flags, stream, block)


def continuation(stream: int, block: bytes, *, complete: bool = True) -> bytes:
    """Return a CONTINUATION frame."""
    return frame(Type.CONTINUATION, Flag.END_HEADERS if complete else 0, stream, block)


def dependency(on: int, weight: int = 16, *, exclusive: bool = False) -> bytes:
    """Return the five bytes of a priority; *weight* is 1 to 256 (RFC 7540, 6.3)."""
    return struct.pack(">IB", on | (exclusive << 31), weight - 1)


def priority(stream: int, on: int = 0, weight: int = 16, *, exclusive: bool = False) -> bytes:
    """Return a PRIORITY frame."""
    return frame(Type.PRIORITY, 0, stream, dependency(on, weight, exclusive=exclusive))


def reset(stream: int, code: int = Error.CANCEL) -> bytes:
    """Return a RST_STREAM frame."""
    return frame(Type.RST_STREAM, 0, stream, struct.pack(">I", code))


def settings(*pairs: tuple[int, int]) -> bytes:
    """Return a SETTINGS frame; a setting may occur more than once."""
    return frame(Type.SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def promise(stream: int, promised: int, block: bytes) -> bytes:
    """Return a PUSH_PROMISE frame that needs no CONTINUATION."""
    return frame(Type.PUSH_PROMISE, Flag.END_HEADERS, stream, struct.pack(">I", promised) + block)


def ping(payload: bytes, *, ack: bool = False) -> bytes:
    """Return a PING frame."""
    return frame(Type.PING, Flag.ACK if ack else 0, 0, payload)


def goaway(last: int = 0, code: int = Error.NO_ERROR, *, stream: int = 0) -> bytes:
    """Return a GOAWAY frame."""
    return frame(Type.GOAWAY, 0, stream, struct.pack(">II", last, code))


def window_update(stream: int, increment: int) -> bytes:
    """Return a WINDOW_UPDATE frame."""
    return frame(Type.WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))
