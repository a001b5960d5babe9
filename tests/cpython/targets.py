"""The loops that take the place of asyncio's, and how they are counted.

Counting is done in ``__new__``: it leaves no frame behind in the tracebacks that
the tests look at, and works for subclasses that tests make.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from asyncio import base_events, coroutines, unix_events
from collections import Counter
from typing import Any
from unittest import mock

from .cells import Target

__all__ = ["LOOPS", "PUBLIC_NAMES", "install", "load", "modules_with", "prepare_miniloop"]

#: What the control and comparison loops are made of.
LOOPS = {"control": "asyncio:SelectorEventLoop", "uvloop": "uvloop:Loop"}

#: The loop classes that a program may name.
PUBLIC_NAMES = ("EventLoop", "SelectorEventLoop")

#: What tests replace in modules of asyncio.
FOLLOWED = ("logger", "os", "socket")


def count(owner: Any, made: Counter[str], what: str) -> None:
    """Count in *made*, under *what*, each object of class *owner* or of a subclass."""

    def __new__(cls: Any, *_args: Any, **_options: Any) -> Any:  # noqa: N807 - it becomes one
        made[what] += 1
        return object.__new__(cls)

    owner.__new__ = __new__


def load(target: Target, made: Counter[str]) -> tuple[Any, Any]:
    """Return the loop class of *target*, counting its instances in *made*, and a base class.

    The latter is what stands in for ``asyncio.BaseEventLoop``.
    """
    if target == "miniloop":
        miniloop: Any = importlib.import_module("miniloop")
        count(miniloop.EventLoop, made, "loops")
        return miniloop.EventLoop, bare(miniloop.EventLoop)
    module, name = LOOPS[target].split(":")
    base: Any = getattr(importlib.import_module(module), name)

    class CountedLoop(base):  # type: ignore[misc, unused-ignore]
        _default_executor = None  # the tests' own clean-up looks at it, and uvloop hides its

        def __init__(self, selector: Any = None) -> None:
            made["loops"] += 1
            super().__init__(*(() if selector is None or target == "uvloop" else (selector,)))

    return CountedLoop, asyncio.BaseEventLoop


def prepare_miniloop(made: Counter[str]) -> None:
    """Count miniloop's futures and tasks in *made*, and have it see what tests patch."""
    miniloop: Any = importlib.import_module("miniloop")
    count(miniloop.Future, made, "futures")
    count(miniloop.Task, made, "tasks")
    # The loop makes its own without a call of the class.
    for module in modules_with("_new"):
        module._new = lambda kind: kind.__new__(kind)
    follow_patches()


class Following:
    """A module or object that tests replace: what *name* is, in asyncio's modules, right now.

    Tests look at what is logged, or have a system call fail, by putting a mock into a
    module of asyncio.  Ours has the same object, but under a name in a module of ours.
    """

    def __init__(self, name: str) -> None:
        self.__places = [vars(module) for module in (base_events, unix_events)]
        self.__name = name
        self.__real = self.__places[0][name]

    def __getattr__(self, name: str) -> Any:
        for place in self.__places:
            if place[self.__name] is not self.__real:
                return getattr(place[self.__name], name)
        return getattr(self.__real, name)


def follow_patches() -> None:
    """Have miniloop see what tests patch in modules of asyncio, debug mode included."""
    for name in FOLLOWED:
        for module in modules_with(name):
            setattr(module, name, Following(name))
    for module in modules_with("_is_debug_mode"):
        module._is_debug_mode = lambda: vars(coroutines)["_is_debug_mode"]()


def modules_with(name: str) -> list[Any]:
    """Return the modules of miniloop that have a global called *name*."""
    return [
        module
        for where, module in sys.modules.items()
        if where.partition(".")[0] == "miniloop" and name in vars(module)
    ]


def bare(loop_class: Any) -> Any:
    """Return the class that stands in for ``asyncio.BaseEventLoop`` in tests.

    They put a mock in the place of its selector, as they may with a loop that has no
    I/O of its own.  Ours has, and asks its selector what is registered.  (asyncio's
    own other loops cannot stand in there at all.)
    """

    class BareLoop(loop_class):  # type: ignore[misc, unused-ignore]
        def __setattr__(self, name: str, value: Any) -> None:
            if name == "_selector" and isinstance(value, mock.Mock):
                value.get_map.return_value = {}
            super().__setattr__(name, value)

    return BareLoop


def install(loop_class: Any, base_class: Any) -> None:
    """Make *loop_class* what asyncio makes whenever it makes a loop by a public name.

    That covers new_event_loop, run, Runner, IsolatedAsyncioTestCase, the default
    policy, SelectorEventLoop(...) and, from 3.13, EventLoop(...).  *base_class* becomes
    ``asyncio.BaseEventLoop``; ``base_events.BaseEventLoop`` stays, since the tests' own
    loop with a simulated clock is derived from it.
    """
    policy: Any = unix_events.DefaultEventLoopPolicy
    policy._loop_factory = loop_class
    for module in (asyncio, unix_events):
        for name in PUBLIC_NAMES:
            if hasattr(module, name):
                setattr(module, name, loop_class)
    asyncio.BaseEventLoop = base_class  # type: ignore[misc]
