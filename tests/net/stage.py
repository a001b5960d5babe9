"""The loops that the tests of this floor run on, and a protocol that writes down its life."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from miniloop.eventloop import EventLoop


def strict() -> EventLoop:
    """Return a loop that looks at its descriptors in every turn, as asyncio's does.

    Ours may put that off while it has work.  To ask for it with a selector of one's
    own would do away with what is done for the platform's selector only.
    """
    loop = EventLoop()
    loop._patience = 0
    return loop


#: asyncio's own loop and ours, and ours as programs have it; what they do is compared.
LOOPS: dict[str, Callable[[], Any]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "miniloop": strict,
    "patient": EventLoop,
}


def run(factory: Callable[[], Any], main: Coroutine[Any, Any, Any]) -> Any:
    """Run *main* on a new loop; fail on whatever the loop had to report, or if it takes long."""
    reported: list[dict[str, Any]] = []
    loop = factory()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    try:
        result = loop.run_until_complete(asyncio.wait_for(main, 30))
        rest = asyncio.all_tasks(loop)
        for task in rest:
            task.cancel()
        if rest:
            loop.run_until_complete(asyncio.wait(rest))
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
    assert not reported, reported
    return result


def bound(kind: int = socket.SOCK_STREAM) -> socket.socket:
    """Return a socket on a free port of this machine; one for streams listens."""
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        sock.listen()
    sock.setblocking(False)
    return sock


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected sockets that do not block."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


class Diary(asyncio.Protocol):
    """A protocol that writes down what it is told, and in which turn of the loop.

    Turns are counted by a callback that asks for itself again and again.
    ``keep_open`` is what it answers when the peer has ended.
    """

    keep_open = False

    def __init__(self, loop: Any, turns: bool = True) -> None:
        self.loop = loop
        self.entries: list[Any] = []
        self.lost = loop.create_future()
        self.transport: Any = None
        self.turn = 0
        if turns:
            self._tick()

    def _tick(self) -> None:
        self.turn += 1
        if not self.lost.done():
            self.loop.call_soon(self._tick)

    def note(self, *what: Any) -> None:
        self.entries.append((self.turn, *what))

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.note("made")

    def data_received(self, data: bytes) -> None:
        self.note("data", len(data))

    def eof_received(self) -> bool | None:
        self.note("eof")
        return self.keep_open

    def pause_writing(self) -> None:
        self.note("pause")

    def resume_writing(self) -> None:
        self.note("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.note("lost", type(exc).__name__)
        self.lost.set_result(None)
