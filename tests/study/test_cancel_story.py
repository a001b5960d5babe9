"""Who is told to stop and still waits: on the way out, or because the request was swallowed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from miniloop.study import Recording

from .programs import LOOPS, record

both = pytest.mark.parametrize("loop", LOOPS)


def swallowed(recording: Recording) -> list[tuple[str, int]]:
    """Return who has swallowed a request, and before which of its waits it was seen."""
    waits: dict[str, int] = {}
    found = []
    for event in recording.events:
        if event["kind"] == "suspend":
            waits[event["task"]] = waits.get(event["task"], 0) + 1
        elif event["kind"] == "cancel_swallowed":
            found.append((event["task"], waits[event["task"]] + 1))
    return found


def cancelled(worker: Callable[[], Coroutine[Any, Any, None]], loop: str) -> Recording:
    """Record what *worker* does when it is asked to stop in its first wait."""

    async def main() -> None:
        task = asyncio.create_task(worker(), name="worker")
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    return record(main, loop)


@both
def test_waiting_in_finally_swallows_nothing(loop: str) -> None:
    async def worker() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)

    assert swallowed(cancelled(worker, loop)) == []


@both
def test_leaving_a_context_manager_of_the_programs_own_swallows_nothing(loop: str) -> None:
    class Connection:
        async def __aenter__(self) -> None:
            pass

        async def __aexit__(self, *_: object) -> None:
            await asyncio.sleep(0)

    async def worker() -> None:
        async with Connection():
            await asyncio.sleep(3600)

    assert swallowed(cancelled(worker, loop)) == []


@both
def test_who_cleans_up_in_except_and_raises_again_swallows_nothing(loop: str) -> None:
    async def inner() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            raise

    async def worker() -> None:
        await inner()

    assert swallowed(cancelled(worker, loop)) == []


@both
def test_who_goes_on_after_the_except_has_swallowed_it(loop: str) -> None:
    async def worker() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass
        await asyncio.sleep(0)

    assert swallowed(cancelled(worker, loop)) == [("worker", 2)]


@both
def test_it_is_told_when_the_except_is_left_and_not_before(loop: str) -> None:
    async def worker() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.001)
        await asyncio.sleep(0.001)

    assert swallowed(cancelled(worker, loop)) == [("worker", 3)]


@both
def test_who_waits_in_the_except_and_then_ends_as_if_nothing_were_has_swallowed_it(
    loop: str,
) -> None:
    async def worker() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(0)

    recording = cancelled(worker, loop)
    assert swallowed(recording) == [("worker", 3)]
    [event] = [event for event in recording.events if event["kind"] == "cancel_swallowed"]
    line = worker.__code__.co_firstlineno + 4
    assert event["src"] == f"test_cancel_story.py:{line}"


@pytest.mark.parametrize("inside", [True, False], ids=["in the block", "at its end"])
@both
def test_a_group_whose_task_fails_asks_its_parent_to_stop_and_takes_it_back(
    loop: str, inside: bool
) -> None:
    async def fails() -> None:
        raise ValueError

    async def slow() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)

    async def main() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails())
                group.create_task(slow())
                if inside:
                    await asyncio.sleep(3600)
        except* ValueError:
            pass
        await asyncio.sleep(0.001)

    assert swallowed(record(main, loop)) == []


@both
def test_a_timeout_takes_its_request_back(loop: str) -> None:
    async def main() -> None:
        try:
            async with asyncio.timeout(0.001):
                await asyncio.sleep(3600)
        except TimeoutError:
            pass
        await asyncio.sleep(0)

    recording = record(main, loop)
    assert swallowed(recording) == []
    assert [e["task"] for e in recording.events if e["kind"] == "cancel_delivered"] == ["main"]
