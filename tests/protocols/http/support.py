"""What the tests of the HTTP server share: applications, Worlds, and clients that send bytes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import h2.config
import h2.connection
import h2.events

from miniloop.testing import World
from protocols.http.server import Server, serve

HOST = "localhost"
PORT = 8000


def in_world(scenario: Callable[[World], Coroutine[Any, Any, Any]], library: str) -> Any:
    """Run *scenario* in a World, where time passes only in thought; return what it returns."""
    run = World(library=library).run(scenario)
    assert run.failures == [], "\n".join(map(str, run.failures))
    return run.result


@contextlib.asynccontextmanager
async def serving(application: Any, **options: Any) -> AsyncIterator[Server]:
    """Serve in a World; closed at the end."""
    async with await serve(application, HOST, PORT, **options) as server:
        yield server


async def talk(data: bytes, *, port: int = PORT) -> bytes:
    """Send *data*, and return all that comes until the server closes."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(data)
    try:
        return await reader.read(-1)
    finally:
        writer.close()


def request(
    *fields: str, method: str = "GET", target: str = "/", body: bytes = b"", last: bool = True
) -> bytes:
    """Return an HTTP/1.1 request; after the *last* one the server closes."""
    lines = [f"{method} {target} HTTP/1.1", "Host: a", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    if last:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode() + body


class H2Client:
    """An HTTP/2 client that h2 drives, on streams: it keeps every event, and acknowledges."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.events: list[h2.events.Event] = []
        self.acknowledge = True
        self.closed = False
        self._buffer = bytearray()
        config = h2.config.H2Configuration(client_side=True, validate_outbound_headers=False)
        self.parser = h2.connection.H2Connection(config)
        self.parser.initiate_connection()

    @classmethod
    async def connect(cls, port: int = PORT, **options: Any) -> H2Client:
        """Return a connected client."""
        client = cls(*await asyncio.open_connection(HOST, port, **options))
        client.flush()
        return client

    def flush(self) -> None:
        """Send what the parser has."""
        self.writer.write(self.parser.data_to_send())

    def request(
        self, method: str = "GET", path: str = "/", *fields: tuple[str, str], end: bool = True
    ) -> int:
        """Send the head of a request; return its stream."""
        stream = self.parser.get_next_available_stream_id()
        head = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "a")]
        self.parser.send_headers(stream, [*head, *fields], end_stream=end)
        self.flush()
        return stream

    async def until(self, wanted: Callable[[h2.events.Event], bool]) -> h2.events.Event | None:
        """Read until an event is as *wanted*; None if the server closes before."""
        seen = 0
        while True:
            for event in self.events[seen:]:
                if wanted(event):
                    return event
            seen = len(self.events)
            data = await self.reader.read(65536)
            if not data:
                self.closed = True
                return None
            self._buffer += data
            while len(self._buffer) >= 9:
                size = 9 + int.from_bytes(self._buffer[:3], "big")
                if len(self._buffer) < size:
                    break
                self._take(bytes(self._buffer[:size]))
                del self._buffer[:size]
            self.flush()

    def _take(self, frame: bytes) -> None:
        for event in self.parser.receive_data(frame):
            self.events.append(event)
            if isinstance(event, h2.events.ConnectionTerminated):
                # To h2 that is the end, though open streams may go on.
                self.parser.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
            if isinstance(event, h2.events.DataReceived) and self.acknowledge:
                size = event.flow_controlled_length
                self.parser.acknowledge_received_data(size, event.stream_id)

    async def ended(self, stream: int) -> bytes:
        """Read until *stream* has ended, and return its body."""
        kinds = (h2.events.StreamEnded, h2.events.StreamReset)
        await self.until(
            lambda event: isinstance(event, kinds) and getattr(event, "stream_id", 0) == stream
        )
        return self.body(stream)

    def body(self, stream: int) -> bytes:
        """Return what came of a body."""
        return b"".join(
            event.data
            for event in self.events
            if isinstance(event, h2.events.DataReceived) and event.stream_id == stream
        )

    def status(self, stream: int) -> str:
        """Return the status of a response."""
        for event in self.events:
            if isinstance(event, h2.events.ResponseReceived) and event.stream_id == stream:
                return dict(event.headers)[b":status"].decode()
        return ""

    def close(self) -> None:
        """Leave."""
        self.writer.close()
