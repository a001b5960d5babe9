"""Where an HTTP/1.1 message ends, and what is refused before a parser sees it.

h11 parses; what it is lenient about is refused here (RFC 9112, sections 2.2, 5.2, 6, 7.1):
a bare CR or LF, folded lines, long chunk lines, and heads that are long though they come
in one piece.  Since the end of each message is known here, h11 is given one message at a
time, and the next one of a pipeline stays outside until its turn comes.

Read next: http1.py
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from .events import Headers
from .limits import Limits

__all__ = [
    "Chunked",
    "Counted",
    "Framing",
    "Refused",
    "check_fields",
    "end_of_head",
    "first_line",
    "framing_of",
    "origin_form",
    "special_fields",
]

# A CR without LF, an LF without CR, or a line that goes on after a space (obs-fold).
_ODD = re.compile(rb"\r[^\n]|(?<!\r)\n|\n[ \t]")
_VERSION = re.compile(rb"[^ ]+ [^ ]+ HTTP/(\d)\.(\d)\Z")
_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,16}(?:[ \t]*;[^\r\n\0]*)?\Z")
# RFC 3986, section 3.2.2, and a port: none of /?#@\ and no white space.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+,;=-]*|\[[0-9A-Fa-f:.vV]+\])(?::[0-9]*)?\Z")
# A target in absolute form: the authority, and what comes after it.
_URL = re.compile(rb"(?i:https?)://([^/?#]+)([^#]*)\Z")

_SPECIAL = frozenset(
    b"connection content-length cookie expect host transfer-encoding upgrade".split()
)

#: Values by names; of fields that say something about the message or the connection.
Special: TypeAlias = dict[bytes, list[bytes]]


@dataclass
class Refused(Exception):
    """The request is refused with *status*, and the connection closed."""

    status: int
    reason: str


class Framing(Protocol):
    """Tells where a body ends."""

    def take(self, buffer: bytearray) -> tuple[int, bool]:
        """Return how many bytes of *buffer* are the body's, and whether it ends there."""


class Counted:
    """A body of *length* bytes (Content-Length)."""

    def __init__(self, length: int) -> None:
        self._left = length

    def take(self, buffer: bytearray) -> tuple[int, bool]:
        """Return how many bytes of *buffer* are the body's, and whether it ends there."""
        size = min(self._left, len(buffer))
        self._left -= size
        return size, not self._left


class Chunked:
    """A chunked body (RFC 9112, section 7.1), trailers included."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = 0  # of a chunk and the line end after it
        self._trailers = False
        self._trailer_bytes = 0
        self._trailer_fields = 0

    def take(self, buffer: bytearray) -> tuple[int, bool]:
        """Return how many bytes of *buffer* are the body's, and whether it ends there.

        Raises Refused.
        """
        position = 0
        while position < len(buffer):
            if self._left:
                size = min(self._left, len(buffer) - position)
                self._left -= size
                position += size
                continue
            line = self._line(buffer, position)
            if line is None:
                break
            position += len(line) + 2
            if not self._trailers:
                self._begin_chunk(line)
            elif not line:
                return position, True
            else:
                self._trailer(line)
        return position, False

    def _line(self, buffer: bytearray, start: int) -> bytes | None:
        limit = self._limits.header_block if self._trailers else self._limits.chunk_line
        end = buffer.find(b"\n", start, start + limit + 2)
        if end < 0:
            if len(buffer) - start >= limit + 2:
                raise Refused(400, "a line in a chunked body is too long")
            if b"\r" in buffer[start:-1]:
                raise Refused(400, "a line in a chunked body does not end in CR LF")
            return None
        line = bytes(buffer[start : end - 1])
        if end == start or buffer[end - 1] != 13 or b"\r" in line:
            raise Refused(400, "a line in a chunked body does not end in CR LF")
        return line

    def _begin_chunk(self, line: bytes) -> None:
        if not _CHUNK.match(line):
            raise Refused(400, "not the size of a chunk")
        size = int(line.partition(b";")[0], 16)
        self._trailers = not size
        self._left = size + 2 if size else 0

    def _trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line)
        self._trailer_fields += 1
        if line[0] in b" \t":
            raise Refused(400, "a folded trailer")
        if (
            self._trailer_bytes > self._limits.header_block
            or self._trailer_fields > self._limits.header_fields
        ):
            raise Refused(431, "too many trailers")


def end_of_head(buffer: bytearray, searched: int, limits: Limits) -> int:
    """Return where the head in *buffer* ends, or 0 if it does not yet.

    Args:
        buffer: what came, without empty lines before it.
        searched: how much of it was looked at before.
        limits: sizes.

    Raises Refused.
    """
    end = buffer.find(b"\r\n\r\n", max(0, searched - 3))
    size = end + 4 if end >= 0 else len(buffer)
    if _ODD.search(buffer, max(0, searched - 2), size):
        raise Refused(400, "a bare CR or LF, or a folded line")
    line = buffer.find(b"\r\n", 0, limits.target + 2)
    if line < 0 and len(buffer) > limits.target + 1:
        raise Refused(414, "the target is too long")
    if size > limits.header_block:
        raise Refused(431, "the head is too long")
    if end < 0:
        return 0
    if buffer.count(b"\r\n", line, size) - 2 > limits.header_fields:
        raise Refused(431, "too many header fields")
    version = _VERSION.match(buffer[:line])
    if not version:
        raise Refused(400, "not a request line")
    if version[1] != b"1" or version[2] not in (b"0", b"1"):
        raise Refused(505, "HTTP/1.0 and HTTP/1.1 are spoken here")
    return size


def first_line(buffer: bytearray, limits: Limits) -> tuple[bytes, bytes]:
    """Return the method and the target with which *buffer* begins; each empty if it is none."""
    words = bytes(buffer[: max(0, buffer.find(b"\r\n", 0, limits.target + 2))]).split(b" ")
    return (words[0], words[1]) if len(words) == 3 else (b"", b"")


def origin_form(method: bytes, target: bytes, headers: Headers) -> bytes:
    """Return the path and query of *target*, which may be a whole URL (RFC 9112, section 3.2).

    What a URL says of the host is put into *headers*, in place of what they said.  Raises
    Refused for what is neither path nor URL, nor ``*`` after OPTIONS.
    """
    if target.startswith(b"/") or (method, target) == (b"OPTIONS", b"*"):
        return target
    url = _URL.match(target)
    if url is None:
        raise Refused(400, "not a target")
    if not _HOST.match(url[1]):
        raise Refused(400, "not a Host")
    headers[:] = [(b"host", url[1]), *(field for field in headers if field[0] != b"host")]
    return url[2] if url[2].startswith(b"/") else b"/" + url[2]


def special_fields(headers: Headers) -> Special:
    """Return the values of those fields that say something about the message itself."""
    special: Special = {}
    for name, value in headers:
        if name in _SPECIAL:
            if name in special:
                special[name].append(value)
            else:
                special[name] = [value]
    return special


def check_fields(special: Special, version: bytes) -> None:
    """Refuse what two parsers could understand differently (RFC 9112, sections 3.2 and 6.1).

    Raises Refused.
    """
    if b"transfer-encoding" in special and (b"content-length" in special or version == b"1.0"):
        raise Refused(400, "two ways to tell the length of the body")
    hosts = special.get(b"host")
    if hosts is not None:
        if len(hosts) > 1:
            raise Refused(400, "more than one Host")
        if not _HOST.match(hosts[0]):
            raise Refused(400, "not a Host")


def framing_of(special: Special, limits: Limits) -> Framing | None:
    """Return where the body of a request will end, or None if it has none."""
    if b"transfer-encoding" in special:
        return Chunked(limits)
    lengths = special.get(b"content-length")
    return Counted(int(lengths[0])) if lengths is not None and int(lengths[0]) else None
