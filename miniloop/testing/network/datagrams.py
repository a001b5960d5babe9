"""Datagram sockets: whole messages, which may get lost, come twice, or out of order.

What the link makes possible the choices decide.  A receiver that does not read loses
what does not fit, as it would anywhere; over a Unix socket the sender waits instead.

Read next: sockets.py
"""

from __future__ import annotations

import errno
import selectors
import socket
from collections import deque
from typing import TYPE_CHECKING, Any

from .streams import problem

if TYPE_CHECKING:
    from .network import Network

__all__ = ["DatagramEnd"]

#: How many bytes wait in a receiver: Linux' ``net.core.rmem_default``.
QUEUE_BYTES = 212992


class DatagramEnd:
    """One socket that sends and receives datagrams."""

    def __init__(self, network: Network, fd: int, host: Any, family: int) -> None:
        self.network = network
        self.fd = fd
        self.host = host
        self.family = family
        self.local: Any = None
        self.remote: Any = None
        self.peer: DatagramEnd | None = None
        self.error: OSError | None = None
        self.queue: deque[tuple[bytes, Any]] = deque()
        self.closed = False

    def readiness(self, events: int) -> int:
        """Return the mask of what would not block, of those *events* at least."""
        if self.error is not None:
            return selectors.EVENT_READ | selectors.EVENT_WRITE
        mask = selectors.EVENT_READ if self.queue else 0
        full = self.peer is not None and not self.peer.has_room(1)
        return mask if full else mask | selectors.EVENT_WRITE

    def has_room(self, size: int) -> bool:
        """Return whether another *size* bytes may wait."""
        return sum(len(data) for data, _ in self.queue) + size <= QUEUE_BYTES

    def receive(self, peek: bool = False) -> tuple[bytes, Any]:
        """Return the first datagram and where it is from; BlockingIOError when there is none."""
        self._raise_error()
        if not self.queue:
            raise problem(errno.EAGAIN)
        if peek:
            return self.queue[0]
        found = self.queue.popleft()
        if self.peer is not None:
            self.network.changed(self.peer.fd)
        return found

    def send(self, data: bytes, address: Any) -> int:
        """Send *data* to *address* (None: where it is connected to); return its length."""
        self._raise_error()
        if self.peer is not None:
            if self.peer.closed:
                raise problem(errno.ECONNREFUSED)
            if not self.peer.has_room(len(data)):
                raise problem(errno.EAGAIN)
        target = self.remote if address is None else address
        if target is None and self.peer is None:
            raise problem(errno.EDESTADDRREQ)
        if self.local is None and self.family != socket.AF_UNIX:
            self.network.bind_datagram(self, None)
        self.network.carry_datagram(self, target, data)
        return len(data)

    def arrive(self, data: bytes, source: Any) -> None:
        """A datagram has come; it is lost when too many wait, or when it is from elsewhere."""
        if self.closed or not self.has_room(len(data)):
            return
        if self.remote is not None and self.peer is None and source[:2] != self.remote[:2]:
            return
        self.queue.append((data, source))
        self.network.changed(self.fd)

    def refused(self) -> None:
        """What was sent has come to where nobody listens."""
        if self.remote is not None and not self.closed:
            self.error = problem(errno.ECONNREFUSED)
            self.network.changed(self.fd)

    def _raise_error(self) -> None:
        if self.error is not None:
            error, self.error = self.error, None
            raise error

    def close(self) -> None:
        """Receive nothing any more."""
        self.closed = True
        self.queue.clear()

    vanish = close
