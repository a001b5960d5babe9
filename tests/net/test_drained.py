"""A TCP socket that had nothing left is not asked again before the next poll; nothing is missed."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniloop.core.loop import PATIENCE
from miniloop.eventloop import EventLoop

from .stage import run, strict

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="no epoll here")

LOOPS: dict[str, Callable[[], Any]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "miniloop": EventLoop,
    "strict": strict,
}
RESET = struct.pack("ii", 1, 0)
URGENT = b"!"


@contextlib.contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Lend two ends of a TCP connection; the first does not block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


async def drain(loop: Any, ours: socket.socket, theirs: socket.socket) -> None:
    """Have a message read that was waited for, and one more."""
    for _ in range(2):
        task = loop.create_task(loop.sock_recv(ours, 100))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        theirs.send(b"first")
        assert await task == b"first"


def is_drained(loop: Any, ours: socket.socket) -> bool:
    seat = getattr(loop, "_seats", {}).get(ours.fileno())
    return seat is not None and bool(seat.drained)


# -- nothing is missed ---------------------------------------------------------

#: What the peer does, and what the program does to the socket itself.
deeds = st.one_of(
    st.tuples(st.just("send"), st.integers(1, 300)),
    st.tuples(st.just("read itself"), st.integers(1, 50)),
    st.sampled_from([("urgent", 1), ("nothing", 0)]),
)
moments = st.sampled_from(["before", "soon", "twice", "later", "idle"])
methods = st.sampled_from(["sock_recv", "sock_recv", "sock_recv_into"])
reads = st.tuples(methods, st.sampled_from([1, 7, 100, 5000]))
steps = st.tuples(st.lists(st.tuples(moments, deeds), max_size=3), reads)
ends = st.sampled_from(["end", "reset", "end with data", "reset with data"])


class Reader:
    """Reads what the peer sends, and knows how much is still to come."""

    def __init__(self, loop: Any, ours: socket.socket, theirs: socket.socket) -> None:
        self.loop = loop
        self.ours = ours
        self.theirs = theirs
        self.sent = b""
        self.got = b""
        self.planned = 0
        self.deeds = 0

    def do(self, deed: str, amount: int) -> None:
        """Do something, now."""
        self.deeds -= 1
        if deed == "send":
            data = bytes((len(self.sent) + number) % 33 for number in range(amount))
            self.sent += data
            self.planned -= amount
            self.theirs.send(data)
        elif deed == "urgent":
            self.theirs.send(URGENT, socket.MSG_OOB)
        elif deed == "read itself":
            with contextlib.suppress(BlockingIOError):
                self.got += self.ours.recv(amount)

    async def arrange(self, moment: str, deed: str, amount: int) -> None:
        """Do something at a *moment* of a later read, or now."""
        if deed == "read itself" and moment not in ("before", "idle"):
            return  # there are no two who read at the same time
        self.planned += amount if deed == "send" else 0
        self.deeds += 1
        if moment == "before":
            self.do(deed, amount)
        elif moment == "soon":
            self.loop.call_soon(self.do, deed, amount)
        elif moment == "twice":
            self.loop.call_soon(self.loop.call_soon, self.do, deed, amount)
        elif moment == "later":
            self.loop.call_later(0.0001, self.do, deed, amount)
        else:
            self.do(deed, amount)
            await asyncio.sleep(0.0001)

    async def read(self, method: str, size: int) -> bytes:
        """Read once."""
        if method == "sock_recv":
            data = bytes(await self.loop.sock_recv(self.ours, size))
        else:
            buffer = bytearray(size)
            data = bytes(buffer[: await self.loop.sock_recv_into(self.ours, buffer)])
        self.got += data
        return data

    async def go_through(self, plan: list[Any], end: str) -> None:
        """Do all of a *plan*, and read up to the *end*."""
        for arrangements, (method, size) in plan:
            for moment, deed in arrangements:
                await self.arrange(moment, *deed)
            if self.planned or len(self.sent) > len(self.got.replace(URGENT, b"")):
                await self.read(method, size)
        while self.planned:
            await self.read("sock_recv", 100)
        while self.deeds:
            await asyncio.sleep(0.0001)
        if end.endswith("with data"):
            self.do("send", 50)
        if end.startswith("reset"):
            self.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.theirs.close()
        else:
            self.theirs.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while await self.read("sock_recv", 100):
                pass
        # An urgent byte is read like the others once there is another one.
        assert self.got.replace(URGENT, b"") == self.sent


@given(st.lists(steps, max_size=8), ends)
def test_all_that_was_sent_is_read_and_the_end_is_noticed(plan: list[Any], end: str) -> None:
    async def main() -> None:
        with connected() as (ours, theirs):
            await Reader(asyncio.get_running_loop(), ours, theirs).go_through(plan, end)

    run(EventLoop, main())


@pytest.mark.parametrize("factory", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize("ending", ["end", "reset", "urgent"])
def test_what_came_together_with_data_is_noticed(factory: Any, ending: str) -> None:
    """One change tells of both: the data, and what no further change will tell of."""

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        with connected() as (ours, theirs):
            await drain(loop, ours, theirs)
            task = loop.create_task(loop.sock_recv(ours, 100))
            await asyncio.sleep(0)
            theirs.send(b"data")
            if ending == "end":
                theirs.shutdown(socket.SHUT_WR)
            elif ending == "reset":
                theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                theirs.close()
            else:
                theirs.send(URGENT, socket.MSG_OOB)
                theirs.send(b"behind")
            assert await task == b"data"
            following = asyncio.wait_for(loop.sock_recv(ours, 100), 5)
            if ending == "reset":
                with pytest.raises(ConnectionResetError):
                    await following
            else:
                assert await following == (b"" if ending == "end" else b"behind")

    run(factory, main())


# -- what is known, and when it is asked for -----------------------------------


def test_only_where_less_came_than_was_asked_for() -> None:
    async def main() -> list[bool]:
        loop: Any = asyncio.get_running_loop()
        known = []
        with connected() as (ours, theirs):
            await drain(loop, ours, theirs)
            for size in (4, 100):
                task = loop.create_task(loop.sock_recv(ours, size))
                await asyncio.sleep(0)
                theirs.send(b"four")
                await task
                known.append(is_drained(loop, ours))
            theirs.send(b"while nobody waits")
            await asyncio.sleep(0.01)
            known.append(is_drained(loop, ours))
        return known

    assert run(EventLoop, main()) == [False, True, False]
    assert run(strict, main()) == [False, False, False]


def test_a_socket_pair_is_asked_each_time() -> None:
    async def main() -> bool:
        loop: Any = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            await drain(loop, ours, theirs)
            return is_drained(loop, ours)

    assert not run(EventLoop, main())


@pytest.mark.parametrize("kind", ["TCP", "socket pair"])
@pytest.mark.parametrize("factory", LOOPS.values(), ids=LOOPS)
def test_what_this_very_step_sent_to_itself(factory: Any, kind: str) -> None:
    """asyncio goes on without a turn; over TCP ours goes on after the next poll."""

    async def main() -> tuple[int, bytes]:
        loop: Any = asyncio.get_running_loop()
        turns = 0

        async def busy() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        lent = connected() if kind == "TCP" else contextlib.nullcontext(socket.socketpair())
        with lent as (ours, theirs), ours, theirs:
            ours.setblocking(False)
            await drain(loop, ours, theirs)
            others = loop.create_task(busy())
            theirs.send(b"data")
            data = await loop.sock_recv(ours, 100)
            others.cancel()
            return turns, data

    turns, data = run(factory, main())
    assert data == b"data"
    late = factory is EventLoop and kind == "TCP"
    assert 0 < turns <= PATIENCE + 1 if late else turns == 0
