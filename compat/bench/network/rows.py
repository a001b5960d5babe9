"""What a loop does for a server: echo, in every style, at every size, for few and many.

A row is ``server-size-connections``.  One operation is one message that has come and has
been answered (in the rows of ``churn``, one connection that was opened, asked, and closed).
Measured is the CPU time of the server's process, as it sees it itself; the client is a
process of its own (client.py), and where they run is in placement.py.

The rules of a row:

1.  The server, its listening socket and all connections are new in every sample, on a new
    loop.  Before the clock starts, every connection has carried a message, and there were
    warm-up turns: TCP has found its window, the interpreter has specialised the code.
2.  The clock stands between two turns: nothing is under way when it starts or stops.
3.  In a turn the client sends one message on each connection, then reads one answer from
    each.  A window of several messages for each connection would be read at one go, and
    measure something else; to send the next one as soon as an answer comes makes the
    number of messages that a poll finds a matter of luck, and this number decides how much
    of the poll a message pays for.
4.  The message is made of random bytes, and the last answer of a run is compared.

Read next: placement.py
"""

from __future__ import annotations

import math
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from compat.bench.model import Contestant, Extra, Row, Sample, Suite
from compat.bench.network import servers
from compat.bench.network.allocator import aged
from compat.bench.network.peer import PLACE

FLOOR = Contestant("bare/epoll", "compat.bench.network.floor", "compat.bench.network.floor:Floor")

SIZES = {"64": 64, "1k": 1024, "64k": 64 * 1024}
CROWDS = (1, 10, 200)
# A datagram that finds the buffer full is lost, and the buffer is the system's to limit: it
# holds about 180 of 1 KiB.
DATAGRAM_CROWDS = (1, 10, 100)
DATAGRAM_BUFFER = 1024 * 1024
WARM_UP_MESSAGES, WARM_UP_TURNS = 200, 3
CERTIFICATE = Path(__file__).resolve().parents[2] / "examples" / "localhost.pem"

SUITE = Suite(
    "network",
    legend=(
        "Rows are server-size-connections; an operation is one message echoed, in rows of "
        "churn one connection\nopened, asked and closed. Time is the CPU time of the server's "
        "process; the client is another one."
    ),
    extras=(
        Extra("throughput", "Operations per second on the clock, the client's part included"),
        Extra("client", "The client's part of that time, on its processor", ".2f"),
        Extra("server", "The server's part of that time, on its processor", ".2f"),
    ),
    floor=FLOOR.key,
    prepare=PLACE.prepare,
)


@dataclass(frozen=True)
class Echo:
    """The workload of a row.

    Attributes:
        serve: the server.
        kind: what it is reached by: "tcp", "udp" or "unix".
        size: of a message, in bytes.
        connections: how many there are, or in a turn of churn.
        tls: whether there is TLS on top.
        churn: whether each message has a connection of its own.
        young: the state of the allocator.
    """

    serve: servers.Serve
    kind: str
    size: int
    connections: int
    tls: bool = False
    churn: bool = False
    young: bool = False

    async def __call__(self, names: ModuleType, units: int) -> Sample:
        """Take a sample of so many turns.  Raises PeerError if the client cannot do its part."""
        loop = names.get_running_loop()
        context = server_context() if self.tls else None
        with aged(self.young), listening(self.kind) as (listener, address):
            async with self.serve(names, listener, context):
                try:
                    return await self._measure(loop, address, units)
                except BaseException:
                    # A client that hangs would keep the server from closing.
                    PLACE.discard()
                    raise

    async def _measure(self, loop: Any, address: Any, units: int) -> Sample:
        """Warm up, and take the sample."""
        peer = PLACE.peer()
        opened = 0 if self.churn else self.connections
        opening = {"kind": self.kind, "address": address, "size": self.size, "tls": self.tls}
        await peer.ask(loop, "open", connections=opened, **opening)
        order: dict[str, Any] = {"do": "turns"}
        if self.churn:
            order = {"do": "churn", "connections": self.connections}
        warm_up = max(WARM_UP_TURNS, math.ceil(WARM_UP_MESSAGES / self.connections))
        await peer.ask(loop, turns=min(warm_up, 2 * units + 1), **order)
        started = time.process_time()
        found = await peer.ask(loop, turns=units, **order)
        seconds = time.process_time() - started
        await peer.ask(loop, "close")
        extras = {
            "throughput": found["operations"] / found["wall"],
            "client": found["cpu"] / found["wall"],
            "server": seconds / found["wall"],
        }
        return Sample(seconds, found["operations"], extras)


@contextmanager
def listening(kind: str) -> Iterator[tuple[socket.socket, Any]]:
    """Lend a bound socket that listens, and its address; both are gone afterwards.

    Args:
        kind: "tcp", "udp" or "unix".
    """
    if kind == "unix":
        with (
            tempfile.TemporaryDirectory() as folder,
            socket.socket(socket.AF_UNIX) as listener,
        ):
            address = f"{folder}/socket"
            listener.bind(address)
            listener.listen(servers.BACKLOG)
            yield listener, address
        return
    with socket.socket(type=socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        if kind == "udp":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DATAGRAM_BUFFER)
        else:
            listener.listen(servers.BACKLOG)
        yield listener, listener.getsockname()


def server_context() -> ssl.SSLContext:
    """Return a context with the examples' certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def add(name: str, size: str, echo: Echo) -> None:
    """Add a row."""
    key = f"{name}-{size}-{echo.connections}"
    what = "connection opened, asked and closed" if echo.churn else "message echoed"
    about = f"{echo.size} B, {echo.connections} at a time: one {what}"
    SUITE.rows[key] = Row(key, about, echo.connections, echo)


def fill() -> None:
    """Add all rows, in the order of the table."""
    styles = {
        "protocol": servers.protocol,
        "buffered": servers.buffered,
        "streams": servers.streams,
        "sock": servers.sock,
    }
    for name, serve in styles.items():
        for size, length in SIZES.items():
            for crowd in CROWDS:
                add(name, size, Echo(serve, "tcp", length, crowd))
    # At all sizes for ten connections, and at 1 KiB for one and for many.
    for size, crowd in [*(("1k", crowd) for crowd in DATAGRAM_CROWDS), ("64", 10)]:
        add("udp", size, Echo(servers.datagrams, "udp", SIZES[size], crowd, young=True))
    for name, serve, kind, tls in (
        ("tls", servers.protocol, "tcp", True),
        ("tls-streams", servers.streams, "tcp", True),
        ("unix", servers.protocol, "unix", False),
        ("unix-streams", servers.streams, "unix", False),
    ):
        for size, crowd in (("1k", 1), ("1k", 10), ("1k", 200), ("64", 10), ("64k", 10)):
            add(name, size, Echo(serve, kind, SIZES[size], crowd, tls))
    for name, serve in styles.items():
        add(f"churn-{name}", "64", Echo(serve, "tcp", SIZES["64"], 10, churn=True))
    # The other state of the allocator.
    add("young-protocol", "1k", Echo(servers.protocol, "tcp", SIZES["1k"], 10, young=True))
    add("settled-udp", "1k", Echo(servers.datagrams, "udp", SIZES["1k"], 10))


fill()
