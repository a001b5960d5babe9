"""What a datagram says, how large it may be, when it is sent again, and how it can fail.

    byte      version, 1
    byte      kind: see `Kind`
    16 bytes  the session; the client's own nonce in HELLO and WELCOME
    byte      the slot; the number of slots in WELCOME
    8 bytes   the count of the request within its slot, most significant byte first
    rest      the body

HELLO is filled up to the length of WELCOME, and the server sends at most one datagram, no
longer, to an address that has not shown it can receive: nobody is flooded through it.

Read next: server.py
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = [
    "MAX_BODY",
    "SESSION_BYTES",
    "Kind",
    "Message",
    "NoAnswer",
    "RequestFailed",
    "SessionLost",
    "delays",
]

_VERSION = 1
_HEAD = struct.Struct("!BB16sBQ")
SESSION_BYTES = 16
#: Bytes of a body: with its head it fits every path's datagrams unfragmented (RFC 9000, 14).
MAX_BODY = 1200 - _HEAD.size


class NoAnswer(TimeoutError):
    """No answer came in time: the request was executed once, or not at all."""


class SessionLost(ConnectionError):
    """The server does not know the session any more; the request was executed at most once."""


class RequestFailed(Exception):
    """The server has answered that it could not do it; a handler raises it to say why."""


class Kind(enum.IntEnum):
    """What a datagram is for."""

    HELLO = 1  # client: give me a session
    WELCOME = 2  # server: here it is, in the body
    REQUEST = 3  # client
    ANSWER = 4  # server
    FAILURE = 5  # server: an answer as well; the body is the reason, in UTF-8
    GONE = 6  # server: I do not know this session


@dataclass(frozen=True)
class Message:
    """One datagram, in parts."""

    kind: Kind
    session: bytes
    slot: int = 0
    count: int = 0
    body: bytes = b""

    def encode(self) -> bytes:
        """Return the datagram; ValueError when the body is too large."""
        if len(self.body) > MAX_BODY:
            raise ValueError(f"{len(self.body)} bytes are over the {MAX_BODY} of a body")
        return _HEAD.pack(_VERSION, self.kind, self.session, self.slot, self.count) + self.body

    @classmethod
    def decode(cls, datagram: bytes) -> Message | None:
        """Return what *datagram* says, or None for one that is not of this protocol."""
        if not _HEAD.size <= len(datagram) <= _HEAD.size + MAX_BODY:
            return None
        version, number, session, slot, count = _HEAD.unpack_from(datagram)
        if version != _VERSION or number not in Kind.__members__.values():
            return None
        return cls(Kind(number), session, slot, count, datagram[_HEAD.size :])


def delays(first: float = 0.2, factor: float = 2.0, longest: float = 2.0) -> Iterator[float]:
    """Yield for how many seconds to wait after each attempt: always the same, growing, capped."""
    delay = first
    while True:
        yield min(delay, longest)
        delay = min(delay * factor, longest)
