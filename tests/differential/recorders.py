"""Protocols that note every call, and sometimes do something about it.

What they do is said in words such as ``"data:echo eof:keep"``: an event, and what to do.
"""

from __future__ import annotations

import asyncio
from typing import Any

from .stage import Boom
from .values import plain

#: How often a protocol reacts: two that answer one another would never end.
REACTIONS = 3


def blob(size: int) -> bytes:
    """Return *size* bytes, of which no two stretches are the same."""
    return b"".join(b"%d;\n" % number for number in range(size // 3 + 1))[:size]


class Recorder:
    """What all of them share: *name* is noted with what happens to *end* on *stage*."""

    def __init__(self, stage: Any, name: str, end: Any, reactions: str = "") -> None:
        self.stage = stage
        self.name = name
        self.end = end
        self.reactions = dict(each.split(":") for each in reactions.split())
        self.left = REACTIONS
        self.transport: Any = None

    def note(self, event: str, *what: Any) -> None:
        """Note that *event* happened."""
        self.stage.note(f"{self.name} {event}", *map(plain, what))

    def react(self, event: str, data: bytes = b"") -> bool | None:
        """Do what is to be done about *event*; return what ``eof_received`` is to return."""
        reaction = self.reactions.get(event)
        if reaction is None or not self.left:
            return None
        self.left -= 1
        transport = self.transport
        match reaction:
            case "echo" | "write" | "much":
                given = {"echo": data or b"echo", "write": b"react\n", "much": blob(9000)}
                self.send(given[reaction])
            case "pause":
                transport.pause_reading()
                self.stage.loop.call_later(1, self.stage.resume, transport)
            case "hold":
                transport.pause_reading()
            case "swap":
                other = type(self)(self.stage, f"{self.name}'", self.end)
                other.transport = transport
                transport.set_protocol(other)
            case "limits":
                transport.set_write_buffer_limits(0)
            case "raise":
                raise Boom(event)
            case "keep":
                return True
            case "stop":
                self.stage.loop.call_soon(self.note, "soon")
            case "empty":
                return False
            case "close":
                self.stage.close(transport)
            case _:
                getattr(transport, reaction)()
        return None

    def send(self, data: bytes) -> None:
        """Send *data* back."""
        self.transport.write(data)

    def connection_made(self, transport: Any) -> None:
        """Note the beginning."""
        self.transport = self.end.transport = transport
        self.end.reactions = tuple(self.reactions.values())
        self.note("made")
        self.react("made")

    def connection_lost(self, error: BaseException | None) -> None:
        """Note the end."""
        self.note("lost", error)
        self.end.lost = True
        self.react("lost")

    def pause_writing(self) -> None:
        """Note that the transport has enough."""
        self.note("pause", self.transport.get_write_buffer_size())
        self.react("pause")

    def resume_writing(self) -> None:
        """Note that it wants more."""
        self.note("resume", self.transport.get_write_buffer_size())
        self.react("resume")


class StreamRecorder(Recorder, asyncio.Protocol):
    """For streams of bytes."""

    def data_received(self, data: bytes) -> None:
        """Note the data."""
        self.note("data", self.end.heard(data))
        self.react("data", data)

    def eof_received(self) -> bool | None:
        """Note the peer's end."""
        self.note("eof")
        return self.react("eof")


class BufferedRecorder(Recorder, asyncio.BufferedProtocol):
    """For streams of bytes, with a buffer of *room* bytes."""

    room = 100

    def __init__(self, stage: Any, name: str, end: Any, reactions: str = "") -> None:
        super().__init__(stage, name, end, reactions)
        self.buffer = memoryview(bytearray(self.room))

    def get_buffer(self, hint: int) -> Any:
        """Return the buffer; note how much would be good."""
        self.note("buffer", hint)
        if self.react("buffer") is False:
            return bytearray()
        return self.buffer

    def buffer_updated(self, count: int) -> None:
        """Note the data."""
        data = bytes(self.buffer[:count])
        self.note("updated", self.end.heard(data))
        self.react("data", data)

    def eof_received(self) -> bool | None:
        """Note the peer's end."""
        self.note("eof")
        return self.react("eof")


class DatagramRecorder(Recorder, asyncio.DatagramProtocol):
    """For datagrams; how many bytes wait is not noted, since asyncio's count goes wrong."""

    def pause_writing(self) -> None:
        """Note that the transport has enough."""
        self.note("pause")
        self.react("pause")

    def resume_writing(self) -> None:
        """Note that it wants more."""
        self.note("resume")
        self.react("resume")

    def send(self, data: bytes) -> None:
        """Send *data* back."""
        self.transport.sendto(data)

    def datagram_received(self, data: bytes, address: Any) -> None:
        """Note the datagram, and whose it is."""
        self.note("data", data, self.stage.whose(address))
        self.react("data", data)

    def error_received(self, error: Exception) -> None:
        """Note what went wrong."""
        self.note("error", error)
        self.react("error")
