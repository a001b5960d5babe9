"""A WebSocket client that wsproto drives, over HTTP/1.1 or over a stream of HTTP/2."""

from __future__ import annotations

import asyncio
from typing import Any

import h2.events
from wsproto import WSConnection
from wsproto.connection import Connection, ConnectionType
from wsproto.events import AcceptConnection, CloseConnection, Event, RejectConnection, Request
from wsproto.extensions import PerMessageDeflate

from .support import HOST, PORT, H2Client


class Client:
    """Sends wsproto's events, and keeps those that come; pings are not answered by themselves."""

    events: list[Event]

    def __init__(self) -> None:
        self.events = []

    async def send(self, event: Event) -> None:
        """Send an event."""
        await self.raw(self.parser().send(event))

    def parser(self) -> Any:
        """Return what knows frames."""
        raise NotImplementedError

    async def raw(self, data: bytes) -> None:
        """Send bytes."""
        raise NotImplementedError

    async def more(self) -> bytes:
        """Return the next bytes, empty at the end."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave."""
        raise NotImplementedError

    async def next(self, *kinds: type[Event]) -> Any:
        """Return the next event of one of *kinds*, None at the end."""
        while True:
            while self.events:
                event = self.events.pop(0)
                if isinstance(event, kinds):
                    return event
            data = await self.more()
            if not data:
                return None
            self.parser().receive_data(data)
            self.events += self.parser().events()

    async def ended(self) -> Any:
        """Return the close frame, answered, after which the server must end."""
        close = await self.next(CloseConnection)
        if close is not None and self.parser().state.name == "REMOTE_CLOSING":
            await self.send(close.response())
        while await self.more():
            pass
        return close


class Over1(Client):
    """Over HTTP/1.1."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self.reader, self.writer = reader, writer
        self.connection = WSConnection(ConnectionType.CLIENT)

    @classmethod
    async def connect(cls, deflate: bool = False, **options: Any) -> Over1:
        """Connect, and wait for the answer, which is kept as the attribute ``answer``."""
        client = cls(*await asyncio.open_connection(HOST, PORT))
        await client.hello(deflate, **options)
        return client

    async def hello(self, deflate: bool = False, **options: Any) -> None:
        """Ask for a WebSocket, and wait for the answer."""
        extensions = [PerMessageDeflate()] if deflate else []
        await self.send(Request(host="a", target="/ws", extensions=extensions, **options))
        self.answer = await self.next(AcceptConnection, RejectConnection)

    answer: Any = None

    def parser(self) -> Any:
        return self.connection

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)

    async def more(self) -> bytes:
        return await self.reader.read(65536)

    def close(self) -> None:
        self.writer.close()


class Over2(Client):
    """Over a stream of HTTP/2 (RFC 8441)."""

    def __init__(self, http: H2Client) -> None:
        super().__init__()
        self.http = http
        self.stream = 0
        self.answer = ""
        self._seen = 0
        self.connection = Connection(ConnectionType.CLIENT)

    @classmethod
    async def connect(cls, *fields: tuple[str, str]) -> Over2:
        """Connect, and wait for the status of the answer, kept as ``answer``."""
        client = cls(await H2Client.connect())
        await client.hello(*fields)
        return client

    async def hello(self, *fields: tuple[str, str]) -> None:
        """Ask for a WebSocket, and wait for the status of the answer."""
        http = self.http
        await http.until(lambda event: isinstance(event, h2.events.RemoteSettingsChanged))
        assert http.parser.remote_settings.enable_connect_protocol == 1
        self.stream = http.parser.get_next_available_stream_id()
        head = [(":method", "CONNECT"), (":protocol", "websocket"), (":path", "/ws")]
        head += [(":scheme", "http"), (":authority", "a"), ("sec-websocket-version", "13")]
        http.parser.send_headers(self.stream, [*head, *fields])
        http.flush()
        await http.until(lambda event: isinstance(event, h2.events.ResponseReceived))
        self.answer = http.status(self.stream)

    def parser(self) -> Any:
        return self.connection

    async def raw(self, data: bytes) -> None:
        for start in range(0, len(data), 16000):
            self.http.parser.send_data(self.stream, data[start : start + 16000])
        self.http.flush()

    async def more(self) -> bytes:
        def wanted(event: h2.events.Event) -> bool:
            ends = (h2.events.StreamEnded, h2.events.StreamReset)
            ended = isinstance(event, ends) and event.stream_id == self.stream
            return ended or len(self.http.body(self.stream)) > self._seen

        await self.http.until(wanted)
        data = self.http.body(self.stream)[self._seen :]
        self._seen += len(data)
        return data

    def close(self) -> None:
        self.http.close()


CLIENTS: dict[str, Any] = {"over HTTP/1.1": Over1, "over HTTP/2": Over2}
