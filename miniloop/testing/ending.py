"""How a run ends: what the program has left is ended as `asyncio.run` does it, then thrown away.

Tasks that the loop did not make itself (a library may call `asyncio.Task`) are found here
too, since they are the World's as well.

Read next: world.py
"""

from __future__ import annotations

import gc
import warnings
import weakref
from itertools import chain
from typing import TYPE_CHECKING, Any

from ..interface import live_tasks
from .hosts import is_dead
from .loops import WORLD_TASKS

if TYPE_CHECKING:
    from .world import World

__all__ = ["close", "end_tasks", "foreign_tasks"]

#: How often the loop may still turn when every task has ended, for transports to close.
LAST_TURNS = 20
#: The filter that ignores what is collected without a close.
_QUIET = ("ignore", None, ResourceWarning, None, 0)


def end_tasks(world: World) -> None:
    """Cancel the tasks that are left and run until they have ended; then async generators."""
    loop = world.loop
    while pending := world.checks.pending():
        left = len(pending)

        def one_less(task: Any) -> None:
            nonlocal left
            left -= 1
            if not left:
                loop.stop()

        for task in pending:
            task.add_done_callback(one_less)
            task.cancel()
        loop.run_forever()
    if getattr(loop._asyncgens, "_open", loop._asyncgens):
        loop.run_until_complete(loop.shutdown_asyncgens())
    for _ in range(LAST_TURNS):
        if not world.ready:
            break
        loop.call_soon(loop.stop)
        loop.run_forever()


def close(world: World) -> None:
    """Close what is left, in the order in which it was made; nothing of it is reported."""
    world.checks.over = True
    if not world.has_network:
        _throw_away(world)
        return
    if _QUIET in warnings.filters[:2]:  # as in an exploration: to say it again takes long
        _throw_away(world)
        return
    with warnings.catch_warnings():  # of streams that are collected without a close
        warnings.simplefilter("ignore", ResourceWarning)
        _throw_away(world)


def _throw_away(world: World) -> None:
    left = False
    world.choices.calm_down()
    # A ``finally`` may make more tasks: the list grows meanwhile.
    for task in chain(world.tasks, foreign_tasks(world.loop, dead=True)):
        if not task.done():
            left = True
            task._log_destroy_pending = False
            _close_coroutine(task.get_coro())
        elif getattr(task, "_log_traceback", False):
            task._log_traceback = False
    made = getattr(world.loop, "transports", [])  # on asyncio's loop: all that ever were
    for known in [*world.loop._transports.values(), *made]:
        transport = known() if isinstance(known, weakref.ref) else known
        if transport is not None:
            transport._sock = None
            if hasattr(transport, "_closing"):  # asyncio's: a writer that is collected
                transport._closing = True  # later would close it, on a closed loop
    world.loop.close()
    # What nobody else holds is gone now, with all that it holds, and not when cycles are
    # looked for: the World is in one.
    world.tasks.clear()
    if left:
        gc.collect(0)  # coroutines that its ``finally`` blocks have made, and nobody awaits


def _close_coroutine(coro: Any) -> None:
    """Close *coro*, also if it waits for something in a ``finally``, again and again."""
    for _ in range(LAST_TURNS):
        try:
            coro.close()
        except BaseException:
            if getattr(coro, "cr_frame", None) is None:
                return  # whatever it has raised, it is over
        else:
            return


def foreign_tasks(loop: Any, dead: bool = False) -> list[Any]:
    """Return the tasks of *loop* that it did not make itself, and that are not done.

    They come in the order in which they were made; those of *dead* hosts only if asked for.
    """
    found = [
        task
        for task in live_tasks()
        if not isinstance(task, WORLD_TASKS) and task.get_loop() is loop
        if not task.done() and (dead or not _is_dead_task(task))
    ]
    return sorted(found, key=_number_in_name)


def _is_dead_task(task: Any) -> bool:
    # Up to Python 3.11 a task does not tell its context.
    return hasattr(task, "get_context") and is_dead(task.get_context())


def _number_in_name(task: Any) -> tuple[int, str]:
    name: str = task.get_name()
    number = name.removeprefix("Task-")
    return (int(number), "") if number.isdigit() else (0, name)
