"""The socket that a transport shows: it may be asked and tuned, not used up.

A program gets it from ``transport.get_extra_info("socket")`` and ``server.sockets``.
Reading, writing or closing would take away what belongs to the transport, so
there are no such methods.

Read next: tcp.py
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any, NoReturn

__all__ = ["TransportSocket"]


class TransportSocket:
    """A view of the socket *sock*.  Counterpart: ``asyncio.trsock.TransportSocket``."""

    __slots__ = ("_sock",)

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    @property
    def family(self) -> int:
        """The address family."""
        return self._sock.family

    @property
    def type(self) -> int:
        """The kind: ``SOCK_STREAM``, ``SOCK_DGRAM``..."""
        return self._sock.type

    @property
    def proto(self) -> int:
        """The protocol number."""
        return self._sock.proto

    def __repr__(self) -> str:
        text = (
            f"<asyncio.TransportSocket fd={self.fileno()}, family={self.family!s}, "
            f"type={self.type!s}, proto={self.proto}"
        )
        if self.fileno() != -1:
            for name, ask in (("laddr", self.getsockname), ("raddr", self.getpeername)):
                with contextlib.suppress(OSError):
                    if address := ask():
                        text += f", {name}={address}"
        return text + ">"

    def __getstate__(self) -> NoReturn:
        raise TypeError("Cannot serialize asyncio.TransportSocket object")

    def fileno(self) -> int:
        """Return the descriptor; -1 once closed."""
        return self._sock.fileno()

    def dup(self) -> socket.socket:
        """Return a new socket for the same connection: the caller's own."""
        return self._sock.dup()

    def get_inheritable(self) -> bool:
        """Return whether child processes inherit the descriptor."""
        return self._sock.get_inheritable()

    def shutdown(self, how: int) -> None:
        """Shut one or both halves of the connection down."""
        self._sock.shutdown(how)

    def getsockopt(self, *args: Any, **kwargs: Any) -> Any:
        """Return a socket option."""
        return self._sock.getsockopt(*args, **kwargs)

    def setsockopt(self, *args: Any, **kwargs: Any) -> None:
        """Set a socket option."""
        self._sock.setsockopt(*args, **kwargs)

    def getpeername(self) -> Any:
        """Return the address of the other end; raises OSError when not connected."""
        return self._sock.getpeername()

    def getsockname(self) -> Any:
        """Return the address of this end."""
        return self._sock.getsockname()

    def gettimeout(self) -> float:
        """Return 0: the sockets of transports never block."""
        return 0

    def settimeout(self, value: float | None) -> None:
        """Accept the timeout 0 only; raises ValueError for any other."""
        if value != 0:
            raise ValueError("settimeout(): only 0 timeout is allowed on transport sockets")

    def setblocking(self, flag: bool) -> None:
        """Accept False only; raises ValueError otherwise."""
        if flag:
            raise ValueError("setblocking(): transport sockets cannot be blocking")
