"""Task groups, one inside the other, both told to stop at once.

A group that fails cancels the task that opened it, to get it out of the block.  Two
groups share that task, and one cancellation has to stop two blocks.

Read next: timeouts.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from miniloop.testing import World

from .exhibit import Exhibit

__all__ = ["EXHIBITS", "Group"]


class Group:
    """Runs tasks; when one fails the others are cancelled, and the block is left."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[Any]] = []
        self.errors: list[Exception] = []
        self.aborting = False
        self.asked = False
        self.waiter: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Group:
        task = asyncio.current_task()
        assert task is not None
        self.parent = task
        return self

    def start(self, coro: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(coro)
        self.tasks.append(task)
        task.add_done_callback(self.ended)

    def abort(self) -> None:
        self.aborting = True
        for task in self.tasks:
            task.cancel()

    def ended(self, task: asyncio.Task[Any]) -> None:
        self.tasks.remove(task)
        if self.waiter is not None and not self.tasks and not self.waiter.done():
            self.waiter.set_result(None)
        error = None if task.cancelled() else task.exception()
        if not isinstance(error, Exception):
            return
        self.errors.append(error)
        if not self.aborting:
            self.abort()
            if self.waiter is None:  # the block still runs: get it out of there
                self.asked = True
                self.parent.cancel()

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        cancelled = error if isinstance(error, asyncio.CancelledError) else None
        if self.asked and not self.parent.uncancel():
            cancelled = None
        if error is not None and not self.aborting:
            self.abort()
        while self.tasks:
            self.waiter = asyncio.get_running_loop().create_future()
            try:
                await self.waiter
            except asyncio.CancelledError as another:
                if not self.aborting:
                    cancelled = another
                    self.abort()
        if cancelled is not None and not self.errors:
            raise cancelled
        if self.errors:
            self.not_all_said()
            raise ExceptionGroup("tasks failed", self.errors)

    def not_all_said(self) -> None:
        """The errors come out, and no cancellation: if there was one, ask for it again."""
        if self.parent.cancelling():
            self.parent.uncancel()
            self.parent.cancel()


class DeafGroup(Group):
    """A cancellation that comes while the group ends is taken for the group's own."""

    def not_all_said(self) -> None:
        pass


async def nested(world: World, make: type[Group]) -> None:
    """When a task of the outer group has failed, its block does not go on."""
    finished = False

    told = asyncio.Event()

    async def fails_when_told() -> None:
        await told.wait()
        raise OSError("told so")

    async def fails_in_time() -> None:
        await asyncio.sleep(1)
        raise OSError("out of time")

    async def takes_its_time() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    world.sometime(told.set)
    try:
        async with make() as outer:
            outer.start(fails_when_told())
            try:
                async with make() as inner:
                    inner.start(fails_in_time())
                    inner.start(takes_its_time())
            except* OSError:
                pass
            await asyncio.sleep(50)
            finished = True
    except* OSError:
        pass
    assert not finished, "the block went on in spite of the failure"


async def group_goes_on(world: World) -> None:
    await nested(world, DeafGroup)


async def group_stops(world: World) -> None:
    await nested(world, Group)


EXHIBITS = (
    Exhibit(
        "asyncio.TaskGroup up to 3.12",
        "gh-116720",
        "the outer group cancels the task while the inner one ends; only the inner's error is seen",
        group_goes_on,
        group_stops,
        1,
    ),
)
