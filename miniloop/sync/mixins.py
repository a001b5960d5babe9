"""How an object that tasks wait on finds the loop that it belongs to.

`LoopBound`, the base of every lock and queue.

States
    unbound until somebody has to wait for the first time, then bound to the
    loop that was running at that moment, for ever.

Invariants
    An operation that does not have to wait never looks at the loop: it works
    without one and binds nothing.

Where it differs from asyncio
    ``loop=`` is accepted, as it was up to Python 3.9, and binds at once.

Read next: sleeping.py
"""

from __future__ import annotations

import functools
import threading
from typing import Any

from ..interface import AbstractEventLoop, get_running_loop

_binding = threading.Lock()


class _Done:
    """An awaitable that is done: what has nothing to wait for needs no coroutine."""

    __slots__ = ()
    __await__ = staticmethod(functools.partial(iter, ()))


#: ``await DONE`` goes on at once and gives None.
DONE: Any = _Done()


class LoopBound:
    """An object whose waiters all live on one loop.

    Attributes are set in ``__init__`` and have no default in the class: the
    interpreter's short way to an attribute is closed when both have it.
    """

    _loop: AbstractEventLoop | None

    def _get_loop(self) -> AbstractEventLoop:
        """Return the running loop, after binding this object to it.

        Raises RuntimeError when no loop is running, and when this object is
        bound to another one.
        """
        loop = get_running_loop()
        if loop is not self._loop:
            self._bind(loop)
        return loop

    def _bind(self, loop: AbstractEventLoop) -> None:
        # Two threads may each run a loop and wait here for the first time at
        # once; only one of them may win.
        with _binding:
            if self._loop is None:
                self._loop = loop
        if loop is not self._loop:
            raise RuntimeError(f"{self!r} is bound to a different event loop")


def check_loop(loop: AbstractEventLoop | None, what: str) -> AbstractEventLoop:
    """Return the running loop; an old program's ``loop=`` argument must be that one.

    Raises RuntimeError, with *what* as the subject of its message, when *loop*
    is given and is not the running loop, and when no loop runs.
    """
    running = get_running_loop()
    if loop is not None and loop is not running:
        raise RuntimeError(f"{what} is bound to a different event loop")
    return running
