"""miniloop: an event loop to study, to run programs on, and to test schedules with.

The names are asyncio's, so ``import miniloop as asyncio`` is a program's only change;
``EventLoop`` is what makes the difference.  The reading ladder starts at
``miniloop/core/__init__.py``.
"""

from .core.coroutines import coroutine, iscoroutine, iscoroutinefunction
from .core.futures import Future, isfuture
from .core.handles import Handle
from .core.tasks import Task
from .core.timers import TimerHandle
from .eventloop import EventLoop
from .interface import (
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
    QueueShutDown,
    ReadTransport,
    SendfileNotAvailableError,
    SubprocessProtocol,
    SubprocessTransport,
    TimeoutError,  # noqa: A004 - asyncio's name for the built-in class
    Transport,
    WriteTransport,
    _enter_task,
    _get_running_loop,
    _leave_task,
    _register_task,
    _set_running_loop,
    _unregister_task,
)
from .net import subprocess as subprocess
from .net.server import Server
from .net.streams import (
    StreamReader,
    StreamReaderProtocol,
    StreamWriter,
    open_connection,
    open_unix_connection,
    start_server,
    start_unix_server,
)
from .net.subprocess import create_subprocess_exec, create_subprocess_shell
from .support.current import (
    get_event_loop,
    get_running_loop,
    new_event_loop,
    set_event_loop,
)
from .sync.barriers import Barrier
from .sync.chaining import wrap_future
from .sync.combinators import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    as_completed,
    gather,
    shield,
    wait,
)
from .sync.graph import (
    FrameCallGraphEntry,
    FutureCallGraph,
    capture_call_graph,
    format_call_graph,
    future_add_to_awaited_by,
    future_discard_from_awaited_by,
    print_call_graph,
)
from .sync.guest import start_guest_run
from .sync.locks import BoundedSemaphore, Condition, Event, Lock, Semaphore
from .sync.queues import LifoQueue, PriorityQueue, Queue
from .sync.runners import Runner, run
from .sync.sleeping import sleep
from .sync.taskgroups import TaskGroup
from .sync.tasks import (
    all_tasks,
    create_eager_task_factory,
    create_task,
    current_task,
    eager_task_factory,
    ensure_future,
)
from .sync.threads import run_coroutine_threadsafe, to_thread
from .sync.timeouts import Timeout, timeout, timeout_at, wait_for

#: asyncio's other names for its one loop class.
BaseEventLoop = SelectorEventLoop = EventLoop

__all__ = [
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "AbstractEventLoop",
    "AbstractServer",
    "Barrier",
    "BaseEventLoop",
    "BaseProtocol",
    "BaseTransport",
    "BoundedSemaphore",
    "BrokenBarrierError",
    "BufferedProtocol",
    "CancelledError",
    "Condition",
    "DatagramProtocol",
    "DatagramTransport",
    "Event",
    "EventLoop",
    "FrameCallGraphEntry",
    "Future",
    "FutureCallGraph",
    "Handle",
    "IncompleteReadError",
    "InvalidStateError",
    "LifoQueue",
    "LimitOverrunError",
    "Lock",
    "PriorityQueue",
    "Protocol",
    "Queue",
    "QueueEmpty",
    "QueueFull",
    "QueueShutDown",
    "ReadTransport",
    "Runner",
    "SelectorEventLoop",
    "Semaphore",
    "SendfileNotAvailableError",
    "Server",
    "StreamReader",
    "StreamReaderProtocol",
    "StreamWriter",
    "SubprocessProtocol",
    "SubprocessTransport",
    "Task",
    "TaskGroup",
    "Timeout",
    "TimeoutError",
    "TimerHandle",
    "Transport",
    "WriteTransport",
    "_enter_task",
    "_get_running_loop",
    "_leave_task",
    "_register_task",
    "_set_running_loop",
    "_unregister_task",
    "all_tasks",
    "as_completed",
    "capture_call_graph",
    "coroutine",
    "create_eager_task_factory",
    "create_subprocess_exec",
    "create_subprocess_shell",
    "create_task",
    "current_task",
    "eager_task_factory",
    "ensure_future",
    "format_call_graph",
    "future_add_to_awaited_by",
    "future_discard_from_awaited_by",
    "gather",
    "get_event_loop",
    "get_running_loop",
    "iscoroutine",
    "iscoroutinefunction",
    "isfuture",
    "new_event_loop",
    "open_connection",
    "open_unix_connection",
    "print_call_graph",
    "run",
    "run_coroutine_threadsafe",
    "set_event_loop",
    "shield",
    "sleep",
    "start_guest_run",
    "start_server",
    "start_unix_server",
    "timeout",
    "timeout_at",
    "to_thread",
    "wait",
    "wait_for",
    "wrap_future",
]
