"""Files over sockets and transports: by the kernel where it can, else read and sent.

Read next: ../eventloop.py
"""

from __future__ import annotations

import io
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from ..interface import Protocol, SendfileNotAvailableError
from . import readiness
from .seats import when_writable
from .sockets import check
from .transports import SendfileMode

__all__ = ["sendfile", "sendfile_native", "sock_sendfile", "sock_sendfile_native"]

#: How much is read at once for a socket, in bytes, where the kernel does not send files.
SOCKET_BLOCK = 256 * 1024
#: The same for a transport, whose buffer it goes through.
TRANSPORT_BLOCK = 16 * 1024


# -- sockets -------------------------------------------------------------------


async def sock_sendfile(
    loop: Any,
    sock: Any,
    file: Any,
    offset: int = 0,
    count: int | None = None,
    *,
    fallback: bool = True,
) -> int:
    """Send *count* bytes (None: all) of *file* from *offset* on; return how many were sent.

    The file's position is moved behind what was sent, after errors as well.
    Where the kernel cannot do it, the file is read in a thread if *fallback*, else
    SendfileNotAvailableError is raised.  Raises ValueError or TypeError for wrong
    arguments and OSError when the connection is lost.
    """
    check(loop, sock)
    _check_arguments(sock, file, offset, count)
    try:
        return await loop._sock_sendfile_native(sock, file, offset, count)  # type: ignore[no-any-return]
    except SendfileNotAvailableError:
        if not fallback:
            raise

    async def send(data: memoryview) -> None:
        await loop.sock_sendall(sock, data)

    return await _by_hand(loop, file, offset, count, SOCKET_BLOCK, send)


def _check_arguments(sock: Any, file: Any, offset: Any, count: Any) -> None:
    if "b" not in getattr(file, "mode", "b"):
        raise ValueError("file should be opened in binary mode")
    if sock.type != socket.SOCK_STREAM:
        raise ValueError("only SOCK_STREAM type sockets are supported")
    if count is not None:
        if not isinstance(count, int):
            raise TypeError(f"count must be a positive integer (got {count!r})")
        if count <= 0:
            raise ValueError(f"count must be a positive integer (got {count!r})")
    if not isinstance(offset, int):
        raise TypeError(f"offset must be a non-negative integer (got {offset!r})")
    if offset < 0:
        raise ValueError(f"offset must be a non-negative integer (got {offset!r})")


async def sock_sendfile_native(
    loop: Any, sock: Any, file: Any, offset: int, count: int | None
) -> int:
    """Have the kernel send; raise SendfileNotAvailableError if it refuses to begin."""
    if not hasattr(os, "sendfile"):
        raise SendfileNotAvailableError("os.sendfile() is not available")
    try:
        fd = file.fileno()
        size = os.fstat(fd).st_size
    except (AttributeError, io.UnsupportedOperation, OSError):
        raise SendfileNotAvailableError("not a regular file") from None
    if not (count or size):
        return 0
    sending = _Sending(sock, fd, offset, count, count or size)
    try:
        try:
            return sending.step()
        except (BlockingIOError, InterruptedError):
            return await when_writable(loop, sock, sending.step)  # type: ignore[no-any-return]
    finally:
        if sending.sent:
            os.lseek(fd, offset + sending.sent, os.SEEK_SET)


class _Sending:
    """A file on its way: *count* bytes of *fd*, or as many as there are, *block* at once."""

    def __init__(self, sock: Any, fd: int, offset: int, count: int | None, block: int) -> None:
        self.sock = sock
        self.fd = fd
        self.offset = offset
        self.count = count
        self.block = block
        self.sent = 0

    def step(self) -> int:
        """Send what can be sent; return the total at the end, raise BlockingIOError before."""
        block = self.block if self.count is None else self.count - self.sent
        if block <= 0:
            return self.sent
        if self.sock.fileno() < 0:  # the transport whose socket it is was aborted meanwhile
            raise ConnectionError("Connection closed by peer")
        try:
            # More than this at once does not fit the argument everywhere.
            block = min(block, sys.maxsize // 2 + 1)
            sent = os.sendfile(self.sock.fileno(), self.fd, self.offset + self.sent, block)
        except (BlockingIOError, InterruptedError):
            raise
        except OSError as error:
            if self.sent == 0:
                # Not a file that the kernel can send, most likely.
                raise SendfileNotAvailableError("os.sendfile call failed") from error
            raise
        if sent == 0:
            return self.sent
        self.sent += sent
        raise BlockingIOError  # one block per readiness


async def _by_hand(
    loop: Any,
    file: Any,
    offset: int,
    count: int | None,
    block: int,
    send: Callable[[memoryview], Awaitable[None]],
) -> int:
    """Read *file* in a thread, *block* bytes at once, and give them to *send*."""
    if offset:
        file.seek(offset)
    view = memoryview(bytearray(min(count, block) if count else block))
    sent = 0
    try:
        while count is None or sent < count:
            room = view if count is None else view[: count - sent]
            size = await loop.run_in_executor(None, file.readinto, room)
            if not size:
                break
            await send(room[:size])
            sent += size
        return sent
    finally:
        if sent > 0 and hasattr(file, "seek"):
            file.seek(offset + sent)


# -- transports ----------------------------------------------------------------


async def sendfile(
    loop: Any,
    transport: Any,
    file: Any,
    offset: int = 0,
    count: int | None = None,
    *,
    fallback: bool = True,
) -> int:
    """Send *count* bytes (None: all) of *file* from *offset* on; return how many were sent.

    What was written before goes first; meanwhile nobody may write, and reading is
    paused.  Otherwise as `sock_sendfile`.  Raises RuntimeError when the transport
    is closing or cannot send files.
    """
    if transport.is_closing():
        raise RuntimeError("Transport is closing")
    mode = getattr(transport, "_sendfile_compatible", SendfileMode.UNSUPPORTED)
    if mode is SendfileMode.UNSUPPORTED:
        raise RuntimeError(f"sendfile is not supported for transport {transport!r}")
    if mode is SendfileMode.TRY_NATIVE:
        try:
            return await loop._sendfile_native(transport, file, offset, count)  # type: ignore[no-any-return]
        except SendfileNotAvailableError:
            if not fallback:
                raise
    if not fallback:
        raise RuntimeError(
            f"fallback is disabled and native sendfile is not supported for transport {transport!r}"
        )
    turnstile = _Turnstile(transport)

    async def send(data: memoryview) -> None:
        await turnstile.drain()
        # A copy: what the transport cannot send at once it keeps, and we read on.
        transport.write(bytes(data))

    try:
        return await _by_hand(loop, file, offset, count, TRANSPORT_BLOCK, send)
    finally:
        turnstile.restore()


async def sendfile_native(
    loop: Any, transport: Any, file: Any, offset: int, count: int | None
) -> int:
    """Send over the socket of *transport*, which stands aside meanwhile."""
    fd = transport._sock_fd
    readiness.release(loop, fd, transport)
    resume = transport.is_reading()
    transport.pause_reading()
    await transport._make_empty_waiter()
    try:
        return await sock_sendfile(loop, transport._sock, file, offset, count, fallback=False)
    finally:
        transport._reset_empty_waiter()
        if resume:
            transport.resume_reading()
        if transport._sock is not None:
            readiness.claim(loop, fd, transport)


class _Turnstile(Protocol):
    """Takes the place of the protocol of *transport* while a file is being sent."""

    def __init__(self, transport: Any) -> None:
        if not hasattr(transport, "_protocol_paused"):
            raise TypeError("transport should be _FlowControlMixin instance")
        self._transport = transport
        self._loop = transport._loop
        self._protocol = transport.get_protocol()
        self._resume_reading = transport.is_reading()
        self._resume_writing = transport._protocol_paused
        #: Completed when there is room again; None while there is.
        self._room: Any = None
        transport.pause_reading()
        transport.set_protocol(self)
        if self._resume_writing:
            self.pause_writing()

    async def drain(self) -> None:
        """Wait until the transport takes more; raise ConnectionError when it is closed."""
        if self._transport.is_closing():
            raise ConnectionError("Connection closed by peer")
        if self._room is not None:
            await self._room

    def connection_made(self, transport: Any) -> None:
        """Never called: the connection is there."""
        raise RuntimeError("Invalid state: connection should have been established already.")

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell whoever waits, and the protocol."""
        if self._room is not None:
            self._room.set_exception(exc or ConnectionError("Connection is closed by peer"))
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Have `drain` wait."""
        if self._room is None:
            self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let `drain` through."""
        room, self._room = self._room, None
        if room is not None:
            room.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Never called: reading is paused."""
        raise RuntimeError("Invalid state: reading should be paused")

    def eof_received(self) -> None:
        """Never called: reading is paused."""
        raise RuntimeError("Invalid state: reading should be paused")

    def restore(self) -> None:
        """Give the protocol its place back, and what it missed."""
        self._transport.set_protocol(self._protocol)
        if self._resume_reading:
            self._transport.resume_reading()
        if self._room is not None:
            self._room.cancel()  # nobody waits for it any more
        if self._resume_writing:
            self._protocol.resume_writing()
