"""One callback waiting for its turn: an entry of the ready queue.

The ready queue holds two kinds of entry: a handle is run once, a task is run one
step.  A future keeps its callbacks as handles too, so that completing it means
moving ready-made entries into the queue.

States
    waiting -- run -----> run
            -- cancel --> cancelled

Invariants
    A handle is cancelled if and only if its callback is None.
    A cancelled handle that is already in the queue stays there and is skipped.

Read next: timers.py
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from ..interface import AbstractEventLoop
from ..support import describe

__all__ = ["TRANSITIONS", "Handle"]

TRANSITIONS = (("waiting", "run", "run"), ("waiting", "cancel", "cancelled"))


class Handle:
    """What ``call_soon`` returns: a *callback* with its *args* that can still be cancelled.

    It belongs to *loop* and runs in the contextvars *context* (default: a copy of
    the current one).  Counterpart: ``asyncio.Handle``.
    """

    __slots__ = (
        *("__weakref__", "_args", "_callback", "_context", "_loop", "_repr"),
        "_source_traceback",
    )

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: AbstractEventLoop,
        context: Context | None = None,
    ) -> None:
        self._callback: Callable[..., object] | None = callback
        self._args: tuple[Any, ...] | None = args
        self._loop = loop
        self._context = copy_context() if context is None else context
        self._source_traceback = describe.creation_stack(2) if loop.get_debug() else None

    def __repr__(self) -> str:
        return getattr(self, "_repr", None) or describe.handle(self)

    @property
    def _cancelled(self) -> bool:
        return self._callback is None

    def get_context(self) -> Context:
        """Return the contextvars context that the callback runs in."""
        return self._context

    def cancel(self) -> None:
        """Cancel the callback: it will not run, and what it holds is let go.

        Does nothing when it ran already or was cancelled before.
        """
        if self._callback is not None:
            if self._source_traceback:  # debug mode: the log shall still say what it was
                self._repr = describe.handle(self, cancelled=True)
            self._callback = None
            self._args = None

    def cancelled(self) -> bool:
        """Return True if the callback was cancelled."""
        return self._callback is None

    def _run(self) -> None:
        """Run the callback in its context; what it raises is reported to the loop."""
        try:
            self._context.run(self._callback, *self._args)  # type: ignore[arg-type, misc]
        except BaseException as error:
            self._report(error)

    def _report(self, error: BaseException) -> None:
        """Tell the loop what the callback raised; what must stop the program goes on upwards."""
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            raise error
        called = describe.callback(self._callback, self._args, self._loop.get_debug())
        context = {
            "message": f"Exception in callback {called}",
            "exception": error,
            "handle": self,
        }
        if self._source_traceback:
            context["source_traceback"] = self._source_traceback
        self._loop.call_exception_handler(context)
