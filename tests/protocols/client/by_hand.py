"""A server's bytes handed to the client by hand, cut wherever a test likes, without a socket.

Read next: test_cut_points.py
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from protocols.client import Client
from protocols.client.connection import Connection
from protocols.client.http1 import Http1Connection
from protocols.client.http2 import Http2Connection

__all__ = ["Wire", "cut", "wired"]


def cut(data: bytes, points: list[int]) -> list[bytes]:
    """Return *data* in pieces."""
    ends = sorted({0, len(data), *points})
    return [data[start:end] for start, end in itertools.pairwise(ends)]


class Wire(asyncio.Transport):
    """A transport that keeps what is written; a turn for each piece of what is to be received."""

    def __init__(self, ready: Callable[[bytes], bool], pieces: list[bytes], eof: bool) -> None:
        super().__init__()
        self.written = b""
        self.protocol: Any = None
        self._loop = asyncio.get_running_loop()
        self._ready = ready
        self._pieces = list(pieces)
        self._eof = eof
        self._begun = self._closing = False
        self._reading = True

    def write(self, data: Any) -> None:
        self.written += data
        if not self._begun and self._ready(self.written):
            self._begun = True
            self._loop.call_soon(self._step)

    def _step(self) -> None:
        if self._closing or not self._reading:
            return
        if self._pieces:
            self.protocol.data_received(self._pieces.pop(0))
            self._loop.call_soon(self._step)
        elif self._eof and not self.protocol.eof_received():
            self.close()

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        if not self._reading:
            self._reading = True
            self._loop.call_soon(self._step)

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_protocol(self) -> Any:
        return self.protocol

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()


def wired(
    pieces: list[bytes],
    *,
    ready: Callable[[bytes], bool],
    http2: bool = False,
    eof: bool = False,
    **options: Any,
) -> Client:
    """Return a client whose connection gets *pieces*, a turn each, once *ready* of its bytes."""
    client = Client(**options)

    async def dial(origin: Any, owner: Any, seconds: float | None) -> Connection:
        kind = Http2Connection if http2 else Http1Connection
        connection = kind(origin, client.limits, owner)
        wire = Wire(ready, pieces, eof)
        wire.protocol = connection
        connection.connection_made(wire)
        return connection

    client.pool.dialer.dial = dial  # type: ignore[method-assign]
    return client
