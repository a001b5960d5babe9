"""Which stream is written next: what clients say of it (RFC 9218), and taking turns.

A client says how urgent a response is, from 0 to 7, and whether parts of it are of use
before it is whole (incremental): in the header ``priority``, and later, or even before the
request, in a frame PRIORITY_UPDATE.  The application may correct it with the same header
in its response (section 8).  What is more urgent goes first.  Of what is equally urgent
the incremental streams take turns, frame by frame; the others go one after the other, in
the order of their requests, and have one turn together, so that neither kind starves.

The RFC's default is urgency 3, not incremental.  It is taken for clients that show that
they know it, by a word about any stream or by SETTINGS_NO_RFC7540_PRIORITIES; the streams
of all others take turns.  The tree of RFC 7540 is not built: PRIORITY frames are passed
over (RFC 9113, section 5.3.2), which the server says in its own SETTINGS.

Invariants
    No more is kept of streams that are not open yet than there may be streams.
    Place 0 among the turns is that of those in order; it is there if there are any.

Read next: http2_heads.py
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from h2.exceptions import FrameDataMissingError, ProtocolError

from .outbound import Outbound

__all__ = ["NO_RFC7540_PRIORITIES", "PRIORITY_UPDATE", "Priorities", "Priority", "Turns", "read"]

#: The type of the frame (section 7.1) and the setting (section 2.1.1).
PRIORITY_UPDATE = 0x10
NO_RFC7540_PRIORITIES = 0x9

#: A longer field value is not looked at; ``u=3, i`` is what there is to say.
_LONGEST = 256

# Structured fields (RFC 8941): a dictionary's members, which are well formed as a whole or
# nothing is said at all (section 4.2).
_KEY = r"[a-z*][a-z0-9_.*-]*"
_BARE = (
    r"(?:-?[0-9]{1,15}(?![0-9.])|-?[0-9]{1,12}\.[0-9]{1,3}(?![0-9])"
    r'|"(?:[ !#-\[\]-~]|\\["\\])*"'
    r"|[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*|:[A-Za-z0-9+/=]*:|\?[01])"
)
_PARAMETERS = rf"(?:; *{_KEY}(?:={_BARE})?)*"
_ITEM = rf"{_BARE}{_PARAMETERS}"
_LIST = rf"\( *(?:{_ITEM}(?: +{_ITEM})* *)?\)"
_MEMBER = re.compile(rf"({_KEY})(=(?:({_BARE})|{_LIST}))?{_PARAMETERS}[ \t]*")
_INTEGER = re.compile(r"-?[0-9]+")
_COMMA = re.compile(r",[ \t]*(?=[a-z*])")


class Priority(NamedTuple):
    """How urgent a response is, 0 being the most, and whether parts of it are of use."""

    urgency: int = 3
    incremental: bool = False


#: What section 4 takes for what is not said.
DEFAULT = Priority()
#: What is taken for clients that never say anything.
_SILENT = Priority(3, True)


def read(value: bytes, otherwise: Priority = DEFAULT) -> Priority | None:
    """Return what a field value says, or None if it is none (RFC 9218, section 4).

    Args:
        value: of the header ``priority`` or of a PRIORITY_UPDATE.
        otherwise: what holds for what it does not say.
    """
    if len(value) > _LONGEST or not value.isascii():
        return None
    text = value.decode().strip(" ")
    urgency, incremental = otherwise
    position = 0
    while position < len(text):
        member = _MEMBER.match(text, position)
        if member is None:
            return None
        position = member.end()
        if position < len(text):
            comma = _COMMA.match(text, position)
            if comma is None:
                return None
            position = comma.end()
        key, said = member[1], (member[3] or "") if member[2] else "?1"
        if key == "u" and _INTEGER.fullmatch(said) and 0 <= int(said) <= 7:
            urgency = int(said)
        elif key == "i" and said in ("?0", "?1"):
            incremental = said == "?1"
    return Priority(urgency, incremental)


class Turns:
    """Streams that may have something to send."""

    def __init__(self) -> None:
        self._levels: dict[int, _Level] = {}  # by urgency, the most urgent first

    def add(self, stream_id: int, stream: Outbound, priority: Priority) -> None:
        """Put *stream* behind its equals, unless it is among them."""
        level = self._levels.get(priority.urgency)
        if level is None:
            level = self._levels[priority.urgency] = _Level()
            self._levels = dict(sorted(self._levels.items()))
        if priority.incremental:
            level.turns.setdefault(stream_id, stream)
        else:
            level.ordered[stream_id] = stream
            level.turns.setdefault(0, None)

    def discard(self, stream_id: int) -> None:
        """Take a stream out, wherever it is."""
        for level in self._levels.values():
            level.turns.pop(stream_id, None)
            if level.ordered.pop(stream_id, None) is not None and not level.ordered:
                del level.turns[0]

    def take(self) -> tuple[int, Outbound] | None:
        """Remove and return the stream whose turn it is, or None if there is none."""
        for level in self._levels.values():
            if level.turns:
                return level.take()
        return None


class _Level:
    """Streams that are equally urgent."""

    __slots__ = ("ordered", "turns")

    def __init__(self) -> None:
        self.ordered: dict[int, Outbound] = {}
        self.turns: dict[int, Outbound | None] = {}

    def take(self) -> tuple[int, Outbound]:
        place, stream = next(iter(self.turns.items()))
        del self.turns[place]
        if stream is not None:
            return place, stream
        first = min(self.ordered)
        stream = self.ordered.pop(first)
        if self.ordered:
            self.turns[0] = None
        return first, stream


class Priorities:
    """What a client said of its streams, those included that it did not open yet.

    Args:
        streams: how many it may have.
    """

    def __init__(self, streams: int) -> None:
        self._most = streams
        self._unsaid = _SILENT
        self._said: dict[int, Priority] = {}
        self._early: dict[int, Priority] = {}  # of streams to come
        self._highest = 0
        self._setting: int | None = None
        self.turns = Turns()

    def of(self, stream_id: int) -> Priority:
        """Return what holds for a stream."""
        return self._said.get(stream_id, self._unsaid)

    def ready(self, stream_id: int, stream: Outbound) -> None:
        """Let a stream have its turns until it was taken."""
        self.turns.add(stream_id, stream, self._said.get(stream_id, self._unsaid))

    def all_ready(self, streams: dict[int, Outbound]) -> None:
        """Let *streams* have their turns, those first that had none for the longest time."""
        for stream in sorted(streams.values(), key=_last_turn):
            self.ready(stream.exchange.stream_id, stream)

    def opened(self, stream_id: int, header: list[bytes], streams: Iterable[int]) -> None:
        """A request came, with these values of the header ``priority``.

        A PRIORITY_UPDATE that came before it outweighs it (section 7).
        """
        self._highest = stream_id
        early = None
        if self._early:
            early = self._early.pop(stream_id, None)
            for passed in [each for each in self._early if each < stream_id]:
                del self._early[passed]  # it can be opened no more
        said = early or (read(b", ".join(header)) if header else None)
        if said is not None:
            self._speaks(streams)
            self._said[stream_id] = said

    def _speaks(self, streams: Iterable[int]) -> None:
        """The client knows the scheme; what was taken for *streams*, which it has, stays."""
        if self._unsaid is _SILENT:
            self._unsaid = DEFAULT
            for stream_id in streams:
                self._said.setdefault(stream_id, _SILENT)

    def answered(self, stream_id: int, stream: Outbound, value: bytes) -> None:
        """The application's response has a header ``priority`` too (section 8)."""
        said = read(value, self.of(stream_id))
        if said is not None:
            self._move(stream_id, stream, said)

    def closed(self, stream_id: int) -> None:
        """Forget a stream."""
        self._said.pop(stream_id, None)
        self.turns.discard(stream_id)

    def update(self, frame_stream: int, payload: bytes, streams: dict[int, Outbound]) -> None:
        """Take a PRIORITY_UPDATE (section 7.1); raise ProtocolError if it is none.

        Args:
            frame_stream: the stream that the frame was sent on, 0 if it is right.
            payload: of the frame.
            streams: those that are open.
        """
        if frame_stream:
            raise ProtocolError("PRIORITY_UPDATE is not sent on a stream")
        if len(payload) < 4:
            raise FrameDataMissingError("PRIORITY_UPDATE has no stream")
        stream_id = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
        if not stream_id or stream_id % 2 == 0:
            raise ProtocolError("PRIORITY_UPDATE of what is no request")
        early = stream_id > self._highest
        full = len(self._early) + len(streams) >= self._most
        if early and full and stream_id not in self._early:
            raise ProtocolError("PRIORITY_UPDATE of more streams than there may be")
        said = read(payload[4:])
        if said is None:
            return
        self._speaks(streams)
        if early:
            self._early[stream_id] = said
        elif stream_id in streams:
            self._move(stream_id, streams[stream_id], said)

    def _move(self, stream_id: int, stream: Outbound, said: Priority) -> None:
        self._said[stream_id] = said
        self.turns.discard(stream_id)
        self.turns.add(stream_id, stream, said)

    def setting(self, value: int, streams: Iterable[int]) -> None:
        """Take SETTINGS_NO_RFC7540_PRIORITIES; raise ProtocolError if it is none."""
        if value not in (0, 1) or self._setting not in (None, value):
            raise ProtocolError("SETTINGS_NO_RFC7540_PRIORITIES is 0 or 1, and stays so")
        self._setting = value
        if value:
            self._speaks(streams)


def _last_turn(stream: Outbound) -> int:
    return stream.turn
