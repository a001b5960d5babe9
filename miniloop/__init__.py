"""miniloop: an event loop to study, to run programs on, and to test schedules with.

The names are asyncio's, so ``import miniloop as asyncio`` is a program's only change;
``EventLoop`` is what makes the difference.  The reading ladder starts at
``miniloop/core/__init__.py``.
"""

from .core.coroutines import coroutine, iscoroutine, iscoroutinefunction
from .core.current import (
    get_event_loop,
    get_running_loop,
    new_event_loop,
    set_event_loop,
)
from .core.futures import Future, isfuture, wrap_future
from .core.handles import Handle
from .core.tasks import (
    Task,
    all_tasks,
    create_eager_task_factory,
    create_task,
    current_task,
    eager_task_factory,
    ensure_future,
)
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
    TimeoutError,
    Transport,
    WriteTransport,
    _get_running_loop,
    _set_running_loop,
)
from .sync.combinators import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    as_completed,
    gather,
    shield,
    wait,
)
from .sync.locks import BoundedSemaphore, Condition, Event, Lock, Semaphore
from .sync.barriers import Barrier
from .sync.queues import LifoQueue, PriorityQueue, Queue
from .sync.runners import Runner, run
from .sync.sleeping import sleep
from .sync.taskgroups import TaskGroup
from .sync.threads import run_coroutine_threadsafe, to_thread
from .sync.timeouts import Timeout, timeout, timeout_at, wait_for

#: asyncio's other names for its one loop class.
BaseEventLoop = SelectorEventLoop = EventLoop
