"""Step 8 of 9: streams, which put awaiting on top of a selector.

Everything is there now: a task awaits a future; the future is set by a callback; the callback
is called because the selector says that a socket can be read.  A stream is that chain with a
buffer, so that whole lines can be awaited although bytes come in any pieces.

Notice: `readline` returns at once when the line is in the buffer, without a turn.  And the
server and the client are two tasks in one thread that wait for each other's bytes.

Next: nine_the_real_one.py
"""

import selectors
import socket
from collections import deque
from collections.abc import Coroutine, Generator

Waiting = Coroutine[socket.socket, None, None]

ready: deque[Waiting] = deque()
selector = selectors.DefaultSelector()


class Readable:
    """What to await until a socket can be read."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def __await__(self) -> Generator[socket.socket, None, None]:
        yield self.sock


class Stream:
    """Whole lines out of whatever pieces come."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.buffer = sock, b""
        sock.setblocking(False)

    async def readline(self) -> bytes:
        """Return the next line; b"" at the end."""
        while b"\n" not in self.buffer:
            await Readable(self.sock)
            data = self.sock.recv(3)  # so small that lines come in pieces
            if not data:
                return b""
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    def write(self, line: bytes) -> None:
        """Send a line; a real stream would wait if the other side does not read."""
        self.sock.send(line + b"\n")


def step(coroutine: Waiting) -> None:
    """Let one go on; what it yields is the socket that it waits for."""
    try:
        sock = coroutine.send(None)
    except StopIteration:
        return
    selector.register(sock, selectors.EVENT_READ, coroutine)


def run(*coroutines: Waiting) -> None:
    """Run until nobody waits for anything."""
    ready.extend(coroutines)
    while ready or selector.get_map():
        for key, _ in selector.select(0 if ready else None):
            selector.unregister(key.fileobj)
            ready.append(key.data)
        for _ in range(len(ready)):
            step(ready.popleft())


async def server(stream: Stream) -> None:
    while line := await stream.readline():
        print("server has got", line.decode())
        stream.write(line.upper())


async def client(stream: Stream) -> None:
    for word in (b"hello", b"world"):
        stream.write(word)
    for _ in range(2):
        print("client has got", (await stream.readline()).decode())
    stream.sock.close()


one, other = socket.socketpair()
run(server(Stream(one)), client(Stream(other)))
one.close()
selector.close()
