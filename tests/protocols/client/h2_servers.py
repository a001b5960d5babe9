"""A scripted HTTP/2 server on h2: each test says what it does with a request.

Read next: test_http2.py
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from h2.settings import SettingCodes, Settings

__all__ = ["H2Peer", "served_h2"]


class H2Peer(asyncio.Protocol):
    """One connection: keeps what happened, and answers through `on_request`."""

    def __init__(self, server: H2Server) -> None:
        self.server = server
        self.number = len(server.peers)
        self.resets: list[tuple[int, int]] = []
        self.goodbyes: list[Any] = []
        self.requests: list[int] = []
        self.heads: dict[int, dict[bytes, bytes]] = {}
        self.bodies: dict[int, bytes] = {}
        self.trailers: dict[int, list[tuple[bytes, bytes]]] = {}
        self.pending: dict[int, int] = {}
        self.open = 0
        self.most = 0
        self.updates = 0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.server.peers.append(self)
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding=None)
        )
        self.h2.local_settings = Settings(client=False, initial_values=self.server.settings)
        self.h2.initiate_connection()
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def flush(self) -> None:
        self.transport.write(self.h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        try:
            events = self.h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            self.transport.close()
            raise
        for event in events:
            self.on_event(event)
        self.flush()

    def on_event(self, event: Any) -> None:
        match event:
            case h2.events.RequestReceived():
                self.requests.append(event.stream_id)
                self.heads[event.stream_id] = dict(event.headers)
                self.bodies[event.stream_id] = b""
                self.trailers[event.stream_id] = []
                self.open += 1
                self.most = max(self.most, self.open)
                if self.server.on_head is not None:
                    self.server.on_head(self, event.stream_id)
            case h2.events.DataReceived():
                self.bodies[event.stream_id] += event.data
                if self.server.credit:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.TrailersReceived():
                self.trailers[event.stream_id] = [(name, value) for name, value in event.headers]
            case h2.events.StreamEnded() if self.server.on_request is not None:
                self.server.on_request(self, event.stream_id)
            case h2.events.StreamReset():
                self.resets.append((event.stream_id, event.error_code))
                self.open -= 1
            case h2.events.ConnectionTerminated():
                self.goodbyes.append(event.error_code)
            case h2.events.WindowUpdated():
                self.updates += 1
                for stream_id in list(self.pending):
                    self.pour(stream_id)

    def answer(self, stream_id: int, body: bytes = b"", *fields: tuple[str, str]) -> None:
        """Answer with *body*, which fits the window."""
        self.h2.send_headers(stream_id, [(":status", "200"), *fields])
        self.h2.send_data(stream_id, body, end_stream=True)
        self.open -= 1
        self.flush()

    def pour(self, stream_id: int, size: int = 0) -> None:
        """Send *size* bytes, as far as the windows allow, and the rest when they do."""
        left = self.pending.pop(stream_id, size)
        try:
            while left and (room := self.h2.local_flow_control_window(stream_id)):
                count = min(left, room, self.h2.max_outbound_frame_size)
                self.h2.send_data(stream_id, bytes(count), end_stream=count == left)
                left -= count
        except h2.exceptions.StreamClosedError:
            return
        if left:
            self.pending[stream_id] = left
        self.flush()


class H2Server:
    """What every connection of a test's server does."""

    def __init__(self, **settings: int) -> None:
        self.settings = {SettingCodes[name]: value for name, value in settings.items()}
        self.peers: list[H2Peer] = []
        self.on_head: Callable[[H2Peer, int], None] | None = None
        self.on_request: Callable[[H2Peer, int], None] | None = None
        self.credit = True
        self.url = ""


@asynccontextmanager
async def served_h2(
    on_request: Callable[[H2Peer, int], None] | None = None,
    *,
    on_head: Callable[[H2Peer, int], None] | None = None,
    tls: ssl.SSLContext | None = None,
    **settings: int,
) -> AsyncIterator[H2Server]:
    """Serve; in the end every connection has to be closed, by the client."""
    served = H2Server(**settings)
    served.on_request, served.on_head = on_request, on_head
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: H2Peer(served), "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    served.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    try:
        yield served
    finally:
        server.close()
        async with asyncio.timeout(20):
            while not all(peer.lost for peer in served.peers):
                await asyncio.sleep(0.001)
