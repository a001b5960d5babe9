"""EventLoop: the heart and the network under asyncio's method names.

Nothing is decided here.  What runs and when is in ``core/loop.py``; this class
adds, as one-line delegations, what a program may ask of an event loop besides.

Where it differs from asyncio
    One class for every use: it is an ``asyncio.AbstractEventLoop``, so programs
    and libraries written for asyncio run on it unchanged.

Read next: sync/locks.py
"""

from __future__ import annotations

import selectors
import socket
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import Context
from importlib import import_module
from typing import Any

from .core.handles import Handle
from .core.loop import Loop
from .core.timers import TimerHandle
from .interface import AbstractEventLoop
from .net import (
    connect,
    endpoints,
    fork,
    listening,
    pipes,
    readiness,
    resolver,
    seats,
    sendfile,
    sockets,
    subprocesses,
    tls,
    unix,
)
from .net.signals import Signals
from .net.wakeup import Wakeup
from .support import current
from .support.watch import CheckedQueue
from .sync import threads
from .sync.asyncgens import AsyncGenerators
from .sync.observed import observe
from .sync.running import run_until_complete

__all__ = ["EventLoop"]


class EventLoop(Loop, threads.ExecutorState, AbstractEventLoop):  # type: ignore[misc]
    """An event loop on `selectors`, for programs of either library.

    *selector* says what may happen outside (default: the platform's best),
    *clock* returns the time in seconds (default: ``time.monotonic``), *chooser*
    picks the index of the entry to run next (default: the oldest) and *observer*
    is told what happens; see ``support/watch.py`` and ``sync/observed.py``.

    Counterpart: ``asyncio.SelectorEventLoop``.
    """

    _wakeup_class = Wakeup

    def __init__(
        self,
        selector: selectors.BaseSelector | None = None,
        clock: Callable[[], float] | None = None,
        chooser: Callable[[list[Any]], int] | None = None,
        observer: object | None = None,
    ) -> None:
        super().__init__(selector, clock, chooser, observer)
        self._asyncgens = AsyncGenerators(self)
        #: By descriptor: its transport (a weak reference); its seat, if it was waited for;
        #: what takes from it without running anything of the program's; and its handle, if
        #: it is only read from.  See ``net/readiness.py`` and ``net/seats.py``.
        self._transports: dict[int, Any] = {}
        self._seats: dict[int, Any] = {}
        self._takers: dict[int, Any] = {}
        self._readers: dict[int, Handle] = {}
        self._edges = seats.edges_of(self._selector) if selector is None else None
        self._scratch: memoryview | None = None
        self._signals = Signals(self, lambda: self._wakeup.fileno())
        self._wakeup = self._wakeup_class(self, self._signals.arrived)
        fork.remember(self)
        if observer is not None:
            observe(self)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} running={self.is_running()} "
            f"closed={self.is_closed()} debug={self.get_debug()}>"
        )

    def __del__(self) -> None:
        made = hasattr(self, "_wakeup")  # else there were no descriptors left
        if made and not self.is_closed():
            message = f"unclosed event loop {self!r}"
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)
            if not self.is_running():
                self.close()

    def run_until_complete(self, future: Any) -> Any:
        """Run until *future* (or the task made of a coroutine) is done; return its result.

        Raises what the future raises, and RuntimeError when the loop was stopped
        before it was done.
        """
        return run_until_complete(self, future)

    @property
    def _ready(self) -> deque[Any]:
        """The ready queue under asyncio's name: debuggers and test suites look for it."""
        return self.ready

    _waiting = readiness.waiting
    _at_once = seats.at_once

    def _enter(self) -> None:
        super()._enter()
        self._asyncgens.install()

    def _leave(self) -> None:
        self._asyncgens.restore()
        super()._leave()

    def close(self) -> None:
        """Remove what is registered, let the executor go, and free the descriptors.

        Queued callbacks are dropped.  Harmless when the loop is closed already.
        Raises RuntimeError while the loop runs.
        """
        if not self.is_running() and not self.is_closed():
            self._signals.close()
            self._wakeup.close()
            self._seats.clear()
            self._takers.clear()
            self._readers.clear()
            threads.abandon_default_executor(self)
        super().close()
        self.ready = CheckedQueue(self)

    def _write_to_self(self) -> None:
        self._wakeup.wake()

    def why(self, task: Any) -> list[str]:
        """Return lines that say why *task* does not run: what it waits for, who can wake it.

        Raises TypeError when it is no task.  Safe at any time; nothing is changed.
        """
        # The one look upwards: a tool that stands on top of all this, loaded when it is asked for.
        lines: list[str] = import_module("miniloop.study").why(task)
        return lines

    # -- callbacks -------------------------------------------------------------

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """Like `call_soon`, from any thread or signal handler: wakes the loop if it waits."""
        return self._wakeup.call_soon(callback, args, context)

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

    # -- asynchronous generators and executors ---------------------------------

    async def shutdown_asyncgens(self) -> None:
        """Close every asynchronous generator that is still open."""
        await self._asyncgens.shut_down()

    def run_in_executor(
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Return a future for ``func(*args)`` in *executor* (None: the default thread pool).

        Raises RuntimeError when the loop is closed or the default executor shut down.
        """
        return threads.run_in_executor(self, executor, func, *args)

    def set_default_executor(self, executor: ThreadPoolExecutor) -> None:
        """Make *executor* the default one; raises TypeError if it is not a thread pool."""
        threads.set_default_executor(self, executor)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait up to *timeout* seconds (None: for ever) for the default executor to end."""
        await threads.shutdown_default_executor(self, timeout)

    # -- descriptors and signals -----------------------------------------------

    def add_reader(self, fd: Any, callback: Callable[..., object], *args: Any) -> None:
        """Call ``callback(*args)`` whenever *fd* can be read, instead of what was set before.

        Raises RuntimeError when the loop is closed or a transport uses *fd*, and
        ValueError for a bad descriptor.
        """
        readiness.check_free(self, fd)
        readiness.add(self, fd, selectors.EVENT_READ, callback, args)

    def remove_reader(self, fd: Any) -> bool:
        """Stop watching *fd* for reading; return whether it was watched."""
        readiness.check_free(self, fd)
        return readiness.remove(self, fd, selectors.EVENT_READ)

    def add_writer(self, fd: Any, callback: Callable[..., object], *args: Any) -> None:
        """Call ``callback(*args)`` whenever *fd* can be written, instead of what was set before.

        Raises RuntimeError when the loop is closed or a transport uses *fd*, and
        ValueError for a bad descriptor.
        """
        readiness.check_free(self, fd)
        readiness.add(self, fd, selectors.EVENT_WRITE, callback, args)

    def remove_writer(self, fd: Any) -> bool:
        """Stop watching *fd* for writing; return whether it was watched."""
        readiness.check_free(self, fd)
        return readiness.remove(self, fd, selectors.EVENT_WRITE)

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:
        """Call ``callback(*args)`` for each signal *sig*, as the loop calls any callback.

        Raises TypeError or ValueError for a bad signal number, and RuntimeError
        outside the main thread and for signals that cannot be caught.
        """
        self._signals.add(sig, callback, args)

    def remove_signal_handler(self, sig: int) -> bool:
        """Give *sig* its default handling back; return whether there was a handler."""
        return self._signals.remove(sig)

    # -- the network -----------------------------------------------------------
    # Each is a function of the loop, with asyncio's arguments; it says itself what it does.

    sock_recv = sockets.sock_recv  # type: ignore[assignment]
    sock_recv_into = sockets.sock_recv_into
    sock_recvfrom = sockets.sock_recvfrom
    sock_recvfrom_into = sockets.sock_recvfrom_into
    sock_sendall = sockets.sock_sendall
    sock_sendto = sockets.sock_sendto
    sock_connect = sockets.sock_connect
    sock_accept = sockets.sock_accept
    sock_sendfile = sendfile.sock_sendfile  # type: ignore[assignment]

    getaddrinfo = resolver.getaddrinfo  # type: ignore[assignment]
    getnameinfo = resolver.getnameinfo

    create_connection = connect.create_connection
    connect_accepted_socket = connect.connect_accepted_socket
    create_server = listening.create_server  # type: ignore[assignment]
    create_unix_connection = unix.create_unix_connection
    create_unix_server = unix.create_unix_server  # type: ignore[assignment]
    create_datagram_endpoint = endpoints.create_datagram_endpoint  # type: ignore[assignment]
    connect_read_pipe = pipes.connect_read_pipe
    connect_write_pipe = pipes.connect_write_pipe
    _sendfile_native = sendfile.sendfile_native
    _sock_sendfile_native = sendfile.sock_sendfile_native
    sendfile = sendfile.sendfile
    start_tls = tls.start_tls
    subprocess_exec = subprocesses.subprocess_exec
    subprocess_shell = subprocesses.subprocess_shell

    def _make_socket(self, family: int, kind: int, proto: int) -> socket.socket:
        """Return a new socket: all that the loop makes itself come from here."""
        return socket.socket(family=family, type=kind, proto=proto)

    def _stop_serving(self, sock: socket.socket) -> None:
        """Watch *sock*, which listens, no longer, and close it."""
        readiness.remove(self, sock.fileno(), selectors.EVENT_READ)
        sock.close()


current.set_loop_factory(EventLoop)
