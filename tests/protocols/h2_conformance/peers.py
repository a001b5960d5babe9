"""Two peers that know nothing of HTTP/2's rules, to test the cases themselves with.

A *forgiving* peer answers whatever is asked and finds fault with nothing; a
*timid* one closes the connection as soon as it is established.  A case that
both pass would tell nothing.

Read next: test_cases.py
"""

from __future__ import annotations

import socket
from typing import cast

from . import frames
from .frames import Flag, Type
from .wire import BODY, Connection

__all__ = ["client_of", "server_of"]

STATUS_200 = b"\x88"
GET = b"\x82\x86\x84\x41\x01x"


class Peer:
    """The socket of a peer that lives in it: what is written is answered at once."""

    def __init__(self, hello: bytes, *, skip: int = 0, timid: bool) -> None:
        self.sent = hello
        self.skip = skip
        self.timid = timid
        self.closed = False
        self.received = b""

    def settimeout(self, seconds: float) -> None:
        """Do nothing: it never waits."""

    def close(self) -> None:
        """Do nothing."""

    def sendall(self, octets: bytes) -> None:
        """Take bytes, and answer every whole frame."""
        self.received += octets
        if self.skip:
            self.received, self.skip = self.received[self.skip :], 0
        while len(self.received) >= 9:
            end = 9 + int.from_bytes(self.received[:3], "big")
            kind, flags = self.received[3:5]
            stream = int.from_bytes(self.received[5:9], "big") & 0x7FFFFFFF
            payload, self.received = self.received[9:end], self.received[end:]
            self.sent += self.answer(kind, flags, stream, payload)

    def recv(self, size: int) -> bytes:
        """Return what was answered; with nothing to say, be silent or gone."""
        if not self.sent and not self.closed:
            raise TimeoutError
        taken, self.sent = self.sent, b""
        return taken

    def answer(self, kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        """Return the frames that answer one."""
        if self.closed:
            return b""
        match kind:
            case Type.SETTINGS if not flags & Flag.ACK:
                self.closed = self.timid
                return frames.frame(Type.SETTINGS, Flag.ACK, 0)
            case Type.PING if not flags & Flag.ACK:
                return frames.ping(payload, ack=True)
            case Type.HEADERS | Type.DATA if flags & Flag.END_STREAM and stream:
                head = frames.headers(stream, STATUS_200, end=False)
                return head + frames.data(stream, BODY)
        return b""


def server_of(*, timid: bool) -> Connection:
    """Return a connection to a server."""
    peer = Peer(frames.settings(), skip=len(frames.PREFACE), timid=timid)
    return Connection(cast(socket.socket, peer))


def client_of(*, timid: bool) -> Connection:
    """Return a connection to a client."""
    hello = frames.PREFACE + frames.settings() + frames.headers(1, GET)
    return Connection(cast(socket.socket, Peer(hello, timid=timid)))
