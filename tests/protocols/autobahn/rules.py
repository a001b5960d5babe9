"""RFC 6455's rules for frames as cases: what is sent, and what must come back from an echo.

Each case is for both sides; only the mask is not the same.

Read next: test_rules.py
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

__all__ = ["COMPRESSED", "GROUPS", "Case", "Frame", "Listener", "goodbye"]

MORE, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\x12\x34\x56\x78"


class Frame(NamedTuple):
    """A frame; *size* is how its length is written (7, 16, 64 bits), 0 for as it should be."""

    opcode: int
    payload: bytes = b""
    last: bool = True
    reserved: int = 0
    size: int = 0
    length: int = -1  # said, instead of the payload's

    def encode(self, masked: bool) -> bytes:
        """Return the frame's bytes."""
        length = len(self.payload) if self.length < 0 else self.length
        size = self.size or (7 if length < 126 else 16 if length < 1 << 16 else 64)
        first = self.last << 7 | self.reserved << 4 | self.opcode
        second = masked << 7 | {7: length, 16: 126, 64: 127}[size]
        head = struct.pack("!BB", first, second)
        if size > 7:
            head += length.to_bytes(size // 8)
        if not masked:
            return head + self.payload
        mask = MASK * (len(self.payload) // 4 + 1)
        body = bytes(a ^ b for a, b in zip(self.payload, mask, strict=False))
        return head + MASK + body


#: A message or pong that came back, as its opcode and payload; of a close frame only the code.
Heard: TypeAlias = tuple[int, bytes]


class Case(NamedTuple):
    """Frames, what is answered, and the close code at the end, None for an empty close frame.

    When there are answers, `goodbye` is said after the last of them.
    """

    name: str
    frames: list[Frame]
    answers: list[Heard]
    code: int | None = 1000


class Listener:
    """Takes the bytes of the other side; says what they say, fragments joined and inflated.

    heard: messages and pongs.  code: of the close frame; -1 as long as there is none.
    """

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.code: int | None = -1
        self._data = b""
        self._parts: list[Frame] = []
        self._inflate = zlib.decompressobj(wbits=-15)

    def take(self, data: bytes) -> bool:
        """Take bytes; return whether the close frame was among them."""
        self._data += data
        while (frame := self._next()) is not None:
            if frame.opcode == CLOSE:
                self.code = int.from_bytes(frame.payload[:2]) if frame.payload else None
                return True
            if frame.opcode == PONG:
                self.heard.append((PONG, frame.payload))
            else:
                self._join(frame)
        return False

    def _join(self, frame: Frame) -> None:
        assert (frame.opcode == MORE) == bool(self._parts), "out of order"
        self._parts.append(frame)
        if frame.last:
            first, body = self._parts[0], b"".join(part.payload for part in self._parts)
            if first.reserved:
                body = self._inflate.decompress(body + b"\0\0\xff\xff")
            self.heard.append((first.opcode, body))
            self._parts.clear()

    def _next(self) -> Frame | None:
        """Return the next frame if all of it is there, the mask taken away."""
        data = self._data
        if len(data) < 2:
            return None
        length, at = data[1] & 0x7F, 2
        if length > 125:
            width = 2 if length == 126 else 8
            length, at = int.from_bytes(data[2 : 2 + width]), 2 + width
        mask = bytes(4)
        if data[1] & 0x80:
            mask, at = data[at : at + 4], at + 4
        if len(data) < at + length:
            return None
        body = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data[at : at + length]))
        self._data = data[at + length :]
        return Frame(data[0] & 15, body, bool(data[0] & 128), data[0] >> 4 & 7)


def echoed(name: str, *sent: Frame) -> Case:
    """Return a case of one message that comes back, after pongs for the pings in it."""
    pongs = [(PONG, frame.payload) for frame in sent if frame.opcode == PING]
    data = [frame for frame in sent if frame.opcode in (MORE, TEXT, BINARY)]
    message = [(data[0].opcode, b"".join(frame.payload for frame in data))] if data else []
    return Case(name, list(sent), pongs + message)


def goodbye(code: int = 1000, reason: bytes = b"") -> Frame:
    """Return a close frame."""
    return Frame(CLOSE, code.to_bytes(2) + reason)


def wrong(name: str, code: int, *sent: Frame) -> Case:
    """Return a case in which a rule is broken."""
    return Case(name, list(sent), [], code)


def sizes() -> Iterator[Case]:
    """Yield messages of every way to write a length, and lengths that are wrong."""
    for size in (0, 1, 125, 126, 127, 65535, 65536, 70_000):
        for opcode in (TEXT, BINARY):
            yield echoed(f"{size} bytes of {opcode}", Frame(opcode, b"x" * size))
    yield wrong("16 bits for 5", 1002, Frame(TEXT, b"12345", size=16))
    yield wrong("64 bits for 200", 1002, Frame(TEXT, b"x" * 200, size=64))
    yield wrong("64 bits, negative", 1002, Frame(TEXT, b"x", size=64, length=1 << 63))


def reserved() -> Iterator[Case]:
    """Yield bits and opcodes that mean nothing."""
    for opcode in (TEXT, BINARY, PING, PONG, CLOSE):
        payload = b"\x03\xe8" if opcode == CLOSE else b"x"
        for bits in range(1, 8):
            name = f"bits {bits} in {opcode}"
            yield wrong(name, 1002, Frame(opcode, payload, reserved=bits))
    yield wrong("bit in a fragment", 1002, Frame(TEXT, b"a", last=False), Frame(0, reserved=4))
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        for payload in (b"", b"x"):
            yield wrong(f"opcode {opcode} {payload!r}", 1002, Frame(opcode, payload))


def control() -> Iterator[Case]:
    """Yield pings and pongs, between messages and inside them."""
    for size in (0, 1, 125):
        yield echoed(f"ping of {size}", Frame(PING, b"\xff" * size), Frame(TEXT, b"x"))
    for opcode in (PING, PONG, CLOSE):
        payload = b"\x03\xe8" + b"x" * 124
        yield wrong(f"{opcode} of 126", 1002, Frame(opcode, payload))
        yield wrong(f"{opcode} in fragments", 1002, Frame(opcode, payload[:9], last=False))
    yield echoed("pong unasked", Frame(PONG, b"x"), Frame(TEXT, b"x"))
    parts = Frame(TEXT, b"a", last=False), Frame(PING, b"1"), Frame(MORE, b"b", last=False)
    yield echoed("pings inside", *parts, Frame(PING, b"2"), Frame(PONG), Frame(MORE, b"c"))
    yield echoed("many pings", *(Frame(PING, b"%d" % number) for number in range(50)))


def fragments() -> Iterator[Case]:
    """Yield messages in pieces, in order and out of it."""
    start, middle, end = (Frame(TEXT, b"a", False), Frame(MORE, b"b", False), Frame(MORE, b"c"))
    for opcode in (TEXT, BINARY):
        first = Frame(opcode, b"a", False)
        yield echoed(f"three of {opcode}", first, middle, end)
        yield echoed(f"empty ones of {opcode}", Frame(opcode, b"", False), middle, Frame(MORE))
        yield wrong(f"{opcode} inside", 1002, start, Frame(opcode, b"x"))
        yield wrong(f"{opcode} begun inside", 1002, start, middle, first)
    yield echoed("a hundred", start, *[middle] * 100, end)
    yield wrong("nothing to go on with", 1002, end)
    yield wrong("nothing to go on with, and more", 1002, middle)
    yield wrong("goes on after the end", 1002, end, start)


#: What is UTF-8, though it may not look so, and what is none.
GOOD = [
    "κόσμε \0 €𝔸👋",
    "\ud7ff\ue000\uffff\U0010ffff\ufffe\ufdd0\U0001fffe",
    "\x7f\x80\u07ff\u0800\U00010000",
]
BAD = [
    b"\x80",
    b"\xbf\xbf",
    b"\xfe",
    b"\xff",
    b"\xc0\xaf",
    b"\xc1\xbf",
    b"\xe0\x80\xaf",
    b"\xe0\x9f\xbf",
    b"\xf0\x80\x80\xaf",
    b"\xf0\x8f\xbf\xbf",
    b"\xf8\x88\x80\x80\x80",
    b"\xfc\x84\x80\x80\x80\x80",
    b"\xed\xa0\x80",
    b"\xed\xaf\xbf\xed\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xc3\x28",
    b"\xe2\x28\xa1",
    b"\xe2\x82\x28",
    b"\xf0\x28\x8c\xbc",
    b"\xf0\x90\x28\xbc",
    b"\xf0\x90\x8c\x28",
    b"\xce\xba\xed\xa0\x80edited",
]
#: The beginnings of characters, with nothing after them.
HALF = [b"\xc3", b"\xe2", b"\xe2\x82", b"\xf0", b"\xf0\x90\x8c", b"\xf4\x8f\xbf"]


def texts() -> Iterator[Case]:
    """Yield text whole and cut between any two bytes, good and bad."""
    for text in GOOD:
        data = text.encode()
        for cut in range(len(data) + 1):
            parts = Frame(TEXT, data[:cut], False), Frame(MORE, data[cut:])
            yield echoed(f"{text!a} cut at {cut}", *parts)
    for data in (*BAD, *HALF):
        yield wrong(f"{data!r}", 1007, Frame(TEXT, b"good " + data))
        yield echoed(f"{data!r}, not text", Frame(BINARY, data))
        for cut in range(len(data) + 1):
            parts = Frame(TEXT, data[:cut], False), Frame(MORE, data[cut:])
            yield wrong(f"{data!r} cut at {cut}", 1007, *parts)
    for data in BAD:  # it need not be waited for the end to know
        yield wrong(f"{data!r} and no end", 1007, Frame(TEXT, data, False))


def closing() -> Iterator[Case]:
    """Yield close frames."""
    allowed = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    for code in allowed:
        yield Case(f"{code}", [goodbye(code, b"why")], [], code)
    for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535):
        yield wrong(f"{code}", 1002, goodbye(code))
    yield Case("no code", [Frame(CLOSE)], [], None)
    yield wrong("half a code", 1002, Frame(CLOSE, b"\x03"))
    yield Case("long reason", [goodbye(1000, b"x" * 123)], [], 1000)
    yield wrong("no text", 1007, goodbye(1000, b"\xff"))
    yield wrong("half a character", 1007, goodbye(1000, b"x\xe2\x82"))
    for late in (Frame(TEXT, b"late"), Frame(PING, b"late"), goodbye(4000), Frame(3)):
        yield Case(f"{late.opcode} afterwards", [goodbye(), late], [], 1000)
    yield Case("inside a message", [Frame(TEXT, b"a", False), goodbye(3000)], [], 3000)


def deflated(data: bytes) -> bytes:
    """Return *data* as permessage-deflate has it (RFC 7692, section 7.2.1)."""
    squeeze = zlib.compressobj(wbits=-15)
    return (squeeze.compress(data) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]


def compressed() -> Iterator[Case]:
    """Yield messages for a peer with whom compression was agreed; it answers without."""
    data = deflated("κόσμε €".encode() * 100)
    good = [(TEXT, "κόσμε €".encode() * 100)]
    one = Frame(TEXT, data, reserved=4)
    yield Case("whole", [one], good)
    for cut in range(0, len(data) + 1, 3):
        parts = [Frame(TEXT, data[:cut], False, 4), Frame(MORE, data[cut:])]
        yield Case(f"cut at {cut}", parts, good)
    plain = Frame(TEXT, b"plain"), (TEXT, b"plain")
    yield Case("only some", [one, plain[0], one], [*good, plain[1], *good])
    yield Case("empty", [Frame(TEXT, b"\x00", reserved=4)], [(TEXT, b"")])
    halves = Frame(TEXT, data[:5], False, 4), Frame(MORE, data[5:], reserved=4)
    yield wrong("said twice", 1002, *halves)
    yield wrong("said late", 1002, Frame(TEXT, b"a", False), Frame(MORE, b"b", reserved=4))
    yield wrong("of a ping", 1002, Frame(PING, deflated(b"x"), reserved=4))
    yield wrong("another bit", 1002, Frame(TEXT, data, reserved=6))
    yield wrong("no UTF-8", 1007, Frame(TEXT, deflated(b"\xc0\xaf"), reserved=4))
    yield wrong("half a character", 1007, Frame(TEXT, deflated(b"\xe2\x82"), reserved=4))
    yield wrong("garbage", 1007, Frame(TEXT, b"\xff" * 20, reserved=4))


GROUPS = {
    "sizes": sizes,
    "reserved": reserved,
    "control": control,
    "fragments": fragments,
    "texts": texts,
    "closing": closing,
}
COMPRESSED = {"compressed": compressed}
