"""The loops that take the place of asyncio's, and how they are counted.

Counting is done in ``__new__``: it leaves no frame behind in the tracebacks that
the tests look at, and works for subclasses that tests make.
"""

from __future__ import annotations

import asyncio
import importlib
from asyncio import unix_events
from collections import Counter
from typing import Any

from .cells import Target

__all__ = ["LOOPS", "PUBLIC_NAMES", "count", "install", "load"]

#: What the control and comparison loops are made of.
LOOPS = {"control": "asyncio:SelectorEventLoop", "uvloop": "uvloop:Loop"}

#: The loop classes that a program may name.
PUBLIC_NAMES = ("EventLoop", "SelectorEventLoop")


def count(owner: Any, made: Counter[str], what: str) -> None:
    """Count in *made*, under *what*, each object of class *owner* or of a subclass."""

    def __new__(cls: Any, *_args: Any, **_options: Any) -> Any:  # noqa: N807 - it becomes one
        made[what] += 1
        return object.__new__(cls)

    owner.__new__ = __new__


def load(target: Target, made: Counter[str]) -> Any:
    """Return the loop class of *target*, a class that counts its instances in *made*."""
    if target == "miniloop":
        miniloop: Any = importlib.import_module("miniloop")
        count(miniloop.EventLoop, made, "loops")
        count(miniloop.Future, made, "futures")
        count(miniloop.Task, made, "tasks")
        return miniloop.EventLoop
    module, name = LOOPS[target].split(":")
    base = getattr(importlib.import_module(module), name)

    class CountedLoop(base):  # type: ignore[misc]
        _default_executor = None  # the tests' own clean-up looks at it, and uvloop hides its

        def __init__(self, selector: Any = None) -> None:
            made["loops"] += 1
            super().__init__(*(() if selector is None or target == "uvloop" else (selector,)))

    return CountedLoop


def install(loop_class: Any, *, as_base: bool) -> None:
    """Make *loop_class* what asyncio makes whenever it makes a loop by a public name.

    That covers new_event_loop, run, Runner, IsolatedAsyncioTestCase, the default
    policy, SelectorEventLoop(...) and, from 3.13, EventLoop(...).  With *as_base* also
    ``asyncio.BaseEventLoop``, which tests make to set mocks in it: that asks more of
    a loop than asyncio's own other loops can do.  ``base_events.BaseEventLoop`` stays,
    since the tests' own loop with a simulated clock is derived from it.
    """
    policy: Any = unix_events.DefaultEventLoopPolicy
    policy._loop_factory = loop_class
    for module in (asyncio, unix_events):
        for name in PUBLIC_NAMES:
            if hasattr(module, name):
                setattr(module, name, loop_class)
    if as_base:
        asyncio.BaseEventLoop = loop_class  # type: ignore[misc]
