"""anyio's primitives in the World: groups, cancel scopes, memory streams, deadlines."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from anyio.abc import TaskStatus
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from miniloop.testing import World

from .worlds import alike, breaks, holds


async def groups_and_streams(world: World) -> list[int]:
    """Two producers and two consumers, a stream of two between them, in two groups."""
    send, receive = anyio.create_memory_object_stream[int](2)
    got: list[int] = []

    async def produce(mine: MemoryObjectSendStream[int], start: int) -> None:
        async with mine:
            for number in range(start, start + 4):
                await mine.send(number)
                await anyio.sleep(number / 10)

    async def consume(mine: MemoryObjectReceiveStream[int]) -> None:
        async with mine:
            async for number in mine:
                await anyio.lowlevel.checkpoint()
                got.append(number)

    async with anyio.create_task_group() as group, send, receive:
        for start in (0, 10):
            group.start_soon(produce, send.clone(), start)
        for _ in range(2):
            group.start_soon(consume, receive.clone())
    assert sorted(got) == [0, 1, 2, 3, 10, 11, 12, 13]
    return sorted(got)


async def deadlines() -> tuple[list[str], float]:
    """Scopes inside each other, over virtual hours: each ends what is inside it alone."""
    seen: list[str] = []
    begun = anyio.current_time()
    with anyio.move_on_after(7200) as outer:
        with anyio.move_on_after(3600) as inner:
            await anyio.sleep_forever()
        seen.append(f"inner {inner.cancelled_caught}")
        try:
            with anyio.fail_after(60):
                await anyio.sleep_forever()
        except TimeoutError:
            seen.append("too late")
        with anyio.CancelScope(shield=True):
            await anyio.sleep(7200)
        seen.append("shielded")
        await anyio.sleep_forever()
    seen.append(f"outer {outer.cancelled_caught}")
    return seen, anyio.current_time() - begun


async def cancelled_from_outside(world: World) -> str:
    """A group that somebody outside cancels: each child ends, and none of its tokens is lost."""
    limiter = anyio.CapacityLimiter(2)
    done: list[str] = []

    async def child(number: int, *, task_status: TaskStatus[None]) -> None:
        task_status.started()
        try:
            async with limiter:
                await anyio.sleep(5)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.1)
                done.append(f"child {number}")

    async with anyio.create_task_group() as group:
        for number in range(3):
            await group.start(child, number)
        world.sometime(group.cancel_scope.cancel)
    assert limiter.borrowed_tokens == 0, f"{limiter.borrowed_tokens} tokens are lost"
    assert sorted(done) == ["child 0", "child 1", "child 2"]
    return "done"


async def primitives(world: World) -> int:
    """A lock, a semaphore, a condition and an event, and a waiter that is cancelled."""
    lock, condition, event = anyio.Lock(), anyio.Condition(), anyio.Event()
    semaphore = anyio.Semaphore(1)
    total = 0

    async def add(scope: anyio.CancelScope) -> None:
        nonlocal total
        with scope:
            async with lock, semaphore:
                before = total
                await anyio.lowlevel.checkpoint()
                total = before + 1
            async with condition:
                condition.notify(1)
            await event.wait()

    scopes = [anyio.CancelScope() for _ in range(3)]
    async with anyio.create_task_group() as group:
        for scope in scopes:
            group.start_soon(add, scope)
        world.sometime(scopes[1].cancel)
        world.sometime(event.set)
    async with lock, semaphore, condition:  # each of them can be used once more
        pass
    assert total in (2, 3)
    return total


async def over_a_socket(world: World) -> bytes:
    """anyio's own TCP streams and listener."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=8000)

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            async for data in stream:
                await stream.send(data.upper())

    got = b""
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        async with await anyio.connect_tcp("127.0.0.1", 8000) as stream:
            await stream.send(b"hello " * 2)
            await stream.send_eof()
            with anyio.fail_after(60):
                async for data in stream:
                    got += data
        group.cancel_scope.cancel()
    return got


async def a_lost_permit(world: World) -> None:
    """Broken: whoever is cancelled while it holds a permit does not give it back."""
    permits = anyio.Semaphore(1)
    scope = anyio.CancelScope()

    async def work() -> None:
        with scope:
            await anyio.sleep(0.01)
            await permits.acquire()
            await anyio.sleep(1)
            permits.release()

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        world.sometime(scope.cancel)
    async with permits:
        pass


async def an_item_in_nobodys_hands(world: World) -> None:
    """Broken: an item was received, and the scope ends before it is written down."""
    send, receive = anyio.create_memory_object_stream[int](5)
    got: list[int] = []
    with send, receive:
        for number in range(3):
            send.send_nowait(number)
        with anyio.CancelScope() as scope:
            world.sometime(scope.cancel)
            await anyio.sleep(0.01)
            while len(got) < 3:
                number = await receive.receive()
                await anyio.lowlevel.checkpoint()
                got.append(number)
        left = receive.statistics().current_buffer_used
    assert len(got) + left == 3, "an item is lost"


async def a_result_too_late(world: World) -> None:
    """Broken: the work may have been done when its time is up."""
    charged = 0

    async def charge() -> None:
        nonlocal charged
        await anyio.sleep(1)
        charged += 1
        await anyio.sleep(0.1)

    for _ in range(2):
        with anyio.move_on_after(1.5) as scope:
            await charge()
        if not scope.cancelled_caught:
            break
    assert charged == 1, f"charged {charged} times"


RIGHT = (groups_and_streams, deadlines, cancelled_from_outside, primitives, over_a_socket)


@pytest.mark.parametrize("scenario", RIGHT)
def test_anyio_is_alike_and_holds(scenario: Any) -> None:
    alike(scenario)
    holds(scenario)


async def nothing_is_lost(world: World) -> None:
    """Whatever is cancelled: no permit, token or lock is lost, and no item comes twice."""
    lock, condition = anyio.Lock(), anyio.Condition()
    semaphore, limiter = anyio.Semaphore(2), anyio.CapacityLimiter(2)
    send, receive = anyio.create_memory_object_stream[int](1)
    got: list[int] = []

    async def work(number: int) -> None:
        async with semaphore, limiter, lock:
            await anyio.sleep(0.1)
        async with condition:
            condition.notify(1)
        with anyio.move_on_after(1):
            await send.send(number)

    async def take() -> None:
        with anyio.move_on_after(10):
            async for number in receive:
                got.append(number)  # noqa: PERF401 - what came before the time is up counts

    with send, receive:
        try:
            async with anyio.create_task_group() as group:
                for number in range(3):
                    group.start_soon(work, number)
                group.start_soon(take)
        except* TimeoutError:
            pass
        async with lock, condition, semaphore, semaphore, limiter:
            assert limiter.borrowed_tokens == 1
        assert semaphore.value == 2
        assert len(set(got)) == len(got)


@pytest.mark.parametrize("cancel", ["everywhere", "timeouts"])
def test_nothing_is_lost_wherever_it_is_cancelled(cancel: str) -> None:
    alike(nothing_is_lost)
    holds(nothing_is_lost, cancel=cancel)


def test_hours_take_no_time_and_end_when_they_should() -> None:
    expected = ["inner True", "too late", "shielded", "outer True"]
    assert alike(deadlines).result == (expected, 3600 + 60 + 7200)


@pytest.mark.parametrize(
    ("scenario", "words", "kind"),
    [
        (a_lost_permit, "deadlock", "event"),
        (an_item_in_nobodys_hands, "an item is lost", "event"),
        (a_result_too_late, "charged 2 times", "jump"),
    ],
)
def test_broken_programs_are_found(scenario: Any, words: str, kind: str) -> None:
    assert {key[0] for key in breaks(scenario, words).schedule.deviations} == {kind}
