"""What a forked child has of its parent's loops: copies that share nothing with the originals.

After a fork both processes hold the same kernel objects.  What the child does to
an epoll object that it shares, the parent's selector sees: a child that closes its
copy of a loop would take the parent's descriptors off.  And a byte that the child
writes into a shared pair of wake-up sockets wakes the parent.  So each copy gets
an epoll object and wake-up sockets of its own, as soon as the child begins.

What is left of a loop in the child
    No loop is announced as running, and none is set for the thread.
    What was registered still is: a program may make its loop and its servers,
    fork, and run the loop in each child.
    A loop that ran in another thread can be closed: that thread is not here.
    The threads of the default executor are not here either; there will be others.
    Signals go to no loop that was running.

Where it differs from asyncio
    There the copy shares epoll and wake-up sockets with the original, and before
    3.12 signals that the child gets arrive in the parent.

Read next: seats.py
"""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import signal
import threading
import weakref
from typing import Any

from ..interface import _set_running_loop, current_tasks, forget_thread_loop
from . import readiness, seats

__all__ = ["remember"]

_loops: weakref.WeakSet[Any] = weakref.WeakSet()


def remember(loop: Any) -> None:
    """Have children that are forked from now on get a copy of *loop* of their own."""
    _loops.add(loop)


def _in_child() -> None:
    """Called by the interpreter in a new child, before anything else runs there."""
    _set_running_loop(None)
    loops = [loop for loop in _loops if not loop.is_closed()]
    forget_thread_loop(loops)
    _forget_signals({loop._wakeup.fileno() for loop in loops})
    for loop in loops:
        _separate(loop)


def _forget_signals(descriptors: set[int]) -> None:
    """Have the interpreter write signals into none of *descriptors*, which are the parent's."""
    with contextlib.suppress(ValueError):  # only the main thread can
        descriptor = signal.set_wakeup_fd(-1)
        if descriptor not in descriptors:
            signal.set_wakeup_fd(descriptor)  # somebody else's


def _separate(loop: Any) -> None:
    """Give the copy *loop* kernel objects of its own instead of the parent's."""
    if loop._thread_id != threading.get_ident():
        loop._thread_id = None
        current_tasks.pop(loop, None)
    loop._default_executor = None
    if seats.edges_of(loop._selector) is not None:
        _replace_epoll(loop)
    loop._wakeup.renew()
    if not loop.is_running():
        loop._signals.renew()


def _replace_epoll(loop: Any) -> None:
    """Register what is registered with another epoll object, and let go of the parent's."""
    selector = loop._selector
    own, shared = select.epoll(), selector._selector
    for key in selector.get_map().values():
        mask = select.EPOLLIN if key.events & selectors.EVENT_READ else 0
        mask |= select.EPOLLOUT if key.events & selectors.EVENT_WRITE else 0
        if key.fd in loop._seats and key.events == selectors.EVENT_READ:
            mask = readiness.SEAT  # told of changes only, like the seat in the parent
        with contextlib.suppress(OSError):  # closed without a word, as epoll takes it
            own.register(key.fd, mask)
    # Whoever has the selector's methods at hand goes on with the new object.
    selector._selector = own
    shared.close()
    if loop._edges is not None:
        loop._edges = own


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
