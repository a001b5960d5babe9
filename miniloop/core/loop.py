"""The loop: what runs next, and what to wait for when nothing can.

The whole of it is the generator `Loop.iterations`.  Each iteration has five
phases, in asyncio's order:

    timeout   how long may we wait: not at all if an entry is ready, until the
              first timer is due otherwise, else for ever
    select    yield that number to the driver, who waits and sends back events
    arrivals  the callbacks of ready descriptors go to the end of the ready queue
    due       the callbacks of due timers go behind them
    run       run exactly the entries that are in the queue at this point, first
              in first out; what they add is for the next iteration

``run_forever`` is one driver of that generator, guest mode is another.  Who chooses,
who is told, and debug mode stand in ``support/watch.py``: there is none of it here.

Selecting costs more than a short step, so it is put off while entries are ready,
but not for more than `PATIENCE` entries, not in the first iteration of a run or
when stopping, and not with a selector of the caller's own.

Read next: ../support/watch.py
"""

from __future__ import annotations

import selectors
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextvars import Context, copy_context
from heapq import heappush
from typing import Any

from ..interface import _set_running_loop, current_tasks
from ..support import describe
from ..support.controls import Controls
from ..support.watch import check_call
from .futures import PENDING, Future
from .handles import Handle
from .tasks import Task
from .timers import TimerHandle, Timers

__all__ = ["Loop"]

#: How many entries may run before the selector is asked again.
PATIENCE = 64
MAXIMUM_SELECT_TIMEOUT = 24 * 3600  # seconds; some systems refuse more than a day

#: Whose instances the loop lets wait by itself; a subclass may have methods of its own.
OWN: set[type] = {Future, Task}

_new = object.__new__


class Loop(Controls):
    """A ready queue, a timer heap, and the generator that runs them.

    The arguments are the four seams; see ``EventLoop``, which adds the network.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector | None = None,
        clock: Callable[[], float] | None = None,
        chooser: Callable[[list[Any]], int] | None = None,
        observer: object | None = None,
    ) -> None:
        super().__init__(chooser, observer)
        self.timers = Timers()
        self._selector: Any = selectors.DefaultSelector() if selector is None else selector
        self._patience = PATIENCE if selector is None else 0
        self._stopping = False
        if type(self).time is not Loop.time:
            self._clock = self.time  # a subclass has a clock of its own
        else:
            self._clock = self.time = clock or time.monotonic  # type: ignore[method-assign]
        self._clock_resolution = time.get_clock_info("monotonic").resolution

    # -- the heart -------------------------------------------------------------

    def iterations(self) -> Generator[float | None, Any, None]:
        """Run; yield the seconds to wait for events (None: for ever), get the events back."""
        ready, timers, heap, watch = self.ready, self.timers, self.timers.heap, None
        popleft, append, patience, current, begun = ready.popleft, ready.append, 0, None, False
        try:
            while not (begun and self._stopping):
                if patience < (left := len(ready)) or not left:  # timeout
                    begun, current, entry, yielded = True, self._settle(current), None, None
                    if (yielded := (yield self._before_select())) is not None:  # select, arrivals
                        self._process_events(yielded)
                    patience, watch, left = self._patience, self._watch, len(ready)
                if heap:  # due
                    left = timers.release_due(self._clock() + self._clock_resolution, ready)
                patience -= left  # run
                take = popleft if watch is None else watch.run(left)
                while left:  # to make a range takes as long as a short callback
                    left -= 1
                    entry, yielded = take(), None  # the one place where what runs next is chosen
                    kind = type(entry)  # compared first, as `isinstance` is slow to say no
                    if kind is Task or (kind is not Handle and isinstance(entry, Task)):
                        current_tasks[self] = current = entry
                        try:
                            if entry._throws:
                                yielded = entry._context.run(*entry._told())
                            else:
                                entry._fut_waiter = None
                                yielded = entry._context.run(entry._send, None)
                        except BaseException as end:
                            entry._end(end)
                        else:
                            if yielded is None:
                                append(entry)
                            elif (
                                type(yielded) in OWN
                                and yielded._asyncio_future_blocking is self
                                and yielded is not entry
                                and not entry._throws
                            ):
                                yielded._asyncio_future_blocking = False
                                entry._fut_waiter = yielded
                                if yielded._waiters is None:
                                    yielded._waiters = entry
                                else:
                                    yielded._add_waiter(entry)
                            else:
                                entry._suspend(yielded)
                    elif entry._callback is not None:
                        if current is not None:
                            del current_tasks[self]
                            current = None
                        try:
                            if not entry._args:
                                entry._context.run(entry._callback)
                            elif len(entry._args) == 1:  # a call with a star takes twice as long
                                entry._context.run(entry._callback, entry._args[0])
                            else:
                                entry._context.run(entry._callback, *entry._args)
                        except BaseException as error:
                            entry._report(error)
        finally:
            current = entry = yielded = self._settle(current)

    def _before_select(self) -> float | None:
        """Return the seconds to wait."""
        heap = self.timers.heap
        if heap:
            self.timers.drop_cancelled()
        timeout: float | None = None
        if self.ready or self._stopping:
            timeout = 0
        elif heap:
            timeout = min(max(heap[0][0] - self._clock(), 0), MAXIMUM_SELECT_TIMEOUT)
        if self._watch is not None:
            self._watch.select(timeout)
        return timeout

    def _settle(self, current: Any) -> Any:
        """Nothing runs any more: say so, and return None for what may live on no longer."""
        if current is not None:
            current_tasks.pop(self, None)
        if self._watch is not None:
            self._watch.finish()

    def _process_events(self, events: Any) -> None:
        """Put the callbacks of ready descriptors into the ready queue, in the selector's order."""
        for key, mask in events:
            for event, handle in enumerate(key.data, selectors.EVENT_READ):  # 1, 2: the masks
                if mask & event and handle is not None and handle._callback is not None:
                    self.ready.append(handle)

    def _waiting(self) -> Callable[[float | None], Any]:
        """Return what a run waits for events with; None instead of events if it hands them over."""
        return self._selector.select  # type: ignore[no-any-return]

    # -- running it ------------------------------------------------------------

    def run_forever(self) -> None:
        """Run until `stop` is called.

        Raises RuntimeError when the loop is closed or runs already, or when
        another loop runs in this thread.  KeyboardInterrupt and SystemExit from
        a callback or task come out here; the loop can be run again.
        """
        self._check_closed()
        self._check_running()
        self._enter()
        try:
            select, iterations = self._waiting(), self.iterations()
            timeout = next(iterations)
            while True:
                timeout = iterations.send(select(timeout))
        except StopIteration:
            pass
        finally:
            self._stopping = False
            self._leave()

    def _enter(self) -> None:
        """Announce the loop as this thread's running one."""
        self._thread_id = threading.get_ident()
        self._coroutine_origin_depth = sys.get_coroutine_origin_tracking_depth()
        self._track_origins()
        _set_running_loop(self)  # type: ignore[arg-type]

    def _leave(self) -> None:
        self._thread_id = None
        _set_running_loop(None)
        sys.set_coroutine_origin_tracking_depth(self._coroutine_origin_depth)

    def stop(self) -> None:
        """Have `run_forever` return at the end of this iteration (or after one, if not running)."""
        self._stopping = True

    def close(self) -> None:
        """Drop what is queued and free what the loop holds; RuntimeError while it runs."""
        if self.is_running():
            raise RuntimeError("Cannot close a running event loop")
        if self._closed:
            return
        if self._debug:
            describe.logger.debug("Close %r", self)
        self._closed = self._careful = True
        self.ready.clear()
        self.timers.heap.clear()
        self._selector.close()

    # -- what programs ask of it -----------------------------------------------

    def time(self) -> float:
        """Return the time in seconds on the loop's clock."""
        return self._clock()

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """Call ``callback(*args)`` in the next iteration; return a handle that can cancel it.

        It runs in *context* (default: a copy of the current one), after all that was
        asked for before.  Raises RuntimeError when the loop is closed.
        """
        if self._careful or callback is None:
            check_call(self, callback, "call_soon")
        # Handle() would ask the loop for debug mode: half the price of the call.
        handle = _new(Handle)
        handle._callback = callback
        handle._args = args
        handle._loop = self  # type: ignore[assignment]
        handle._context = copy_context() if context is None else context
        handle._source_traceback = describe.creation_stack(2) if self._debug else None
        self.ready.append(handle)
        return handle

    def _timer(
        self, when: float, callback: Callable[..., object], args: Any, context: Context | None
    ) -> TimerHandle:
        if self._careful or callback is None:
            check_call(self, callback, "call_at")
        timer = _new(TimerHandle)
        timer._callback = callback
        timer._args = args
        timer._loop = self  # type: ignore[assignment]
        timer._context = copy_context() if context is None else context
        timer._source_traceback = describe.creation_stack(3) if self._debug else None
        timer._when = when
        timer._scheduled = True
        heappush(self.timers.heap, (when, timer))
        return timer

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """Count a timer that was cancelled in the heap (asyncio's name: its tests and ours)."""
        if handle._scheduled:
            self.timers.cancelled += 1

    def create_future(self) -> Future[Any]:
        """Return a new future of this loop."""
        # Future() would ask the loop for debug mode: half the price.
        future = _new(Future)
        future._loop = self
        future._state = PENDING
        future._waiters = future._exception = None
        future._asyncio_future_blocking = False
        if self._debug:
            future._source_traceback = describe.creation_stack(2)
        return future

    def create_task(
        self,
        coro: Any,
        *,
        name: object = None,
        context: Context | None = None,
        eager_start: bool | None = None,
    ) -> Any:
        """Run *coro* as a task (see `Task`), beginning in the next iteration.

        Raises RuntimeError when the loop is closed, TypeError when *coro* cannot be run.
        """
        if self._closed:
            self._check_closed()
        if self._task_factory is not None:
            return self._make_task(coro, name, context=context, eager_start=eager_start)
        # Task() would go through the class and ask for debug mode: half the price.
        task = _new(Task)
        task._begin(coro, self, name, context, eager_start and self.is_running())
        if self._debug:
            task._source_traceback = describe.creation_stack(2)
        return task
