"""Task groups: nobody is left behind, and nothing that went wrong is hidden."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from miniloop.sync.taskgroups import TaskGroup

from .loops import OURS

Run = Callable[..., Any]


async def fail(exc: BaseException, delay: float = 0) -> None:
    await OURS.sleep(delay)
    raise exc


def test_leaving_waits_for_all_children(run: Run) -> None:
    async def main() -> list[Any]:
        async with TaskGroup() as group:
            tasks = [group.create_task(OURS.sleep(n, n), name=f"t{n}") for n in (3, 1, 2)]
            assert repr(group) == "<TaskGroup tasks=3 entered>"
        assert tasks[0].get_name() == "t3"
        return [task.result() for task in tasks]

    assert run(main()) == [3, 1, 2]


def test_a_failure_cancels_the_others_in_order_and_is_raised(run: Run) -> None:
    async def main() -> None:
        cancelled = []

        async def patient(number: int) -> None:
            try:
                await OURS.sleep(100)
            finally:
                cancelled.append(number)

        with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 - the block is what is tested
            async with TaskGroup() as group:
                for number in range(5):
                    group.create_task(patient(number))
                group.create_task(fail(LookupError("first"), 1))
                await OURS.sleep(100)
        assert [str(each) for each in caught.value.exceptions] == ["first"]
        assert cancelled == [0, 1, 2, 3, 4]
        assert asyncio.get_running_loop().time() == pytest.approx(1)
        current = asyncio.current_task()
        assert current is not None
        assert current.cancelling() == 0

    run(main())


def test_the_blocks_own_failure_counts_too(run: Run) -> None:
    async def main() -> None:
        async def fail_on_cancel() -> None:
            try:
                await OURS.sleep(100)
            finally:
                raise KeyError("child")

        with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 - the block is what is tested
            async with TaskGroup() as group:
                group.create_task(fail_on_cancel())
                await OURS.sleep(0)
                raise ValueError("block")
        assert [type(each) for each in caught.value.exceptions] == [KeyError, ValueError]

    run(main())


def test_what_ends_the_program_is_raised_by_itself() -> None:
    async def main() -> None:
        async with TaskGroup() as group:
            group.create_task(fail(SystemExit(3)))
            group.create_task(OURS.sleep(100))

    loop = asyncio.new_event_loop()
    task = loop.create_task(main())
    with pytest.raises(SystemExit):
        loop.run_until_complete(task)
    with pytest.raises(SystemExit):
        loop.run_until_complete(task)
    assert isinstance(task.exception(), SystemExit)
    loop.close()


def test_cancelling_the_parent_cancels_the_children(run: Run) -> None:
    async def main() -> None:
        children = []

        async def parent() -> None:
            async with TaskGroup() as group:
                children.append(group.create_task(OURS.sleep(100)))

        task = OURS.create_task(parent())
        await OURS.sleep(1)
        task.cancel()
        await OURS.wait([task])
        assert task.cancelled()
        assert children[0].cancelled()

    run(main())


def test_a_cancellation_from_outside_survives_the_groups_errors(run: Run) -> None:
    async def main() -> None:
        seen: list[Any] = []

        async def parent() -> None:
            async def fail_on_cancel() -> None:
                try:
                    await OURS.sleep(100)
                finally:
                    raise KeyError

            try:
                async with TaskGroup() as group:
                    group.create_task(fail_on_cancel())
            except* KeyError:
                seen.append("group")
            seen.append(asyncio.current_task().cancelling())  # type: ignore[union-attr]
            await OURS.sleep(1)
            seen.append("went on")

        task = OURS.create_task(parent())
        await OURS.sleep(1)
        task.cancel()
        await OURS.wait([task])
        assert seen == ["group", 1]
        assert task.cancelled()

    run(main())


def test_a_group_refuses_children_outside_of_its_time(run: Run) -> None:
    async def main() -> None:
        group = TaskGroup()
        coro = OURS.sleep(0)
        with pytest.raises(RuntimeError, match="has not been entered"):
            group.create_task(coro)
        assert coro.cr_frame is None  # closed
        async with group:
            pass
        with pytest.raises(RuntimeError, match="is finished"):
            group.create_task(OURS.sleep(0))
        with pytest.raises(RuntimeError, match="has already been entered"):
            await group.__aenter__()

    run(main())


def test_a_group_that_is_being_cancelled_refuses_children(run: Run) -> None:
    async def main() -> None:
        refused = []

        async def late(group: TaskGroup) -> None:
            try:
                await OURS.sleep(100)
            finally:
                try:
                    group.create_task(OURS.sleep(0))
                except RuntimeError as exc:
                    refused.append(str(exc))

        with pytest.raises(ExceptionGroup):  # noqa: PT012 - the block is what is tested
            async with TaskGroup() as group:
                group.create_task(late(group))
                group.create_task(fail(LookupError()))
        assert "is shutting down" in refused[0]

    run(main())


def test_a_child_that_fails_eagerly_is_not_too_early(run: Run) -> None:
    async def main() -> None:
        def eager(loop: Any, coro: Any, **options: Any) -> Any:
            return OURS.Task(coro, loop=loop, eager_start=True, **options)

        async def fail_at_once() -> None:
            raise LookupError

        asyncio.get_running_loop().set_task_factory(eager)
        reached = False
        with pytest.raises(ExceptionGroup):  # noqa: PT012 - the block is what is tested
            async with TaskGroup() as group:
                task = group.create_task(fail_at_once())
                reached = task.done()
                await OURS.sleep(100)
        assert reached

    run(main())
