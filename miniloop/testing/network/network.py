"""Who listens where, and how a packet gets from one socket to another.

Everything that is sent passes `Network._send`: rules first, then the link, which says how
long it takes, then partitions and holds.  What remains is a moment of arrival, and a choice
about how much later than that.

Read next: ../executor.py
"""

from __future__ import annotations

import errno
import itertools
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from .barriers import Barriers, Departure
from .datagrams import DatagramEnd
from .links import DROP, PASS, Deliver, Link, Packet, Rule
from .names import LOCALHOST, Names, is_loopback
from .sockets import SimulatedSocket
from .streams import CONNECT_SECONDS, Listener, StreamEnd, problem

if TYPE_CHECKING:
    from ..hosts import Host
    from ..world import World

__all__ = ["Network"]

#: The first descriptor: no kernel gives out such a number.
FIRST_DESCRIPTOR = 1_000_000
#: For how many polls an arrival may be held: that many alternatives has it, besides 0.
HOLDS = 4
#: Two more alternatives of an arrival: one byte first, or half of it first.
PIECES = 2
#: The first port that is given out to those who do not ask for one.
FIRST_PORT = 49152
#: What does not arrive takes that many seconds.
NEVER = float("-inf")


def _is_tls(data: bytes) -> bool:
    return data[:1] in (b"\x14", b"\x15", b"\x16", b"\x17") and data[1:2] == b"\x03"


class Network:
    """The network of one World."""

    def __init__(self, world: World) -> None:
        self._world = world
        #: Something has happened to a descriptor: whoever watches it is to look.
        self.changed: Callable[[int], None] = world.selector.changed
        self.names = Names()
        self.default_link = Link()
        self._links: dict[tuple[str, str], Link] = {}
        self._rules: list[Rule] = []
        self._barriers = Barriers(self._leave)
        self._sockets: dict[int, SimulatedSocket] = {}
        self._ends: dict[int, Any] = {}
        self._hidden: set[int] = set()
        self._descriptors = itertools.count(FIRST_DESCRIPTOR)
        self._ports = itertools.count(FIRST_PORT)
        self._streams: dict[tuple[str, int], Listener] = {}
        self._datagrams: dict[tuple[str, int], DatagramEnd] = {}
        self._unix: dict[Any, Any] = {}

    # -- sockets ---------------------------------------------------------------

    def socket(
        self, family: int = -1, kind: int = -1, proto: int = -1, fileno: Any = None
    ) -> SimulatedSocket:
        """Return a new socket, or one on the descriptor *fileno* of one that was detached."""
        if fileno is not None:
            end = self._ends.get(fileno)
            if end is None:
                raise problem(errno.EBADF)
            return SimulatedSocket.make(self, family, kind, proto, fileno, end)
        return SimulatedSocket.make(self, family, kind, proto)

    def pair(self, family: int, kind: int, proto: int) -> tuple[SimulatedSocket, SimulatedSocket]:
        """Return two sockets that are connected to each other."""
        one, other = (self.socket(family, kind, proto) for _ in range(2))
        if isinstance(one._end, StreamEnd):
            one._end.join(other._end)
        else:
            one._end.peer, other._end.peer = other._end, one._end
        for end in (one._end, other._end):
            end.local = end.remote = ""
        return one, other

    def adopt(self, sock: SimulatedSocket, fileno: Any) -> int:
        """Give *sock* a descriptor."""
        fd = next(self._descriptors) if fileno is None else int(fileno)
        self._sockets[fd] = sock
        return fd

    def detached(self, fd: int, sock: SimulatedSocket) -> None:
        """Remember what is on *fd*: somebody has the number alone."""
        self._ends[fd] = sock._end

    def closed(self, fd: int) -> None:
        """Forget *fd* and the addresses it had."""
        sock = self._sockets.pop(fd, None)
        self._ends.pop(fd, None)
        if sock is None:
            return
        if isinstance(sock._end, StreamEnd) and not self._unix:
            return  # what listens is in the tables, and what has no other address
        for table in (self._streams, self._datagrams, self._unix):
            for address in [key for key, end in table.items() if end is sock._end]:
                del table[address]

    def socket_of(self, fd: int) -> SimulatedSocket:
        """Return the socket with descriptor *fd*; raises ValueError for one of the kernel's."""
        sock = self._sockets.get(fd)
        if sock is None:
            raise ValueError(f"descriptor {fd} is not one of this World's sockets")
        return sock

    def open_sockets(self) -> list[SimulatedSocket]:
        """Return the sockets that nobody has closed, in the order they were made."""
        return [sock for fd, sock in self._sockets.items() if fd not in self._hidden]

    def readiness(self, fd: int, events: int) -> int:
        """Return the mask of those *events* that would not block on *fd*."""
        sock = self._sockets.get(fd)
        return 0 if sock is None else sock._end.readiness(events) & events

    def hide(self, sock: SimulatedSocket) -> None:
        """Leave *sock*, which is the World's own, out of `open_sockets`."""
        self._hidden.add(sock.fileno())

    def vanish(self, host: Host) -> None:
        """Have every socket of *host* be gone, and what was on its way to it."""
        for fd, sock in list(self._sockets.items()):
            if sock._end.host is host and fd not in self._hidden:
                self.closed(fd)
                self._world.selector.forget(fd)
                sock._end.vanish()

    def here(self) -> Host:
        """Return the host whose code runs."""
        return self._world.here()

    # -- addresses -------------------------------------------------------------

    def unbound(self, family: int) -> Any:
        """Return the address of a socket that has none."""
        return ("0.0.0.0", 0) if family == socket.AF_INET else ("::", 0, 0, 0)

    def _full(self, family: int, address: Any, host: Host) -> Any:
        """Return *address* with its name resolved and a port given out if it has none."""
        found, ip = self.names.resolve(address[0], family, 0)[0]
        port = address[1] or next(self._ports)
        return (ip, port) if found == socket.AF_INET else (ip, port, 0, 0)

    def bind(self, end: Any, family: int, address: Any) -> None:
        """Give *end* an address; OSError when another one has it."""
        if family == socket.AF_UNIX:
            if address in self._unix:
                raise problem(errno.EADDRINUSE)
            self._unix[address] = end
            end.local = address
        else:
            full = self._full(family, address, end.host)
            table = self._datagrams if isinstance(end, DatagramEnd) else self._streams
            if self._find(table, full, end.host) is not None:
                raise problem(errno.EADDRINUSE)
            end.local = full
            if isinstance(end, DatagramEnd):
                self._datagrams[self._key(full, end.host)] = end
        if isinstance(end, StreamEnd):
            end.state = "bound"

    def bind_datagram(self, end: DatagramEnd, remote: Any) -> None:
        """Give *end* an address because it sends from it."""
        own = end.host.address if remote is None or not is_loopback(remote[0]) else LOCALHOST
        if end.family == socket.AF_INET6:
            own = "::1"
        self.bind(end, end.family, (own, 0))

    def _key(self, address: Any, host: Host) -> tuple[str, int]:
        """Return what an address is found by: loopback addresses are each host's own."""
        ip = address[0]
        if is_loopback(ip) or ip in ("0.0.0.0", "::"):
            ip = f"{host.name}/{'any' if ip in ('0.0.0.0', '::') else 'loopback'}"
        return (ip, address[1])

    def _find(self, table: dict[tuple[str, int], Any], address: Any, host: Host) -> Any:
        """Return what has *address* as *host* sees it, or None."""
        target = self._host_at(address[0], host)
        if target is None:
            return None
        found = table.get(self._key(address, host))
        return found if found is not None else table.get((f"{target.name}/any", address[1]))

    def _host_at(self, ip: str, asking: Host) -> Host | None:
        if is_loopback(ip) or ip in ("0.0.0.0", "::"):
            return asking
        return self._world.host_at(ip)

    def listen(self, end: StreamEnd, family: int, backlog: int) -> Listener:
        """Return what takes the place of *end*, which begins to listen."""
        if end.local is None:
            self.bind(end, family, ("0.0.0.0" if family == socket.AF_INET else "::", 0))
        listener = Listener(self, end.fd, end.local, backlog)
        listener.host = end.host
        if family == socket.AF_UNIX:
            self._unix[end.local] = listener
        else:
            self._streams[self._key(end.local, end.host)] = listener
        return listener

    # -- connecting ------------------------------------------------------------

    def connect(self, end: StreamEnd, family: int, address: Any) -> None:
        """Begin to connect *end* to *address*; a Unix socket is connected at once."""
        if family == socket.AF_UNIX:
            listener = self._unix.get(address)
            if not isinstance(listener, Listener):
                raise problem(errno.ENOENT if listener is None else errno.ECONNREFUSED)
            end.remote, end.state = address, "connecting"
            self._arrive_at(listener, end)
            return
        target = self._full(family, address, end.host)
        if address[1] == 0:
            raise problem(errno.ECONNREFUSED)
        if end.local is None:
            own = LOCALHOST if is_loopback(target[0]) else end.host.address
            if family == socket.AF_INET6:
                own = target[0]
            end.local = (own, next(self._ports), *target[2:])
        end.remote, end.state = target, "connecting"
        end.patience = self._world.outside.send(
            self._world.now + CONNECT_SECONDS, lambda: end.failed(errno.ETIMEDOUT)
        )
        packet = (end.local, target, "connect")
        self._send(packet, end.host, self._host_at(target[0], end.host), lambda: self._knock(end))

    def _knock(self, end: StreamEnd) -> None:
        """A connection has come to where it wants to go."""
        listener = self._find(self._streams, end.remote, end.host)
        refused = listener is None or (
            self._link(end.host, listener.host).refusals and self._fault("refused", end)
        )
        if refused:
            self.carry_back(end, lambda: end.failed(errno.ECONNREFUSED))
        elif not self._arrive_at(listener, end):
            self._world.outside.send(self._world.now + 1.0, lambda: self._knock(end))

    def _arrive_at(self, listener: Listener, end: StreamEnd) -> bool:
        other = StreamEnd(self, -1, listener.host)
        other.local = listener.local if end.local in (None, "") else end.remote
        other.remote = end.local if end.local is not None else ""
        other.peer = end
        other.state = "connected"
        capacity = self._link(end.host, listener.host).capacity
        other.incoming.capacity = end.incoming.capacity = capacity
        if not listener.arrive(other):
            return False
        if end.local in (None, ""):
            end.established(other)
        else:
            self.carry_back(end, lambda: end.established(other))
        return True

    def carry_back(self, end: StreamEnd, come: Callable[[], object]) -> None:
        """Have the answer to a connection come after the latency of the way back."""
        target = self._host_at(end.remote[0], end.host)
        if target is None or target is end.host:
            come()
        else:
            link = self._link(target, end.host)
            self._world.outside.send(self._world.now + link.latency, come)

    def connect_datagram(self, end: DatagramEnd, address: Any) -> None:
        """Send to *address* only, and receive from there only."""
        if end.family == socket.AF_UNIX:
            peer = self._unix.get(address)
            if not isinstance(peer, DatagramEnd):
                raise problem(errno.ENOENT)
            end.peer, end.remote = peer, address
            return
        target = self._full(end.family, address, end.host)
        if end.local is None:
            self.bind_datagram(end, target)
        end.remote = target

    # -- carrying --------------------------------------------------------------

    def carry_bytes(self, end: StreamEnd, peer: StreamEnd, data: Any) -> int:
        """Carry *data* from *end* to *peer*, perhaps in two pieces, perhaps late.

        Returns how many bytes of it were taken.
        """
        size = len(data)
        link = self._link(end.host, peer.host) if self._links else self.default_link
        if link.partial_writes and size > 1 and self._fault("a send takes half", end):
            size //= 2
        data = bytes(data[:size])
        peer.incoming.under_way += size
        if link.resets and self._fault("reset", end):
            self.carry(end, peer, "reset", peer.was_reset)
            end.was_reset()
            return size
        self._carry_pieces(end, peer, data)
        return size

    def _carry_pieces(self, end: StreamEnd, peer: StreamEnd, data: bytes) -> None:
        pieces = PIECES if len(data) > 1 else 0
        value = self._hold(end, peer, "bytes", data, pieces)
        packet = (end.local, peer.local, "bytes", data)
        lane = peer.incoming.lane
        if value <= HOLDS:
            self._send(packet, end.host, peer.host, partial(peer.arrive, data), value, lane)
            return
        cut = 1 if value == HOLDS + 1 else len(data) // 2
        for hold, piece in enumerate((data[:cut], data[cut:])):
            self._send(packet, end.host, peer.host, partial(peer.arrive, piece), hold, lane)

    def carry(self, end: StreamEnd, peer: StreamEnd, kind: str, come: Callable[[], object]) -> None:
        """Carry the end of a direction, or a reset, behind the bytes that were sent."""
        hold = self._hold(end, peer, kind)
        lane = peer.incoming.lane
        if kind == "reset":
            self._world.outside.drop_lane(lane)
        self._send((end.local, peer.local, kind), end.host, peer.host, come, hold, lane)

    def _hold(
        self, end: StreamEnd, peer: StreamEnd, kind: str, data: bytes = b"", extra: int = 0
    ) -> int:
        """Choose for how many polls what is sent is held; *extra* are more alternatives."""
        choices = self._world.choices
        if not choices.labels:
            return choices.choosers["arrival"](1 + HOLDS + extra)
        words = partial(self.words, Packet(end.local, peer.local, kind, data))
        return choices.choose("arrival", 1 + HOLDS + extra, words)

    def carry_datagram(self, end: DatagramEnd, target: Any, data: bytes) -> None:
        """Carry one datagram, or lose it, or carry it twice; OSError when it is too large."""
        if end.peer is not None:
            peer, source = end.peer, end.local
            self._world.outside.send(self._world.now, lambda: peer.arrive(data, source))
            return
        if end.family == socket.AF_UNIX:
            found = self._unix.get(target)
            if not isinstance(found, DatagramEnd):
                raise problem(errno.ENOENT)
            self._world.outside.send(self._world.now, lambda: found.arrive(data, end.local or ""))
            return
        address = self._full(end.family, target, end.host)
        host = self._host_at(address[0], end.host)
        link = self.default_link if host is None else self._link(end.host, host)
        if len(data) > link.largest_datagram:
            raise problem(errno.EMSGSIZE)
        packet = Packet(end.local, address, "datagram", data)
        source = (end.host.address, end.local[1]) if end.local[0] == "0.0.0.0" else end.local
        if is_loopback(address[0]) and end.local[0] == "0.0.0.0":
            source = (LOCALHOST, end.local[1])
        if link.loss and self._fault("lost", packet):
            return
        copies = 2 if link.duplication and self._fault("twice", packet) else 1
        for _ in range(copies):
            hold = self._world.choices.choose("arrival", 1 + HOLDS, lambda: self.words(packet))
            lane = host.lane_from(end.host) if host and not link.reordering else None
            come = partial(self._datagram_comes, end, address, source, data)
            self._send((end.local, address, "datagram", data), end.host, host, come, hold, lane)

    def _datagram_comes(self, end: DatagramEnd, address: Any, source: Any, data: bytes) -> None:
        target = self._find(self._datagrams, address, end.host)
        if target is None:
            end.refused()
        else:
            target.arrive(data, source)

    def _fault(self, what: str, about: Any) -> bool:
        return bool(self._world.choices.choose("fault", 2, lambda: f"{what}: {self.words(about)}"))

    def words(self, about: Any) -> str:
        """Return what a packet, or an end, is, in a few words."""
        if isinstance(about, Packet):
            what = about.kind
            if about.data:
                # The length of a TLS handshake differs from run to run: signatures do.
                what = "TLS records" if _is_tls(about.data) else f"{len(about.data)} {what}"
            return f"{what} {self._at(about.source)} to {self._at(about.target)}"
        if about.remote is None:
            return self._at(about.local)  # it listens, or takes datagrams from anybody
        return f"{self._at(about.local)} to {self._at(about.remote)}"

    def _at(self, address: Any) -> str:
        if not isinstance(address, tuple):
            return str(address or "socketpair")
        return f"{self.names.name_of(address[0])}:{address[1]}"

    def _send(
        self,
        packet: tuple[Any, ...],
        source: Host,
        target: Host | None,
        come: Callable[[], object],
        hold: int = 0,
        lane: Any = None,
    ) -> None:
        """Have *come* called when the packet arrives: rules, partitions, then the link.

        *packet* is what a `Packet` is made of; few networks have a rule that looks at it.
        """
        seconds = self._ruled(Packet(*packet)) if self._rules else None
        if seconds == NEVER or target is None or target.boot.dead:
            return
        if seconds is None:
            link = self._link(source, target) if self._links else self.default_link
            seconds = link.latency if link.bandwidth is None else link.seconds(*packet[3:])
        if self._barriers:
            departure = Departure(packet[2], seconds, come, hold, lane)
            if self._barriers.stop((source.name, target.name), departure):
                return
        self._world.outside.send(self._world.now + seconds, come, hold, lane)

    def _leave(self, departure: Departure) -> None:
        moment = self._world.now + departure.seconds
        self._world.outside.send(moment, departure.come, departure.hold, departure.lane)

    def _ruled(self, packet: Packet) -> float | None:
        """Return how many seconds the rules have *packet* take: None, as the link has it; NEVER."""
        for rule in self._rules:
            verdict = rule(packet)
            if verdict is DROP:
                return NEVER
            if isinstance(verdict, Deliver):
                return verdict.seconds
            if verdict is not PASS:
                raise TypeError(f"a rule returns PASS, DROP or Deliver(seconds), not {verdict!r}")
        return None

    def drop(self, arrival: Any) -> None:
        """Have *arrival* not come, if it has not."""
        self._world.outside.drop(arrival)

    def forget_lane(self, end: StreamEnd) -> None:
        """Have nothing come to *end* any more."""
        self._world.outside.drop_lane(end.incoming.lane)

    # -- what a test says about it ---------------------------------------------

    def _link(self, source: Host, target: Host) -> Link:
        return self._links.get((source.name, target.name), self.default_link)

    def link(self, source: str, target: str, both: bool = True) -> Link:
        """Return the link from *source* to *target*, to be changed; *both*: and the one back."""
        link = self._links.setdefault((source, target), replace(self.default_link))
        if both:
            self._links[target, source] = link
        return link

    def partition(self, one: str, other: str, both: bool = True) -> None:
        """Cut two hosts off: streams from *one* to *other* stall, datagrams are lost.

        *both*: and back.
        """
        for direction in _directions(one, other, both):
            self._barriers.part(direction)

    def heal(self, one: str, other: str) -> None:
        """Undo `partition`, there and back: what stalled goes on its way."""
        for direction in _directions(one, other, both=True):
            self._barriers.heal(direction)

    def hold(self, one: str, other: str, both: bool = True) -> None:
        """Keep all that is sent from *one* to *other*, datagrams too; *both*: and back."""
        for direction in _directions(one, other, both):
            self._barriers.hold(direction)

    def release(self, one: str, other: str, both: bool = True) -> None:
        """Undo `hold`: what was kept goes on its way, in the order in which it was sent."""
        for direction in _directions(one, other, both):
            self._barriers.release(direction)

    @contextmanager
    def rule(self, rule: Rule) -> Iterator[None]:
        """Have *rule* asked about every packet, before those that were added earlier."""
        self._rules.insert(0, rule)
        try:
            yield
        finally:
            self._rules.remove(rule)


def _directions(one: str, other: str, both: bool) -> list[tuple[str, str]]:
    return [(one, other), (other, one)] if both else [(one, other)]
