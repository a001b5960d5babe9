"""The floor: the same echo on a bare `select.epoll`, without futures, tasks or transports.

Nobody who serves from Python can take less CPU time than this: one poll per turn, one
``recv`` and one ``send`` per message, and a dictionary from descriptors to callbacks.

This module takes the place of a contestant's names, and `Floor` that of its loop.  A
workload that runs on it never really waits: what it awaits has happened when it returns.

Read next: client.py
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

CHUNK = 64 * 1024
READ, WRITE, GONE = 1, 4, 16 | 8  # EPOLLIN, EPOLLOUT, EPOLLHUP | EPOLLERR

T = TypeVar("T")
_running: list[Floor] = []


class Floor:
    """A poll and a dictionary."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.handlers: dict[int, Callable[[int], None]] = {}
        self.sockets: dict[int, socket.socket] = {}

    def run_until_complete(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine, which must not wait.

        Raises:
            RuntimeError: if it does.
        """
        _running.append(self)
        try:
            coroutine.send(None)
        except StopIteration as ended:
            result: T = ended.value
            return result
        finally:
            _running.pop()
            coroutine.close()
        raise RuntimeError("there is nothing here that could wait for a future")

    def run_until_readable(self, descriptor: int) -> None:
        """Serve until there is something to read on a descriptor of somebody else's."""
        arrived = False

        def stop(_events: int) -> None:
            nonlocal arrived
            arrived = True

        self.handlers[descriptor] = stop
        self.epoll.register(descriptor, READ)
        handlers, poll = self.handlers, self.epoll.poll
        try:
            while not arrived:
                for number, events in poll():
                    # Somebody served before in this turn may have closed it.
                    if handler := handlers.get(number):
                        handler(events)
        finally:
            self.epoll.unregister(descriptor)
            del self.handlers[descriptor]

    def add(self, sock: socket.socket, handler: Callable[[int], None]) -> None:
        """Call a handler with the events whenever a socket can be read."""
        self.sockets[sock.fileno()] = sock
        self.handlers[sock.fileno()] = handler
        self.epoll.register(sock.fileno(), READ)

    def remove(self, sock: socket.socket) -> None:
        """Close a socket and forget it."""
        number = sock.fileno()
        self.epoll.unregister(number)
        del self.handlers[number], self.sockets[number]
        sock.close()

    def stop_serving(self) -> None:
        """Close all sockets."""
        for sock in list(self.sockets.values()):
            self.remove(sock)

    def close(self) -> None:
        """Close everything."""
        self.stop_serving()
        self.epoll.close()


def get_running_loop() -> Floor:
    """Return the floor that runs a coroutine.  Raises RuntimeError if none does."""
    if not _running:
        raise RuntimeError("no floor is running")
    return _running[-1]


@contextmanager
def serving(floor: Floor, listener: socket.socket, tls: ssl.SSLContext | None) -> Iterator[None]:
    """Serve on a socket as long as the context lasts; all sockets are closed then."""
    if listener.type == socket.SOCK_DGRAM:
        echo_datagrams(floor, listener)
    else:
        listen(floor, listener, tls)
    try:
        yield
    finally:
        floor.stop_serving()


def listen(floor: Floor, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
    """Accept connections and echo what comes on them."""
    listener.setblocking(False)
    tcp = listener.family == socket.AF_INET

    def accept(_events: int) -> None:
        try:
            while True:
                connection = listener.accept()[0]
                connection.setblocking(False)
                if tcp:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if tls:
                    echo_tls(floor, connection, tls)
                else:
                    echo(floor, connection)
        except BlockingIOError:
            pass

    floor.add(listener, accept)


def echo(floor: Floor, connection: socket.socket) -> None:
    """Send back what comes on a connection; what cannot be sent at once is sent later."""
    receive, send = connection.recv, connection.send
    number = connection.fileno()
    left = b""

    def ready(events: int) -> None:
        nonlocal left
        if left:
            if events & (WRITE | GONE):
                left = left[send(left) :]
                if not left:
                    floor.epoll.modify(number, READ)
            return
        data = receive(CHUNK)
        if not data:
            floor.remove(connection)
            return
        sent = 0
        try:
            sent = send(data)
        except BlockingIOError:
            pass
        if sent != len(data):
            left = data[sent:]
            floor.epoll.modify(number, WRITE)

    floor.add(connection, ready)


def echo_tls(floor: Floor, connection: socket.socket, context: ssl.SSLContext) -> None:
    """Send back what comes on a connection, through TLS.

    With buffers in between, so that a message of several records is one ``recv`` and one
    ``send``.  It never has to wait for writing: the client sends nothing before it has
    read the answer, which fits into the system's buffer.
    """
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    shaken = False

    def echo_records() -> None:
        nonlocal shaken
        if not shaken:
            tls.do_handshake()
            shaken = True
        while data := tls.read(CHUNK):
            tls.write(data)
            # With nothing left, to try again would cost an exception.
            if not incoming.pending and not tls.pending():
                return

    def ready(_events: int) -> None:
        data = connection.recv(4 * CHUNK)
        if not data:
            floor.remove(connection)
            return
        incoming.write(data)
        try:
            echo_records()
        except ssl.SSLWantReadError:
            pass
        if outgoing.pending:
            connection.sendall(outgoing.read())

    floor.add(connection, ready)


def echo_datagrams(floor: Floor, sock: socket.socket) -> None:
    """Send every datagram back to where it came from, one for each time it can be read."""
    sock.setblocking(False)
    receive, send = sock.recvfrom, sock.sendto

    def ready(_events: int) -> None:
        data, sender = receive(CHUNK)
        send(data, sender)

    floor.add(sock, ready)
