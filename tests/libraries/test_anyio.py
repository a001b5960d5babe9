"""anyio's asyncio backend: structured concurrency, threads, and a few roads to the outside."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
from anyio import CancelScope, TaskInfo
from anyio.abc import TaskStatus

from .cells import LOOPS, Say, Scenario, cases, outcome, play
from .serving import free_path


def by_anyio(main: Callable[[], Coroutine[Any, Any, None]], factory: Any, debug: bool) -> None:
    """Run *main* as programs with anyio do."""
    options = {"loop_factory": factory, "debug": debug}
    anyio.run(main, backend="asyncio", backend_options=options)


def same(scenario: Scenario, *, debug: bool = False) -> list[Any]:
    """Play *scenario* on both loops by `anyio.run`; return what both saw."""
    seen = {
        name: play(factory, scenario, debug=debug, run=by_anyio) for name, factory in LOOPS.items()
    }
    assert seen["miniloop"] == seen["asyncio"] != []
    return seen["miniloop"]


async def task_groups(say: Say) -> None:
    ends: list[tuple[str, str]] = []

    async def child(name: str, *, task_status: TaskStatus[str]) -> None:
        say(name, "starts")
        await anyio.sleep(0)
        task_status.started(name.upper())
        try:
            await anyio.sleep_forever()
        finally:
            ends.append((name, str(anyio.get_current_task().name).rpartition(".")[2]))

    async with anyio.create_task_group() as group:
        say(await group.start(child, "a"), await group.start(child, "b", name="named"))
        group.cancel_scope.cancel()
    say(sorted(ends), group.cancel_scope.cancelled_caught)  # a group's tasks are a set

    async def fails(error: Exception, turns: int) -> None:
        for _ in range(turns):
            await anyio.lowlevel.checkpoint()
        raise error

    async def stubborn() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            raise KeyError("while cleaning up")

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(stubborn)
            group.start_soon(fails, ValueError("first"), 2)
            group.start_soon(fails, OSError("second"), 3)
    except* (ValueError, OSError, KeyError) as caught:
        say(sorted(repr(error) for error in caught.exceptions))
    say(await outcome(_start_that_fails()))


async def _start_that_fails() -> None:
    async def fails(*, task_status: TaskStatus[None]) -> None:
        raise LookupError("before it started")

    async with anyio.create_task_group() as group:
        await group.start(fails)


async def cancel_scopes(say: Say) -> None:
    with CancelScope() as outer:
        with CancelScope(shield=True) as shielded:
            outer.cancel()
            await anyio.sleep(0)
            say("shielded", outer.cancel_called, shielded.cancel_called)
        try:
            await anyio.sleep(0)
        finally:
            say("delivered at", "the next checkpoint")
            with CancelScope(shield=True):
                await anyio.sleep(0)
                say("cleaned up")
    say(outer.cancelled_caught, shielded.cancelled_caught)
    with anyio.move_on_after(0.02) as scope:
        await anyio.sleep_forever()
    say(scope.cancelled_caught)
    try:
        with anyio.fail_after(0.02):
            await anyio.sleep_forever()
    except TimeoutError:
        say("too late")
    with anyio.fail_after(30), anyio.move_on_after(0.02) as inner:
        say(anyio.current_effective_deadline() < math.inf)
        await anyio.sleep_forever()
    say(inner.cancelled_caught)
    with CancelScope() as level:
        level.cancel()
        for _ in range(3):  # a cancelled scope stays so: each checkpoint says it again
            try:
                await anyio.lowlevel.checkpoint()
            except anyio.get_cancelled_exc_class():
                say("again")
        await anyio.lowlevel.cancel_shielded_checkpoint()
    say(level.cancelled_caught)


async def memory_streams(say: Say) -> None:
    send, receive = anyio.create_memory_object_stream[int](2)

    async def produce(first: int) -> None:
        async with send.clone() as clone:
            for number in range(first, first + 4):
                await clone.send(number)
                say("sent", number)

    async def consume(name: str) -> None:
        async with receive.clone() as clone:
            async for item in clone:
                say(name, "got", item)

    async with anyio.create_task_group() as group:
        for first in (0, 10):
            group.start_soon(produce, first)
        for name in ("x", "y", "z"):
            group.start_soon(consume, name)
        await anyio.lowlevel.checkpoint()  # they have their clones
        send.close()
        receive.close()
    send, receive = anyio.create_memory_object_stream[int](1)
    send.send_nowait(1)
    for call in (lambda: send.send_nowait(2), receive.receive_nowait, receive.receive_nowait):
        try:
            say(call())
        except (anyio.WouldBlock, anyio.EndOfStream) as error:
            say(type(error).__name__)
    receive.close()
    say(await outcome(send.send(3)), send.statistics().open_receive_streams)
    send.close()


async def synchronization(say: Say) -> None:
    lock, condition, limiter = anyio.Lock(), anyio.Condition(), anyio.CapacityLimiter(2)
    event, semaphore, inside = anyio.Event(), anyio.Semaphore(2), [0]

    async def worker(name: int) -> None:
        async with lock:
            say(name, "lock")
            await anyio.sleep(0)
        async with semaphore:
            inside[0] += 1
            say(name, "semaphore", inside[0])
            await anyio.sleep(0)
            inside[0] -= 1
        async with limiter:
            say(name, "limiter", limiter.borrowed_tokens)
        await event.wait()
        say(name, "event")
        async with condition:
            await condition.wait()
            say(name, "notified")

    async with anyio.create_task_group() as group:
        for name in range(4):
            group.start_soon(worker, name)
        await anyio.wait_all_tasks_blocked()
        say(event.statistics().tasks_waiting)
        event.set()
        await anyio.wait_all_tasks_blocked()
        async with condition:
            condition.notify(1)
        await anyio.wait_all_tasks_blocked()
        async with condition:
            condition.notify_all()


async def threads(say: Say) -> None:
    here = threading.get_ident()
    loop = asyncio.get_running_loop()

    async def back_again(number: int) -> int:
        await anyio.sleep(0)
        return number

    def work(number: int) -> tuple[int, bool, bool]:
        back = anyio.from_thread.run(back_again, number)
        same_loop = anyio.from_thread.run_sync(asyncio.get_running_loop) is loop
        return back, same_loop, threading.get_ident() != here

    limiter = anyio.CapacityLimiter(3)
    results = []

    async def one(number: int) -> None:
        call = partial(anyio.to_thread.run_sync, work, number, limiter=limiter)
        results.append(await call())

    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(one, number)
    say(sorted(results))
    say(await outcome(anyio.to_thread.run_sync(int, "no number")))

    gate = threading.Event()

    def patient() -> str:
        gate.wait()
        try:
            anyio.from_thread.check_cancelled()
        except anyio.get_cancelled_exc_class():
            return "was cancelled"
        return "was not"

    with anyio.move_on_after(0.02):
        await anyio.to_thread.run_sync(gate.wait, abandon_on_cancel=True)
    say("abandoned")
    async with anyio.create_task_group() as group:

        async def waits() -> None:
            with CancelScope() as scope:
                group.start_soon(cancel, scope)
                say(await anyio.to_thread.run_sync(patient))
            say(scope.cancelled_caught)

        async def cancel(scope: CancelScope) -> None:
            scope.cancel()
            gate.set()

        group.start_soon(waits)


async def a_portal(say: Say) -> None:
    """Threads that were not made by anyio call into the loop."""
    async with anyio.from_thread.BlockingPortal() as portal:

        def outside() -> list[object]:
            task = portal.start_task_soon(asyncio.sleep, 0, "from a task")
            tasks = portal.call(anyio.create_task_group)
            with portal.wrap_async_context_manager(tasks) as group:
                portal.call(group.start_soon, anyio.sleep, 0)
            return [portal.call(asyncio.get_running_loop) is loop, task.result()]

        loop = asyncio.get_running_loop()
        say(await loop.run_in_executor(None, outside))


async def tcp(say: Say) -> None:
    async def handler(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            try:
                async for data in stream:
                    await stream.send(data.upper())
            except anyio.BrokenResourceError:
                say("broken")

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with anyio.create_task_group() as group:
        group.start_soon(listener.serve, handler)
        async with await anyio.connect_tcp("localhost", port) as stream:
            for size in (1, 100_000):
                async with anyio.create_task_group() as sending:
                    sending.start_soon(stream.send, b"x" * size)
                    left = size
                    while left:
                        left -= len(await stream.receive())
                say(size)
            await stream.send_eof()
            say((await outcome(stream.receive()))[0])
        say((await outcome(stream.send(b"x")))[0])
        group.cancel_scope.cancel()
    await listener.aclose()
    error = await outcome(anyio.connect_tcp("127.0.0.1", port))
    say(error)


async def unix_and_udp(say: Say) -> None:
    with free_path() as folder:
        listener = await anyio.create_unix_listener(f"{folder}/s")

        async def handler(stream: anyio.abc.SocketStream) -> None:
            async with stream:
                await stream.send((await stream.receive())[::-1])

        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, handler)
            async with await anyio.connect_unix(f"{folder}/s") as stream:
                await stream.send(b"backwards")
                say(await stream.receive())
            group.cancel_scope.cancel()
        await listener.aclose()
    async with await anyio.create_udp_socket(local_host="127.0.0.1") as server:
        port = server.extra(anyio.abc.SocketAttribute.local_port)
        async with await anyio.create_connected_udp_socket("127.0.0.1", port) as peer:
            for data in (b"x", bytes(1000), bytes(9000)):
                await peer.send(data)
                packet, sender = await server.receive()
                await server.sendto(packet + b"!", *sender)
                say(len(await peer.receive()))


async def processes(say: Say) -> None:
    result = await anyio.run_process(["tr", "a-z", "A-Z"], input=b"shout")
    say(result.stdout, result.returncode)
    say((await outcome(anyio.run_process("echo no >&2; exit 3")))[0])
    async with await anyio.open_process(["cat"]) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for word in (b"one", b"two"):
            await process.stdin.send(word)
            say(await process.stdout.receive())
        await process.stdin.aclose()
        say(await process.wait())
    with anyio.move_on_after(0.05) as scope:
        await anyio.run_process(["sleep", "100"])
    say(scope.cancelled_caught)


async def signals(say: Say) -> None:
    with anyio.open_signal_receiver(signal.SIGUSR1, signal.SIGUSR2) as arriving:
        os.kill(os.getpid(), signal.SIGUSR1)
        async for number in arriving:
            say(number.name)
            if number is signal.SIGUSR2:
                break
            os.kill(os.getpid(), signal.SIGUSR2)
    say(signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL)


async def files_and_sockets(say: Say) -> None:
    with free_path() as folder:
        path = anyio.Path(folder) / "file"
        await path.write_text("one\ntwo\n")
        async with await anyio.open_file(path) as file:
            say([line async for line in file])
        say([each.name async for each in path.parent.iterdir()])
    near, far = socket.socketpair()
    near.setblocking(False)
    async with anyio.create_task_group() as group:
        group.start_soon(partial(anyio.to_thread.run_sync, partial(far.send, b"x")))
        await anyio.wait_readable(near)
        say(near.recv(1))
    await anyio.wait_writable(near)
    with anyio.move_on_after(0.01) as scope:
        await anyio.wait_readable(near)
    say(scope.cancelled_caught)
    near.close()
    far.close()


async def what_is_running(say: Say) -> None:
    async def idle() -> None:
        await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        for name in "abc":
            group.start_soon(idle, name=name)
        await anyio.wait_all_tasks_blocked()
        tasks: list[TaskInfo] = anyio.get_running_tasks()
        waiting = sorted((str(task.name), task.has_pending_cancellation()) for task in tasks)
        say([each for each in waiting if each[0] in "abc"])
        group.cancel_scope.cancel()


async def mixed_with_asyncio(say: Say) -> None:
    """Tasks, timeouts and groups of asyncio inside those of anyio, and the other way round."""
    async with asyncio.TaskGroup() as outer:

        async def inner() -> str:
            with anyio.move_on_after(0.02) as scope:
                async with asyncio.timeout(30):
                    await asyncio.sleep(100)
            return f"inner {scope.cancelled_caught}"

        task = outer.create_task(inner())
    say(task.result())
    try:
        async with asyncio.timeout(0.02):
            async with anyio.create_task_group() as group:
                group.start_soon(asyncio.sleep, 100)
    except TimeoutError:
        say("timed out", group.cancel_scope.cancel_called)
    task = asyncio.create_task(inner())
    await asyncio.sleep(0)
    task.cancel()
    (error,) = await asyncio.gather(task, return_exceptions=True)
    say(type(error).__name__)


SCENARIOS: list[Scenario] = [
    task_groups,
    cancel_scopes,
    memory_streams,
    synchronization,
    threads,
    a_portal,
    tcp,
    unix_and_udp,
    processes,
    signals,
    files_and_sockets,
    what_is_running,
    mixed_with_asyncio,
]


@cases(SCENARIOS, *SCENARIOS)
def test_as_on_asyncio(scenario: Scenario, debug: bool) -> None:
    same(scenario, debug=debug)
