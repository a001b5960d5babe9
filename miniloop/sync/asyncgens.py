"""Asynchronous generators that are still open: who closes them.

The interpreter tells a running loop of every asynchronous generator that begins
(so that the loop can close it at the end) and of every one that is dropped
before its end (so that the loop can close it now: only inside a task can its
``finally`` blocks await).

Read next: runners.py
"""

from __future__ import annotations

import sys
import warnings
import weakref
from collections.abc import AsyncGenerator
from typing import Any

from .combinators import gather

__all__ = ["AsyncGenerators"]


class AsyncGenerators:
    """The open asynchronous generators of one loop."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._open: weakref.WeakSet[AsyncGenerator[Any, Any]] = weakref.WeakSet()
        self._shut_down = False
        self._hooks_before: Any = (None, None)

    def install(self) -> None:
        """Have the interpreter tell this loop; what was installed before is kept."""
        self._hooks_before = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=self._begun, finalizer=self._dropped)

    def restore(self) -> None:
        """Have the interpreter tell whoever was told before `install`."""
        sys.set_asyncgen_hooks(*self._hooks_before)

    def _begun(self, generator: AsyncGenerator[Any, Any]) -> None:
        if self._shut_down:
            warnings.warn(
                f"asynchronous generator {generator!r} was scheduled after "
                "loop.shutdown_asyncgens() call",
                ResourceWarning,
                source=self._loop,
                stacklevel=2,
            )
        self._open.add(generator)

    def _dropped(self, generator: AsyncGenerator[Any, Any]) -> None:
        self._open.discard(generator)
        if not self._loop.is_closed():
            # The garbage collector may run in any thread.
            self._loop.call_soon_threadsafe(self._loop.create_task, generator.aclose())

    async def shut_down(self) -> None:
        """Close every generator that is open; what one raises is reported, not raised."""
        self._shut_down = True
        if not self._open:
            return
        closing = list(self._open)
        self._open.clear()
        results = await gather(
            *[generator.aclose() for generator in closing], return_exceptions=True
        )
        for result, generator in zip(results, closing, strict=True):
            if isinstance(result, Exception):
                self._loop.call_exception_handler(
                    {
                        "message": "an error occurred during closing of "
                        f"asynchronous generator {generator!r}",
                        "exception": result,
                        "asyncgen": generator,
                    }
                )
