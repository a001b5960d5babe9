"""A turn in which data is only taken, by seats and streams, is cut short, and nobody can tell."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import miniloop
from miniloop.eventloop import EventLoop

from .stage import pair, run

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="no epoll here")

LOOPS: dict[str, Callable[[], Any]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "miniloop": EventLoop,
}
CROWD = 4
#: What happens at one moment: a socket gets data, or one of these.
Happening = int | str
OUTSIDE = ["timer", "timer far away", "pipe"]
#: While an entry is ready asyncio polls, and ours need not.
INSIDE = ["soon", "thread"]


def bursts_of(others: list[str]) -> st.SearchStrategy[list[list[Happening]]]:
    """Return what happens at each of some moments: to sockets, and of *others*."""
    happening = st.one_of(st.integers(0, CROWD - 1), st.sampled_from(others))
    return st.lists(st.lists(happening, max_size=8), max_size=6)


SEATS = ["sock_recv", "sock_recv_into", "sock_recvfrom"]
#: Whose streams are read from.
STREAMS = {"asyncio's streams": asyncio, "miniloop's streams": miniloop}
seats, methods = st.sampled_from(SEATS), st.sampled_from([*SEATS, *STREAMS])


class LongWay(EventLoop):
    """A loop of which no turn is cut short."""

    def _at_once(self, _events: Any) -> bool:
        return False


class Crowd:
    """Tasks that read from a socket each, and write down in which order they get it."""

    def __init__(self, loop: Any, method: str) -> None:
        self.loop = loop
        self.method = method
        self.pairs = [pair() for _ in range(CROWD)]
        self.log: list[Any] = []
        self.left = 0
        self.idle: Any = None
        self.reading, self.writing = os.pipe()
        loop.add_reader(self.reading, self.piped)
        self.tasks = [loop.create_task(self.read(number)) for number in range(CROWD)]
        self.timers: list[Any] = []

    async def read(self, number: int) -> None:
        """Read on and on; an empty message is the end."""
        ours = self.pairs[number][0]
        reader = writer = None
        if self.method in STREAMS:
            names: Any = STREAMS[self.method]
            reader, writer = await names.open_connection(sock=ours)
        while size := await self.receive(ours, reader):
            self.left += 1
            self.happened("got", number, size)
            self.loop.call_soon(self.happened, "after", number)
        if writer is not None:
            self.log.append(("end", number))
            writer.close()
            await writer.wait_closed()

    async def receive(self, sock: socket.socket, reader: Any) -> int:
        """Return how many bytes came."""
        if reader is not None:
            return len(await reader.read(100))
        if self.method == "sock_recv_into":
            return int(await self.loop.sock_recv_into(sock, bytearray(100)))
        if self.method == "sock_recvfrom":
            return len((await self.loop.sock_recvfrom(sock, 100))[0])
        return len(await self.loop.sock_recv(sock, 100))

    def piped(self) -> None:
        """Somebody who is called for a descriptor, as programs are."""
        os.read(self.reading, 100)
        self.happened("pipe")

    def happened(self, *what: Any) -> None:
        """Write it down; wake who waits for all of it."""
        self.log.append(what)
        self.left -= 1
        if not self.left and not self.idle.done():
            self.idle.set_result(None)

    def burst(self, plan: list[Happening]) -> None:
        """Have all of *plan* happen before anybody looks."""
        expected: set[Any] = set()
        for number, happening in enumerate(plan):
            if isinstance(happening, int):
                self.pairs[happening][1].send(b"x")
                expected.add(happening)
            elif happening == "pipe":
                os.write(self.writing, b"x")
                expected.add("pipe")
            elif happening == "timer far away":
                self.timers.append(self.loop.call_later(3600, self.happened, "never"))
            else:
                expected.add((happening, number))
                tell = {
                    "timer": lambda *what: self.loop.call_later(0, *what),
                    "soon": self.loop.call_soon,
                    "thread": self.loop.call_soon_threadsafe,
                }[happening]
                tell(self.happened, happening, number)
        self.left = len(expected)
        if not expected:
            self.idle.set_result(None)

    async def go_through(self, bursts: list[list[Happening]]) -> list[Any]:
        """Return what happened, in its order, in one burst after the other."""
        for _ in range(10):  # until all of them wait
            await asyncio.sleep(0)
        for plan in bursts:
            self.idle = self.loop.create_future()
            self.log.append("burst")
            self.loop.call_soon(self.burst, plan)
            await self.idle
        return self.log

    async def close(self) -> None:
        """End all of it."""
        self.loop.remove_reader(self.reading)
        for timer in self.timers:
            timer.cancel()
        for _, theirs in self.pairs:
            theirs.close()
        await asyncio.wait(self.tasks)
        for ours, _ in self.pairs:
            ours.close()
        os.close(self.reading)
        os.close(self.writing)


async def story(method: str, bursts: list[list[Happening]]) -> list[Any]:
    crowd = Crowd(asyncio.get_running_loop(), method)
    try:
        await crowd.go_through(bursts)
    finally:
        await crowd.close()
    return crowd.log


# Streams are left out: epoll puts a descriptor that it has told of in front of the others
# until the next poll finds nothing there, and asyncio polls more often than ours.
@given(seats, bursts_of(OUTSIDE))
def test_the_same_order_as_on_asyncio(method: str, bursts: list[list[Happening]]) -> None:
    ours, theirs = (run(LOOPS[name], story(method, bursts)) for name in ("miniloop", "asyncio"))
    assert ours == theirs


@given(methods, bursts_of(OUTSIDE + INSIDE))
def test_the_same_order_as_the_long_way(method: str, bursts: list[list[Happening]]) -> None:
    short, long = (run(factory, story(method, bursts)) for factory in (EventLoop, LongWay))
    assert short == long


def spied(answers: list[bool]) -> EventLoop:
    """Return a loop that puts into *answers* whether a turn was cut short."""
    loop = EventLoop()
    asked = loop._at_once

    def spy(events: Any) -> Any:
        answers.append(asked(events))
        return answers[-1]

    loop._at_once = spy  # type: ignore[method-assign]
    return loop


@pytest.mark.parametrize(
    ("plan", "short"),
    [
        ([0, 1, 2], True),
        ([3, "timer far away"], True),
        ([0, "timer", 1], False),
        ([0, "pipe", 1], False),
        ([0, "thread"], False),
    ],
)
@pytest.mark.parametrize("method", ["sock_recv", *STREAMS])
def test_only_a_turn_of_taking_is_cut_short(
    method: str, plan: list[Happening], short: bool
) -> None:
    answers: list[bool] = []

    async def main() -> None:
        await story(method, [[0, 1, 2, 3], [0, 1, 2, 3]])
        crowd = Crowd(asyncio.get_running_loop(), method)
        try:
            await crowd.go_through([[0, 1, 2, 3]])
            answers.clear()
            await crowd.go_through([plan])
            assert (True in answers) == short
        finally:
            await crowd.close()

    run(lambda: spied(answers), main())


@contextlib.contextmanager
def sitting(loop: Any) -> Iterator[tuple[Any, socket.socket]]:
    """Lend a task that waits for the second message on a socket, and the other end."""
    ours, theirs = pair()

    async def read() -> bytes:
        await loop.sock_recv(ours, 100)
        return bytes(await loop.sock_recv(ours, 100))

    task = loop.create_task(read())
    loop.run_until_complete(asyncio.sleep(0))
    theirs.send(b"first")
    while not task._coro.cr_await or ours.fileno() not in loop._selector.get_map():
        loop.run_until_complete(asyncio.sleep(0))
    for _ in range(4):
        once(loop)
    try:
        yield task, theirs
    finally:
        ours.close()
        theirs.close()
        loop.close()


def once(loop: Any) -> None:
    """Have the loop do one turn, as asyncio's documentation says."""
    loop.stop()
    loop.run_forever()


@pytest.mark.parametrize("factory", LOOPS.values(), ids=LOOPS)
def test_one_turn_is_one_turn(factory: Callable[[], Any]) -> None:
    """Who asks for a single turn gets no more: the data is taken, and the task is next."""
    with sitting(loop := factory()) as (task, theirs):
        theirs.send(b"second")
        once(loop)
        assert not task.done()
        once(loop)
        assert task.result() == b"second"


class Interrupted:
    """The kernel's epoll; the next answer is lost, because a signal's handler raises."""

    def __init__(self, epoll: Any) -> None:
        self.epoll = epoll

    def poll(self, *args: Any) -> list[tuple[int, int]]:
        """Raise KeyboardInterrupt when something has come."""
        if self.epoll.poll(*args):
            raise KeyboardInterrupt
        return []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.epoll, name)


@pytest.mark.parametrize("factory", LOOPS.values(), ids=LOOPS)
def test_what_came_when_a_signal_did_is_not_lost(factory: Callable[[], Any]) -> None:
    with sitting(loop := factory()) as (task, theirs):
        theirs.send(b"second")
        selector = loop._selector
        epoll, selector._selector = selector._selector, Interrupted(selector._selector)
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(task)
        selector._selector = epoll
        assert loop.run_until_complete(asyncio.wait_for(task, 30)) == b"second"


def test_who_is_interrupted_while_taking_takes_it_later() -> None:
    with sitting(loop := EventLoop()) as (task, theirs):
        (seat,) = loop._seats.values()
        receive = seat.call

        def interrupted(_size: int) -> bytes:
            seat.call = receive
            raise KeyboardInterrupt

        seat.call = interrupted
        theirs.send(b"second")
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(task)
        assert loop.run_until_complete(asyncio.wait_for(task, 30)) == b"second"


class Own(socket.socket):
    """A socket with a method of its own."""

    taken_in: Any = None

    def recv(self, size: int, flags: int = 0) -> bytes:
        self.taken_in = asyncio.current_task()
        data = super().recv(size, flags)
        asyncio.get_running_loop().call_soon(NOTES.append, "called while taking")
        return data


NOTES: list[str] = []


def test_a_socket_of_another_class_has_no_seat(on_each: Callable[..., Any]) -> None:
    """Its methods may do anything, and find what they find on asyncio."""

    async def main() -> list[str]:
        NOTES.clear()
        loop: Any = asyncio.get_running_loop()
        plain, theirs = pair()
        ours = Own(fileno=plain.detach())
        ours.setblocking(False)
        for _ in range(3):
            task = loop.create_task(loop.sock_recv(ours, 100))
            await asyncio.sleep(0)
            theirs.send(b"data")
            assert await task == b"data"
            assert ours.taken_in is None
            assert not getattr(loop, "_seats", {})
            NOTES.append("got")
        ours.close()
        theirs.close()
        return NOTES

    on_each(main())
    assert NOTES == ["called while taking", "got"] * 3
