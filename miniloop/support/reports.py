"""Where an exception goes that nobody can catch: the loop's exception handler.

Callbacks, futures that are dropped with an exception inside, tasks destroyed
while pending: they all end in ``loop.call_exception_handler(context)``, and
`Reports` is what stands behind it.

Read next: watch.py
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from . import describe

__all__ = ["BY_ITSELF", "Reports", "Unretrieved", "report_unretrieved"]

#: A task has a `__del__` anyway: it needs nobody to say that its exception was not seen.
BY_ITSELF = SimpleNamespace()


class Reports:
    """The exception handler of one loop, and the default one."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self.handler: Callable[[Any, dict[str, Any]], object] | None = None

    def set_handler(self, handler: Callable[[Any, dict[str, Any]], object] | None) -> None:
        """Have ``handler(loop, context)`` called; None brings the default one back.

        Raises TypeError when *handler* is neither callable nor None.
        """
        if handler is not None and not callable(handler):
            raise TypeError(f"A callable object or None is expected, got {handler!r}")
        self.handler = handler

    def log(self, context: dict[str, Any]) -> None:
        """Log *context* as an error, with the traceback of its exception."""
        error = context.get("exception")
        watch = self._loop._watch
        if "source_traceback" not in context and watch is not None:
            stack = getattr(watch.entry, "_source_traceback", None)
            if stack:
                context["handle_traceback"] = stack
        describe.logger.error(
            describe.report(context, self._loop.get_debug()),
            exc_info=(type(error), error, error.__traceback__) if error is not None else False,
        )

    def report(self, context: dict[str, Any]) -> None:
        """Call the handler that is set, in the context of what failed, or the default one.

        A handler that raises is itself reported; only KeyboardInterrupt and
        SystemExit come out.
        """
        if self.handler is None:
            self._log_safely(context, "Exception in default exception handler")
            return
        subject = next(
            (context[key] for key in ("task", "future", "handle") if context.get(key) is not None),
            None,
        )
        try:
            run = getattr(getattr(subject, "get_context", lambda: None)(), "run", None)
            if run is not None:
                run(self.handler, self._loop, context)
            else:
                self.handler(self._loop, context)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._log_safely(
                {
                    "message": "Unhandled error in exception handler",
                    "exception": error,
                    "context": context,
                },
                "Exception in default exception handler while handling an unexpected error "
                "in custom exception handler",
            )

    def _log_safely(self, context: dict[str, Any], message: str) -> None:
        try:
            # Through the loop: a subclass may have a default handler of its own.
            self._loop.default_exception_handler(context)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            describe.logger.error(message, exc_info=True)


class Unretrieved:
    """Says at its own end that nobody has seen the exception of the future it belongs to.

    A ``__del__`` makes every object of its class dearer to free, and futures are
    made by the million; this way only one that failed pays.  The *future* is gone
    when this speaks, so it reports a likeness of it, made of its *slots*.

    Younger than the future, it may be finalized before others that are collected in the
    same cycle and look at the exception when they end, as asyncio's stream protocols do.
    So in a collection it waits until that is over.
    """

    __slots__ = ("armed", "attributes", "kind", "slots")

    def __init__(self, future: Any, slots: tuple[str, ...]) -> None:
        self.armed = True
        self.kind = type(future)
        self.attributes = dict(future.__dict__)
        self.slots = {name: getattr(future, name) for name in slots if name[:2] != "__"}
        if _collection not in gc.callbacks:
            gc.callbacks.append(_collection)

    def __del__(self) -> None:
        if self.armed:
            if _collecting:
                _postponed.append(self)
            else:
                self.tell()

    def tell(self) -> None:
        """Tell the loop that nobody has seen the exception."""
        likeness = object.__new__(self.kind)
        likeness.__dict__.update(self.attributes)
        for name, value in self.slots.items():
            setattr(likeness, name, value)
        report_unretrieved(likeness)


#: Whether cycles are being collected, and who has ended in that collection.
_collecting = False
_postponed: list[Unretrieved] = []


def _collection(phase: str, _info: dict[str, int]) -> None:
    """A collection of cycles begins, or is over: nobody else will look any more."""
    global _collecting
    _collecting = phase == "start"
    while not _collecting and _postponed:
        ended = _postponed.pop(0)
        if ended.armed:
            ended.tell()


def report_unretrieved(future: Any) -> None:
    """Tell the loop that *future* failed and nobody looked."""
    context = {
        "message": f"{type(future).__name__} exception was never retrieved",
        "exception": future._exception,
        "future": future,
    }
    if future._source_traceback:
        context["source_traceback"] = future._source_traceback
    future._loop.call_exception_handler(context)
