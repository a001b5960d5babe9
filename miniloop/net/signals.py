"""Callbacks for signals, called by the loop like any other callback.

The interpreter writes the number of each signal into the loop's wake-up socket
(``signal.set_wakeup_fd``), from where it reaches the loop as a ready descriptor.
The handler installed with the system does nothing: it must only be there, so
that the interpreter takes notice.

Read next: ../eventloop.py
"""

from __future__ import annotations

import contextlib
import errno
import signal
import threading
from collections.abc import Callable
from typing import Any

from ..core import coroutines
from ..core.handles import Handle

__all__ = ["Signals"]


def _nothing(signum: int, frame: object) -> None:
    """Stand in as the system's handler; the loop learns of the signal by its wake-up socket."""


def _check(number: int) -> None:
    if not isinstance(number, int):
        raise TypeError(f"sig must be an int, not {number!r}")
    if number not in signal.valid_signals():
        raise ValueError(f"invalid signal number {number}")


class Signals:
    """The signal handlers of one loop; *fileno* gives its wake-up descriptor."""

    def __init__(self, loop: Any, fileno: Callable[[], int]) -> None:
        self._loop = loop
        self._fileno = fileno
        self._handlers: dict[int, Handle] = {}

    def add(self, sig: int, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        """Have the loop call ``callback(*args)`` for each *sig*, instead of what was set before.

        Raises TypeError or ValueError for a bad signal number or no callback, and
        RuntimeError outside the main thread and for signals that cannot be caught.
        """
        if coroutines.iscoroutine(callback) or coroutines.iscoroutinefunction(callback):
            raise TypeError("coroutines cannot be used with add_signal_handler()")
        if callback is None:
            raise TypeError("a callable object was expected by add_signal_handler(), got None")
        _check(sig)
        self._loop._check_closed()
        try:
            # Raises outside the main thread.
            signal.set_wakeup_fd(self._fileno())
        except (ValueError, OSError) as error:
            raise RuntimeError(str(error)) from None
        handle = Handle(callback, args, self._loop, None)
        self._handlers[sig] = handle
        try:
            signal.signal(sig, _nothing)
            # System calls that the signal interrupts are restarted, as in a program
            # without a handler.
            signal.siginterrupt(sig, False)
        except OSError as error:
            del self._handlers[sig]
            self._release_wakeup()
            if error.errno == errno.EINVAL:
                raise RuntimeError(f"sig {sig} cannot be caught") from None
            raise

    def remove(self, sig: int) -> bool:
        """Give *sig* its default handling back; return whether there was a handler.

        Raises TypeError or ValueError for a bad signal number.
        """
        _check(sig)
        if self._handlers.pop(sig, None) is None:
            return False
        default = signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL
        try:
            signal.signal(sig, default)
        except OSError as error:
            if error.errno == errno.EINVAL:
                raise RuntimeError(f"sig {sig} cannot be caught") from None
            raise
        self._release_wakeup()
        return True

    def arrived(self, data: bytes) -> None:
        """Put the callback of each signal number in *data* into the ready queue."""
        for number in data:
            handle = self._handlers.get(number)
            if handle is None:
                continue  # a zero only wakes the loop
            if handle.cancelled():
                self.remove(number)
            else:
                self._loop.ready.append(handle)
                self._loop._write_to_self()

    def renew(self) -> None:
        """Have signals written to the wake-up descriptor, which is another one than before."""
        if self._handlers:
            with contextlib.suppress(ValueError, OSError):  # only the main thread can
                signal.set_wakeup_fd(self._fileno())

    def close(self) -> None:
        """Remove all handlers; only the main thread can."""
        if threading.current_thread() is threading.main_thread():
            for number in tuple(self._handlers):
                self.remove(number)
        self._handlers.clear()

    def _release_wakeup(self) -> None:
        if not self._handlers:
            with contextlib.suppress(ValueError, OSError):
                signal.set_wakeup_fd(-1)
