"""Generators and other awaitables as coroutines, for tasks of whatever loop.

Read next: current.py
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Awaitable, Generator
from typing import Any, TypeVar

__all__ = ["as_coroutine"]

T = TypeVar("T")


@types.coroutine
def _delegate(generator: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
    return (yield from generator)


async def _drive(awaitable: Awaitable[T]) -> T:
    return await awaitable


def as_coroutine(subject: Any) -> Any:
    """Return a coroutine that does what *subject* (an awaitable or a generator) does."""
    return _drive(_delegate(subject) if inspect.isgenerator(subject) else subject)
