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

``run_forever`` is one driver of that generator; guest mode and the simulated
World are others.  Who chooses, who is told and who takes the time of slow
callbacks is in ``watch.py``: no debugging code stands here.

Order is behaviour.  Selecting costs more than running a short step, so while
entries are ready it is put off, but never beyond `PATIENCE` entries run since
the last time, never in the first iteration of a run, never when stopping, and
never with a selector of the caller's own; timers are looked at in every
iteration.  To a program that is as if the outside world had been a few
microseconds late.

Read next: watch.py
"""

from __future__ import annotations

import selectors
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextvars import Context, copy_context
from heapq import heappush
from typing import Any

from .. import describe
from ..interface import (
    _get_running_loop,
    _set_running_loop,
    current_tasks,
)
from ..reports import Reports
from . import coroutines
from .futures import AWAITED, PENDING, Future, isfuture
from .handles import Handle
from .tasks import Task, _loop_of, ensure_future
from .timers import TimerHandle, Timers
from .watch import ObservedQueue, Watch

__all__ = ["Loop"]

#: How many entries may run before the selector is asked again.
PATIENCE = 64
#: Longest time to wait at once, in seconds: some systems refuse more than a day.
MAXIMUM_SELECT_TIMEOUT = 24 * 3600

#: The classes whose instances the loop lets wait without asking them: a subclass may
#: have methods of its own, and is asked.
OWN = frozenset({Future, Task})

_new = object.__new__


class Loop:
    """A ready queue, a timer heap, and the generator that runs them.

    *selector* says what may happen outside (default: the best of the platform),
    *clock* returns the time in seconds (default: ``time.monotonic``), *chooser*
    picks among the entries of an iteration (default: the oldest), *observer* is
    told what happens.  ``EventLoop`` adds the network and asyncio's other methods.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector | None = None,
        clock: Callable[[], float] | None = None,
        chooser: Callable[[list[Any]], int] | None = None,
        observer: object | None = None,
    ) -> None:
        #: Handles and tasks that are due; the next to run is on the left.
        self.ready: deque[Any] = deque()
        self.timers = Timers()
        self._selector: Any = selectors.DefaultSelector() if selector is None else selector
        self._patience = PATIENCE if selector is None else 0
        own_time = type(self).time is not Loop.time
        self._clock = clock or (self.time if own_time else time.monotonic)
        self._clock_resolution = time.get_clock_info("monotonic").resolution
        self._chooser = chooser
        self._observer = observer
        self._task_factory: Callable[..., Any] | None = None
        self._reports = Reports(self)
        self._stopping = False
        self._closed = False
        self._thread_id: int | None = None
        #: Callbacks and steps that take longer, in seconds, are logged in debug mode.
        self.slow_callback_duration = 0.1
        if observer is not None:
            self.ready = ObservedQueue(observer)
        self.set_debug(coroutines._is_debug_mode())

    # -- the heart -------------------------------------------------------------

    def iterations(self) -> Generator[float | None, Any, None]:
        """Run; yield the seconds to wait for events (None: for ever), get the events back."""
        ready, timers, heap = self.ready, self.timers, self.timers.heap
        popleft, append = ready.popleft, ready.append
        patience, current, watch = 0, None, None
        try:
            while True:
                # timeout
                if heap:
                    timers.drop_cancelled()
                if patience < len(ready) or not ready or self._stopping:
                    if current is not None:
                        del current_tasks[self]
                    current, watch, patience = None, self._watch, self._patience
                    # select
                    events = yield self._timeout()
                    # arrivals
                    self._process_events(events)
                # due
                if heap:
                    timers.release_due(self._clock() + self._clock_resolution, ready)
                # run
                left = len(ready)
                patience -= left
                take = popleft if watch is None else watch.run(left)
                while left:
                    left -= 1
                    entry = take()  # the one place where the next thing to run is chosen
                    if isinstance(entry, Task):
                        current_tasks[self] = current = entry
                        try:
                            if entry._throws:
                                yielded = entry._context.run(*entry._told())
                            else:
                                entry._fut_waiter = None
                                yielded = entry._context.run(entry._send, None)
                        except StopIteration as end:
                            entry._return(end.value)
                        except BaseException as error:
                            entry._fail(error)
                        else:
                            if yielded is None:
                                append(entry)
                            elif (
                                type(yielded) in OWN
                                and yielded._asyncio_future_blocking is AWAITED
                                and yielded._loop is self
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
                            entry._context.run(entry._callback, *entry._args)
                        except (KeyboardInterrupt, SystemExit):
                            raise
                        except BaseException as error:
                            entry._report(error)
                entry = yielded = None  # nothing may live on because we are waiting
                if self._stopping:
                    return
        finally:
            if current is not None:
                current_tasks.pop(self, None)

    def _timeout(self) -> float | None:
        if self.ready or self._stopping:
            return 0
        heap = self.timers.heap
        if heap:
            return min(max(heap[0][0] - self._clock(), 0), MAXIMUM_SELECT_TIMEOUT)
        return None

    def _process_events(self, events: Any) -> None:
        """Put the callbacks of ready descriptors into the ready queue, in the selector's order."""
        ready = self.ready
        for key, mask in events:
            reader, writer = key.data
            if mask & selectors.EVENT_READ and reader is not None and reader._callback is not None:
                ready.append(reader)
            if mask & selectors.EVENT_WRITE and writer is not None and writer._callback is not None:
                ready.append(writer)

    # -- running it ------------------------------------------------------------

    def run_forever(self) -> None:
        """Run until `stop` is called.

        Raises RuntimeError when the loop is closed or runs already, or when
        another loop runs in this thread.  KeyboardInterrupt and SystemExit from
        a callback or task come out here; the loop can be run again.
        """
        self._check_closed()
        self._check_running()
        select = self._selector.select
        self._enter()
        try:
            iterations = self.iterations()
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
        if self._debug:
            sys.set_coroutine_origin_tracking_depth(describe.CREATION_DEPTH)
        _set_running_loop(self)  # type: ignore[arg-type]

    def _leave(self) -> None:
        self._thread_id = None
        _set_running_loop(None)
        sys.set_coroutine_origin_tracking_depth(self._coroutine_origin_depth)

    def run_until_complete(self, future: Any) -> Any:
        """Run until *future* (or the task made of a coroutine) is done; return its result.

        Raises what the future raises, and RuntimeError when the loop was stopped
        before it was done.
        """
        self._check_closed()
        self._check_running()
        made_here = not isfuture(future)
        future = ensure_future(future, loop=self)  # type: ignore[arg-type]
        if made_here:
            # If it does not get done, that is told by an exception below.
            future._log_destroy_pending = False
        future.add_done_callback(_stop_loop_of)
        try:
            self.run_forever()
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

    def stop(self) -> None:
        """Have `run_forever` return at the end of this iteration (or after one, if not running)."""
        self._stopping = True

    def is_running(self) -> bool:
        """Return True while the loop runs."""
        return self._thread_id is not None

    def is_closed(self) -> bool:
        """Return True once the loop was closed."""
        return self._closed

    def close(self) -> None:
        """Drop what is queued and free what the loop holds; harmless when closed already.

        Raises RuntimeError while the loop runs.
        """
        if self.is_running():
            raise RuntimeError("Cannot close a running event loop")
        if self._closed:
            return
        if self._debug:
            describe.logger.debug("Close %r", self)
        self._closed = self._careful = True
        self.ready.clear()
        self.timers.clear()
        self._selector.close()

    # -- what programs ask of it -----------------------------------------------

    def time(self) -> float:
        """Return the time in seconds on the loop's clock."""
        return self._clock()

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """Call ``callback(*args)`` in the next iteration, after all that was asked for before.

        It runs in *context* (default: a copy of the current one).  Returns a
        handle that can cancel it.  Raises RuntimeError when the loop is closed.
        """
        if self._careful:
            self._check_call(callback, "call_soon")
        # Handle() would ask the loop for debug mode: half the price of the call.
        handle = _new(Handle)
        handle._callback = callback
        handle._args = args
        handle._loop = self  # type: ignore[assignment]
        handle._context = copy_context() if context is None else context
        handle._source_traceback = describe.creation_stack(2) if self._debug else None
        self.ready.append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """Like `call_soon`, from any thread or signal handler: wakes the loop if it waits."""
        if self._careful:
            self._check_call(callback, "call_soon_threadsafe", any_thread=True)
        handle = Handle(callback, args, self, context)  # type: ignore[arg-type]
        if handle._source_traceback:
            del handle._source_traceback[-1]
        self.ready.append(handle)
        self._write_to_self()
        return handle

    def _write_to_self(self) -> None:
        """Wake the selector; the descriptor for it belongs to the network floor."""

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> TimerHandle:
        """Call ``callback(*args)`` after *delay* seconds; see `call_at`."""
        if delay is None:
            raise TypeError("delay must not be None")
        return self._timer(self._clock() + delay, callback, args, context)

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> TimerHandle:
        """Call ``callback(*args)`` at *when* (seconds on the loop's clock), not before.

        It runs in *context* (default: a copy of the current one).  Returns a
        timer that can cancel it.  Raises RuntimeError when the loop is closed.
        """
        if when is None:
            raise TypeError("when cannot be None")
        return self._timer(when, callback, args, context)

    def _timer(
        self, when: float, callback: Callable[..., object], args: Any, context: Context | None
    ) -> TimerHandle:
        if self._careful:
            self._check_call(callback, "call_at")
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
        """Run *coro* as a task of this loop, beginning in the next iteration.

        *name*, *context* and *eager_start* are `Task`'s.  A task factory, if one
        is set, makes the task.  Raises RuntimeError when the
        loop is closed, and TypeError when *coro* cannot be run.
        """
        if self._closed:
            self._check_closed()
        factory = self._task_factory
        if factory is None:
            # Task() would go through the class and ask for debug mode: half the price.
            task = _new(Task)
            task._begin(coro, self, name, context, eager_start and self.is_running())
            if self._debug:
                task._source_traceback = describe.creation_stack(2)
            return task
        options = {"context": context, "eager_start": eager_start}
        given = {option: value for option, value in options.items() if value is not None}
        task = factory(self, coro, **given)
        if name is not None:
            set_name = getattr(task, "set_name", None)
            if set_name is not None:
                set_name(name)
        return task

    def set_task_factory(self, factory: Callable[..., Any] | None) -> None:
        """Have ``factory(loop, coro, **options)`` make every task; None for plain tasks.

        Raises TypeError when *factory* is neither callable nor None.
        """
        if factory is not None and not callable(factory):
            raise TypeError("task factory must be a callable or None")
        self._task_factory = factory

    def get_task_factory(self) -> Callable[..., Any] | None:
        """Return the task factory, or None."""
        return self._task_factory

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Report what nobody can catch: *context* says what, and where it came from."""
        self._reports.report(context)

    # -- checks ----------------------------------------------------------------

    def get_debug(self) -> bool:
        """Return True in debug mode."""
        return self._debug

    def set_debug(self, enabled: bool) -> None:
        """Turn debug mode on or off: checks on every call, creation stacks, slow callbacks."""
        self._debug = bool(enabled)
        self._careful = self._debug or self._closed
        watched = self._debug or self._chooser is not None or self._observer is not None
        self._watch = Watch(self, self._chooser, self._observer) if watched else None
        if self.is_running():
            self.call_soon_threadsafe(
                sys.set_coroutine_origin_tracking_depth,
                describe.CREATION_DEPTH if self._debug else self._coroutine_origin_depth,
            )

    def _check_closed(self) -> None:
        if self._closed:
            raise RuntimeError("Event loop is closed")

    def _check_running(self) -> None:
        if self.is_running():
            raise RuntimeError("This event loop is already running")
        if _get_running_loop() is not None:
            raise RuntimeError("Cannot run the event loop while another loop is running")

    def _check_call(
        self, callback: Callable[..., object], method: str, any_thread: bool = False
    ) -> None:
        self._check_closed()
        if self._thread_id not in (None, threading.get_ident()) and not any_thread:
            raise RuntimeError(
                "Non-thread-safe operation invoked on an event loop other than the current one"
            )
        if coroutines.iscoroutine(callback) or coroutines.iscoroutinefunction(callback):
            raise TypeError(f"coroutines cannot be used with {method}()")
        if not callable(callback):
            raise TypeError(f"a callable object was expected by {method}(), got {callback!r}")


def _stop_loop_of(future: Any) -> None:
    """Stop the loop that `run_until_complete` started, unless an exception does so anyway."""
    if not future.cancelled() and isinstance(future.exception(), KeyboardInterrupt | SystemExit):
        return
    _loop_of(future).stop()
