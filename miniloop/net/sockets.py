"""The ``sock_*`` methods: one operation on a socket of the program's own.

Each tries at once, and only when that would block makes a future and waits.

A seat
    Whoever reads from a socket waits for it again and again.  asyncio registers
    and unregisters the descriptor each time: two system calls per message, of
    five.  Here it stays registered: its *seat*, with a handle of its own, is kept
    for the next to wait.  So that nobody is woken without end by data that no
    one waits for yet, an idle seat is told of *changes* only (``EPOLLET``); none
    is missed, since every wait begins with a try that would have blocked.

    Whoever had to wait will have to again, most likely.  A try that fails costs an
    exception; to ask ``poll`` whether it would fail costs a quarter of that, so
    that is done first as long as the answer is yes.

    That question is the one system call that cannot be left out: between two waits
    the program may have sent something to the other end of this very socket, and
    then asyncio goes on without a turn.  Neither the selector nor the last ``recv``
    knows of that, and nothing that a socket can be asked for costs less.

    A seat does not keep its socket alive, and leaves as soon as anybody else
    registers the descriptor, or when its number has become another socket's.
    Only the platform's own epoll can do this, and only for plain sockets: with a
    selector of the caller's, for a class with methods of its own, and for writing,
    one waits on a *stool*, registered for a single wait.

A turn of seats
    asyncio takes what came in one turn and runs the tasks in the next.  When seats
    are all that a turn would run, nothing can come in between, and both are done
    at once (`at_once`): no handle goes through the ready queue.

States of a seat
    idle    -- wait ----> waiting
            -- leave ---> gone
    waiting -- arrive --> idle
            -- cancel --> idle
            -- leave ---> stool
    stool   -- arrive --> gone
            -- cancel --> gone

Where it differs from asyncio
    A selector asked for its map shows a descriptor between two waits.
    With a ``SO_RCVLOWAT`` above one, the second wait goes on until as much is there.

Read next: resolver.py
"""

from __future__ import annotations

import select
import selectors
import socket
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from ..core.futures import PENDING
from ..core.handles import Handle
from ..interface import CancelledError
from . import readiness, resolver
from .tls_flow import ssl
from .waiters import wait_again

__all__ = [
    "QUICK_READ",
    "TRANSITIONS",
    "at_once",
    "check",
    "check_not_tls",
    "edges_of",
    "sock_accept",
    "sock_connect",
    "sock_recv",
    "sock_recv_into",
    "sock_recvfrom",
    "sock_recvfrom_into",
    "sock_sendall",
    "sock_sendto",
    "when_readable",
    "when_writable",
]

TRANSITIONS = (
    ("idle", "wait", "waiting"),
    ("idle", "leave", "gone"),
    ("waiting", "arrive", "idle"),
    ("waiting", "cancel", "idle"),
    ("waiting", "leave", "stool"),
    ("stool", "arrive", "gone"),
    ("stool", "cancel", "gone"),
)

#: Memory of at most this size, in bytes, the C library keeps at hand.  Above 128 KiB it
#: asks the kernel for it, page by page, and gives it back after each message: that costs
#: five times what receiving a short message does.
QUICK_READ = 120 * 1024
#: Up to this size, in bytes, more than that is received into memory that the loop keeps.
SCRATCH = 256 * 1024

_plain = socket.socket
_TLS_SOCKET: Any = getattr(ssl, "SSLSocket", ())


# -- waiting -------------------------------------------------------------------


def edges_of(selector: Any) -> Any:
    """Return the epoll object inside *selector* on which changes can be asked for, or None."""
    epoll = getattr(select, "epoll", None)
    inside = getattr(selector, "_selector", None)
    return inside if epoll is not None and isinstance(inside, epoll) else None


class Seat:
    """A place to wait until the descriptor *fd* of *sock* is ready for *event*."""

    __slots__ = (
        *("_spent", "_waiter", "args", "call", "event", "fd", "handle", "loop"),
        *("poll", "sock", "waits"),
    )

    def __init__(self, loop: Any, sock: Any, fd: int, event: int) -> None:
        self.loop = loop
        self.sock = weakref.ref(sock)
        self.fd = fd
        self.event = event
        self._waiter: Any = None
        self._spent: Any = None
        self.call: Any = None
        self.args: tuple[Any, ...] = ()
        #: Whether the last to come had to wait, and what tells if the next has to.
        self.waits = False
        self.poll: Callable[[int], Any]
        self.handle: Handle = readiness.add(loop, fd, event, _take, ((self,),))

    def keep(self) -> bool:
        """Stay registered between two waits, if the loop's selector can do that.

        Not with a socket of another class, whose methods may do anything: it may have a
        buffer, say, of which the kernel knows nothing.
        """
        loop = self.loop
        if type(self.sock()) is not _plain or loop._edges is None:
            return False
        if loop._selector.get_map()[self.fd].events != self.event:
            return False
        loop._edges.modify(self.fd, select.EPOLLIN | select.EPOLLET)
        loop._seats[self.fd] = self
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        self.poll = poll.poll
        return True

    def wait_for(self, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Wait for ``call(*args)``: who asks takes care of the future."""
        self.call = call
        self.args = args
        self.waits = True

    def _give_up(self) -> None:
        self._waiter = self.call = None
        self.args = ()

    def silent(self, sock: Any) -> bool:
        """Return whether *sock* is the one that sits here, and to try it now would surely block."""
        if self.waits and self.sock() is sock:
            self.waits = not self.poll(0)
            return self.waits
        return False

    def told_again(self) -> None:
        """Ask for the last change once more: nobody has taken notice of it."""
        sock = self.sock()
        if sock is not None and sock.fileno() == self.fd:
            self.loop._edges.modify(self.fd, select.EPOLLIN | select.EPOLLET)

    def leave(self) -> bool:
        """Make room for another user of the descriptor; one who waits goes on on a stool.

        Returns whether asyncio would still watch it: until who waited here goes on.
        """
        sock = self.sock()
        stale = sock is None or sock.fileno() != self.fd
        if stale or self._waiter is None or self._waiter.done():
            self.handle.cancel()
            self.loop._selector.unregister(self.fd)
        else:
            self.loop._edges.modify(self.fd, select.EPOLLIN)
            self._waiter.add_done_callback(self.free)
        return self._waiter is not None and not stale

    def free(self, _: object = None) -> None:
        """Unregister the descriptor, unless somebody else took the place."""
        if not self.handle.cancelled():
            readiness.remove(self.loop, self.fd, self.event)


def _take(seats: Iterable[Seat]) -> None:
    """Do what is waited for at each of *seats*; where it would still block, go on waiting."""
    for seat in seats:
        future = seat._waiter
        if future is None or seat.call is None:
            continue
        if future._state is PENDING or not future.done():  # it may be one of another make
            try:
                result = seat.call(*seat.args)
            except (BlockingIOError, InterruptedError):
                continue
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
        seat.call = None
        seat.args = ()


def at_once(loop: Any, events: list[tuple[int, int]]) -> bool:
    """Have all who sit take what came for them, if nothing else can happen in this turn.

    *events* are what epoll returned while no entry was ready.  Returns whether it was so:
    the tasks that were woken are next, as they would be after a turn of seats only.
    """
    if loop._watch is not None or loop._stopping or not loop._patience:
        return False
    heap = loop.timers.heap
    if heap and heap[0][0] < loop._clock() + loop._clock_resolution:
        return False
    seats = loop._seats
    sitting = [seats.get(fd) for fd, _ in events]
    if None in sitting:
        return False
    _take(sitting)
    return True


def when_readable(loop: Any, sock: Any, call: Callable[..., Any], *args: Any) -> Any:
    """Return what is awaited for ``call(*args)``, which is tried whenever *sock* can be read.

    Raises RuntimeError when a transport uses the socket.
    """
    fd = sock.fileno()
    seat = loop._seats.get(fd)
    if seat is not None and seat.sock() is sock:
        seat.wait_for(call, args)
        return wait_again(loop, seat)
    return _take_seat(loop, sock, fd, selectors.EVENT_READ, call, args)


def when_writable(loop: Any, sock: Any, call: Callable[..., Any], *args: Any) -> Any:
    """Return a future for ``call(*args)``, which is tried whenever *sock* can be written.

    Raises RuntimeError when a transport uses the socket.
    """
    return _take_seat(loop, sock, sock.fileno(), selectors.EVENT_WRITE, call, args)


def _take_seat(loop: Any, sock: Any, fd: int, event: int, call: Any, args: tuple[Any, ...]) -> Any:
    readiness.check_free(loop, fd)
    seat = Seat(loop, sock, fd, event)
    seat.wait_for(call, args)
    if event == selectors.EVENT_READ and seat.keep():
        return wait_again(loop, seat)
    seat._waiter = future = loop.create_future()
    future.add_done_callback(seat.free)
    return future


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
        and type(n) is int
        and 0 < n <= QUICK_READ
        and not loop._debug
        and seat.sock() is sock
    ):  # `Seat.silent` and `Seat.wait_for` written out
        if not seat.poll(0):
            seat.call = sock.recv
            seat.args = (n,)
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
