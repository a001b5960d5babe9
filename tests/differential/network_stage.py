"""What a rendered network program uses besides: links, whose ends it picks by number.

Everything is within this process: pairs of sockets, pipes, and sockets with an abstract
address that the kernel picks.  What is sent is there at once, so it depends on nothing
but the order of the calls what is ready when.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from . import certificate
from .ends import PLAIN, End, Ends, Tls, Turnstile
from .recorders import BufferedRecorder, DatagramRecorder, StreamRecorder, blob
from .stage import Nobody
from .values import plain
from .virtual import Endless

Socket: TypeAlias = socket.socket
#: Bytes that a pipe holds: as few as the kernel allows.
PIPE_SIZE = 4096
WAITING = 5  # connections that nobody accepts yet


class NetworkStage(Ends):
    """One run of a network program; see `Stage`."""

    def namespace(self) -> dict[str, Any]:
        """Return the global names that a program starts with."""
        links = (
            "streams mixed protocols buffered half watched sockets listening datagrams letters "
            "pipe pipe_streams upgraded on_top tls "
        )
        picks = "reader writer wire secure gram loose tap sink sock mouth listener letter address "
        words = (
            "recorder secrets shut close once drained accepted connect_to connect_now received "
            "send_many rest received_in_all letters_in_all"
        )
        return {
            **super().namespace(),
            "socket": socket,
            "blob": blob,
            **{name: getattr(self, name) for name in (links + picks + words).split()},
        }

    # -- links -----------------------------------------------------------------

    def pair(self, sending: int | None, kind: int = socket.SOCK_STREAM) -> tuple[Socket, Socket]:
        """Return two connected sockets, of which the kernel takes *sending* bytes."""
        pair = socket.socketpair(socket.AF_UNIX, kind)
        for sock in pair:
            sock.setblocking(False)
            if sending is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sending)
        return pair

    def tls(self, how: str, handshake: float | None, shutdown: float | None) -> Tls:
        """Return what to give to the two sides."""
        return Tls(*certificate.sides(how, handshake, shutdown))

    @contextmanager
    def opening(self, end: End) -> Iterator[None]:
        """Have nobody pick an *end* that could not be opened."""
        try:
            yield
        except BaseException:
            end.kind = "failed"
            raise

    async def both(self, one: Any, other: Any) -> None:
        """Await *one* while *other* is a task of its own."""
        task = self.names.create_task(other)
        self.tasks[task] = 0
        await one
        await task

    async def streams(
        self, sending: int | None, limit: int, high: int | None, tls: Tls = PLAIN
    ) -> None:
        """Open a link with streams at both ends."""
        one, other = self.pair(sending)
        ends = self.end("stream", one), self.end("stream", other)
        await self.both(
            self.open(ends[0], limit, high, tls.client),
            self.accept(ends[1], limit, high, tls.server),
        )

    async def open(
        self, end: End, limit: int, high: int | None = None, tls: dict[str, Any] | None = None
    ) -> None:
        """Open streams at *end* as a client."""
        with self.opening(end):
            reader, end.writer = await self.names.open_connection(
                sock=end.sock, limit=limit, **(tls or {})
            )
            end.reader = Turnstile(reader)
        self.limit(end, high)

    async def accept(self, end: End, limit: int, high: int | None, tls: dict[str, Any]) -> None:
        """Open streams at *end* as a server."""

        def connected(reader: Any, writer: Any) -> None:
            self.note(f"{end.name} connected")
            end.reader, end.writer = Turnstile(reader), writer

        names = self.names
        reader = names.StreamReader(limit=limit, loop=self.loop)
        protocol = names.StreamReaderProtocol(reader, connected, loop=self.loop)
        with self.opening(end):
            await self.loop.connect_accepted_socket(lambda: protocol, end.sock, **tls)
        self.limit(end, high)

    def limit(self, end: End, high: int | None) -> None:
        """Have who writes at *end* wait when *high* bytes are on their way."""
        if high is not None:
            end.wire.set_write_buffer_limits(high)

    async def mixed(self, sending: int | None, limit: int, high: int | None, first: str) -> None:
        """Open a link with streams at one end and a protocol at the other."""
        one, other = self.pair(sending)
        ends = self.end("stream", one), self.end("wire", other)
        await self.open(ends[0], limit, high)
        await self.connect(ends[1], StreamRecorder, first, high)

    async def protocols(
        self,
        sending: int | None,
        high: int | None,
        first: str,
        second: str,
        tls: Tls = PLAIN,
        room: int | None = None,
    ) -> None:
        """Open a link with a protocol at each end; *room* is in the server's buffer."""
        one, other = self.pair(sending)
        ends = self.end("wire", one), self.end("wire", other)
        await self.both(
            self.connect(ends[0], StreamRecorder, first, high, **tls.client),
            self.connected(ends[1], StreamRecorder, second, high, room=room, **tls.server),
        )

    async def connect(
        self, end: End, kind: Any, reactions: str, high: int | None = None, **tls: Any
    ) -> None:
        """Have a protocol at *end*, as a client."""
        with self.opening(end):
            await self.loop.create_connection(
                lambda: kind(self, end.name, end, reactions), sock=end.sock, **tls
            )
        self.limit(end, high)

    async def connected(
        self,
        end: End,
        kind: Any,
        reactions: str,
        high: int | None,
        room: int | None = None,
        **tls: Any,
    ) -> None:
        """Have a protocol at *end*, as a server."""
        if room is not None:
            kind = type("Buffered", (BufferedRecorder,), {"room": room})
        with self.opening(end):
            await self.loop.connect_accepted_socket(
                lambda: kind(self, end.name, end, reactions), end.sock, **tls
            )
        self.limit(end, high)

    async def buffered(self, sending: int | None, room: int, first: str, second: str) -> None:
        """Open a link with a protocol at one end and a buffered one at the other."""
        one, other = self.pair(sending)
        ends = self.end("wire", one), self.end("wire", other)
        await self.connect(ends[0], StreamRecorder, first)
        await self.connected(ends[1], StreamRecorder, second, None, room=room)

    async def half(
        self, sending: int | None, limit: int, high: int | None, tls: Tls = PLAIN
    ) -> None:
        """Open a link with streams at one end and a bare socket at the other."""
        one, other = self.pair(sending)
        end = self.end("stream", one)
        # What TLS says first is different each time: nobody shall read it.
        self.end("mouth" if tls.client else "bare", other)
        await self.open(end, limit, high, tls.client)

    async def watched(self, sending: int | None, high: int | None, first: str) -> None:
        """Open a link with a protocol at one end and a bare socket at the other."""
        one, other = self.pair(sending)
        end = self.end("wire", one)
        self.end("bare", other)
        await self.connect(end, StreamRecorder, first, high)

    async def upgraded(
        self, sending: int | None, limit: int, tls: Tls, said: bytes, turns: int | None
    ) -> None:
        """Open a link with streams, say something, and go on with TLS.

        The client waits for an answer first, or so many *turns* of the loop.
        """
        one, other = self.pair(sending)
        ends = self.end("stream", one), self.end("stream", other)
        await self.open(ends[0], 1000)
        await self.accept(ends[1], limit, None, {})
        handshake = tls.client[
            "ssl_handshake_timeout"
        ]  # for the other there is no argument in 3.11

        async def serve() -> None:
            self.note("asked", plain(await ends[1].reader.readexactly(len(said) + 1)))
            if turns is None:
                ends[1].writer.write(b"go\n")
            await ends[1].writer.start_tls(tls.server["ssl"], ssl_handshake_timeout=handshake)

        async def ask() -> None:
            ends[0].writer.write(b"?" + said)
            if turns is None:
                self.note("answered", plain(await ends[0].reader.readline()))
            for _ in range(turns or 0):
                await self.names.sleep(0)
            await ends[0].writer.start_tls(
                tls.client["ssl"],
                server_hostname=tls.client["server_hostname"],
                ssl_handshake_timeout=handshake,
            )

        await self.both(ask(), serve())
        for end in ends:
            end.reader.read_so_far = 0

    async def on_top(self, index: int, tls: Tls) -> None:
        """Put TLS over both ends of some link that has protocols."""
        one, other = self.some(index, self.two_protocols)
        one.random = other.random = True
        await self.both(self.over(one, tls.client), self.over(other, tls.server, True))
        swapped = "swap" in (*one.reactions, *other.reactions)  # one may stand below TLS now
        if one.kind == other.kind == "wire" and not swapped:  # what comes is data again
            one.random = other.random = False

    def two_protocols(self, end: End) -> tuple[End, End] | None:
        """Return *end* and the other one of its link, if both have protocols."""
        number = self.ends.index(end)
        other = self.ends[number ^ 1]
        if end.kind != "wire" or other.kind != "wire":
            return None
        if "empty" in (*end.reactions, *other.reactions):  # with TLS, asyncio takes it for the end
            return None
        return end, other

    async def over(self, end: End, options: dict[str, Any], server: bool = False) -> None:
        """Put TLS over the transport of *end*."""
        given = dict(options)
        transport = end.transport
        if transport is None or transport.is_closing():
            raise Nobody
        with self.opening(end):
            end.kind = "busy"
            end.transport = await self.loop.start_tls(
                transport,
                transport.get_protocol(),
                given.pop("ssl"),
                server_side=server,
                **given,
            )
            end.kind = "wire"

    def sockets(self, sending: int | None) -> None:
        """Have a link without transports."""
        for sock in self.pair(sending):
            self.end("bare", sock)

    def listening(self) -> None:
        """Have a socket that listens."""
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        sock.bind("")
        sock.listen(WAITING)
        self.end("listener", sock)

    def _letters(self, sending: int | None, kind: str, bound: bool) -> list[End]:
        ends = []
        for _ in range(2):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            sock.setblocking(False)
            if sending is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sending)
            sock.bind("")
            ends.append(self.end(kind, sock))
            self.addresses[sock.getsockname()] = ends[-1].name
        for one, other in (ends, ends[::-1]):
            if bound:
                one.sock.connect(other.sock.getsockname())
        return ends

    async def datagrams(
        self, sending: int | None, high: int | None, first: str, second: str, bound: bool
    ) -> None:
        """Open a link for datagrams, whose ends are *bound* to each other or not."""
        one, other = self._letters(sending, "gram" if bound else "loose", bound)
        for end, reactions in ((one, first), (other, second)):
            await self.loop.create_datagram_endpoint(
                lambda end=end, reactions=reactions: DatagramRecorder(
                    self, end.name, end, reactions
                ),
                sock=end.sock,
            )
            self.limit(end, high)

    def letters(self, sending: int | None) -> None:
        """Have two sockets for datagrams without transports."""
        self._letters(sending, "letter", True)

    def _pipe(self) -> tuple[End, End]:
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        return self.end("sink", open(reading, "rb", 0)), self.end("tap", open(writing, "wb", 0))

    async def pipe(self, high: int | None, first: str, second: str) -> None:
        """Open a pipe with protocols."""
        sink, tap = self._pipe()
        await self.loop.connect_read_pipe(
            lambda: StreamRecorder(self, sink.name, sink, first), sink.sock
        )
        await self.loop.connect_write_pipe(
            lambda: StreamRecorder(self, tap.name, tap, second), tap.sock
        )
        self.limit(tap, high)

    async def pipe_streams(self, limit: int, high: int | None) -> None:
        """Open a pipe with streams."""
        sink, tap = self._pipe()
        names, loop = self.names, self.loop
        reader = names.StreamReader(limit=limit, loop=loop)
        sink.reader = Turnstile(reader)
        protocol = names.StreamReaderProtocol(reader, loop=loop)
        sink.transport, _ = await loop.connect_read_pipe(lambda: protocol, sink.sock)
        other = names.StreamReaderProtocol(names.StreamReader(loop=loop), loop=loop)
        tap.transport, _ = await loop.connect_write_pipe(lambda: other, tap.sock)
        tap.writer = names.StreamWriter(tap.transport, other, None, loop)
        self.limit(tap, high)

    # -- the end ---------------------------------------------------------------

    def watches(self) -> list[Any]:
        """Return which ends the loop watches, and for what."""
        numbers = self.selector.numbers
        seats = getattr(self.loop, "_seats", {})
        idle = {fd for fd, seat in seats.items() if seat._waiter is None or seat._waiter.done()}
        return sorted(
            (numbers[key.fd], key.events)
            for key in self.selector.get_map().values()
            if key.fd in numbers and key.fd not in idle
        )

    def close_all(self) -> None:
        """Abort all transports, and have everybody told."""
        for end in self.ends:
            transport = end.wire
            try:
                if transport is not None:
                    (transport.close if end.kind == "sink" else transport.abort)()
            except AttributeError:
                pass  # some of asyncio's cannot be closed twice
        try:
            self.loop.run_forever()
        except Endless:
            self.note("endless")
        for end in self.ends:
            sock = end.sock
            try:
                if not sock.closed if end.kind in ("sink", "tap") else sock.fileno() != -1:
                    self.loop.remove_reader(sock)
                    self.loop.remove_writer(sock)
            except (OSError, RuntimeError) as error:
                self.note(f"{end.name} is in use", plain(error))
            sock.close()
