"""Trying at once or waiting: a seat finds out for less, and nobody can tell from outside."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniloop.net.sockets import SCRATCH

from .stage import LOOPS, pair, run, strict

#: When the peer sends, how much, and how much is asked for, by which method.
Step = tuple[str, int, int, str]
steps = st.tuples(
    st.sampled_from(["before", "soon", "in two turns", "nothing"]),
    st.integers(1, 5000),
    st.sampled_from([0, 1, 100, 4000, 64 * 1024, SCRATCH]),
    st.sampled_from(["sock_recv", "sock_recv_into", "sock_recvfrom"]),
)


class Reader:
    """Reads as it is told, and writes down what it got and in which turn of the loop."""

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.ours, self.theirs = pair()
        self.turn = 0
        self.ticking = loop.call_soon(self._tick)
        self.left = 0  # what was sent and not read
        self.entries: list[Any] = []

    def _tick(self) -> None:
        self.turn += 1
        self.ticking = self.loop.call_soon(self._tick)

    def send(self, size: int) -> None:
        """Send as the peer."""
        self.theirs.send(bytes(size))

    async def step(self, when: str, size: int, asked: int, method: str) -> None:
        """Do one step of a plan."""
        if when == "nothing" and not self.left and asked:
            return  # nobody would ever wake it
        self.left += 0 if when == "nothing" else size
        if when == "before":
            self.send(size)
        elif when == "soon":
            self.loop.call_soon(self.send, size)
        elif when == "in two turns":
            self.loop.call_soon(self.loop.call_soon, self.send, size)
        got = await self._read(method, asked)
        self.left -= got
        self.entries.append((self.turn, got))
        if when != "before":
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def _read(self, method: str, asked: int) -> int:
        if method == "sock_recv_into":
            return int(await self.loop.sock_recv_into(self.ours, bytearray(asked)))
        if method == "sock_recv":
            return len(await self.loop.sock_recv(self.ours, asked))
        if not asked:
            return 0
        data, _ = await self.loop.sock_recvfrom(self.ours, asked)
        return len(data)

    def close(self) -> None:
        """Close both ends."""
        self.ticking.cancel()
        self.ours.close()
        self.theirs.close()


async def entries(plan: list[Step]) -> list[Any]:
    reader = Reader(asyncio.get_running_loop())
    try:
        for step in plan:
            await reader.step(*step)
    finally:
        reader.close()
    return reader.entries


@given(st.lists(steps, max_size=12))
def test_each_read_ends_in_the_same_turn(plan: list[Step]) -> None:
    ours, theirs = (run(LOOPS[name], entries(plan)) for name in ("miniloop", "asyncio"))
    assert ours == theirs


async def waited_twice(loop: Any) -> tuple[socket.socket, socket.socket]:
    """Return a pair whose first socket was waited for, so that waiting is expected again."""
    ours, theirs = pair()
    for _ in range(2):
        task = loop.create_task(loop.sock_recv(ours, 100))
        await asyncio.sleep(0)
        theirs.send(b"data")
        assert await task == b"data"
    return ours, theirs


@contextlib.contextmanager
def closing(*sockets: socket.socket) -> Any:
    try:
        yield
    finally:
        for sock in sockets:
            sock.close()


@pytest.mark.parametrize("asked", [-1, "text", None])
def test_a_wrong_size_is_refused_without_waiting(on_each: Callable[..., Any], asked: Any) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        ours, theirs = await waited_twice(loop)
        with closing(ours, theirs), pytest.raises((TypeError, ValueError)):
            await loop.sock_recv(ours, asked)

    on_each(main())


@pytest.mark.parametrize("buffer", [b"read only", bytearray(), "text"])
def test_a_wrong_buffer_is_refused_without_waiting(
    on_each: Callable[..., Any], buffer: Any
) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        ours, theirs = await waited_twice(loop)
        with closing(ours, theirs):
            if buffer:
                with pytest.raises(TypeError):
                    await loop.sock_recv_into(ours, buffer)
            else:
                assert await loop.sock_recv_into(ours, buffer) == 0

    on_each(main())


@pytest.mark.parametrize("linger", [False, True], ids=["end", "reset"])
def test_a_peer_that_is_gone_is_noticed_at_once(on_each: Callable[..., Any], linger: bool) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            theirs = socket.create_connection(listener.getsockname())
            ours, _ = listener.accept()
        ours.setblocking(False)
        task = loop.create_task(loop.sock_recv(ours, 100))
        await asyncio.sleep(0)
        theirs.send(b"data")
        assert await task == b"data"
        if linger:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        theirs.close()
        with closing(ours):
            if linger:
                with pytest.raises(ConnectionResetError):
                    await loop.sock_recv(ours, 100)
            else:
                assert await loop.sock_recv(ours, 100) == b""

    on_each(main())


class Hoarder(socket.socket):
    """A socket with a buffer of its own, of which the kernel knows nothing."""

    hoard = b""

    def recv(self, size: int, flags: int = 0) -> bytes:
        if not self.hoard:
            self.hoard = super().recv(size, flags)
        taken, self.hoard = self.hoard[:1], self.hoard[1:]
        return taken


def test_a_socket_that_buffers_is_tried_first(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        plain, theirs = pair()
        ours = Hoarder(fileno=plain.detach())
        ours.setblocking(False)
        with closing(ours, theirs):
            task = loop.create_task(loop.sock_recv(ours, 100))
            await asyncio.sleep(0)
            theirs.send(b"abc")
            assert await task == b"a"
            assert await loop.sock_recv(ours, 100) == b"b"
            assert await loop.sock_recv(ours, 100) == b"c"

    on_each(main())


def test_who_had_to_wait_asks_before_the_next_try() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        ours, theirs = await waited_twice(loop)
        tries = 0

        def profile(_frame: Any, event: str, function: Any) -> None:
            nonlocal tries
            tries += event == "c_call" and function.__name__ == "recv"

        with closing(ours, theirs):
            sys.setprofile(profile)
            try:
                task = loop.create_task(loop.sock_recv(ours, 100))
                await asyncio.sleep(0)
            finally:
                sys.setprofile(None)
            theirs.send(b"data")
            assert await task == b"data"
        return tries

    assert run(strict, main()) == 0
