"""TaskGroup: tasks that do not outlive the block that starts them.

The group's parent is the task that entered it.  When a child fails, the other
children and the parent are cancelled; when the block is left, the parent waits
for all children, and then raises everything that went wrong at once.

States
    new      -- entered --------------> open
    open     -- block ends -----------> joining
             -- child fails ----------> aborting
             -- block raises ---------> aborting
    joining  -- child fails ----------> aborting
             -- parent is cancelled --> aborting
             -- last child ends ------> finished
    aborting -- last child ends ------> finished

Invariants
    When the block has been left, no child is running.
    The parent is cancelled by the group at most once, and the group takes that
    cancellation back; those that others asked for are kept and counted.
    KeyboardInterrupt and SystemExit are raised by themselves, never in a group.

Where it differs from asyncio
    Children are cancelled in the order in which they were created; asyncio goes
    by the order of a set, which changes from run to run.
    On every interpreter a child that ends during its eager first step is
    accounted for in the next turn, like any other (asyncio from 3.13.2 on).
    Whatever else ``loop.create_task`` understands may be given to `create_task`
    (asyncio from 3.14 on).

Read next: combinators.py
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from contextvars import Context
from types import TracebackType
from typing import Any, TypeVar

from ..interface import AbstractEventLoop, CancelledError, get_running_loop
from .tasks import current_task

__all__ = ["TRANSITIONS", "TaskGroup"]

T = TypeVar("T")

TRANSITIONS = (
    ("new", "entered", "open"),
    ("open", "block ends", "joining"),
    ("open", "child fails", "aborting"),
    ("open", "block raises", "aborting"),
    ("joining", "child fails", "aborting"),
    ("joining", "parent is cancelled", "aborting"),
    ("joining", "last child ends", "finished"),
    ("aborting", "last child ends", "finished"),
)


class TaskGroup:
    """``async with`` block whose tasks have all ended when it is left.

    Raises, on leaving, an ExceptionGroup of all that children and block raised,
    cancellations excepted.  Counterpart: ``asyncio.TaskGroup``.
    """

    def __init__(self) -> None:
        self._entered = self._exiting = self._aborting = False
        self._loop: AbstractEventLoop | None = None
        self._parent_task: Any = None
        self._parent_cancel_requested = False
        self._base_error: BaseException | None = None
        self._on_completed_fut: Any = None
        self._tasks: dict[Any, None] = {}  # in the order of creation, as cancelling shall be
        self._errors: list[BaseException] = []

    def __repr__(self) -> str:
        info = ["<TaskGroup"]
        if self._tasks:
            info.append(f"tasks={len(self._tasks)}")
        if self._errors:
            info.append(f"errors={len(self._errors)}")
        if self._aborting:
            info.append("cancelling")
        elif self._entered:
            info.append("entered")
        return " ".join(info) + ">"

    async def __aenter__(self) -> TaskGroup:
        if self._entered:
            raise RuntimeError(f"TaskGroup {self!r} has already been entered")
        if self._loop is None:
            self._loop = get_running_loop()
        self._parent_task = current_task(self._loop)
        if self._parent_task is None:
            raise RuntimeError(f"TaskGroup {self!r} cannot determine the parent task")
        self._entered = True
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._exiting = True
        if _ends_the_program(exc) and self._base_error is None:
            self._base_error = exc
        # The cancellation to pass on, unless something worse happened.
        cancelled = exc if isinstance(exc, CancelledError) else None
        if exc is not None and not self._aborting:
            self._abort()
        try:
            # Again and again: each cancellation of the parent ends one wait.
            while self._tasks:
                try:
                    await self._last_child()
                except CancelledError as error:
                    if not self._aborting:
                        cancelled = error
                        self._abort()
                self._on_completed_fut = None
            self._raise_outcome(exc, cancelled)
        finally:
            # Exceptions hold frames, and frames hold the group.
            self._parent_task = self._base_error = None
            self._errors = []
            exc = cancelled = None

    def _last_child(self) -> Any:
        """Return the future that the end of the last child completes."""
        if self._on_completed_fut is None:
            assert self._loop is not None
            self._on_completed_fut = self._loop.create_future()
        return self._on_completed_fut

    def _raise_outcome(self, exc: BaseException | None, cancelled: BaseException | None) -> None:
        """Raise what the block must raise now that no child runs, if anything.

        *exc* is what the block itself raised, *cancelled* the cancellation of
        the parent that ended the block or the wait for the children.
        """
        if self._base_error is not None:
            raise self._base_error
        parent = self._parent_task
        if self._parent_cancel_requested and parent.uncancel() == 0:
            cancelled = None  # it was ours, and nobody else has asked for one
        if cancelled is not None and not self._errors:
            raise cancelled
        if exc is not None and not isinstance(exc, CancelledError):
            self._errors.append(exc)
        if self._errors:
            if parent.cancelling():
                # Somebody else wants the parent cancelled, and our exception
                # takes the place of that CancelledError: have it thrown again.
                parent.uncancel()
                parent.cancel()
            raise BaseExceptionGroup("unhandled errors in a TaskGroup", self._errors) from None

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
        **kwargs: Any,
    ) -> Any:
        """Start *coro* as a task of this group and return the task.

        Raises RuntimeError, and closes *coro*, before the group is entered,
        once it is finished, and while it is being cancelled.
        """
        if not self._entered:
            coro.close()
            raise RuntimeError(f"TaskGroup {self!r} has not been entered")
        if self._exiting and not self._tasks:
            coro.close()
            raise RuntimeError(f"TaskGroup {self!r} is finished")
        if self._aborting:
            coro.close()
            raise RuntimeError(f"TaskGroup {self!r} is shutting down")
        assert self._loop is not None
        if context is not None:
            kwargs["context"] = context
        task = self._loop.create_task(coro, name=name, **kwargs)
        # Even for a task that is done already: its failure must not cancel the
        # parent before the parent holds the task in its hands.
        self._tasks[task] = None
        task.add_done_callback(self._on_task_done)
        try:
            return task
        finally:
            del task  # a failed task's traceback would keep this frame, and it the task

    def _abort(self) -> None:
        self._aborting = True
        for task in self._tasks:
            if not task.done():
                task.cancel()

    def _on_task_done(self, task: Any) -> None:
        self._tasks.pop(task, None)
        waiter = self._on_completed_fut
        if waiter is not None and not self._tasks and not waiter.done():
            waiter.set_result(True)
        if task.cancelled():
            return
        exc = task.exception()
        if exc is None:
            return
        self._errors.append(exc)
        if _ends_the_program(exc) and self._base_error is None:
            self._base_error = exc
        parent = self._parent_task
        if parent is None or parent.done():
            assert self._loop is not None
            self._loop.call_exception_handler(
                {
                    "message": f"Task {task!r} has errored out but its parent "
                    f"task {parent} is already completed",
                    "exception": exc,
                    "task": task,
                }
            )
        elif not self._aborting and not self._parent_cancel_requested:
            self._abort()
            self._parent_cancel_requested = True
            parent.cancel()


def _ends_the_program(exc: BaseException | None) -> bool:
    return isinstance(exc, SystemExit | KeyboardInterrupt)
