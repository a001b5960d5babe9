"""Stream sockets: connections, listeners, and how one becomes the other.

States of an end
    new        -- bind ----------------> bound
               -- connect -------------> connecting
    bound      -- connect -------------> connecting
    connecting -- accepted ------------> connected
               -- refused, timed out --> failed
    connected  -- reset ---------------> reset

A direction ends when its writer shuts it down or closes; one that is closed with
unread bytes, or is written to after it was closed, is reset, as Linux does it.

Read next: datagrams.py
"""

from __future__ import annotations

import errno
import functools
import os
import selectors
import socket
from collections import deque
from typing import TYPE_CHECKING, Any

from .wire import Wire

if TYPE_CHECKING:
    from .network import Network

__all__ = ["TRANSITIONS", "Listener", "StreamEnd"]

TRANSITIONS = (
    ("new", "bind", "bound"),
    ("new", "connect", "connecting"),
    ("bound", "connect", "connecting"),
    ("connecting", "accepted", "connected"),
    ("connecting", "refused, timed out", "failed"),
    ("connected", "reset", "reset"),
)

_READ = selectors.EVENT_READ
_WRITE = selectors.EVENT_WRITE

#: How long Linux tries to connect to a host that does not answer, in seconds.
CONNECT_SECONDS = 127.0


_strerror = functools.cache(os.strerror)


def problem(number: int) -> OSError:
    """Return the exception that the kernel's error *number* becomes."""
    return OSError(number, _strerror(number))


class Listener:
    """A socket that listens: connections wait in it to be accepted."""

    def __init__(self, network: Network, fd: int, address: Any, backlog: int) -> None:
        self.network = network
        self.fd = fd
        self.local = address
        self.backlog = max(backlog, 1)
        self.remote = None
        self.host: Any = None
        self.waiting: deque[StreamEnd] = deque()

    def readiness(self, events: int) -> int:
        """Return what it is ready for: to be read from when a connection waits."""
        return _READ if self.waiting else 0

    def arrive(self, end: StreamEnd) -> bool:
        """Let a connection wait to be accepted; return False when too many do."""
        if len(self.waiting) > self.backlog:
            return False
        self.waiting.append(end)
        self.network.changed(self.fd)
        return True

    def accept(self) -> StreamEnd:
        """Return the connection that has waited longest; BlockingIOError when none does."""
        if not self.waiting:
            raise problem(errno.EAGAIN)
        return self.waiting.popleft()

    def close(self) -> None:
        """Refuse whoever waits."""
        while self.waiting:
            self.waiting.popleft().abort()

    def vanish(self) -> None:
        """Be gone without a word."""
        self.waiting.clear()


class StreamEnd:
    """One end of a connection, or of what is to become one."""

    def __init__(self, network: Network, fd: int, host: Any) -> None:
        self.network = network
        self.fd = fd
        self.host = host
        self.state = "new"
        self.local: Any = None
        self.remote: Any = None
        self.peer: StreamEnd | None = None
        self.incoming = Wire()
        #: Given out once, by whatever is called next.
        self.error: OSError | None = None
        self.writing_over = False
        self.reading_over = False
        self.closed = False
        #: Comes when it has tried to connect for too long.
        self.patience: Any = None

    # -- becoming a connection -------------------------------------------------

    def join(self, other: StreamEnd) -> None:
        """Connect with *other*, both at once."""
        self.peer, other.peer = other, self
        self.state = other.state = "connected"

    def established(self, peer: StreamEnd) -> None:
        """The other side has answered."""
        self._be_patient_no_longer()
        if self.state == "connecting" and not self.closed:
            self.join(peer)
            self.network.changed(self.fd)
        else:
            peer.peer = self
            peer.was_reset()

    def failed(self, number: int) -> None:
        """There will be no connection, for the reason that *number* names."""
        self._be_patient_no_longer()
        if self.state == "connecting":
            self.state = "failed"
            self.error = problem(number)
            self.network.changed(self.fd)

    def _be_patient_no_longer(self) -> None:
        if self.patience is not None:
            self.network.drop(self.patience)
            self.patience = None

    def finish_connecting(self) -> None:
        """Return when connected; raises what went wrong, or that it is under way."""
        if self.error is not None:
            raise self.take_error()
        if self.state == "connecting":
            raise problem(errno.EALREADY)

    def take_error(self) -> OSError:
        """Return the pending error and forget it."""
        error, self.error = self.error, None
        assert error is not None
        return error

    # -- what it is ready for --------------------------------------------------

    def readiness(self, events: int) -> int:
        """Return the mask of what would not block, of those *events* at least."""
        state = self.state
        if state != "connected":
            return _READ | _WRITE if state in ("failed", "reset") else 0
        mask = 0
        incoming = self.incoming
        if incoming.arrived or incoming.ended or self.reading_over:
            mask = _READ
        if not events & _WRITE:
            return mask
        assert self.peer is not None
        if self.writing_over or self.peer.incoming.room():
            mask |= _WRITE
        return mask

    # -- bytes -----------------------------------------------------------------

    def receive(self, size: int, peek: bool = False) -> bytes:
        """Return up to *size* bytes that have come, b"" after the end.

        Raises BlockingIOError when none have, ConnectionResetError after a reset.
        """
        if self.error is not None:
            raise self.take_error()
        wire = self.incoming
        if wire.arrived:
            if peek:
                return bytes(wire.arrived[:size])
            data = wire.take(size)
            if self.peer is not None:
                self.network.changed(self.peer.fd)
            return data
        if wire.ended or self.reading_over or self.state == "reset":
            return b""
        if self.state != "connected":
            raise problem(errno.ENOTCONN)
        raise problem(errno.EAGAIN)

    def send(self, data: Any) -> int:
        """Send as much of *data* as there is room for; return how many bytes.

        Raises BlockingIOError when there is no room, BrokenPipeError after the end.
        """
        if self.error is not None:
            raise self.take_error()
        if self.writing_over or self.state == "reset":
            raise problem(errno.EPIPE)
        if self.state != "connected" or self.peer is None:
            raise problem(errno.ENOTCONN)
        size = len(data)
        if not size:
            return 0
        room = self.peer.incoming.room()
        if not room:
            raise problem(errno.EAGAIN)
        return self.network.carry_bytes(self, self.peer, data if size <= room else data[:room])

    def arrive(self, data: bytes) -> None:
        """Bytes have come."""
        self.incoming.under_way -= len(data)
        if self.closed:
            self._answer_with_reset()
        elif self.state == "connected" and not self.reading_over:
            self.incoming.arrived += data
            self.network.changed(self.fd)

    # -- the end ---------------------------------------------------------------

    def shut_down(self, how: int) -> None:
        """End one direction or both; raises OSError when not connected."""
        if self.state == "reset":
            raise problem(errno.ENOTCONN)
        if self.state != "connected":
            raise problem(errno.ENOTCONN)
        if how in (socket.SHUT_RD, socket.SHUT_RDWR):
            self.reading_over = True
        if how in (socket.SHUT_WR, socket.SHUT_RDWR) and not self.writing_over:
            self.writing_over = True
            self._send_end()
        self.network.changed(self.fd)

    def _send_end(self) -> None:
        if self.peer is not None:
            self.network.carry(self, self.peer, "end", self.peer.end_arrives)

    def end_arrives(self) -> None:
        """The other side sends nothing more."""
        self.incoming.ended = True
        self.network.changed(self.fd)

    def was_reset(self) -> None:
        """The connection is gone, with whatever was on its way."""
        if self.state == "connected" and not self.closed:
            self.state = "reset"
            self.error = problem(errno.ECONNRESET)
            self.incoming.arrived.clear()
            self.network.changed(self.fd)

    def abort(self) -> None:
        """Reset the connection."""
        self.closed = True
        self._answer_with_reset()

    def _answer_with_reset(self) -> None:
        if self.peer is not None and not self.peer.closed:
            self.network.carry(self, self.peer, "reset", self.peer.was_reset)

    def close(self) -> None:
        """End both directions; unread bytes make that a reset."""
        if self.closed:
            return
        self.closed = True
        self._be_patient_no_longer()
        if self.state != "connected":
            return
        if self.incoming.arrived and not self.reading_over:
            self._answer_with_reset()
        elif not self.writing_over:
            self._send_end()

    def vanish(self) -> None:
        """Be gone without a word, as when the power fails."""
        self.closed = True
        self._be_patient_no_longer()
        self.network.forget_lane(self)
