"""`SimulatedSocket`: a `socket.socket` whose other end is in the same World.

It is a subclass, so that whoever asks for a socket gets one; there is no descriptor
of the kernel's behind it.  Its own number begins where the kernel's do not reach.

Everything here is what the manual pages say of a socket that does not block.  A call
that would block is an error in a World: nothing else could run meanwhile.

Read next: links.py
"""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any

from ..failures import Escape
from ..labels import asked_at
from .datagrams import DatagramEnd
from .streams import Listener, StreamEnd, problem

if TYPE_CHECKING:
    from .network import Network

__all__ = ["SimulatedSocket"]

_new = socket.socket.__new__
#: Numbers that are no more than that: the operators of the enumerations take ten times as long.
_PEEK = int(socket.MSG_PEEK)
_FAMILIES = {int(family): family for family in socket.AddressFamily}
_KINDS = {int(kind): kind for kind in socket.SocketKind}


class SimulatedSocket(socket.socket):
    """A socket of a `Network`, which makes them; see `SimulatedSocket.make`."""

    _closed: bool
    _end: Any  # a StreamEnd, a Listener or a DatagramEnd
    _family: int
    _fd: int
    _io_refs: int
    _network: Network
    _options: dict[tuple[int, int], Any]
    _proto: int
    _timeout: float | None
    _type: int

    def __init__(self, *args: Any, **options: Any) -> None:
        """Do nothing: the base class would ask the kernel for a socket."""

    @classmethod
    def make(
        cls,
        network: Network,
        family: int = -1,
        kind: int = -1,
        proto: int = -1,
        fileno: int | None = None,
        end: Any = None,
    ) -> SimulatedSocket:
        """Return a socket of *network*; *end* is what is behind it, if there is something."""
        self = _new(cls)
        self._io_refs = 0
        self._closed = False
        self._network = network
        self._family = socket.AF_INET if family == -1 else family
        self._type = int(socket.SOCK_STREAM if kind == -1 else kind) & 0xF
        self._proto = 0 if proto == -1 else proto
        self._timeout = None
        self._options = {}
        self._end = end
        self._fd = network.adopt(self, fileno)
        if end is None:
            self._end = self._new_end()
        self._end.fd = self._fd
        return self

    def _new_end(self) -> Any:
        host = self._network.here()
        if self._type == socket.SOCK_STREAM:
            return StreamEnd(self._network, self._fd, host)
        if self._type == socket.SOCK_DGRAM:
            return DatagramEnd(self._network, self._fd, host, self._family)
        raise problem(errno.EPROTONOSUPPORT)

    def __repr__(self) -> str:
        if self._fd < 0:
            return "<SimulatedSocket [closed]>"
        return f"<SimulatedSocket fd={self._fd} local={self._end.local} remote={self._remote()}>"

    def __del__(self) -> None:
        pass  # the World looks for what was left open when the program is done

    # -- what it is ------------------------------------------------------------

    @property
    def family(self) -> Any:
        """The address family."""
        return _FAMILIES.get(self._family) or socket.AddressFamily(self._family)

    @property
    def type(self) -> Any:
        """SOCK_STREAM or SOCK_DGRAM."""
        return _KINDS[self._type]

    @property
    def proto(self) -> int:
        """The protocol number."""
        return self._proto

    @property
    def timeout(self) -> float | None:
        """Seconds that a call may block; 0 does not block, None for ever."""
        return self._timeout

    def fileno(self) -> int:
        """Return its number, -1 once closed."""
        return self._fd

    def settimeout(self, value: float | None) -> None:
        """Set how long calls may block, in seconds."""
        self._timeout = value

    def gettimeout(self) -> float | None:
        """Return how long calls may block, in seconds."""
        return self._timeout

    def setblocking(self, flag: bool) -> None:
        """Say whether calls may block."""
        self._timeout = None if flag else 0.0

    def getblocking(self) -> bool:
        """Return whether calls may block."""
        return self._timeout != 0

    def setsockopt(self, level: int, option: int, value: Any, size: Any = None) -> None:
        """Set an option: a receive buffer has an effect, the others are remembered."""
        self._open()
        self._options[level, option] = value
        if (level, option) == (socket.SOL_SOCKET, socket.SO_RCVBUF) and isinstance(
            self._end, StreamEnd
        ):
            self._end.incoming.capacity = int(value)

    def getsockopt(self, level: int, option: int, size: int = 0) -> Any:
        """Return an option; SO_ERROR gives the pending error and forgets it."""
        self._open()
        if level == socket.SOL_SOCKET:
            if option == socket.SO_ERROR:
                pending = getattr(self._end, "error", None)
                return 0 if pending is None else self._end.take_error().errno
            if option == socket.SO_TYPE:
                return self._type
            if option == getattr(socket, "SO_ACCEPTCONN", None):
                return int(isinstance(self._end, Listener))
        value = self._options.get((level, option), 0)
        return value if isinstance(value, bytes) else int(value)

    def getsockname(self) -> Any:
        """Return its own address."""
        self._open()
        local = self._end.local
        if local is not None:
            return local
        return "" if self._family == socket.AF_UNIX else self._network.unbound(self._family)

    def _remote(self) -> Any:
        return getattr(self._end, "remote", None)

    def getpeername(self) -> Any:
        """Return the address of the other end; OSError when there is none."""
        self._open()
        if self._remote() is None or getattr(self._end, "state", "") in ("connecting", "failed"):
            raise problem(errno.ENOTCONN)
        return self._remote()

    def _open(self) -> None:
        if self._fd < 0:
            raise problem(errno.EBADF)

    # -- coming and going ------------------------------------------------------

    def bind(self, address: Any) -> None:
        """Take an address; OSError when it is taken."""
        self._open()
        self._network.bind(self._end, self._family, address)

    def listen(self, backlog: int = 128) -> None:
        """Let connections come."""
        self._open()
        if isinstance(self._end, Listener):
            self._end.backlog = backlog
        else:
            self._end = self._network.listen(self._end, self._family, backlog)

    def accept(self) -> tuple[socket.socket, Any]:
        """Return a connection that waited, and where it is from."""
        self._open()
        if not isinstance(self._end, Listener):
            raise problem(errno.EINVAL)
        end = self._attempt(self._end.accept)
        accepted = self.make(self._network, self._family, self._type, self._proto, end=end)
        return accepted, end.remote if end.remote is not None else ""

    def connect(self, address: Any) -> None:
        """Connect to *address*; raises BlockingIOError while it is under way."""
        self._open()
        if isinstance(self._end, DatagramEnd):
            self._network.connect_datagram(self._end, address)
        elif self._end.state == "connected":
            raise problem(errno.EISCONN)
        elif self._end.state in ("connecting", "failed"):
            self._end.finish_connecting()
        else:
            self._network.connect(self._end, self._family, address)
            if self._end.state == "connecting":
                self._may_not_block("connect")
                raise problem(errno.EINPROGRESS)

    def connect_ex(self, address: Any) -> int:
        """Connect; return the error's number instead of raising, 0 for none."""
        try:
            self.connect(address)
        except socket.gaierror:
            raise
        except OSError as error:
            return error.errno or 0
        return 0

    def shutdown(self, how: int) -> None:
        """End one direction, or both."""
        self._open()
        if isinstance(self._end, StreamEnd):
            self._end.shut_down(how)

    def close(self) -> None:
        """Close it; harmless when it is closed."""
        self._closed = True
        if self._io_refs <= 0:
            self._real_close()

    def _real_close(self, _ss: Any = None) -> None:
        if self._fd >= 0:
            self._network.closed(self._fd)
            self._fd = -1
            self._end.close()

    def detach(self) -> int:
        """Give up the socket without closing it; return its number."""
        self._closed = True
        fd, self._fd = self._fd, -1
        self._network.detached(fd, self)
        return fd

    def dup(self) -> SimulatedSocket:
        """Not in a World: two sockets on one descriptor."""
        raise Escape("socket.dup() is not simulated")

    # -- bytes -----------------------------------------------------------------

    def _attempt(self, call: Any, *args: Any) -> Any:
        try:
            return call(*args)
        except BlockingIOError:
            self._may_not_block(call.__name__)
            raise

    def _may_not_block(self, what: str) -> None:
        if self._timeout != 0:
            place = asked_at() or "somewhere"
            raise Escape(f"{what} on a blocking socket at {place}: it would stop the whole World")

    def _stream(self) -> StreamEnd:
        if self._fd < 0:
            raise problem(errno.EBADF)
        end = self._end
        if not isinstance(end, StreamEnd):
            raise problem(errno.ENOTCONN)
        return end

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Return up to *bufsize* bytes."""
        if isinstance(self._end, DatagramEnd):
            return self.recvfrom(bufsize, flags)[0]
        end = self._stream()
        try:
            return end.receive(bufsize, flags != 0 and bool(int(flags) & _PEEK))
        except BlockingIOError:
            self._may_not_block("receive")
            raise

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Read into *buffer*; return how many bytes."""
        view = memoryview(buffer).cast("B")
        data = self.recv(nbytes or len(view), flags)
        view[: len(data)] = data
        return len(data)

    def recvfrom(self, bufsize: int, flags: int = 0) -> tuple[bytes, Any]:
        """Return one datagram, cut to *bufsize* bytes, and where it is from."""
        self._open()
        if isinstance(self._end, StreamEnd):
            return self.recv(bufsize, flags), None
        data, source = self._attempt(self._end.receive, bool(int(flags) & _PEEK))
        return data[:bufsize], source

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        """Read one datagram into *buffer*; return its length and where it is from."""
        view = memoryview(buffer).cast("B")
        data, source = self.recvfrom(nbytes or len(view), flags)
        view[: len(data)] = data
        return len(data), source

    def send(self, data: Any, flags: int = 0) -> int:
        """Send what there is room for; return how many bytes."""
        if type(data) is bytes and isinstance(self._end, StreamEnd):
            return self._send(data)
        # A view that an exception's traceback keeps would stop a bytearray from being cleared.
        with memoryview(data) as whole, whole.cast("B") as view:
            if isinstance(self._end, DatagramEnd):
                return self._send_datagram(bytes(view), None)
            return self._send(view)

    def _send(self, data: Any) -> int:
        end = self._stream()
        try:
            return end.send(data)
        except BlockingIOError:
            self._may_not_block("send")
            raise

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all of it; there must be room."""
        view = memoryview(data).cast("B")
        while view:
            view = view[self.send(view) :]

    def sendmsg(self, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None) -> int:
        """Send the *buffers* as one; return how many bytes there was room for."""
        data = b"".join(bytes(memoryview(buffer).cast("B")) for buffer in buffers)
        if isinstance(self._end, DatagramEnd):
            return self._send_datagram(data, address)
        return self.send(data)

    def sendto(self, data: Any, *where: Any) -> int:
        """Send one datagram to the address that comes last, after flags if any."""
        payload = bytes(memoryview(data).cast("B"))
        if isinstance(self._end, DatagramEnd):
            return self._send_datagram(payload, where[-1])
        return self.send(payload)

    def _send_datagram(self, data: bytes, address: Any) -> int:
        self._open()
        return int(self._attempt(self._end.send, data, address))

    def makefile(self, *args: Any, **options: Any) -> Any:
        """Not in a World: a file would block."""
        raise Escape("socket.makefile() would block the whole World")
