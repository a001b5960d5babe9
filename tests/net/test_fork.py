"""Forks: a child has loops of its own, and the parent's do not notice that there is a child."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import miniloop
from miniloop.eventloop import EventLoop
from tests.sync.loops import REAL, run

from .stage import pair

#: Seconds after which a child that hangs is ended.
PATIENCE = 30


@pytest.fixture(params=sorted(REAL))
def on(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return what runs a coroutine on a real loop of each make."""
    return partial(run, REAL[request.param])


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    made = EventLoop()
    yield made
    made.close()


def fork() -> int:
    """Fork, and say nothing about the threads of who runs the tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def in_child(function: Callable[..., Any], *args: Any) -> Any:
    """Return what ``function(*args)`` returns in a child process, or what it raised, as text."""
    reading, writing = os.pipe()
    child = fork()
    if child == 0:
        signal.alarm(PATIENCE)
        try:
            answer = function(*args)
        except BaseException as error:
            answer = repr(error)
        os.write(writing, pickle.dumps(answer))
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as answers:
        answer = answers.read()
    _, status = os.waitpid(child, 0)
    assert status == 0
    return pickle.loads(answer)


def selected(loop: Any) -> set[tuple[int, int]]:
    """Return what the selector of *loop* finds ready now."""
    return {(key.fd, events) for key, events in loop._selector.select(0)}


# -- a loop that runs ----------------------------------------------------------


def test_no_loop_runs_in_the_child(on: Any) -> None:
    def look() -> list[str]:
        found = [repr(asyncio._get_running_loop()), repr(miniloop.interface._get_running_loop())]
        for get in (asyncio.get_running_loop, miniloop.get_running_loop, asyncio.current_task):
            try:
                get()
            except RuntimeError as error:
                found.append(str(error))
        return found

    async def main() -> Any:
        return in_child(look), asyncio.current_task() is not None

    assert on(main()) == (["None"] * 2 + ["no running event loop"] * 3, True)


async def live() -> list[Any]:
    """Return what a loop can do: timers, threads, children, one task."""
    loop = asyncio.get_running_loop()
    [task] = asyncio.all_tasks()
    await asyncio.sleep(0.001)
    process = await asyncio.create_subprocess_exec("sh", "-c", "exit 3")
    return [
        task is asyncio.current_task(),
        await loop.run_in_executor(None, int, "42"),
        await process.wait(),
    ]


LIVING = [True, 42, 3]


@pytest.mark.parametrize("names", [asyncio, miniloop], ids=["asyncio", "miniloop"])
def test_a_child_runs_a_loop_of_its_own(on: Any, names: Any) -> None:
    def another() -> Any:
        with names.Runner(loop_factory=EventLoop) as runner:
            return runner.run(live())

    async def main() -> None:
        assert in_child(another) == LIVING
        assert in_child(names.run, live()) == LIVING
        assert await live() == LIVING

    coroutine = main()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the parent does not run what it gave away
        on(coroutine)


def test_a_process_of_multiprocessing(on: Any) -> None:
    async def main() -> Any:
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()

        def work() -> None:
            theirs.send(miniloop.run(live()))

        process = context.Process(target=work)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        theirs.close()
        answer = ours.recv()
        process.join()
        process.close()
        ours.close()
        assert await live() == LIVING
        return answer

    assert on(main()) == LIVING


def test_a_child_made_by_a_running_loop_does_not_disturb_it() -> None:
    """What the child does to its copies of transports, the selector here does not see."""

    async def main() -> bytes:
        loop: Any = asyncio.get_running_loop()
        ours, theirs = pair()
        got = loop.create_future()
        loop.add_reader(ours, lambda: got.done() or got.set_result(ours.recv(9)))
        reader, writer = await asyncio.open_connection(sock=theirs)

        def disturb() -> Any:
            loop.remove_reader(ours)
            writer.transport.abort()
            loop.call_soon_threadsafe(int)
            return "done"

        assert in_child(disturb) == "done"
        assert selected(loop) == set()
        writer.write(b"still here")
        assert (await got) == b"still her"
        ours.send(b"and there")
        data = await reader.readexactly(9)
        loop.remove_reader(ours)
        ours.close()
        writer.close()
        await writer.wait_closed()
        return data

    assert run(EventLoop, main()) == b"and there"


def test_signals_of_the_child_stay_there() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        got: list[str] = []
        loop.add_signal_handler(signal.SIGUSR1, got.append, "signal")

        def kill_oneself() -> int:
            os.kill(os.getpid(), signal.SIGUSR1)
            return signal.set_wakeup_fd(-1)

        assert in_child(kill_oneself) == -1
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert got == []
        os.kill(os.getpid(), signal.SIGUSR1)
        while not got:
            await asyncio.sleep(0)
        loop.remove_signal_handler(signal.SIGUSR1)
        return got

    assert run(EventLoop, main()) == ["signal"]


def test_a_wakeup_descriptor_of_somebody_else_is_left_alone(loop: EventLoop) -> None:
    ours, theirs = pair()
    before = signal.set_wakeup_fd(theirs.fileno())
    try:
        if sys.version_info < (3, 12):  # asyncio itself takes it away in the child, later
            assert in_child(signal.set_wakeup_fd, -1) == theirs.fileno()
        assert signal.set_wakeup_fd(theirs.fileno()) == theirs.fileno()
    finally:
        signal.set_wakeup_fd(before)
        ours.close()
        theirs.close()


def test_a_loop_of_another_thread_can_be_closed_in_the_child(loop: EventLoop) -> None:
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    while not loop.is_running():
        pass

    def close() -> Any:
        running = loop.is_running()
        loop.close()
        return running, loop.is_closed()

    assert in_child(close) == (False, True)
    assert asyncio.run_coroutine_threadsafe(live(), loop).result(PATIENCE) == LIVING
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(loop.shutdown_default_executor())


# -- a loop that does not run --------------------------------------------------


def test_the_thread_of_the_child_has_no_loop_yet(loop: EventLoop) -> None:
    miniloop.set_event_loop(loop)
    made = in_child(lambda: miniloop.get_event_loop() is loop)
    assert made is False
    assert miniloop.get_event_loop() is loop


def test_a_child_that_closes_its_copy_leaves_the_loop_alone(loop: EventLoop) -> None:
    ours, theirs = pair()
    loop.add_reader(ours, ours.recv, 1)

    def close() -> Any:
        loop.close()
        return loop.is_closed()

    assert in_child(close)
    assert selected(loop) == set()
    theirs.send(b"x")
    loop.call_soon_threadsafe(int)
    assert {fd for fd, _ in selected(loop)} == {ours.fileno(), loop._wakeup._reader.fileno()}
    loop.remove_reader(ours)
    ours.close()
    theirs.close()


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=6))
def test_the_copy_waits_for_the_same(kinds: list[tuple[bool, bool, bool]]) -> None:
    loop, pairs = EventLoop(), []
    for reads, writes, full in kinds:
        ours, theirs = pair()
        pairs += [ours, theirs]
        if reads:
            loop.add_reader(ours, int)
        if writes:
            loop.add_writer(ours, int)
        if full:
            theirs.send(b"x")
    assert in_child(selected, loop) == selected(loop)
    # The copy's registrations are its own to change.
    in_child(lambda: [loop.remove_reader(each) for each in pairs])
    assert in_child(selected, loop) == selected(loop)
    loop.close()
    for sock in pairs:
        sock.close()


def test_who_waits_for_a_socket_waits_in_both_processes(loop: EventLoop) -> None:
    ours, theirs = pair()
    task = loop.create_task(loop.sock_recv(ours, 100))
    loop.run_until_complete(asyncio.sleep(0))

    def receive() -> Any:
        theirs.send(b"in the child")
        return loop.run_until_complete(task)

    assert in_child(receive) == b"in the child"
    theirs.send(b"in the parent")
    assert loop.run_until_complete(task) == b"in the parent"
    ours.close()
    theirs.close()


def test_the_copy_has_threads_and_signals_of_its_own(loop: EventLoop) -> None:
    loop.run_until_complete(loop.run_in_executor(None, int))
    came = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, came.set)

    def use() -> Any:
        os.kill(os.getpid(), signal.SIGUSR1)
        loop.run_until_complete(came.wait())
        return loop.run_until_complete(loop.run_in_executor(None, int, "42"))

    assert in_child(use) == 42
    assert not came.is_set()
    os.kill(os.getpid(), signal.SIGUSR1)
    loop.run_until_complete(came.wait())
    loop.run_until_complete(loop.shutdown_default_executor())


def test_a_server_that_was_made_before_the_fork(loop: EventLoop) -> None:
    """Several processes accept at one socket, each with a copy of one loop."""

    async def make() -> Any:
        return await asyncio.start_server(answer, "127.0.0.1", 0)

    async def answer(reader: Any, writer: Any) -> None:
        writer.write(b"%d" % os.getpid())
        writer.close()
        await writer.wait_closed()
        loop.stop()

    server = loop.run_until_complete(make())
    address = server.sockets[0].getsockname()
    children = []
    for _ in range(2):
        child = fork()
        if child == 0:
            signal.alarm(PATIENCE)
            loop.run_forever()
            os._exit(0)
        children.append(child)
    answers = set()
    for _ in children:
        with socket.create_connection(address) as client:
            answers.add(int(client.makefile("rb").read()))
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert answers == set(children)
    server.close()
    loop.run_until_complete(server.wait_closed())
