"""The World's executor: what `run_in_executor` and `to_thread` hand their functions to.

No thread is started.  The function is called when its result is to come, which is a
choice, in the loop's own thread; there is nothing that it could race with but order.

Read next: fence.py
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..interface import _get_running_loop, _set_running_loop, current_tasks
from .labels import asked_at

if TYPE_CHECKING:
    from .world import World

__all__ = ["WorldExecutor"]

#: For how many polls a result may be held, besides none.
HOLDS = 4


class WorldExecutor(concurrent.futures.ThreadPoolExecutor):
    """Runs functions when the World says so.  It is a pool only to those who ask."""

    #: Where the function that runs was given to the executor; empty if none runs.
    place = ""

    def __init__(self, world: World) -> None:
        super().__init__(max_workers=1)
        self._world = world

    def submit(self, fn: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
        """Return a future for ``fn(*args, **options)``, which is called later."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        world = self._world
        name = getattr(fn, "__qualname__", type(fn).__name__)
        place = asked_at()
        hold = world.choices.choose("thread", 1 + HOLDS, lambda: f"result of {name}")

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            outer = _get_running_loop()
            task = current_tasks.pop(outer, None) if outer is not None else None
            _set_running_loop(None)
            self.place = place
            try:
                result = fn(*args, **options)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
            finally:
                self.place = ""
                _set_running_loop(outer)
                if task is not None:
                    current_tasks[outer] = task

        world.outside.send(world.now, run, hold)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """There are no threads to wait for."""
