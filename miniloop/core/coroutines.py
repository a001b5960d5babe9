"""What a coroutine is, and the one thing it may do to the loop: yield.

A coroutine talks to the loop by what it yields:

    ``None``        one more turn: the task goes to the end of the ready queue
    a future        wake me when it is done (it comes from ``await future``)
    anything else   a mistake; the task gets a RuntimeError at that very place

Where it differs from asyncio
    `coroutine` is here for good: asyncio removed its own in 3.11, and with it the
    generators that so many texts explain the loop with.

Read next: handles.py
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import types
from collections.abc import Callable
from typing import Any

from ..interface import coroutine_marker

__all__ = ["coroutine", "iscoroutine", "iscoroutinefunction"]


def coroutine(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return *function* as a coroutine function, whether or not it is a generator function.

    A generator function may then use bare ``yield`` (one turn of the loop) and
    ``yield from`` (await); what it returns can be awaited and made a task.  Of a
    plain function the result is awaited, if it can be.
    Counterpart: ``asyncio.coroutine`` up to Python 3.10, and ``types.coroutine``.
    """
    if inspect.iscoroutinefunction(function):
        return function
    if inspect.isgeneratorfunction(function):
        wrapped = types.coroutine(function)
    else:

        @functools.wraps(function)
        @types.coroutine
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            if inspect.isawaitable(result) or inspect.isgenerator(result):
                result = yield from result  # type: ignore[misc]
            return result

    wrapped._is_coroutine = coroutine_marker  # type: ignore[attr-defined]
    return wrapped


def iscoroutinefunction(func: object) -> bool:
    """Return True if *func* is an ``async def`` function or was marked by `coroutine`.

    Counterpart: ``asyncio.iscoroutinefunction``.
    """
    return (
        inspect.iscoroutinefunction(func)
        or getattr(func, "_is_coroutine", None) is coroutine_marker
    )


def iscoroutine(obj: object) -> bool:
    """Return True if *obj* is a coroutine object: one that a task can drive.

    That is the coroutine of an ``async def``, a generator made under `coroutine`,
    or an instance of ``collections.abc.Coroutine``.  Counterpart: ``asyncio.iscoroutine``.
    """
    if isinstance(obj, types.GeneratorType):
        return bool(obj.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE)
    return isinstance(obj, types.CoroutineType | collections.abc.Coroutine)
