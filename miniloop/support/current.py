"""Which loop is meant when none is named, and how a new one is made.

The slots themselves are shared with asyncio (see ``interface.py``), so either
library finds what the other has set.

Where it differs from asyncio
    `get_event_loop` outside a running loop makes a loop in the main thread if
    none was ever set, silently and on every interpreter: old programs start
    with it.  asyncio warns from 3.12 on and raises from 3.14 on.

Read next: states.py
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..interface import (
    AbstractEventLoop,
    _get_running_loop,
    get_running_loop,
    get_thread_loop,
    set_thread_loop,
)

__all__ = [
    "get_event_loop",
    "get_running_loop",
    "new_event_loop",
    "set_event_loop",
    "set_loop_factory",
]

_loop_factory: Callable[[], AbstractEventLoop]


def set_loop_factory(factory: Callable[[], AbstractEventLoop]) -> None:
    """Have `new_event_loop` call *factory*; the package itself sets it to EventLoop."""
    global _loop_factory
    _loop_factory = factory


def new_event_loop() -> AbstractEventLoop:
    """Return a new event loop.  Counterpart: ``asyncio.new_event_loop``."""
    return _loop_factory()


def set_event_loop(loop: AbstractEventLoop | None) -> None:
    """Make *loop* this thread's loop, for `get_event_loop` of either library.

    Raises TypeError when *loop* is neither None nor an event loop.
    Counterpart: ``asyncio.set_event_loop``.
    """
    set_thread_loop(loop)


def get_event_loop() -> AbstractEventLoop:
    """Return the running loop, or the one that was set, or (in the main thread) a new one.

    Raises RuntimeError in another thread without a loop, and where None was set
    as the loop.  Counterpart: ``asyncio.get_event_loop``.
    """
    loop = _get_running_loop() or get_thread_loop()
    if loop is None:
        thread = threading.current_thread()
        if thread is not threading.main_thread():
            raise RuntimeError(f"There is no current event loop in thread {thread.name!r}.")
        loop = new_event_loop()
        set_thread_loop(loop)
    return loop
