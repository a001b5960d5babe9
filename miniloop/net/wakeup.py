"""Waking a loop that waits in its selector, from a thread or a signal handler.

A pair of connected sockets: a byte written to one end makes the other readable,
and the selector returns.  The bytes themselves mean nothing, unless the
interpreter wrote them: then each is the number of a signal (see ``signals.py``).

Read next: signals.py
"""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Callable
from contextvars import Context
from typing import Any

from ..core.handles import Handle
from ..support import describe
from ..support.watch import check_call
from . import readiness

__all__ = ["Wakeup"]


class _End(socket.socket):
    """One end of the pair.

    A loop that was never closed is collected together with its sockets, in any
    order: they close without a word then, since the loop itself gives the warning.
    """

    def __del__(self) -> None:
        self.close()


class Wakeup:
    """The pair of sockets of one loop; *on_bytes* is called with what arrived."""

    def __init__(self, loop: Any, on_bytes: Callable[[bytes], object]) -> None:
        self._loop = loop
        self._on_bytes = on_bytes
        self._open()

    def _open(self) -> None:
        self._reader, self._writer = (_End(fileno=s.detach()) for s in socket.socketpair())
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        readiness.add(self._loop, self._reader.fileno(), selectors.EVENT_READ, self._arrived, ())

    def renew(self) -> None:
        """Take another pair: this one is also another process'."""
        self.close()
        self._open()

    def fileno(self) -> int:
        """Return the descriptor to write to; -1 once closed."""
        return self._writer.fileno()

    def wake(self) -> None:
        """Make the selector return at once; safe from any thread and from signal handlers."""
        try:
            self._writer.send(b"\0")
        except BlockingIOError:
            pass  # it is full, so the loop will wake anyway
        except OSError:
            # The loop is being closed by its own thread, which is not an error here.
            if self._loop.get_debug():
                describe.logger.debug("Fail to write a null byte into the self-pipe", exc_info=True)

    def call_soon(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
    ) -> Handle:
        """Put *callback* into the ready queue, from whatever thread, and wake the loop."""
        loop = self._loop
        if loop._careful or callback is None:
            check_call(loop, callback, "call_soon_threadsafe", any_thread=True)
        handle = Handle(callback, args, loop, context)
        if handle._source_traceback:
            del handle._source_traceback[-2:]
        # A deque is safe from any thread; that of debug mode asks for the thread otherwise.
        getattr(loop.ready, "append_from_thread", loop.ready.append)(handle)
        loop._write_to_self()
        return handle

    def close(self) -> None:
        """Close both ends."""
        if self._reader.fileno() >= 0:  # not collected already
            readiness.remove(self._loop, self._reader.fileno(), selectors.EVENT_READ)
        self._reader.close()
        self._writer.close()

    def _arrived(self) -> None:
        with contextlib.suppress(BlockingIOError, InterruptedError):
            while data := self._reader.recv(4096):
                self._on_bytes(data)
