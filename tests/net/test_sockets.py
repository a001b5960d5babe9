"""Seats: what stays registered between two waits must never be noticed."""

from __future__ import annotations

import asyncio
import gc
import os
import selectors
import socket
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from miniloop.eventloop import EventLoop
from miniloop.net.sockets import SCRATCH

from .stage import bound, pair, run, strict

SELECTORS = ["SelectSelector", "PollSelector", "EpollSelector"]


async def waiting(loop: Any, sock: socket.socket) -> Any:
    """Return a task that waits for data on *sock*."""
    task = loop.create_task(loop.sock_recv(sock, 100))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task


async def used(loop: Any) -> tuple[socket.socket, socket.socket]:
    """Return a pair of sockets, the first with a seat that is idle."""
    ours, theirs = pair()
    task = await waiting(loop, ours)
    theirs.send(b"first")
    assert await task == b"first"
    return ours, theirs


def registered(loop: Any, sock: socket.socket) -> bool:
    return sock.fileno() in loop._selector.get_map()


def test_a_seat_is_kept() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = await used(loop)
        assert registered(loop, ours)
        task = await waiting(loop, ours)
        theirs.send(b"second")
        assert await task == b"second"
        ours.close()
        theirs.close()

    run(strict, main())


@pytest.mark.parametrize("name", SELECTORS)
def test_nothing_is_kept_with_a_selector_of_ones_own(name: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = await used(loop)
        await asyncio.sleep(0)
        assert not registered(loop, ours)
        ours.close()
        theirs.close()

    run(lambda: EventLoop(getattr(selectors, name)()), main())


def test_data_that_nobody_waits_for_wakes_nobody_without_end() -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        ours, theirs = await used(loop)
        theirs.send(b"early")
        await asyncio.sleep(0)
        assert len(loop._selector.select(0)) <= 1
        assert loop._selector.select(0) == []
        assert await loop.sock_recv(ours, 100) == b"early"
        ours.close()
        theirs.close()

    run(strict, main())


def test_a_copy_of_a_closed_socket_wakes_nobody_without_end() -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        ours, theirs = await used(loop)
        copy = ours.dup()
        ours.close()
        theirs.close()
        await asyncio.sleep(0)
        loop._selector.select(0)
        assert loop._selector.select(0) == []
        copy.close()

    run(strict, main())


def test_the_next_socket_with_the_same_number(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = await used(loop)
        number = ours.fileno()
        ours.close()
        theirs.close()
        again, other = pair()
        if other.fileno() == number:
            again, other = other, again
        assert again.fileno() == number
        task = await waiting(loop, again)
        other.send(b"new")
        assert await task == b"new"
        again.close()
        other.close()

    on_each(main())


def test_a_closed_socket_leaves_its_number_to_a_transport(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = await used(loop)
        ours.close()
        theirs.close()
        ours, theirs = pair()
        reader, writer = await asyncio.open_connection(sock=ours)
        theirs.send(b"hello")
        assert await reader.read(100) == b"hello"
        theirs.close()
        writer.close()
        await writer.wait_closed()

    on_each(main())


def test_a_descriptor_is_watched_until_the_reader_goes_on(on_each: Callable[..., Any]) -> None:
    """In the turn in which the data is taken, and no longer."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = await used(loop)
        first, last = pair()
        watched: list[bool] = []

        def look() -> None:
            first.recv(100)
            watched.append(loop.remove_reader(ours))

        task = await waiting(loop, ours)
        loop.add_reader(first, look)
        theirs.send(b"data")
        last.send(b"x")
        assert await task == b"data"
        assert watched == [True]
        assert not loop.remove_reader(ours)
        loop.remove_reader(first)
        for sock in (ours, theirs, first, last):
            sock.close()

    on_each(main())


@pytest.mark.parametrize("cancelled", [False, True])
def test_where_a_reader_waits_nobody_watches_for_writing(
    on_each: Callable[..., Any], cancelled: bool
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = await used(loop)
        task = await waiting(loop, ours)
        if cancelled:
            task.cancel()
        assert not loop.remove_writer(ours)
        await asyncio.wait([task], timeout=0)
        theirs.send(b"data")
        assert not loop.remove_writer(ours)
        await asyncio.wait([task])
        assert task.cancelled() if cancelled else task.result() == b"data"
        ours.close()
        theirs.close()

    on_each(main())


@pytest.mark.parametrize("which", ["reader", "writer"])
def test_who_had_to_make_room_is_gone_when_the_reader_goes_on(
    on_each: Callable[..., Any], which: str
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = await used(loop)
        watched: list[bool] = []

        async def read() -> None:
            assert await loop.sock_recv(ours, 100) == b"data"
            watched.append(loop.remove_reader(ours))

        task = asyncio.ensure_future(read())
        await asyncio.sleep(0)
        writable = asyncio.Event()

        def no_more() -> None:
            loop.remove_writer(ours)
            writable.set()

        loop.add_writer(ours, no_more)
        if which == "reader":  # nobody watches for writing any more when the data comes
            await writable.wait()
        theirs.send(b"data")
        await task
        assert watched == [False]
        ours.close()
        theirs.close()

    on_each(main())


@pytest.mark.filterwarnings("ignore:unclosed")
def test_a_wait_that_was_cancelled_keeps_no_socket(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = await used(loop)
        task = await waiting(loop, ours)
        task.cancel()
        await asyncio.wait([task])
        for _ in range(2):
            await asyncio.sleep(0)
        gone = weakref.ref(ours)
        del ours, task
        gc.collect()
        assert gone() is None
        theirs.close()

    on_each(main())


def test_add_reader_takes_an_idle_seat(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = await used(loop)
        seen: asyncio.Queue[bytes] = asyncio.Queue()
        assert not loop.remove_reader(ours)
        loop.add_reader(ours, lambda: seen.put_nowait(ours.recv(100)))
        theirs.send(b"for the callback")
        assert await seen.get() == b"for the callback"
        assert loop.remove_reader(ours)
        task = await waiting(loop, ours)
        theirs.send(b"for the task")
        assert await task == b"for the task"
        ours.close()
        theirs.close()

    on_each(main())


def test_add_writer_leaves_a_waiting_reader_alone(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = await used(loop)
        task = await waiting(loop, ours)
        writable = asyncio.Event()
        loop.add_writer(ours, writable.set)
        await writable.wait()
        theirs.send(b"data")
        assert await task == b"data"
        assert loop.remove_writer(ours)
        ours.close()
        theirs.close()

    on_each(main())


def test_two_who_read_and_write_one_socket(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = await used(loop)
        reading = await waiting(loop, ours)
        size = 5_000_000
        writing = loop.create_task(loop.sock_sendall(ours, bytes(size)))
        while size:
            size -= len(await loop.sock_recv(theirs, 1_000_000))
        await writing
        await loop.sock_sendall(theirs, b"done")
        assert await reading == b"done"
        ours.close()
        theirs.close()

    on_each(main())


def test_cancelled_waits_lose_nothing(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = pair()
        for number in range(3):
            task = await waiting(loop, ours)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            theirs.send(b"%d" % number)
            assert await (await waiting(loop, ours)) == b"%d" % number
        ours.close()
        theirs.close()

    on_each(main())


def test_end_of_stream_together_with_the_last_data(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = await used(loop)
        task = await waiting(loop, ours)
        theirs.send(b"last")
        theirs.close()
        assert await task == b"last"
        assert await loop.sock_recv(ours, 100) == b""
        ours.close()

    on_each(main())


def test_a_transports_socket_is_its_own(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = pair()
        transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, ours)
        with pytest.raises(RuntimeError, match=r"File descriptor .* is used by transport"):
            await loop.sock_recv(ours, 10)
        with pytest.raises(RuntimeError, match=r"File descriptor .* is used by transport"):
            loop.add_reader(ours, print)
        transport.close()
        await asyncio.sleep(0)
        theirs.close()

    on_each(main())


@pytest.mark.parametrize("size", [1, 100_000, SCRATCH - 1, SCRATCH, SCRATCH + 1])
def test_any_size_may_be_asked_for(on_each: Callable[..., Any], size: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = pair()
        task = loop.create_task(loop.sock_recv(ours, size))
        await asyncio.sleep(0)
        theirs.send(b"0123456789")
        first = await task
        assert first == b"0123456789"[:size]
        theirs.send(b"abc")
        assert (await loop.sock_recv(ours, size))[:1] == (b"1" if size == 1 else b"a")
        ours.close()
        theirs.close()

    on_each(main())


def test_a_seat_keeps_no_socket_alive() -> None:
    async def main() -> None:
        ours, theirs = await used(asyncio.get_running_loop())
        number = ours.fileno()
        with pytest.warns(ResourceWarning, match="unclosed <socket"):
            del ours
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)
        theirs.close()

    run(strict, main())


def test_accept_and_connect(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        listening = bound()
        for _ in range(3):
            task = loop.create_task(loop.sock_accept(listening))
            await asyncio.sleep(0)
            client = socket.socket()
            client.setblocking(False)
            await loop.sock_connect(client, listening.getsockname())
            accepted, address = await task
            assert address == client.getsockname()
            assert accepted.gettimeout() == 0
            accepted.close()
            client.close()
        listening.close()

    on_each(main())
