"""The ``sock_*`` methods: one operation on a socket of the program's own.

Each tries at once, and only when that would block makes a future and waits, in a place
of its own: see ``seats.py``.

Where it differs from asyncio
    Over TCP, who had to wait before does not notice before the next poll what has come
    since the last.  A loop that polls in every turn, as one with a selector of the
    caller's does, tries each time.
    A selector asked for its map shows a descriptor between two waits.
    With a ``SO_RCVLOWAT`` above one, the second wait goes on until as much is there.

Read next: resolver.py
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from ..interface import CancelledError
from . import resolver
from .seats import QUICK_READ, when_readable, when_writable
from .tls_flow import ssl
from .waiters import wait_again

__all__ = [
    "check",
    "check_not_tls",
    "sock_accept",
    "sock_connect",
    "sock_recv",
    "sock_recv_into",
    "sock_recvfrom",
    "sock_recvfrom_into",
    "sock_sendall",
    "sock_sendto",
]

#: Up to this size, in bytes, more than `QUICK_READ` is received into memory that the loop keeps.
SCRATCH = 256 * 1024

_plain = socket.socket
_TLS_SOCKET: Any = getattr(ssl, "SSLSocket", ())


def check_not_tls(sock: Any) -> None:
    """Raise TypeError for a TLS socket: what such a one does cannot be waited for."""
    if isinstance(sock, _TLS_SOCKET):
        raise TypeError("Socket cannot be of type SSLSocket")


def check(loop: Any, sock: Any) -> None:
    """Raise TypeError for a TLS socket and, in debug mode, ValueError for a blocking one."""
    check_not_tls(sock)
    if loop._debug and sock.gettimeout() != 0:
        raise ValueError("the socket must be non-blocking")


# -- reading -------------------------------------------------------------------


async def sock_recv(loop: Any, sock: Any, n: int) -> bytes:
    """Return up to *n* bytes from *sock*; none when the peer has ended.

    Raises what ``socket.recv`` raises.  Cancelled in the very turn
    in which data came, it loses that data, as asyncio's does; otherwise nothing.
    """
    seat = loop._seats.get(sock.fileno())
    if (
        seat is not None
        and seat.waits
        and (n is seat.size or (type(n) is int and 0 < n <= QUICK_READ))
        and seat.sock() is sock
    ):  # `Seat.silent`, unless that is known, and `Seat.wait_for` written out
        if seat.drained or not seat.poll(0):
            seat.call = sock.recv
            seat.size = n
            seat.args = None
            return await wait_again(loop, seat)  # type: ignore[no-any-return]
        seat.waits = False
    elif QUICK_READ < n <= SCRATCH:
        return await _read(loop, sock, True, _recv_copy, loop, sock, n)  # type: ignore[no-any-return]
    elif type(sock) is not _plain or loop._debug:
        check(loop, sock)
    try:
        return sock.recv(n)  # type: ignore[no-any-return]
    except (BlockingIOError, InterruptedError):
        pass
    return await when_readable(loop, sock, sock.recv, n)  # type: ignore[no-any-return]


async def _read(loop: Any, sock: Any, blocks: bool, call: Callable[..., Any], *args: Any) -> Any:
    """Return ``call(*args)`` as soon as *sock* can be read; it *blocks* for sure if it cannot.

    `sock_recv` has the same written out, since it is called most.
    """
    if type(sock) is not _plain or loop._debug:
        check(loop, sock)
    seat = loop._seats.get(sock.fileno())
    if seat is not None and blocks and seat.silent(sock):
        seat.wait_for(call, args)
        return await wait_again(loop, seat)
    try:
        return call(*args)
    except (BlockingIOError, InterruptedError):
        pass
    return await when_readable(loop, sock, call, *args)


def _recv_copy(loop: Any, sock: Any, n: int) -> bytes:
    """Do as ``socket.recv``, without asking for *n* bytes of memory each time: see `QUICK_READ`."""
    if loop._scratch is None:
        loop._scratch = memoryview(bytearray(SCRATCH))
    return bytes(loop._scratch[: sock.recv_into(loop._scratch, n)])


async def sock_recv_into(loop: Any, sock: Any, buf: Any) -> int:
    """Read from *sock* into the writable buffer *buf*; return the number of bytes.

    Raises what ``socket.recv_into`` raises.  Cancelled in the very turn
    in which data came, it loses that data, as asyncio's does; otherwise nothing.
    """
    blocks = type(buf) is bytearray and len(buf) > 0  # anything else may be refused at once
    return await _read(loop, sock, blocks, sock.recv_into, buf)  # type: ignore[no-any-return]


async def sock_recvfrom(loop: Any, sock: Any, bufsize: int) -> tuple[bytes, Any]:
    """Return a datagram of at most *bufsize* bytes and the address it came from.

    Raises what ``socket.recvfrom`` raises.  Cancelled in the very turn
    in which data came, it loses that data, as asyncio's does; otherwise nothing.
    """
    blocks = type(bufsize) is int and bufsize > 0
    return await _read(loop, sock, blocks, sock.recvfrom, bufsize)  # type: ignore[no-any-return]


async def sock_recvfrom_into(loop: Any, sock: Any, buf: Any, nbytes: int = 0) -> tuple[int, Any]:
    """Read a datagram into *buf*; return its length and the address it came from.

    At most *nbytes* are read (0: as many as *buf* holds).  Raises what
    ``socket.recvfrom_into`` raises.  Cancelled in the very turn
    in which data came, it loses that data, as asyncio's does; otherwise nothing.
    """
    nbytes = nbytes or len(buf)
    return await _read(  # type: ignore[no-any-return]
        loop, sock, False, sock.recvfrom_into, buf, nbytes
    )


async def sock_accept(loop: Any, sock: Any) -> tuple[socket.socket, Any]:
    """Return the next connection to *sock*, which listens, and the peer's address.

    The connection's socket does not block.  Raises what ``socket.accept`` raises.  Who is
    cancelled when there was a connection already has closed it.
    """
    accepted: list[socket.socket] = []
    try:
        return await _read(loop, sock, True, _accept, sock, accepted)  # type: ignore[no-any-return]
    except CancelledError:
        for connection in accepted:
            connection.close()
        raise


def _accept(sock: Any, accepted: list[socket.socket]) -> tuple[socket.socket, Any]:
    connection, address = sock.accept()
    accepted.append(connection)
    connection.setblocking(False)
    return connection, address


# -- writing -------------------------------------------------------------------


async def sock_sendall(loop: Any, sock: Any, data: Any) -> None:
    """Send all of *data* over *sock*.

    Raises what ``socket.send`` raises.  After an error or cancellation nobody
    knows how much was sent.
    """
    if type(sock) is not _plain or loop._debug:
        check(loop, sock)
    try:
        sent = sock.send(data)
    except (BlockingIOError, InterruptedError):
        sent = 0
    if sent != len(data):
        rest = [memoryview(data).cast("B")[sent:]]
        if rest[0]:
            await when_writable(loop, sock, _send_rest, sock, rest)


def _send_rest(sock: Any, rest: list[memoryview]) -> None:
    """Send of ``rest[0]`` what can be sent; raise BlockingIOError while something is left."""
    rest[0] = rest[0][sock.send(rest[0]) :]
    if rest[0]:
        raise BlockingIOError


async def sock_sendto(loop: Any, sock: Any, data: Any, address: Any) -> int:
    """Send the datagram *data* to *address*; return the number of bytes sent.

    Raises what ``socket.sendto`` raises.
    """
    if type(sock) is not _plain or loop._debug:
        check(loop, sock)
    try:
        return sock.sendto(data, address)  # type: ignore[no-any-return]
    except (BlockingIOError, InterruptedError):
        pass
    return await when_writable(loop, sock, _send_to, sock, data, address)  # type: ignore[no-any-return]


def _send_to(sock: Any, data: Any, address: Any) -> int:
    return sock.sendto(data, address)  # type: ignore[no-any-return]  # it may be another method by now


async def sock_connect(loop: Any, sock: Any, address: Any) -> None:
    """Connect *sock* to *address*, whose host is resolved if it is a name.

    Raises OSError when the connection fails.
    """
    check(loop, sock)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        found = await resolver.ensure_resolved(
            loop, address, family=sock.family, type=sock.type, proto=sock.proto
        )
        address = found[0][4]
    try:
        sock.connect(address)
    except (BlockingIOError, InterruptedError):
        # Interrupted or not, it goes on in the background: the socket can be
        # written once that has succeeded or failed.
        await when_writable(loop, sock, _check_connected, sock, address)


def _check_connected(sock: Any, address: Any) -> None:
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error != 0:
        raise OSError(error, f"Connect call failed {address}")
