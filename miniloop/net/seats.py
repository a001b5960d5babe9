"""Where ``sock_*`` methods wait, and what is taken before anything runs.

A seat
    Whoever reads from a socket waits for it again and again.  asyncio registers
    and unregisters the descriptor each time: two system calls per message, of
    five.  Here it stays registered: its *seat*, with a handle of its own, is kept
    for the next to wait.  So that nobody is woken without end by data that no
    one waits for yet, an idle seat is told of *changes* only (``EPOLLET``); none
    is missed, since every wait begins with a try that would have blocked, or when it is
    known that one would.

    Whoever had to wait will have to again, most likely.  A try that fails costs an
    exception; to ask ``poll`` whether it would fail costs a third of that, so
    that is done first as long as the answer is yes.

    Over TCP not even that: a ``recv`` that returned less than it was asked for has left
    nothing (epoll(7) says so), unless an end, an error or urgent data is behind it, which
    the selector would have told.  Such a socket is *drained* until the selector tells of
    another change.  What has come since the last poll is noticed at the next one, as all
    that comes from outside is on this loop (see ``loop.py``: after `PATIENCE` entries at
    most); asyncio would go on without a turn.  With other sockets, a socket pair above
    all, whose other end is in the same program as a rule, ``poll`` is asked each time.

    A seat does not keep its socket alive, and leaves as soon as anybody else
    registers the descriptor, or when its number has become another socket's.
    Only the platform's own epoll can do this, and only for plain sockets: with a
    selector of the caller's, for a class with methods of its own, and for writing,
    one waits on a *stool*, registered for a single wait.

A turn of taking
    asyncio takes what came in one turn and runs the tasks in the next.  When seats are
    all that a turn would run, or transports that feed streams, nothing of the program's
    runs in it, and both are done at once (`at_once`): no handle goes through the ready
    queue.

States of a seat
    idle    -- wait ----> waiting
            -- leave ---> gone
    waiting -- arrive --> idle
            -- cancel --> idle
            -- leave ---> stool
    stool   -- arrive --> gone
            -- cancel --> gone

Read next: sockets.py
"""

from __future__ import annotations

import select
import selectors
import socket
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from ..core.futures import PENDING, Future
from ..core.handles import Handle
from . import readiness
from .waiters import wait_again

__all__ = [
    "QUICK_READ",
    "TRANSITIONS",
    "Seat",
    "at_once",
    "edges_of",
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

_DATA = select.EPOLLIN if hasattr(select, "epoll") else 0
_INTERNET, _STREAM = (socket.AF_INET, socket.AF_INET6), socket.SOCK_STREAM
_TCP = (0, socket.IPPROTO_TCP)
_plain = socket.socket


def edges_of(selector: Any) -> Any:
    """Return the epoll object inside *selector* on which changes can be asked for, or None."""
    epoll = getattr(select, "epoll", None)
    inside = getattr(selector, "_selector", None)
    return inside if epoll is not None and isinstance(inside, epoll) else None


class Seat:
    """A place to wait until the descriptor *fd* of *sock* is ready for *event*."""

    __slots__ = (
        *("_spent", "_waiter", "args", "call", "event", "fd", "handle", "loop"),
        *("drained", "poll", "size", "sock", "tcp", "waits"),
    )

    def __init__(self, loop: Any, sock: Any, fd: int, event: int) -> None:
        self.loop = loop
        self.sock = weakref.ref(sock)
        self.fd = fd
        self.event = event
        self._waiter: Any = None
        self._spent: Any = None
        self.call: Any = None
        #: None stands for the *size*, which `sock_recv` has asked for last.
        self.args: tuple[Any, ...] | None = None
        self.size: Any = None
        #: Whether the last to come had to wait, and what tells if the next has to.
        self.waits = False
        self.poll: Callable[[int], Any]
        #: Whether nothing was left at the last poll, and whether that can be known.
        self.drained = self.tcp = False
        self.handle: Handle = readiness.add(loop, fd, event, _take, ((self,),))

    def keep(self) -> bool:
        """Stay registered between two waits, if the loop's selector can do that.

        Not with a socket of another class, whose methods may do anything: it may have a
        buffer, say, of which the kernel knows nothing.
        """
        loop = self.loop
        sock = self.sock()
        if type(sock) is not _plain or loop._edges is None:
            return False
        if loop._selector.get_map()[self.fd].events != self.event:
            return False
        loop._edges.modify(self.fd, readiness.SEAT)
        loop._seats[self.fd] = self
        self.tcp = sock.family in _INTERNET and sock.type == _STREAM and sock.proto in _TCP
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        self.poll = poll.poll
        return True

    def wait_for(self, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Wait for ``call(*args)``: who asks takes care of the future."""
        self.call = call
        self.args = args
        self.waits = not self.loop._debug  # there each socket is looked at first

    def _give_up(self) -> None:
        self._waiter = self.call = self.args = None

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
            self.loop._edges.modify(self.fd, readiness.SEAT)

    def leave(self) -> bool:
        """Make room for another user of the descriptor; one who waits goes on on a stool.

        Returns whether asyncio would still watch it: until who waited here goes on.
        """
        sock = self.sock()
        stale = sock is None or sock.fileno() != self.fd
        if stale or self._waiter is None or self._waiter.done():
            self.handle.cancel()
            readiness.forget(self.loop, self.fd)
        else:
            self.loop._edges.modify(self.fd, select.EPOLLIN)
            self._waiter.add_done_callback(self.free)
            if isinstance(self._waiter, Future):
                # First of all: it is no longer watched when who waits goes on, as on asyncio.
                entries = self._waiter._entries()
                entries.insert(0, entries.pop())
        return self._waiter is not None and not stale

    def free(self, _: object = None) -> None:
        """Unregister the descriptor, unless somebody else took the place."""
        if not self.handle.cancelled():
            readiness.remove(self.loop, self.fd, self.event)


def _take(seats: Iterable[Seat], only_data: bool = False) -> None:
    """Do what is waited for at each of *seats*; where it would still block, go on waiting.

    There is *only data* if the selector said so: no end, no error, nothing urgent.
    """
    for seat in seats:
        seat.drained = False
        call = seat.call
        if call is None:
            continue
        future = seat._waiter
        if future._state is PENDING or not future.done():  # it may be one of another make
            try:
                if seat.args is None:
                    result = call(seat.size)
                    # Less than was asked for: epoll(7) says that this was all.
                    seat.drained = only_data and len(result) < seat.size and seat.tcp
                else:
                    result = call(*seat.args)
            except (BlockingIOError, InterruptedError):
                continue
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
        seat.call = seat.args = None


def _keep(taking: Iterable[Any]) -> None:
    """Do as transports do when they can be read from, for those whose readers keep it all."""
    for transport, receive, keep in taking:
        if (reader := transport._reader) is None:  # closed meanwhile, by who was told of an error
            continue
        doing = "recv"
        try:
            data = receive(QUICK_READ)
            if data and len(data) < QUICK_READ:
                doing = "data_received"
                keep(data)
                continue
        except BaseException as error:
            reader._context.run(transport._not_read, error, doing)
        else:
            reader._context.run(transport._read_data, data)


def at_once(loop: Any, events: list[tuple[int, int]]) -> bool:
    """Take what came for those who wait, if nothing else can happen in this turn.

    *events* are what epoll returned while no entry was ready.  Returns whether it was so:
    the tasks that were woken are next, as they would be after a turn of taking only.
    """
    if loop._watch is not None or loop._stopping or not loop._patience:
        return False
    heap = loop.timers.heap
    if heap and heap[0][0] < loop._clock() + loop._clock_resolution:
        return False
    if takers := loop._takers:
        taking = [takers.get(fd) for fd, _ in events]
        if None not in taking:
            _keep(taking)
            return True
    if seats := loop._seats:
        sitting = [seats.get(fd) if event == _DATA else None for fd, event in events]
        if None not in sitting:
            _take(sitting, only_data=True)  # type: ignore[arg-type]
            return True
    return False


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
