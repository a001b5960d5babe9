"""Run a loop until one future is done.

Read next: runners.py
"""

from __future__ import annotations

from typing import Any

from ..core.futures import isfuture
from ..core.tasks import loop_of
from .tasks import ensure_future

__all__ = ["run_until_complete"]


def run_until_complete(loop: Any, future: Any) -> Any:
    """Run *loop* until *future* (or the task made of a coroutine) is done; return its result.

    Raises what the future raises, and RuntimeError when the loop was stopped
    before it was done.
    """
    loop._check_closed()
    loop._check_running()
    made_here = not isfuture(future)
    future = ensure_future(future, loop=loop)
    if made_here:
        # If it does not get done, that is told by an exception below.
        future._log_destroy_pending = False
    future.add_done_callback(_stop_loop_of)
    try:
        loop.run_forever()
    except BaseException:
        if made_here and future.done() and not future.cancelled():
            # The caller gets this very exception and cannot reach the task.
            future.exception()
        raise
    finally:
        future.remove_done_callback(_stop_loop_of)
    if not future.done():
        raise RuntimeError("Event loop stopped before Future completed.")
    return future.result()


def _stop_loop_of(future: Any) -> None:
    """Stop the loop that `run_until_complete` started, unless an exception does so anyway."""
    if not future.cancelled() and isinstance(future.exception(), KeyboardInterrupt | SystemExit):
        return
    loop_of(future).stop()
