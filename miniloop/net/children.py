"""Waiting for the end of a child process without blocking, and without signals.

Two ways.  A *pidfd* is a descriptor of the process, which the loop's selector
finds readable once the process has ended: no thread, no signal, any number of
children.  Where the system has none (before Linux 5.3, not on Linux, forbidden
by a sandbox) a thread per child waits, and tells the loop.

States of a child
    running -- ends ----> ended
    ended   -- reaped --> reaped

Invariants
    The thread waits, but the loop's own thread reaps, and writes the exit status
    into the ``Popen`` object in the same breath: nobody can send a signal to a
    process id that is free again and may be another process' already.
    Children of others are not touched, and SIGCHLD is left alone.

Where it differs from asyncio
    Watching is a method of the loop's, not of a policy's child watcher, of which
    asyncio had seven.

Read next: subprocesses.py
"""

from __future__ import annotations

import functools
import itertools
import os
import subprocess
import threading
import weakref
from collections.abc import Callable
from typing import Any

from ..support import describe

__all__ = ["TRANSITIONS", "can_use_pidfd", "watch"]

TRANSITIONS = (
    ("running", "ends", "ended"),
    ("ended", "reaped", "reaped"),
)

#: What is reported for a child whose exit status somebody else has taken.
UNKNOWN = 255

_next_number = itertools.count().__next__


@functools.cache
def can_use_pidfd() -> bool:
    """Return True if this system has descriptors of processes and lets us open them."""
    if not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid(), 0))
    except OSError:  # too old a kernel, or a sandbox forbids it
        return False
    return True


def watch(loop: Any, process: subprocess.Popen[bytes], callback: Callable[[int], object]) -> None:
    """Have *loop* call ``callback(returncode)``, in a turn of its own, when *process* has ended."""
    if can_use_pidfd():
        try:
            _ByDescriptor(loop, process, callback)
        except OSError:
            pass  # no descriptor is left for it; a thread needs none
        else:
            return
    _ByThread(loop, process, callback)


class _ByDescriptor:
    """Watches one child by its pidfd; lives as long as the loop watches that."""

    def __init__(
        self, loop: Any, process: subprocess.Popen[bytes], callback: Callable[[int], object]
    ) -> None:
        self._loop = loop
        self._process = process
        self._callback = callback
        self._descriptor = os.pidfd_open(process.pid, 0)
        loop.add_reader(self._descriptor, self._ended)

    def __del__(self) -> None:
        # The loop was closed before the child has ended.
        if getattr(self, "_descriptor", -1) != -1:
            os.close(self._descriptor)

    def _ended(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        self._loop.call_soon(self._callback, _reap(self._loop, self._process))


class _ByThread:
    """Watches one child by a thread; lives as long as the loop, which holds it."""

    def __init__(
        self, loop: Any, process: subprocess.Popen[bytes], callback: Callable[[int], object]
    ) -> None:
        self._loop = loop
        self._process = process
        self._callback = callback
        _held_by(loop).add(self)
        name = f"asyncio-waitpid-{_next_number()}"
        # The thread must not keep alive what its end would be told to.
        watcher = weakref.ref(self)
        threading.Thread(target=_wait, name=name, args=(process, watcher), daemon=True).start()

    def tell(self) -> bool:
        """Called by the thread: the child has ended; return whether the loop can be told."""
        try:
            self._loop.call_soon_threadsafe(self._ended)
        except RuntimeError:
            pid = self._process.pid
            describe.logger.warning("Loop %r that handles pid %r is closed", self._loop, pid)
            return False
        return True

    def _ended(self) -> None:
        _held_by(self._loop).discard(self)
        self._loop.call_soon(self._callback, _reap(self._loop, self._process))


def _held_by(loop: Any) -> set[_ByThread]:
    held: set[_ByThread] = vars(loop).setdefault("_children", set())
    return held


def _wait(process: subprocess.Popen[bytes], watcher: weakref.ref[_ByThread]) -> None:
    try:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    except ChildProcessError:
        pass  # somebody else has reaped it; whoever reaps it here finds out
    waiting = watcher()
    if waiting is None or not waiting.tell():
        process.poll()


def _reap(loop: Any, process: subprocess.Popen[bytes]) -> int:
    """Take the exit status of *process*, which has ended, and tell its Popen object."""
    if process.returncode is None:
        try:
            _, status = os.waitpid(process.pid, 0)
        except ChildProcessError:
            describe.logger.warning(
                "child process pid %d exit status already read:  will report returncode %d",
                process.pid,
                UNKNOWN,
            )
            process.returncode = UNKNOWN
        else:
            process.returncode = os.waitstatus_to_exitcode(status)
            if loop.get_debug():
                describe.logger.debug(
                    "process %s exited with returncode %s", process.pid, process.returncode
                )
    return process.returncode
