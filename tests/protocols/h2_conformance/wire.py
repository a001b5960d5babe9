"""One HTTP/2 connection, seen from outside: frames go out as they are, and come in parsed.

`Connection` knows as little of HTTP/2 as it can: it says the preface, answers
SETTINGS and PING, and decodes fields.  It has no state machine of its own that
could hide a peer's mistake, and sends whatever it is told.

Sockets block, for two seconds at most unless told otherwise: a peer that says
nothing in that time has said nothing.

Read next: verdicts.py
"""

from __future__ import annotations

import socket
import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TypeAlias

import hpack
from hyperframe import frame as hyper
from hyperframe.exceptions import HyperframeError

from . import frames
from .frames import Flag, Setting, Type

__all__ = ["BODY", "LENIENT", "Connection", "Failed", "Fields", "Mode", "connect", "over_tls"]

#: How every response ends that is sent to a client.
BODY = b"hello"

HEADER = 9
DEFAULT_MAX_FRAME = 2**14

Fields: TypeAlias = list[tuple[bytes, bytes]]


class Failed(AssertionError):
    """The peer did not do what the case asks for."""


@dataclass(frozen=True)
class Mode:
    """How a peer is judged.

    *strict*: an error must have the code that the RFC asks for.  Without it a
    peer may tell a wrong one, as long as it closes the connection.

    *http1_too*: the port speaks HTTP/1.1 as well, so what is no preface is a bad
    request of that (RFC 9112, 3), and 400 a good answer to it.

    *patience*: the seconds that a peer is given to do what it must.
    """

    strict: bool = False
    http1_too: bool = False
    patience: float = 2.0


LENIENT = Mode()


class Connection:
    """A connection whose other end is tested.

    `peer` holds the settings that were received, `fields` the decoded field
    blocks of each stream in order, and `seen` every frame that came, as text.
    *mode* says how the peer is judged.
    """

    def __init__(
        self, sock: socket.socket, authority: str = "localhost", mode: Mode = LENIENT
    ) -> None:
        self.sock = sock
        self.mode = mode
        self.authority = authority.encode()
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.peer: dict[int, int] = {}
        self.fields: defaultdict[int, list[Fields]] = defaultdict(list)
        self.seen: list[str] = []
        self.settled = False  # our settings have been acknowledged
        self._block: tuple[int, bytes] = (0, b"")
        self._buffer = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.sock.close()

    # --- out ---------------------------------------------------------------------------------

    def send(self, *what: bytes) -> None:
        """Send frames in one write; that the peer has closed is found out by reading."""
        with suppress(OSError):
            self.sock.settimeout(self.mode.patience)
            self.sock.sendall(b"".join(what))

    def block(self, method: str = "GET", *more: tuple[str, str], skip: str = "") -> bytes:
        """Return the encoded fields of a request for "/", with *more* and without one of them."""
        named = [
            (":method", method),
            (":scheme", "https" if isinstance(self.sock, ssl.SSLSocket) else "http"),
            (":path", "/"),
            (":authority", self.authority.decode()),
        ]
        return self.encode([field for field in named if field[0] != skip], more)

    def encode(self, *fields: Iterable[tuple[str, str]]) -> bytes:
        """Return fields as HPACK writes them."""
        return self.encoder.encode([pair for some in fields for pair in some])

    def get(self, stream: int = 1) -> None:
        """Send a whole GET request."""
        self.send(frames.headers(stream, self.block()))

    def post(self, stream: int = 1, *more: tuple[str, str]) -> None:
        """Send the head of a POST request."""
        self.send(frames.headers(stream, self.block("POST", *more), end=False))

    def respond(self, stream: int) -> None:
        """Send a whole response."""
        self.send(frames.headers(stream, self.encode([(":status", "200")]), end=False))
        self.finish(stream)

    def finish(self, stream: int) -> None:
        """Send the end of a response."""
        self.send(frames.data(stream, BODY))

    # --- in ----------------------------------------------------------------------------------

    def frames(self) -> Iterator[hyper.Frame]:
        """Yield what the peer sends until it closes the connection.

        Raises Failed when the peer falls silent, or sends what is no frame.
        """
        deadline = time.monotonic() + self.mode.patience
        while (each := self.receive(deadline)) is not None:
            yield each

    def receive(self, deadline: float) -> hyper.Frame | None:
        """Return the next frame, or None at the end of the connection; *deadline* is monotonic."""
        head = self._read(HEADER, deadline)
        if head is None:
            return None
        if head.startswith(b"HTTP/1."):
            self._refused(deadline)
            return None
        try:
            parsed, length = hyper.Frame.parse_frame_header(memoryview(head))
            body = self._read(length, deadline)
            if body is None:
                return None
            parsed.parse_body(memoryview(body))
        except HyperframeError as error:
            raise Failed(f"the peer sent no valid frame ({error!r}), but {head!r}") from error
        self.seen.append(brief(parsed))
        self._follow(parsed)
        return parsed

    def _refused(self, deadline: float) -> None:
        """Read an answer in HTTP/1.1 to its end: it may only be 400, and only on such a port."""
        status = self._read(3, deadline)
        if not self.mode.http1_too or status != b"400":
            raise Failed(f"the peer answered in HTTP/1.1, with {status!r}")
        while self._read(1, deadline) is not None:
            pass

    def _read(self, size: int, deadline: float) -> bytes | None:
        """Return exactly so many bytes, or None if the connection ends before them."""
        while len(self._buffer) < size:
            left = deadline - time.monotonic()
            try:
                if left <= 0:
                    raise TimeoutError
                self.sock.settimeout(left)
                more = self.sock.recv(65536)
            except TimeoutError:
                raise Failed(f"silence; the peer had sent {self.history}") from None
            except OSError:
                more = b""
            if not more:
                return None
            self._buffer += more
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    @property
    def history(self) -> str:
        """What the peer has sent so far."""
        return ", ".join(self.seen) or "nothing"

    def _follow(self, received: hyper.Frame) -> None:
        """Do what every peer must: acknowledge, and keep the field decoder in step."""
        match received:
            case hyper.SettingsFrame():
                if "ACK" in received.flags:
                    self.settled = True
                else:
                    self.peer.update(received.settings)
                    self.send(frames.frame(Type.SETTINGS, Flag.ACK, 0))
            case hyper.PingFrame() if "ACK" not in received.flags:
                self.send(frames.ping(received.opaque_data, ack=True))
            case hyper.HeadersFrame() | hyper.PushPromiseFrame():
                self._block = (received.stream_id, received.data)
                self._decode(received)
            case hyper.ContinuationFrame():
                self._block = (self._block[0], self._block[1] + received.data)
                self._decode(received)

    def _decode(self, received: hyper.Frame) -> None:
        """Keep the fields of a block, once it is complete."""
        if "END_HEADERS" in received.flags:
            stream, block = self._block
            try:
                fields = self.decoder.decode(block, raw=True)
            except hpack.HPACKError as error:
                raise Failed(f"the peer's fields cannot be decoded: {error!r}") from error
            self.fields[stream].append([(bytes(n), bytes(v)) for n, v in fields])

    @property
    def max_frame(self) -> int:
        """The longest payload that the peer takes."""
        return self.peer.get(Setting.MAX_FRAME_SIZE, DEFAULT_MAX_FRAME)

    def until_left(self) -> None:
        """Read until the peer closes the connection, or has been silent for too long."""
        with suppress(Failed):
            for _ in self.frames():
                pass

    # --- the beginning -----------------------------------------------------------------------

    def handshake(self, settings: dict[int, int]) -> None:
        """Begin as a client, and wait until both ends' settings hold."""
        self.send(frames.PREFACE, frames.settings(*settings.items()))
        self._settle()

    def welcome(self) -> int:
        """Begin as a server; return the stream of the client's first request."""
        preface = self._read(len(frames.PREFACE), time.monotonic() + self.mode.patience)
        if preface != frames.PREFACE:
            raise Failed(f"the client began with {preface!r}")
        self.send(frames.settings())
        self._settle()
        self.wait(lambda: bool(self.fields))
        return next(iter(self.fields))

    def _settle(self) -> None:
        """Wait until the peer has sent its settings, first of all, and acknowledged ours."""
        self.wait(lambda: bool(self.seen))
        if self.seen[0] != "Settings(0)":
            raise Failed(f"the first frame was {self.seen[0]}, not SETTINGS")
        self.wait(lambda: self.settled)

    def wait(self, until: Callable[[], bool]) -> None:
        """Read frames until something holds."""
        if until():
            return
        for _ in self.frames():
            if until():
                return
        raise Failed(f"the connection was closed early; the peer had sent {self.history}")


def brief(received: hyper.Frame) -> str:
    """Return a frame's type and stream, and its error if it tells one."""
    text = f"{type(received).__name__.removesuffix('Frame')}({received.stream_id})"
    if isinstance(received, hyper.GoAwayFrame | hyper.RstStreamFrame):
        text += f" with {frames.name_of(received.error_code)}"
    return text


def over_tls(trust: str | None) -> ssl.SSLContext:
    """Return the TLS context of a client that asks for HTTP/2, and trusts a file's CA or anyone."""
    context = ssl.create_default_context(cafile=trust)
    if trust is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


def connect(
    host: str, port: int, tls: ssl.SSLContext | None = None, mode: Mode = LENIENT
) -> Connection:
    """Connect to a server; over TLS it must agree to HTTP/2."""
    sock = socket.create_connection((host, port), mode.patience)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls is not None:
        sock = tls.wrap_socket(sock, server_hostname=host)
        if sock.selected_alpn_protocol() != "h2":
            sock.close()
            raise Failed("the server did not choose h2 by ALPN")
    return Connection(sock, f"{host}:{port}", mode)
