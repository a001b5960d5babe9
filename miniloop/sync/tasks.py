"""Making tasks and finding them: create_task, ensure_future, current_task, all_tasks.

The Task itself is in ``core/tasks.py``; these are the functions around it, and
they work on the loops of either library.

Where it differs from asyncio
    Generators, and whatever else can be awaited, become tasks on any loop.

Read next: sleeping.py
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import Context
from types import GeneratorType
from typing import Any

from ..core.coroutines import iscoroutine
from ..core.futures import isfuture
from ..core.tasks import Task, loop_of
from ..interface import AbstractEventLoop, current_tasks, get_running_loop, live_tasks
from ..support import current
from ..support.awaitables import as_coroutine

__all__ = [
    "all_tasks",
    "create_eager_task_factory",
    "create_task",
    "current_task",
    "eager_task_factory",
    "ensure_future",
]


def create_task(coro: Any, *, name: object = None, context: Context | None = None) -> Any:
    """Have the running loop run *coro* as a task, beginning in its next iteration.

    Keep the task that is returned: a loop holds its tasks only weakly.  Raises
    RuntimeError when no loop is running.  Counterpart: ``asyncio.create_task``.
    """
    loop = get_running_loop()
    if type(coro) is GeneratorType and not hasattr(loop, "ready"):
        coro = as_coroutine(coro)  # another loop's tasks run no generators
    if context is None:
        if name is None:
            return loop.create_task(coro)
        return loop.create_task(coro, name=name)  # type: ignore[arg-type]
    return loop.create_task(coro, name=name, context=context)  # type: ignore[arg-type]


def ensure_future(coro_or_future: Any, *, loop: AbstractEventLoop | None = None) -> Any:
    """Return a future as it is, and anything else that can be awaited as a task.

    Raises TypeError for what cannot be awaited, and ValueError when a future
    belongs to another loop than *loop*.  Counterpart: ``asyncio.ensure_future``.
    """
    if isfuture(coro_or_future):
        if loop is not None and loop is not loop_of(coro_or_future):
            raise ValueError(
                "The future belongs to a different loop than the one specified as the loop argument"
            )
        return coro_or_future
    coro, made_here = coro_or_future, False
    generator = inspect.isgenerator(coro)
    if not iscoroutine(coro) or generator:
        if not (generator or inspect.isawaitable(coro)):
            raise TypeError("An asyncio.Future, a coroutine or an awaitable is required")
        coro, made_here = as_coroutine(coro), True
    try:
        return (loop or current.get_event_loop()).create_task(coro)
    except RuntimeError:
        coro.close()
        if made_here and generator:
            coro_or_future.close()
        raise


def current_task(loop: AbstractEventLoop | None = None) -> Any:
    """Return the task that *loop* (default: the running one) is stepping, or None.

    Raises RuntimeError when no loop is given and none is running.
    Counterpart: ``asyncio.current_task``.
    """
    return current_tasks.get(loop or get_running_loop())


def all_tasks(loop: AbstractEventLoop | None = None) -> set[Any]:
    """Return the tasks of *loop* (default: the running one) that are not done.

    Tasks of either library are found.  Raises RuntimeError when no loop is
    given and none is running.  Counterpart: ``asyncio.all_tasks``.
    """
    loop = loop or get_running_loop()
    return {task for task in live_tasks() if loop_of(task) is loop and not task.done()}


def create_eager_task_factory(custom_task_constructor: Callable[..., Any]) -> Callable[..., Any]:
    """Return a task factory that has *custom_task_constructor* run each task's first step at once.

    Counterpart: ``asyncio.create_eager_task_factory`` (3.12).
    """

    def factory(
        loop: AbstractEventLoop,
        coro: Any,
        *,
        name: object = None,
        context: Context | None = None,
        eager_start: bool = True,
    ) -> Any:
        return custom_task_constructor(
            coro, loop=loop, name=name, context=context, eager_start=eager_start
        )

    return factory


eager_task_factory = create_eager_task_factory(Task)
