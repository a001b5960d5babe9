"""The other end of every connection: plain blocking sockets in a process of its own.

There is no loop and no poll in here, nothing that could be slow in a different way for
different servers.  In one *turn* it sends one message on each connection, in order, then
reads one answer from each, in order.  So no connection ever has more than one message
under way, which is what a request and its response are, and a server cannot get ahead by
taking two messages for one.

Orders come as lines of JSON on the socket that it is started with, each gets a line of
JSON as its answer; `Client` has a method for each.  It ends when that socket does.

Read next: peer.py
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import Any

from compat.bench.network.placement import place_client

PATIENCE_SECONDS = 10.0
CONNECT_AT_ONCE = 50  # less than any backlog: a connection that is refused waits for a second
LAST_SOURCE = 254
FAMILIES = {"tcp": socket.AF_INET, "udp": socket.AF_INET, "unix": socket.AF_UNIX}
Address = Any


def insecure_context() -> ssl.SSLContext:
    """Return a context that trusts everybody: what is measured is the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Sources:
    """The addresses to connect from: one more of 127.0.0.x whenever its ports run out."""

    def __init__(self) -> None:
        self.number = 1

    def connect(self, connection: socket.socket, address: Address) -> None:
        """Connect a TCP socket, from a source address that has a port left.

        Raises:
            OSError: as `socket.connect`, if all of 127.0.0.1 to 127.0.0.254 are in use.
        """
        while True:
            try:
                if self.number > 1:
                    connection.bind((f"127.0.0.{self.number}", 0))
                connection.connect(address)
            except OSError as error:
                shortage = error.errno in (errno.EADDRNOTAVAIL, errno.EADDRINUSE)
                if not shortage or self.number == LAST_SOURCE:
                    raise
                self.number += 1
            else:
                return


class Client:
    """The client's connections, and what it does with them."""

    def __init__(self) -> None:
        self.connections: list[socket.socket] = []
        self.message = b""
        self.open_one: Callable[[], socket.socket] = socket.socket

    def open(
        self, kind: str, address: Address, connections: int, size: int, tls: bool
    ) -> dict[str, Any]:
        """Connect, and have one message of `size` bytes echoed on each connection.

        Args:
            kind: one of FAMILIES.
            address: the server's.
            connections: how many; 0 leaves it to `churn` to open them.
            size: of a message, in bytes.
            tls: whether there is TLS on top.
        """
        address = tuple(address) if isinstance(address, list) else address
        sources = Sources()
        context = insecure_context() if tls else None

        def open_one() -> socket.socket:
            return connect(kind, address, sources, context)

        self.open_one = open_one
        self.message = os.urandom(size)
        while len(self.connections) < connections:
            missing = connections - len(self.connections)
            fresh = [open_one() for _ in range(min(missing, CONNECT_AT_ONCE))]
            self.connections += fresh
            exchange(fresh, self.message, 1)
        return {}

    def turns(self, turns: int) -> dict[str, Any]:
        """Take turns; returns the number of messages, and what they took in seconds."""
        started, cpu = time.perf_counter(), time.process_time()
        exchange(self.connections, self.message, turns)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - started
        return {"operations": turns * len(self.connections), "wall": wall, "cpu": cpu}

    def churn(self, turns: int, connections: int) -> dict[str, Any]:
        """Open some connections, have one message echoed on each, close them; again and again.

        The server is to have closed too before the next turn begins.
        """
        started, cpu = time.perf_counter(), time.process_time()
        for _ in range(turns):
            fresh = [self.open_one() for _ in range(connections)]
            exchange(fresh, self.message, 1)
            for connection in fresh:
                connection.shutdown(socket.SHUT_WR)
            for connection in fresh:
                if connection.recv(1):
                    raise RuntimeError("the server sent more than was asked for")
                connection.close()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - started
        return {"operations": turns * connections, "wall": wall, "cpu": cpu}

    def listen(self, size: int) -> dict[str, Any]:
        """Read `size` bytes from every connection; returns how many connections got them."""
        buffer = memoryview(bytearray(size))
        for connection in self.connections:
            read(connection.recv_into, buffer)
        return {"operations": len(self.connections)}

    def close(self) -> dict[str, Any]:
        """Close all connections."""
        for connection in self.connections:
            connection.close()
        self.connections.clear()
        return {}


def connect(
    kind: str, address: Address, sources: Sources, context: ssl.SSLContext | None
) -> socket.socket:
    """Return a blocking connection that loses patience after PATIENCE_SECONDS.

    The patience is the system's (SO_RCVTIMEO): Python's own would poll before each call.
    """
    datagrams = kind == "udp"
    connection = socket.socket(
        FAMILIES[kind], socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM
    )
    try:
        seconds = int(PATIENCE_SECONDS)
        patience = struct.pack("@ll", seconds, int((PATIENCE_SECONDS - seconds) * 1e6))
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            connection.setsockopt(socket.SOL_SOCKET, option, patience)
        if kind == "tcp":
            sources.connect(connection, address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            connection.connect(address)
        return context.wrap_socket(connection) if context else connection
    except BaseException:
        connection.close()
        raise


def read(receive: Callable[[memoryview], int], buffer: memoryview) -> None:
    """Fill a buffer.  Raises ConnectionError if the other side closes before."""
    wanted = len(buffer)
    done = receive(buffer)
    while done < wanted:
        more = receive(buffer[done:])
        if not more:
            raise ConnectionError(f"the server closed after {done} of {wanted} bytes")
        done += more


def exchange(connections: list[socket.socket], message: bytes, turns: int) -> None:
    """Take turns on some connections.

    Raises:
        OSError: if a connection breaks, or the server takes too long.
        RuntimeError: if the last answer is not what was sent.
    """
    buffer = memoryview(bytearray(len(message)))
    senders = [connection.sendall for connection in connections]
    receivers = [connection.recv_into for connection in connections]
    for _ in range(turns):
        for send in senders:
            send(message)
        for receive in receivers:
            read(receive, buffer)
    if turns and connections and buffer != message:
        raise RuntimeError("the answer is not what was sent")


def obey(client: Client, order: dict[str, Any]) -> dict[str, Any]:
    """Carry out an order and return its answer; what goes wrong is an answer too."""
    try:
        answer: dict[str, Any] = getattr(client, order.pop("do"))(**order)
    except (BlockingIOError, ssl.SSLWantReadError):
        return {"error": f"nothing came from the server for {PATIENCE_SECONDS:g} s"}
    except (OSError, RuntimeError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return answer


def main(control: int, placement: str, allowed: str) -> None:
    """Be the client.

    Args:
        control: the descriptor of the socket on which orders come.
        placement: see placement.py.
        allowed: the processors that there are, as JSON.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who ends the server ends us
    place_client(placement, set(json.loads(allowed)))
    client = Client()
    with socket.socket(fileno=control) as wire, wire.makefile("rw", encoding="utf-8") as lines:
        for line in iter(lines.readline, ""):
            lines.write(json.dumps(obey(client, json.loads(line))) + "\n")
            lines.flush()
