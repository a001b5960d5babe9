"""The server's end of the line to the client: start it, give it orders, get rid of it.

While an order is carried out the server's loop has to run, so `ask` is a coroutine; all
that it needs of a loop is `add_reader`.

Read next: idle.py
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from compat.bench.network.floor import Floor
from compat.bench.network.placement import TOGETHER, place_server, processors

BOOTSTRAP = (
    "import sys; sys.path.append(sys.argv[1]); from compat.bench.network.client import main; "
    "main(int(sys.argv[2]), *sys.argv[3:5])"
)
ROOT = str(Path(__file__).resolve().parents[3])


class PeerError(Exception):
    """The client could not do what it was asked for; says why."""


class Peer:
    """The client's process, and the socket that orders go through."""

    def __init__(self, placement: str = TOGETHER, allowed: frozenset[int] = frozenset()) -> None:
        """Start it.

        Args:
            placement: see placement.py.
            allowed: the processors that there are.
        """
        self._wire, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            words = [str(number), placement, json.dumps(sorted(allowed))]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", BOOTSTRAP, ROOT, *words],
                stdin=subprocess.DEVNULL,
                pass_fds=[number],
            )
        self._lines = self._wire.makefile("r", encoding="utf-8")

    async def ask(self, loop: Any, do: str, **order: object) -> dict[str, Any]:
        """Give an order and wait for its answer, while the loop serves.

        Args:
            loop: the running one.
            do: the name of a method of `Client`.
            order: its arguments.

        Raises:
            PeerError: if it could not be carried out.

        Cancellation: the answer will come nevertheless, so that the peer is of no use
        any more and is to be closed.
        """
        self._wire.sendall((json.dumps({"do": do, **order}) + "\n").encode())
        await readable(loop, self._wire.fileno())
        line = self._lines.readline()
        if not line:
            raise PeerError("the client's process is gone")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer

    def close(self) -> None:
        """End the process, whatever it is doing, and wait for it."""
        self._lines.close()
        self._wire.close()
        self._process.kill()
        self._process.wait()


async def readable(loop: Any, descriptor: int) -> None:
    """Wait until there is something to read."""
    if isinstance(loop, Floor):
        loop.run_until_readable(descriptor)
        return
    waiter = loop.create_future()

    def arrived() -> None:
        loop.remove_reader(descriptor)
        if not waiter.done():
            waiter.set_result(None)

    loop.add_reader(descriptor, arrived)
    try:
        await waiter
    finally:
        loop.remove_reader(descriptor)


class Place:
    """Where this process runs, and the client that it keeps from one sample to the next.

    Starting an interpreter takes longer than a sample.  A client that has failed is not
    used again.
    """

    def __init__(self) -> None:
        self.placement = TOGETHER
        self.allowed: frozenset[int] = frozenset()
        self._peer: Peer | None = None

    def prepare(self, placement: str) -> None:
        """Put this process where it belongs; to be called once, before anything else."""
        self.placement = placement or TOGETHER
        self.allowed = frozenset(processors())
        place_server(self.placement)

    def peer(self) -> Peer:
        """Return the client, started if there is none."""
        if self._peer is None:
            self._peer = Peer(self.placement, self.allowed)
        return self._peer

    def discard(self) -> None:
        """End the client, if there is one."""
        peer, self._peer = self._peer, None
        if peer is not None:
            peer.close()


PLACE = Place()
