"""Work in other threads: to_thread, run_coroutine_threadsafe, and a loop's executors.

Out of the loop: `to_thread` and `run_in_executor` hand a plain function to a
thread and give back something to await.  Into the loop: another thread hands a
coroutine to `run_coroutine_threadsafe` and gets back something to block on.

States of a loop's default executor
    none  -- first use, or set --> ready
          -- shutdown -----------> closed
    ready -- shutdown -----------> closed

Invariants
    Only ``loop.call_soon_threadsafe`` crosses from a thread into the loop.
    Shutting down waits in a thread of its own: the loop goes on meanwhile.

Where it differs from asyncio
    The executor functions take the loop as an argument; EventLoop delegates to
    them and inherits its two attributes from `ExecutorState`.

Read next: runners.py
"""

from __future__ import annotations

import concurrent.futures
import contextvars
import functools
import threading
import warnings
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from ..core.coroutines import iscoroutine, iscoroutinefunction
from ..interface import AbstractEventLoop, get_running_loop
from .chaining import translated, wrap_future
from .tasks import ensure_future
from .timeouts import timeout as time_limit

__all__ = [
    "TRANSITIONS",
    "ExecutorState",
    "abandon_default_executor",
    "run_coroutine_threadsafe",
    "run_in_executor",
    "set_default_executor",
    "shutdown_default_executor",
    "to_thread",
]

P = ParamSpec("P")
T = TypeVar("T")

TRANSITIONS = (
    ("none", "first use, or set", "ready"),
    ("none", "shutdown", "closed"),
    ("ready", "shutdown", "closed"),
)


class ExecutorState:
    """The default executor of one loop: two attributes that a loop class inherits."""

    _default_executor: concurrent.futures.Executor | None = None
    _executor_shutdown_called = False


async def to_thread(func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``func(*args, **kwargs)`` in a thread and return what it returns.

    The thread sees the caller's context variables.  Cancellation does not stop
    a call that has begun; it only stops waiting for it.
    Counterpart: ``asyncio.to_thread``.
    """
    loop = get_running_loop()
    context = contextvars.copy_context()
    call = functools.partial(context.run, func, *args, **kwargs)
    return await loop.run_in_executor(None, call)


def run_coroutine_threadsafe(
    coro: Coroutine[Any, Any, T], loop: AbstractEventLoop
) -> concurrent.futures.Future[T]:
    """Have *loop*, which runs in another thread, run *coro*; return a future to block on.

    Cancelling the future cancels the task.  Raises TypeError when *coro* is not
    a coroutine.  Counterpart: ``asyncio.run_coroutine_threadsafe``.
    """
    if not iscoroutine(coro):
        raise TypeError("A coroutine object is required")
    outside: concurrent.futures.Future[T] = concurrent.futures.Future()

    def pass_on_cancellation(task: Any, done: Any) -> None:
        if done.cancelled():
            loop.call_soon_threadsafe(task.cancel)

    def start() -> None:
        try:
            task = ensure_future(coro, loop=loop)
            outside.add_done_callback(functools.partial(pass_on_cancellation, task))
            task.add_done_callback(functools.partial(_tell_outside, outside))
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            if outside.set_running_or_notify_cancel():
                outside.set_exception(exc)
            raise

    loop.call_soon_threadsafe(start)
    return outside


def _tell_outside(outside: concurrent.futures.Future[Any], task: Any) -> None:
    """Give the outcome of *task* to the future that another thread blocks on."""
    if task.cancelled():
        outside.cancel()
    if not outside.set_running_or_notify_cancel():
        return
    exc = task.exception()
    if exc is None:
        outside.set_result(task.result())
    else:
        outside.set_exception(translated(exc))


def run_in_executor(
    loop: Any, executor: concurrent.futures.Executor | None, func: Callable[..., Any], *args: Any
) -> Any:
    """Return a future of *loop* for ``func(*args)``, called in *executor*.

    None is the loop's default executor, a thread pool that is made when it is
    first needed.  Raises RuntimeError when the loop is closed, or the default
    executor has been shut down; in debug mode TypeError when *func* is a
    coroutine or cannot be called.  Counterpart: ``loop.run_in_executor``.
    """
    if loop.is_closed():
        raise RuntimeError("Event loop is closed")
    if loop.get_debug():
        if iscoroutine(func) or iscoroutinefunction(func):
            raise TypeError("coroutines cannot be used with run_in_executor()")
        if not callable(func):
            raise TypeError(f"a callable object was expected by run_in_executor(), got {func!r}")
    if executor is None:
        if loop._executor_shutdown_called:
            raise RuntimeError("Executor shutdown has been called")
        executor = loop._default_executor
        if executor is None:
            # asyncio's prefix: programs print the names of their threads.
            executor = concurrent.futures.ThreadPoolExecutor(thread_name_prefix="asyncio")
            loop._default_executor = executor
    return wrap_future(executor.submit(func, *args), loop=loop)


def set_default_executor(loop: Any, executor: concurrent.futures.ThreadPoolExecutor) -> None:
    """Make *executor* the one that ``run_in_executor(None, ...)`` uses on *loop*.

    Raises TypeError when it is not a ThreadPoolExecutor.
    Counterpart: ``loop.set_default_executor``.
    """
    if not isinstance(executor, concurrent.futures.ThreadPoolExecutor):
        raise TypeError("executor must be ThreadPoolExecutor instance")
    loop._default_executor = executor


async def shutdown_default_executor(loop: Any, timeout: float | None = None) -> None:
    """Refuse new work for the default executor of *loop* and wait for its threads to end.

    After *timeout* seconds (None: for ever) it warns (RuntimeWarning) and leaves
    them to themselves.  Counterpart: ``loop.shutdown_default_executor``.
    """
    loop._executor_shutdown_called = True
    executor = loop._default_executor
    if executor is None:
        return
    future = loop.create_future()
    thread = threading.Thread(target=_shut_down, args=(loop, executor, future))
    thread.start()
    try:
        async with time_limit(timeout):
            await future
    except TimeoutError:
        warnings.warn(
            f"The executor did not finishing joining its threads within {timeout} seconds.",
            RuntimeWarning,
            stacklevel=2,
        )
        executor.shutdown(wait=False)
    else:
        thread.join()


def _shut_down(loop: Any, executor: concurrent.futures.Executor, future: Any) -> None:
    """Wait for the threads of *executor*, in a thread of our own, and complete *future*."""
    error: Exception | None = None
    try:
        executor.shutdown(wait=True)
    except Exception as exc:
        error = exc

    def finish() -> None:
        if future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    if not loop.is_closed():
        loop.call_soon_threadsafe(finish)


def abandon_default_executor(loop: Any) -> None:
    """Let go of the default executor of *loop*, which is being closed; wait for nothing."""
    loop._executor_shutdown_called = True
    executor = loop._default_executor
    if executor is not None:
        loop._default_executor = None
        executor.shutdown(wait=False)
