"""Guest mode: our loop driven by asyncio's, and by the event loop of Tcl, on which Tk runs."""

from __future__ import annotations

import asyncio
import os
import queue
import socket
import sysconfig
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

import miniloop
from miniloop.eventloop import EventLoop
from miniloop.sync.guest import start_guest_run

from .loops import VirtualSelector

PATIENT = 30  # seconds; only reached when the test has failed


class Host(Protocol):
    """Somebody else's loop."""

    def start(self, main: Any, **options: Any) -> Any:
        """Start a guest run; return the guest's loop."""

    def call_later(self, seconds: float, function: Callable[[], object]) -> None:
        """Call *function* in that many seconds."""

    def run(self) -> Any:
        """Run until the guest has ended; return the task."""


class AsyncioHost:
    """asyncio's loop as the host."""

    def __init__(self) -> None:
        self.loop = asyncio.SelectorEventLoop()
        self.done = self.loop.create_future()

    def start(self, main: Any, **options: Any) -> Any:
        return start_guest_run(
            main,
            run_sync_soon_threadsafe=self.loop.call_soon_threadsafe,
            run_sync_soon_not_threadsafe=self.loop.call_soon,
            done_callback=self.done.set_result,
            **options,
        )

    def call_later(self, seconds: float, function: Callable[[], object]) -> None:
        self.loop.call_later(seconds, function)

    def run(self) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(self.done, PATIENT))

    def close(self) -> None:
        self.loop.close()


INTERPRETERS: list[Any] = []


class TclHost:
    """Tcl's loop as the host: what a program with windows runs, without the windows."""

    def __init__(self) -> None:
        import tkinter

        # One interpreter for all tests, kept for ever: Tcl aborts the process when the
        # garbage collector frees an interpreter in another thread than it was made in.
        if not INTERPRETERS:
            INTERPRETERS.append(tkinter.Tcl())
        self.tk: Any = INTERPRETERS[0].tk
        self.calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self.near, self.far = socket.socketpair()
        self.tk.createfilehandler(self.near, tkinter.READABLE, self.called)
        self.done: list[Any] = []
        self.errors: list[BaseException] = []

    def soon(self, function: Callable[[], object]) -> None:
        """Have Tcl call *function*; from any thread."""
        self.calls.put(function)
        self.far.send(b"x")

    def called(self, *_: object) -> None:
        self.near.recv(1)
        self.calls.get_nowait()()

    def start(self, main: Any, **options: Any) -> Any:
        return start_guest_run(
            main, run_sync_soon_threadsafe=self.soon, done_callback=self.done.append, **options
        )

    def call_later(self, seconds: float, function: Callable[[], object]) -> None:
        self.tk.createtimerhandler(int(seconds * 1000), function)

    def run(self) -> Any:
        alarm = self.tk.createtimerhandler(PATIENT * 1000, lambda: self.done.append("too late"))
        while not self.done:
            self.tk.dooneevent()
        alarm.deletetimerhandler()
        return self.done[0]

    def close(self) -> None:
        self.tk.deletefilehandler(self.near)
        self.near.close()
        self.far.close()


def tcl_host() -> TclHost:
    """Return Tcl as a host; skip where the interpreter was built without it."""
    try:
        return TclHost()
    except ImportError as error:
        built_with_it = bool(sysconfig.get_config_var("TCLTK_LIBS"))
        if os.environ.get("CI") == "true" and built_with_it:
            raise
        pytest.skip(f"this interpreter has no tkinter: {error}")


@pytest.fixture(params=["asyncio", "tcl"])
def host(request: pytest.FixtureRequest) -> Iterator[Any]:
    made: Any = AsyncioHost() if request.param == "asyncio" else tcl_host()
    before = set(threading.enumerate())
    yield made
    made.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENT)
        assert not thread.is_alive()


def test_a_whole_program_runs_in_the_hosts_thread(host: Host) -> None:
    threads: set[int] = set()

    async def worker(items: miniloop.Queue[int], done: list[int]) -> None:
        while True:
            threads.add(threading.get_ident())
            done.append(await items.get())
            await miniloop.sleep(0.001)
            items.task_done()

    async def main() -> list[int]:
        items: miniloop.Queue[int] = miniloop.Queue()
        done: list[int] = []
        workers = [miniloop.create_task(worker(items, done)) for _ in range(3)]
        for number in range(10):
            items.put_nowait(number)
        await items.join()
        assert len(workers) == 3
        return done

    loop = host.start(main())
    task = host.run()
    assert task.result() == list(range(10))
    assert threads == {threading.get_ident()}
    assert loop.is_closed()
    assert task.get_loop() is loop


def test_the_running_loop_is_the_guests_only_during_its_turns(host: Host) -> None:
    seen: list[Any] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        seen.append(loop)
        looked = loop.create_future()

        def look() -> None:
            between.append(asyncio._get_running_loop())
            loop.call_soon_threadsafe(looked.set_result, None)

        host.call_later(0.001, look)
        await looked
        seen.append(asyncio.get_running_loop())

    hosts_own = host.loop if isinstance(host, AsyncioHost) else None
    between: list[Any] = []
    loop = host.start(main())
    host.run()
    assert seen == [loop, loop]
    assert between == [hosts_own]


def test_the_host_wakes_the_guest_by_what_it_sets(host: Host) -> None:
    async def main() -> str:
        event = miniloop.Event()
        host.call_later(0.01, event.set)
        await event.wait()
        return "woken"

    host.start(main())
    assert host.run().result() == "woken"


def test_the_hosts_own_call_later_wakes_a_guest_that_waits(host: Host) -> None:
    async def main() -> Any:
        loop = miniloop.get_running_loop()
        future = loop.create_future()
        host.call_later(0.01, lambda: loop.call_later(0.01, future.set_result, "rung"))
        return await future

    host.start(main())
    assert host.run().result() == "rung"


def test_an_observer_of_the_guest_is_told_what_is_added(host: Host) -> None:
    class Observer:
        added = 0

        def entry_added(self, entry: Any) -> None:
            self.added += 1

    observer = Observer()

    async def main() -> None:
        for _ in range(3):
            await miniloop.sleep(0)

    host.start(main(), loop_factory=lambda: miniloop.EventLoop(observer=observer))
    host.run()
    assert observer.added >= 4


def test_a_thread_gets_in_by_call_soon_threadsafe(host: Host) -> None:
    futures: list[Any] = []
    waiting = threading.Event()

    async def main() -> Any:
        future = miniloop.get_running_loop().create_future()
        futures.append(future)
        miniloop.get_running_loop().call_soon(waiting.set)
        return await future

    loop = host.start(main())

    def elsewhere() -> None:
        assert waiting.wait(PATIENT)
        loop.call_soon_threadsafe(futures[0].set_result, "from a thread")

    thread = threading.Thread(target=elsewhere)
    thread.start()
    assert host.run().result() == "from a thread"
    thread.join()


def test_an_exception_is_the_tasks(host: Host) -> None:
    async def main() -> None:
        await miniloop.sleep(0)
        raise LookupError("of the guest")

    host.start(main())
    task = host.run()
    assert isinstance(task.exception(), LookupError)


def test_what_main_leaves_is_cleaned_up(host: Host) -> None:
    log: list[str] = []

    async def forever() -> None:
        try:
            await miniloop.get_running_loop().create_future()
        finally:
            await miniloop.sleep(0)
            log.append("task")

    async def numbers() -> Any:
        try:
            while True:
                yield 1
        finally:
            log.append("generator")

    async def main() -> Any:
        task = miniloop.create_task(forever())
        generator = numbers()
        await generator.__anext__()
        await miniloop.to_thread(int)
        return task, generator

    host.start(main())
    task, _ = host.run().result()
    assert task.cancelled()
    assert log == ["task", "generator"]


def test_main_is_cancelled_from_inside(host: Host) -> None:
    async def main() -> None:
        loop = miniloop.get_running_loop()
        cancel = miniloop.current_task().cancel
        host.call_later(0.005, lambda: loop.call_soon_threadsafe(cancel, "enough"))
        await loop.create_future()

    host.start(main())
    assert host.run().cancelled()


def test_descriptors_are_watched_while_the_host_has_its_turn(host: Host) -> None:
    near, far = socket.socketpair()

    async def main() -> bytes:
        loop = miniloop.get_running_loop()
        future = loop.create_future()
        loop.add_reader(near, lambda: future.set_result(near.recv(10)))
        try:
            return await future  # type: ignore[no-any-return]
        finally:
            loop.remove_reader(near)

    host.start(main())
    host.call_later(0.005, lambda: far.send(b"hello"))
    assert host.run().result() == b"hello"
    near.close()
    far.close()


def test_an_interrupt_is_for_the_host_to_deal_with() -> None:
    host = AsyncioHost()
    log: list[str] = []

    def interrupted() -> None:
        raise KeyboardInterrupt

    async def main() -> str:
        miniloop.get_running_loop().call_soon(interrupted)
        for _ in range(3):
            await miniloop.sleep(0)
        log.append("went on")
        return "done"

    host.start(main())
    with pytest.raises(KeyboardInterrupt):
        host.run()
    assert asyncio._get_running_loop() is None
    host.done = host.loop.create_future() if host.done.cancelled() else host.done
    assert host.run().result() == "done"
    assert log == ["went on"]
    host.close()


def test_the_host_may_start_a_coroutine_of_its_own_when_the_guest_is_done() -> None:
    seen: list[Any] = []

    async def main() -> str:
        return "guest"

    async def afterwards(result: str) -> None:
        seen.append((result, type(asyncio.get_running_loop()).__name__))

    async def host() -> None:
        loop = asyncio.get_running_loop()
        finished = loop.create_future()
        start_guest_run(
            main(),
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=lambda task: finished.set_result(
                asyncio.create_task(afterwards(task.result()))
            ),
        )
        await (await finished)

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(host())
    assert [result for result, _ in seen] == ["guest"]
    assert seen[0][1] != "EventLoop"


def test_a_guest_may_have_a_clock_of_its_own(host: Host) -> None:
    selector = VirtualSelector()

    async def main() -> float:
        await miniloop.sleep(3600)
        return miniloop.get_running_loop().time()

    host.start(
        main(), loop_factory=lambda: EventLoop(selector=selector, clock=lambda: selector.now)
    )
    assert host.run().result() == 3600


def test_only_loops_of_ours_can_be_guests() -> None:
    loop = asyncio.SelectorEventLoop()
    coro: Any = miniloop.sleep(0)
    with pytest.raises(TypeError, match="needs a miniloop EventLoop, not"):
        start_guest_run(
            coro,
            run_sync_soon_threadsafe=print,
            done_callback=print,
            loop_factory=lambda: loop,
        )
    # Nothing is left behind: neither the loop that was made nor a coroutine to complain.
    assert loop.is_closed()
    assert coro.cr_frame is None
