"""The ends of links: a program picks them by their kind and a number."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from .recorders import Recorder, StreamRecorder, blob
from .stage import Nobody, Stage
from .values import plain


class Tls(NamedTuple):
    """What the two sides are given."""

    client: dict[str, Any]
    server: dict[str, Any]


class Turnstile:
    """Lets a reader be read by a second one only while the first one really waits.

    Between the moment when one is woken or cancelled and its next step, asyncio gets confused
    by another: it waits for ever, or is refused though nobody waits.  Ours serves it.
    """

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._inside = 0
        self.read_so_far = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._reader, name)
        if not name.startswith("read"):
            return method
        return lambda *given: self._pass(method, *given)

    async def _pass(self, method: Callable[..., Any], *given: Any) -> Any:
        waiter = self._reader._waiter
        if self._inside and (waiter is None or waiter.done()):
            raise Nobody
        self._inside += 1
        try:
            data = await method(*given)
        finally:
            self._inside -= 1
        self.read_so_far += len(data)
        return data

    def __aiter__(self) -> Turnstile:
        return self

    async def __anext__(self) -> Any:
        return await self._pass(self._reader.__anext__)


class End:
    """One end of a link: what there is of it."""

    def __init__(self, name: str, kind: str, sock: Any = None) -> None:
        self.name = name
        self.kind = kind
        self.sock = sock
        self.reader: Any = None
        self.writer: Any = None
        self.transport: Any = None
        self.lost = False
        #: Whether what arrives may be records of TLS, in which nearly everything is random.
        self.random = False
        #: What its protocol does.
        self.reactions: tuple[str, ...] = ()

    def heard(self, data: bytes) -> bytes | str:
        """Return what can be noted of *data* that has arrived."""
        return "something" if self.random else data

    @property
    def secure(self) -> bool:
        """Whether it has TLS."""
        return self.kind != "failed" and hasattr(self.wire, "_ssl_protocol")

    @property
    def wire(self) -> Any:
        """Its transport."""
        return self.transport if self.writer is None else self.writer.transport


#: Two sides without TLS.
PLAIN = Tls({}, {})


class Ends(Stage):
    """The ends that one run has, and what programs do with them in one word."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.ends: list[End] = []
        #: Of the sockets for datagrams, by the address that the kernel gave them.
        self.addresses: dict[Any, str] = {}

    # -- ends, and how to pick them --------------------------------------------

    def end(self, kind: str, sock: Any = None) -> End:
        """Return a new end, the next in line."""
        end = End(f"{kind}{len(self.ends)}", kind, sock)
        if sock is not None:
            self.selector.call(sock.fileno(), len(self.ends))
        self.ends.append(end)
        return end

    def some(self, index: int, what: Callable[[End], Any]) -> Any:
        """Return *what* of some end that has it."""
        found = [it for it in map(what, self.ends) if it is not None]
        if not found:
            raise Nobody
        return found[index % len(found)]

    def reader(self, index: int) -> Any:
        """Return some reader."""
        return self.some(index, lambda end: None if end.kind == "failed" else end.reader)

    def writer(self, index: int) -> Any:
        """Return some writer."""
        return self.some(index, lambda end: None if end.kind == "failed" else end.writer)

    def wire(self, index: int) -> Any:
        """Return the transport of some stream."""
        return self.some(index, lambda end: end.wire if end.kind in ("stream", "wire") else None)

    def secure(self, index: int) -> Any:
        """Return the transport of some stream with TLS."""
        return self.some(index, lambda end: end.wire if end.secure else None)

    def _of_kind(self, index: int, kind: str) -> Any:
        return self.some(index, lambda end: end if end.kind == kind else None)

    def gram(self, index: int) -> Any:
        """Return some transport of datagrams."""
        return self._usable(index, "gram", "loose")

    def loose(self, index: int) -> Any:
        """Return one that has no peer."""
        return self._usable(index, "loose")

    def _usable(self, index: int, *kinds: str) -> Any:
        """Return some transport that is not lost: with asyncio it would fall to pieces."""

        def usable(end: End) -> Any:
            return end.wire if end.kind in kinds and end.wire and end.wire._loop else None

        return self.some(index, usable)

    def tap(self, index: int) -> Any:
        """Return the transport that writes to some pipe."""
        return self._usable(index, "tap")

    def sink(self, index: int) -> Any:
        """Return the transport that reads from some pipe."""
        return self._usable(index, "sink")

    def sock(self, index: int) -> Any:
        """Return some socket without a transport."""
        return self._of_kind(index, "bare").sock

    def mouth(self, index: int) -> Any:
        """Return a socket without a transport that one may send to."""
        return self.some(index, lambda end: end.sock if end.kind in ("bare", "mouth") else None)

    def listener(self, index: int) -> Any:
        """Return some socket that listens."""
        return self._of_kind(index, "listener").sock

    def letter(self, index: int) -> Any:
        """Return some socket for datagrams without a transport."""
        return self._of_kind(index, "letter").sock

    def address(self, index: int) -> Any:
        """Return the address of some socket that has one."""
        found = list(self.addresses)
        if not found:
            raise Nobody
        return found[index % len(found)]

    def whose(self, address: Any) -> str:
        """Return the name of the end that has *address*."""
        return self.addresses.get(address, "nobody's" if address else "none")

    # -- what programs do in one word ------------------------------------------

    async def rest(self, reader: Turnstile, total: int) -> bytes:
        """Read until *total* bytes have been read in all."""
        chunks = []
        while reader.read_so_far < total:
            chunks.append(await reader.read(total - reader.read_so_far))
            if not chunks[-1]:
                break
        return b"".join(chunks)

    async def received_in_all(self, sock: Any, total: int) -> bytes:
        """Receive *total* bytes."""
        data = b""
        while len(data) < total and (chunk := await self.loop.sock_recv(sock, 5000)):
            data += chunk
        return data

    async def letters_in_all(self, sock: Any, total: int) -> list[str]:
        """Receive *total* datagrams."""
        return [plain(await self.loop.sock_recv(sock, 40000)) for _ in range(total)]

    def recorder(self, name: str, reactions: str) -> Recorder:
        """Return a protocol for a transport that has one already."""
        return StreamRecorder(self, name, End(name, "none"), reactions)

    def secrets(self, transport: Any) -> Any:
        """Return what two sides have agreed upon."""
        secure = transport.get_extra_info("ssl_object")
        if secure is None or transport.is_closing():
            return None  # ours lets go of it when the connection is lost
        cipher = transport.get_extra_info("cipher")
        cert = transport.get_extra_info("peercert")
        return [secure.selected_alpn_protocol(), cipher and cipher[1], cert and sorted(cert)]

    def shut(self, sock: Any) -> None:
        """Close *sock* as a careful program does, who may be waiting for it or not."""
        if sock.fileno() != -1:
            self.loop.remove_reader(sock)
            self.loop.remove_writer(sock)
        sock.close()

    def close(self, what: Any) -> None:
        """Close a transport or writer; not twice with TLS, where asyncio's falls to pieces."""
        if not self.closed_tls(getattr(what, "transport", what)):
            what.close()

    def resume(self, transport: Any) -> None:
        """Have *transport* read again; not after its end with TLS."""
        if not self.closed_tls(transport):
            transport.resume_reading()

    def closed_tls(self, transport: Any) -> bool:
        """Return whether *transport* has TLS and is closed."""
        return hasattr(transport, "_ssl_protocol") and transport._closed

    def once(self, sock: Any, callback: Callable[..., object]) -> None:
        """Call *callback*, and watch *sock* no longer."""
        self.loop.remove_reader(sock)
        self.loop.remove_writer(sock)
        callback()

    def drained(self, sock: Any, callback: Callable[..., object]) -> None:
        """Receive from *sock* what there is, and call *callback*."""
        data = sock.recv(100)
        self.note("drained", plain(data))
        if not data:
            self.loop.remove_reader(sock)
        callback()

    def accepted(self, given: tuple[Any, Any]) -> None:
        """Have a connection."""
        self.end("bare", given[0])

    def connect_now(self, listener: Any) -> None:
        """Connect to *listener*, or say that it is too busy."""
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        self.end("bare", sock)
        sock.connect(listener.getsockname())

    async def connect_to(self, listener: Any) -> None:
        """Connect to *listener*."""
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        self.end("bare", sock)
        await self.loop.sock_connect(sock, listener.getsockname())

    async def received(self, coming: Awaitable[tuple[Any, Any]]) -> Any:
        """Return what *coming* brings, and whose it is."""
        what, address = await coming
        return [plain(what), self.whose(address)]

    async def send_many(self, sock: Any) -> None:
        """Send more datagrams than there is room for."""
        for _ in range(14):
            await self.loop.sock_sendto(sock, blob(700), sock.getpeername())
