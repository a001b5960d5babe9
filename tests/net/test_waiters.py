"""A future that serves many waits: never while anybody else could notice."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings
import weakref
from collections.abc import Iterator
from sys import getrefcount
from typing import Any

import pytest

import miniloop
from miniloop.net.waiters import wait_again
from miniloop.testing.world import World


class Owner:
    """Has a spent future, in one attribute."""

    def __init__(self) -> None:
        self._spent: Any = None
        self._waiter: Any = None

    def _give_up(self) -> None:
        self._waiter = None


def begin(loop: miniloop.EventLoop, owner: Owner) -> tuple[Any, Any]:
    """Begin to wait; return the future that is waited for, and what waits."""
    waiting = wait_again(loop, owner)
    future = waiting.send(None)
    assert future is owner._waiter
    return future, waiting


def ended(waiting: Any) -> object:
    """Return the result of what waits, whose future is done."""
    try:
        waiting.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits on")


@pytest.fixture
def loop() -> Iterator[miniloop.EventLoop]:
    loop = miniloop.EventLoop()
    yield loop
    loop.close()


def owner_of(loop: miniloop.EventLoop, result: bytes = b"message") -> Owner:
    """Return an owner whose first wait is over."""
    owner = Owner()
    future, waiting = begin(loop, owner)
    future.set_result(result)
    assert ended(waiting) == result
    return owner


def fresh(loop: miniloop.EventLoop) -> list[Any]:
    """Return a list that all futures the loop makes from now on are put into."""
    create, made = loop.create_future, []

    def make() -> Any:
        made.append(create())
        return made[-1]

    loop.create_future = make  # type: ignore[method-assign]
    return made


def test_one_that_nobody_else_has_serves_again(loop: miniloop.EventLoop) -> None:
    owner = owner_of(loop)
    number = id(owner._spent)
    again, waiting = begin(loop, owner)
    assert id(again) == number
    assert not again.done()
    again.set_result(2)
    assert again.result() == 2
    assert ended(waiting) == 2


def test_it_lets_the_last_message_go(loop: miniloop.EventLoop) -> None:
    message = b"a long message" * 1000
    owner = owner_of(loop, message)
    held = getrefcount(message)
    future, waiting = begin(loop, owner)
    assert getrefcount(message) == held - 1
    assert not future.done()
    waiting.close()


def test_anything_but_a_message_it_lets_go_at_once(loop: miniloop.EventLoop) -> None:
    class Connection:
        pass

    owner, connection = Owner(), Connection()
    gone = weakref.ref(connection)
    future, waiting = begin(loop, owner)
    future.set_result(connection)
    assert ended(waiting) is connection
    del future, waiting, connection
    gc.collect()
    assert gone() is None


def test_one_that_somebody_kept_stays_as_it_is(loop: miniloop.EventLoop) -> None:
    owner = owner_of(loop)
    kept = owner._spent
    assert begin(loop, owner)[0] is not kept
    assert kept.result() == b"message"


@pytest.mark.parametrize("how", ["failed", "cancelled", "given up"])
def test_neither_does_one_that_failed_or_was_cancelled(loop: miniloop.EventLoop, how: str) -> None:
    owner = owner_of(loop)
    future, waiting = begin(loop, owner)
    if how == "failed":
        future.set_exception(LookupError())
        with pytest.raises(LookupError):
            waiting.send(None)
    elif how == "cancelled":
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            waiting.send(None)
    else:
        waiting.close()
    del future
    assert owner._spent is None
    assert owner._waiter is None
    made = fresh(loop)
    assert begin(loop, owner)[0] is made[-1]


def test_two_who_wait_do_not_share_one(loop: miniloop.EventLoop) -> None:
    owner = owner_of(loop)
    first, waiting = begin(loop, owner)
    second, late = begin(loop, owner)
    assert second is not first
    second.set_result(b"second")
    first.set_result(b"first")
    assert (ended(waiting), ended(late)) == (b"first", b"second")


def test_nor_in_debug_mode_nor_one_of_another_make(loop: miniloop.EventLoop) -> None:
    made = fresh(loop)
    owner = Owner()
    loop.set_debug(True)
    future, waiting = begin(loop, owner)
    future.set_result(b"message")
    assert ended(waiting) == b"message"
    assert owner._spent is None
    loop.set_debug(False)
    loop.create_future = lambda: OwnFuture(loop=loop)  # type: ignore[method-assign]
    for _ in range(2):
        future, waiting = begin(loop, owner)
        assert type(future) is OwnFuture
        future.set_result(b"message")
        assert ended(waiting) == b"message"
        assert owner._spent is None
    assert len(made) == 1


def test_a_loop_that_makes_futures_of_its_own(loop: miniloop.EventLoop) -> None:
    """What such a future does when it is awaited is its own affair."""
    loop.create_future = lambda: asyncio.Future(loop=loop)  # type: ignore[method-assign, assignment, return-value]
    for _ in range(2):
        owner = Owner()
        future, waiting = begin(loop, owner)
        assert type(future) is asyncio.Future
        future.set_result("theirs")
        assert ended(waiting) == "theirs"


class OwnFuture(miniloop.Future[Any]):
    """A future that a loop of somebody else's makes."""


class OwnFutures(miniloop.EventLoop):
    def create_future(self) -> Any:
        return OwnFuture(loop=self)


@pytest.mark.parametrize("make", [asyncio.SelectorEventLoop, miniloop.EventLoop, OwnFutures])
@pytest.mark.parametrize("cancelled", [False, True])
def test_nobody_reads_a_socket_when_the_wait_is_over(make: Any, cancelled: bool) -> None:
    async def main() -> bool:
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with one, other:
            one.setblocking(False)
            waiting = asyncio.ensure_future(loop.sock_recv(one, 10))
            await asyncio.sleep(0)
            if cancelled:
                waiting.cancel()
            else:
                other.send(b"x")
            assert await asyncio.gather(waiting, return_exceptions=True)
            return loop.remove_reader(one)

    with asyncio.Runner(loop_factory=make) as runner:
        assert runner.run(main()) is False


def test_who_was_cancelled_waits_no_longer(loop: miniloop.EventLoop) -> None:
    owner = owner_of(loop)
    future, waiting = begin(loop, owner)
    future.cancel()
    with pytest.raises(asyncio.CancelledError):
        waiting.send(None)
    assert owner._waiter is None
    assert owner._spent is None


def test_who_goes_on_late_leaves_the_next_alone(loop: miniloop.EventLoop) -> None:
    owner = owner_of(loop)
    for cancelled in (False, True):
        future, waiting = begin(loop, owner)
        following, _ = begin(loop, owner)
        if cancelled:
            future.cancel()
            with pytest.raises(asyncio.CancelledError):
                waiting.send(None)
        else:
            future.set_result(1)
            assert ended(waiting) == 1
        assert owner._waiter is following


def test_who_is_driven_too_early_is_told_so(loop: miniloop.EventLoop) -> None:
    _, waiting = begin(loop, owner_of(loop))
    with pytest.raises(RuntimeError, match="await wasn't used with future"):
        waiting.send(None)


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
        loop: Any = asyncio.get_running_loop()
        owner = owner_of(loop)
        made = fresh(loop)
        assert begin(loop, owner)[0] is made[-1]
        return len(made)

    assert World().run(scenario).result == 1
