"""Queue, PriorityQueue, LifoQueue.

Items on their way from the tasks that put to the tasks that get, with a
limit on how many may be on the way, a count of those not yet done with, and
an end (`Queue.shutdown`).

States
    open     -- shutdown --------------> draining
             -- shutdown immediately --> shut down
    draining -- last item taken -------> shut down

Invariants
    A wake-up is an invitation, not a delivery: whoever is woken looks again, and
    may find that another task was quicker and go back to the end of the line.
    A task that was woken and then cancelled wakes the next in line.
    The line of getters holds only tasks that were not woken yet; so does the
    line of putters.

Where it differs from asyncio
    ``shutdown`` is there on every interpreter.
    ``loop=`` is accepted, as it was up to Python 3.9.
    A put or get that does not have to wait runs in place: no future, no call of
    another method of the queue.  Subclasses that override one of the steps get
    every call, as in asyncio (`Queue.__init_subclass__` looks once).
    The event behind `join` is made when somebody joins.

Read next: timeouts.py
"""

from __future__ import annotations

import heapq
from collections import deque
from types import GenericAlias
from typing import Any, ClassVar, Generic, TypeVar

from ..interface import (
    AbstractEventLoop,
    QueueEmpty,
    QueueFull,
    QueueShutDown,
    get_running_loop,
)
from .locks import Event
from .mixins import LoopBound

__all__ = [
    "TRANSITIONS",
    "LifoQueue",
    "PriorityQueue",
    "Queue",
    "QueueEmpty",
    "QueueFull",
    "QueueShutDown",
]

T = TypeVar("T")

_STEPS = ("_get", "_put", "empty", "full", "get_nowait", "put_nowait", "qsize")

TRANSITIONS = (
    ("open", "shutdown", "draining"),
    ("open", "shutdown immediately", "shut down"),
    ("draining", "last item taken", "shut down"),
)


class Queue(LoopBound, Generic[T]):
    """First in, first out.

    At most *maxsize* items are on the way at a time; zero or less means no
    limit.  *loop* binds the queue to a loop.
    """

    __class_getitem__: ClassVar[Any] = classmethod(GenericAlias)

    _plain = True  # no step is overridden: put and get may take the short way

    def __init__(self, maxsize: int = 0, *, loop: AbstractEventLoop | None = None) -> None:
        self._loop = loop
        self._maxsize = maxsize
        self._getters: deque[Any] = deque()
        self._putters: deque[Any] = deque()
        self._unfinished_tasks = 0
        self._finished: Event | None = None  # made by the first `join`
        self._is_shutdown = False
        self._init(maxsize)

    def __init_subclass__(cls) -> None:
        """Note whether *cls* overrides one of the steps of putting and getting."""
        super().__init_subclass__()
        cls._plain = all(getattr(cls, step) is getattr(Queue, step) for step in _STEPS)

    # A subclass that stores its items differently overrides these three.

    def _init(self, maxsize: int) -> None:
        self._queue: Any = deque()

    def _get(self) -> T:
        item: T = self._queue.popleft()
        return item

    def _put(self, item: T) -> None:
        self._queue.append(item)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x} {self._format()}>"

    def __str__(self) -> str:
        return f"<{type(self).__name__} {self._format()}>"

    def _format(self) -> str:
        parts = [f"maxsize={self._maxsize!r}"]
        if getattr(self, "_queue", None):
            parts.append(f"_queue={list(self._queue)!r}")
        if self._getters:
            parts.append(f"_getters[{len(self._getters)}]")
        if self._putters:
            parts.append(f"_putters[{len(self._putters)}]")
        if self._unfinished_tasks:
            parts.append(f"tasks={self._unfinished_tasks}")
        if self._is_shutdown:
            parts.append("shutdown")
        return " ".join(parts)

    def qsize(self) -> int:
        """Return the number of items in the queue."""
        return len(self._queue)

    @property
    def maxsize(self) -> int:
        """The number of items that the queue may hold; zero or less: no limit."""
        return self._maxsize

    def empty(self) -> bool:
        """Tell whether there is nothing to get."""
        return not self._queue

    def full(self) -> bool:
        """Tell whether `put` would have to wait; never true without a limit."""
        return 0 < self._maxsize <= self.qsize()

    async def put(self, item: T) -> None:
        """Put *item* in, waiting for room if necessary.

        Raises QueueShutDown when the queue is shut down, before or meanwhile.
        A task that is cancelled while it waits has put nothing.
        """
        plain = self._plain
        while True:
            if plain:
                queue = self._queue
                maxsize = self._maxsize
                if (maxsize <= 0 or len(queue) < maxsize) and not self._is_shutdown:
                    queue.append(item)
                    self._unfinished_tasks += 1
                    if self._finished is not None:
                        self._finished.clear()
                    if self._getters:
                        _wake_next(self._getters)
                    return
            elif not self.full():
                self.put_nowait(item)
                return
            if self._is_shutdown:
                raise QueueShutDown
            loop = get_running_loop()
            if loop is not self._loop:
                self._bind(loop)
            putter = loop.create_future()
            self._putters.append(putter)
            try:
                await putter
            except BaseException:
                self._leave(self._putters, putter, self.full)
                raise

    def put_nowait(self, item: T) -> None:
        """Put *item* in.  Raises QueueFull when there is no room, QueueShutDown at the end."""
        if self._is_shutdown:
            raise QueueShutDown
        if self.full():
            raise QueueFull
        self._put(item)
        self._unfinished_tasks += 1
        if self._finished is not None:
            self._finished.clear()
        if self._getters:
            _wake_next(self._getters)

    async def get(self) -> T:
        """Take the next item out, waiting for one if necessary, and return it.

        Raises QueueShutDown when the queue is shut down and empty, before or
        meanwhile.  A task that is cancelled while it waits has taken nothing.
        """
        plain = self._plain
        while True:
            if plain:
                if queue := self._queue:
                    item: T = queue.popleft()
                    if self._putters:
                        _wake_next(self._putters)
                    return item
            elif not self.empty():
                return self.get_nowait()
            if self._is_shutdown:
                raise QueueShutDown
            loop = get_running_loop()
            if loop is not self._loop:
                self._bind(loop)
            getter = loop.create_future()
            self._getters.append(getter)
            try:
                await getter
            except BaseException:
                self._leave(self._getters, getter, self.empty)
                raise

    def get_nowait(self) -> T:
        """Take the next item out.

        Raises QueueEmpty when there is none, and QueueShutDown when there will
        never be one.
        """
        if self.empty():
            raise QueueShutDown if self._is_shutdown else QueueEmpty
        item = self._get()
        if self._putters:
            _wake_next(self._putters)
        return item

    def _leave(self, line: deque[Any], waiter: Any, nothing_to_do: Any) -> None:
        """Take *waiter*, whose task was cancelled, out of *line*; pass on its wake-up."""
        waiter.cancel()
        try:
            line.remove(waiter)
        except ValueError:
            pass  # it was woken, and taken out by whoever did that
        if not nothing_to_do() and not waiter.cancelled():
            _wake_next(line)

    def task_done(self) -> None:
        """Say that an item that was got is dealt with; the last one ends `join`.

        Raises ValueError when called more often than items were put in.
        """
        if self._unfinished_tasks <= 0:
            raise ValueError("task_done() called too many times")
        self._unfinished_tasks -= 1
        if not self._unfinished_tasks and self._finished is not None:
            self._finished.set()

    async def join(self) -> None:
        """Wait until `task_done` has been called for every item that was put in."""
        if self._unfinished_tasks > 0:
            if self._finished is None:
                self._finished = Event()
            await self._finished.wait()

    def shutdown(self, immediate: bool = False) -> None:
        """End the queue: no more puts, and no more gets once it is empty.

        With *immediate* the items that are in it are dropped, and counted as
        done.  Everybody who waits to put or to get is woken.
        """
        self._is_shutdown = True
        if immediate:
            while not self.empty():
                self._get()
                if self._unfinished_tasks > 0:
                    self._unfinished_tasks -= 1
            if not self._unfinished_tasks and self._finished is not None:
                self._finished.set()
        for line in (self._getters, self._putters):
            while line:
                _wake_next(line)


def _wake_next(line: deque[Any]) -> None:
    """Wake the first in *line* that still waits; those that do not are dropped."""
    while line:
        waiter = line.popleft()
        if not waiter.done():
            waiter.set_result(None)
            break


class PriorityQueue(Queue[T]):
    """The lowest item first; items are often ``(priority, data)`` tuples."""

    def _init(self, maxsize: int) -> None:
        self._queue = []

    def _put(self, item: T) -> None:
        heapq.heappush(self._queue, item)

    def _get(self) -> T:
        item: T = heapq.heappop(self._queue)
        return item


class LifoQueue(Queue[T]):
    """Last in, first out."""

    def _init(self, maxsize: int) -> None:
        self._queue = []

    def _put(self, item: T) -> None:
        self._queue.append(item)

    def _get(self) -> T:
        item: T = self._queue.pop()
        return item
