"""A future that serves many waits: never while anybody else could notice."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import miniloop
from miniloop.net.waiters import renewed
from miniloop.testing.world import World


class Owner:
    """Has a spent future, in one attribute."""

    def __init__(self) -> None:
        self.spent: Any = None


@pytest.fixture
def loop() -> Iterator[miniloop.EventLoop]:
    loop = miniloop.EventLoop()
    yield loop
    loop.close()


def owner_of(loop: miniloop.EventLoop, result: object = "message") -> Owner:
    owner = Owner()
    owner.spent = loop.create_future()
    owner.spent.set_result(result)
    return owner


def test_one_that_nobody_else_has_serves_again(loop: miniloop.EventLoop) -> None:
    owner = owner_of(loop)
    number = id(owner.spent)
    again: Any = renewed(loop, owner.spent)
    assert id(again) == number
    assert again is owner.spent
    assert not again.done()
    again.set_result(2)
    assert again.result() == 2


def test_it_lets_the_last_message_go(loop: miniloop.EventLoop) -> None:
    class Message:
        pass

    message = Message()
    gone = weakref.ref(message)
    owner = owner_of(loop, message)
    del message
    future = renewed(loop, owner.spent)
    gc.collect()
    assert gone() is None
    assert not future.done()


def test_one_that_somebody_kept_stays_as_it_is(loop: miniloop.EventLoop) -> None:
    owner = owner_of(loop)
    kept = owner.spent
    assert renewed(loop, owner.spent) is not kept
    assert kept.result() == "message"


def test_neither_does_one_that_failed_or_was_cancelled(loop: miniloop.EventLoop) -> None:
    failed, cancelled, pending = Owner(), Owner(), Owner()
    for owner in (failed, cancelled, pending):
        owner.spent = loop.create_future()
    failed.spent.set_exception(ValueError())
    failed.spent.exception()
    cancelled.spent.cancel()
    for owner in (failed, cancelled, pending):
        assert renewed(loop, owner.spent) is not owner.spent


def test_nor_in_debug_mode_nor_one_of_another_make(loop: miniloop.EventLoop) -> None:
    loop.set_debug(True)
    owner = owner_of(loop)
    assert renewed(loop, owner.spent) is not owner.spent
    loop.set_debug(False)
    owner.spent = asyncio.Future(loop=loop)
    owner.spent.set_result(1)
    assert renewed(loop, owner.spent) is not owner.spent
    assert renewed(loop, None) is not None


def test_a_waiter_that_was_looked_at_keeps_its_result() -> None:
    """Whoever holds what a task waited for, a debugger say, sees no later message in it."""

    async def main() -> tuple[list[bytes], list[bytes]]:
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        got: list[bytes] = []

        async def read() -> None:
            while len(got) < 4:
                got.append(await loop.sock_recv(near, 100))

        task = asyncio.create_task(read())
        waited: list[Any] = []
        for number in range(4):
            while len(got) < number or task._fut_waiter is None:  # type: ignore[attr-defined]
                await asyncio.sleep(0)
            if number % 2:
                waited.append(task._fut_waiter)  # type: ignore[attr-defined]
            await loop.sock_sendall(far, b"%d" % number)
            while len(got) <= number:
                await asyncio.sleep(0)
        await task
        near.close()
        far.close()
        return got, [future.result() for future in waited]

    got, kept = miniloop.run(main())
    assert got == [b"0", b"1", b"2", b"3"]
    assert kept == [b"1", b"3"]


def test_a_read_that_is_cancelled_leaves_nothing_behind_for_the_next() -> None:
    async def main() -> bytes:
        near, far = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=near)
        for _ in range(3):
            far.send(b"x")
            assert await reader.read(10) == b"x"
            task = asyncio.create_task(reader.read(10))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        far.send(b"last")
        data = await reader.read(10)
        writer.close()
        far.close()
        return data

    assert miniloop.run(main()) == b"last"


def test_a_connection_that_is_dropped_is_closed_at_once() -> None:
    """The place where its acceptor waited does not keep it."""

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
            for sock in (listener, client):
                sock.setblocking(False)
            accepting = asyncio.create_task(loop.sock_accept(listener))
            await asyncio.sleep(0)
            await loop.sock_connect(client, listener.getsockname())
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                await accepting
                del accepting
            return await loop.sock_recv(client, 10)

    assert miniloop.run(main()) == b""


def test_worlds_number_every_future() -> None:
    """In a World each wait has a future of its own: their hashes are their numbers."""

    async def scenario() -> int:
        future = asyncio.get_running_loop().create_future()
        future.set_result(1)
        owner = Owner()
        owner.spent = future
        del future
        return int(renewed(asyncio.get_running_loop(), owner.spent) is owner.spent)

    assert World().run(scenario).result == 0
