"""Runner and run: from a program that does not run a loop into one that does.

A Runner owns a loop from its first use until it is closed.  It can run one
coroutine after the other on it, and turns the first Ctrl-C into a cancellation
of the one that runs, so that the program can clean up.

States
    created     -- first use --> initialized
                -- closed -----> created
    initialized -- closed -----> closed

Invariants
    Closing cancels all tasks and waits for them, then ends asynchronous
    generators and the default executor, then closes the loop.
    The SIGINT handler is only ours while a coroutine runs, in the main thread,
    and only if nobody else had installed one.
    The second Ctrl-C raises KeyboardInterrupt at once, wherever the program is.

Where it differs from asyncio
    Any awaitable will do, not only a coroutine (asyncio from 3.14 on), except a
    future: that belongs to some other loop.  The exception for what will not do
    is ValueError, as up to 3.13.
    ``loop_factory`` is there on every interpreter.

Read next: graph.py
"""

from __future__ import annotations

import contextvars
import functools
import inspect
import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType, TracebackType
from typing import Any, TypeVar, final

from ..core.coroutines import iscoroutine
from ..core.futures import isfuture
from ..interface import AbstractEventLoop, CancelledError, _get_running_loop
from ..support.current import new_event_loop, set_event_loop
from .combinators import gather
from .tasks import all_tasks

__all__ = ["TRANSITIONS", "Runner", "run"]

T = TypeVar("T")

CREATED = "created"
INITIALIZED = "initialized"
CLOSED = "closed"

TRANSITIONS = (
    (CREATED, "first use", INITIALIZED),
    (CREATED, "closed", CREATED),
    (INITIALIZED, "closed", CLOSED),
)

#: Seconds that closing waits for the threads of the default executor.
THREAD_JOIN_TIMEOUT = 300


@final
class Runner:
    """``with`` block that owns an event loop.

    *debug* sets the loop's debug mode unless None; *loop_factory* makes the loop
    (default: `new_event_loop`, and the loop is then also set as the thread's).
    Counterpart: ``asyncio.Runner``.
    """

    _state = CREATED
    _loop: AbstractEventLoop | None = None
    _context: contextvars.Context | None = None
    _interrupt_count = 0
    _set_event_loop = False

    def __init__(
        self,
        *,
        debug: bool | None = None,
        loop_factory: Callable[[], AbstractEventLoop] | None = None,
    ) -> None:
        self._debug = debug
        self._loop_factory = loop_factory

    def __enter__(self) -> Runner:
        self._lazy_init()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel what still runs, wait for it, and close the loop; harmless when closed."""
        if self._state != INITIALIZED:
            return
        loop: Any = self._loop
        try:
            _cancel_all_tasks(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(_executor_shutdown(loop))
        finally:
            if self._set_event_loop:
                set_event_loop(None)
            loop.close()
            self._loop = None
            self._state = CLOSED

    def get_loop(self) -> AbstractEventLoop:
        """Return the loop.  Raises RuntimeError when the runner is closed."""
        return self._lazy_init()

    def run(self, coro: Awaitable[T], *, context: contextvars.Context | None = None) -> T:
        """Run *coro* to its end, in *context* or the runner's own, and return its result.

        Raises ValueError when *coro* is no coroutine or the like, RuntimeError while a loop
        runs in this thread or when the runner is closed, and KeyboardInterrupt
        when Ctrl-C has cancelled *coro*.
        """
        if isfuture(coro) or not (iscoroutine(coro) or inspect.isawaitable(coro)):
            raise ValueError(f"a coroutine was expected, got {coro!r}")
        if _get_running_loop() is not None:
            raise RuntimeError("Runner.run() cannot be called from a running event loop")
        loop: Any = self._lazy_init()
        if not iscoroutine(coro):
            coro = _await(coro)
        if context is None:
            context = self._context
        task = loop.create_task(coro, context=context)
        handler = self._catch_sigint(task)
        self._interrupt_count = 0
        try:
            return loop.run_until_complete(task)  # type: ignore[no-any-return]
        except CancelledError:
            if self._interrupt_count > 0:
                uncancel = getattr(task, "uncancel", None)
                if uncancel is not None and uncancel() == 0:
                    raise KeyboardInterrupt()  # noqa: B904 - asyncio shows the context, too
            raise
        finally:
            if handler is not None and signal.getsignal(signal.SIGINT) is handler:
                signal.signal(signal.SIGINT, signal.default_int_handler)

    def _lazy_init(self) -> AbstractEventLoop:
        """Return the loop, made now if this is the first use.  Raises when closed."""
        if self._state == CLOSED:
            raise RuntimeError("Runner is closed")
        if self._state == CREATED:
            if self._loop_factory is None:
                self._loop = new_event_loop()
                set_event_loop(self._loop)
                self._set_event_loop = True
            else:
                self._loop = self._loop_factory()
            if self._debug is not None:
                self._loop.set_debug(self._debug)
            self._context = contextvars.copy_context()
            self._state = INITIALIZED
        assert self._loop is not None
        return self._loop

    def _catch_sigint(self, task: Any) -> Callable[[int, FrameType | None], None] | None:
        """Have Ctrl-C cancel *task*; return the handler, or None where that is not ours to do."""
        if (
            threading.current_thread() is not threading.main_thread()
            or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        ):
            return None
        handler = functools.partial(self._on_sigint, main_task=task)
        try:
            signal.signal(signal.SIGINT, handler)
        except ValueError:
            # An embedded interpreter's main thread need not be able to take signals.
            return None
        return handler

    def _on_sigint(self, signum: int, frame: FrameType | None, main_task: Any) -> None:
        self._interrupt_count += 1
        if self._interrupt_count == 1 and not main_task.done():
            main_task.cancel()
            # The loop may be asleep in select().
            assert self._loop is not None
            self._loop.call_soon_threadsafe(_nothing)
            return
        raise KeyboardInterrupt()


def _nothing() -> None:
    pass


def _executor_shutdown(loop: Any) -> Awaitable[None]:
    """Return the coroutine that ends the default executor of *loop*."""
    try:
        return loop.shutdown_default_executor(THREAD_JOIN_TIMEOUT)  # type: ignore[no-any-return]
    except TypeError:  # loops for Python 3.11 wait for ever
        return loop.shutdown_default_executor()  # type: ignore[no-any-return]


async def _await(awaitable: Awaitable[T]) -> T:
    return await awaitable


def run(
    main: Awaitable[T],
    *,
    debug: bool | None = None,
    loop_factory: Callable[[], AbstractEventLoop] | None = None,
) -> T:
    """Run *main* on a new loop, clean up, and return its result: a program's entry point.

    See `Runner` for *debug* and *loop_factory*.  Raises RuntimeError while a
    loop runs in this thread.  Counterpart: ``asyncio.run``.
    """
    if _get_running_loop() is not None:
        raise RuntimeError("asyncio.run() cannot be called from a running event loop")
    with Runner(debug=debug, loop_factory=loop_factory) as runner:
        return runner.run(main)


def _cancel_all_tasks(loop: AbstractEventLoop) -> None:
    """Cancel every task of *loop*, run the loop until they have ended, report failures."""
    tasks = all_tasks(loop)
    if not tasks:
        return
    for task in tasks:
        task.cancel()
    loop.run_until_complete(gather(*tasks, return_exceptions=True))
    for task in tasks:
        if not task.cancelled() and task.exception() is not None:
            loop.call_exception_handler(
                {
                    "message": "unhandled exception during asyncio.run() shutdown",
                    "exception": task.exception(),
                    "task": task,
                }
            )
