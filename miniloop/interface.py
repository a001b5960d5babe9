"""All that miniloop shares with asyncio, and the only file here that imports it.

Two rules:

1.  What libraries compare by identity or by ``isinstance`` is shared: exception
    classes, the abstract loop, transport and protocol base classes, and the
    slots in which a thread announces its running loop, its current task and its
    live tasks.  Everything that *does* something is written in this package.
2.  Whatever differs between interpreter versions is settled here, once, so that
    no other module asks ``sys.version_info``.

The slots
    *running loop*: one per thread, read and written through the functions that
    asyncio itself uses, so ``asyncio.get_running_loop()`` finds a miniloop loop.

    *current task*: ``current_tasks[loop] = task`` before a task's step and
    ``del current_tasks[loop]`` when something that is not a task runs.  Up to
    3.13 this is asyncio's own dictionary: one store per step is the cheapest
    announcement there is.  Later interpreters keep the task in the thread's
    state; `_SwappedCurrentTask` offers the same two operations there.

    *live tasks*: a weak set.  `remember_task` puts a plain weak reference (one
    without a callback) into it, and `forget_task` takes it out when the task has
    ended: half the price of ``WeakSet.add`` plus its removal callback.

Read next: core/coroutines.py
"""

from __future__ import annotations

import asyncio
import sys
import threading
import weakref
from asyncio import (
    AbstractEventLoop,
    AbstractServer,
    BaseProtocol,
    BaseTransport,
    BrokenBarrierError,
    BufferedProtocol,
    CancelledError,
    DatagramProtocol,
    DatagramTransport,
    IncompleteReadError,
    InvalidStateError,
    LimitOverrunError,
    Protocol,
    QueueEmpty,
    QueueFull,
    ReadTransport,
    SendfileNotAvailableError,
    SubprocessProtocol,
    SubprocessTransport,
    TimeoutError,  # noqa: A004 - asyncio's name for the built-in class
    Transport,
    WriteTransport,
    _get_running_loop,
    _set_running_loop,
    get_running_loop,
)
from asyncio import Future as AsyncioFuture
from asyncio import (
    SelectorEventLoop as AsyncioSelectorEventLoop,
)
from asyncio import StreamReader as AsyncioStreamReader
from asyncio import StreamReaderProtocol as AsyncioStreamReaderProtocol
from asyncio import Task as AsyncioTask
from asyncio import tasks as _tasks
from asyncio.tasks import _enter_task, _leave_task, _register_task, _unregister_task
from asyncio.trsock import TransportSocket
from collections.abc import Collection, Iterator, MutableMapping
from typing import Any

if sys.version_info >= (3, 13):
    from asyncio import QueueShutDown
else:

    class QueueShutDown(Exception):
        """Raised when putting on to or getting from a shut-down queue."""


__all__ = [
    "SHOW_ARGUMENTS",
    "AbstractEventLoop",
    "AbstractServer",
    "AsyncioFuture",
    "AsyncioSelectorEventLoop",
    "AsyncioStreamReader",
    "AsyncioStreamReaderProtocol",
    "AsyncioTask",
    "BaseProtocol",
    "BaseTransport",
    "BrokenBarrierError",
    "BufferedProtocol",
    "CancelledError",
    "DatagramProtocol",
    "DatagramTransport",
    "IncompleteReadError",
    "InvalidStateError",
    "LimitOverrunError",
    "Protocol",
    "QueueEmpty",
    "QueueFull",
    "QueueShutDown",
    "ReadTransport",
    "SendfileNotAvailableError",
    "SubprocessProtocol",
    "SubprocessTransport",
    "TimeoutError",
    "Transport",
    "TransportSocket",
    "WriteTransport",
    "_enter_task",
    "_get_running_loop",
    "_leave_task",
    "_register_task",
    "_set_running_loop",
    "_unregister_task",
    "coroutine_marker",
    "current_tasks",
    "eager_tasks",
    "forget_task",
    "forget_thread_loop",
    "get_running_loop",
    "get_thread_loop",
    "in_debug_mode",
    "live_tasks",
    "remember_task",
    "set_thread_loop",
]


class _SwappedCurrentTask(MutableMapping[AbstractEventLoop, Any]):
    """The current-task slot of interpreters that keep it in the thread's state."""

    def __getitem__(self, loop: AbstractEventLoop) -> Any:
        task = asyncio.current_task(loop)
        if task is None:
            raise KeyError(loop)
        return task

    def __setitem__(self, loop: AbstractEventLoop, task: Any) -> None:
        _tasks._swap_current_task(loop, task)  # type: ignore[attr-defined]

    def __delitem__(self, loop: AbstractEventLoop) -> None:
        _tasks._swap_current_task(loop, None)  # type: ignore[attr-defined]

    def __iter__(self) -> Iterator[AbstractEventLoop]:
        return iter(())

    def __len__(self) -> int:
        return 0


current_tasks: MutableMapping[Any, Any] = (
    _tasks._current_tasks if hasattr(_tasks, "_current_tasks") else _SwappedCurrentTask()
)

_registry: weakref.WeakSet[Any] = getattr(_tasks, "_scheduled_tasks", None)  # type: ignore[assignment]
if _registry is None:
    _registry = _tasks._all_tasks

#: What `core.coroutines.coroutine` marks functions with; ``unittest.mock`` looks for it too.
coroutine_marker: object = getattr(asyncio.coroutines, "_is_coroutine", object())

#: Up to 3.12 a callback's arguments are part of its ``repr``; later only in debug mode,
#: since they may hold secrets.
SHOW_ARGUMENTS = sys.version_info < (3, 13)

#: Tasks that run their first step at creation; 3.11 has no such set, so it is ours there.
eager_tasks: set[Any] = getattr(_tasks, "_eager_tasks", set())

#: ``remember_task(weakref.ref(task))`` makes a task visible to ``all_tasks()`` of either library.
remember_task = _registry.data.add  # type: ignore[attr-defined]
#: ``forget_task(weakref.ref(task))`` undoes `remember_task`; harmless when it is not there.
forget_task = _registry.data.discard  # type: ignore[attr-defined]


def in_debug_mode() -> bool:
    """Tell whether new loops start in debug mode: ``-X dev`` or PYTHONASYNCIODEBUG."""
    return bool(asyncio.coroutines._is_debug_mode())  # type: ignore[attr-defined]


def live_tasks() -> list[Any]:
    """Return every task that has been registered and not collected, of all loops.

    Another thread may add or end tasks meanwhile, so reading is tried again
    when the set changed under the iteration, as asyncio does.
    """
    if not _registry.data and not eager_tasks:  # type: ignore[attr-defined]
        return []
    while True:
        try:
            return [*_registry, *eager_tasks]
        except RuntimeError:
            continue


def get_thread_loop() -> AbstractEventLoop | None:
    """Return the loop that was set for this thread, or None if none was ever set.

    Raises RuntimeError when None was set on purpose: then nobody may make one.
    """
    slot = getattr(asyncio.get_event_loop_policy(), "_local", None)
    if slot is None:  # a policy of somebody else's making
        return asyncio.get_event_loop_policy().get_event_loop()
    loop: AbstractEventLoop | None = getattr(slot, "_loop", None)
    if loop is None and getattr(slot, "_set_called", False):
        name = threading.current_thread().name
        raise RuntimeError(f"There is no current event loop in thread {name!r}.")
    return loop


def set_thread_loop(loop: AbstractEventLoop | None) -> None:
    """Make *loop* what ``get_event_loop()`` of either library returns in this thread.

    Raises TypeError when *loop* is neither None nor an event loop.
    """
    asyncio.set_event_loop(loop)


def forget_thread_loop(loops: Collection[Any]) -> None:
    """Have this thread forget its loop, if that is one of *loops*, as if none was ever set."""
    slot = getattr(asyncio.events._event_loop_policy, "_local", None)  # type: ignore[attr-defined]
    if getattr(slot, "_loop", None) in loops:
        slot._loop, slot._set_called = None, False  # type: ignore[union-attr]
