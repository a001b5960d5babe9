"""The loops on which every test of this floor runs, and how an `async def` is run on one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from typing import Any, TypeVar

import pytest

from miniloop import EventLoop

__all__ = ["Run", "on_every_loop"]

T = TypeVar("T")


class Run:
    """Runs coroutines on the loops that *factory* makes."""

    def __init__(self, factory: Callable[[], Any]) -> None:
        self._factory = factory

    def __call__(self, main: Coroutine[Any, Any, T], seconds: float = 60.0) -> T:
        with asyncio.Runner(loop_factory=self._factory) as runner:
            return runner.run(asyncio.wait_for(main, seconds))


def _loops() -> dict[str, Callable[[], Any]]:
    loops: dict[str, Callable[[], Any]] = {"asyncio": asyncio.SelectorEventLoop}
    loops["miniloop"] = EventLoop
    if find_spec("uvloop"):
        import uvloop

        loops["uvloop"] = uvloop.new_event_loop
    return loops


LOOPS = _loops()
on_every_loop = pytest.mark.parametrize("run", [Run(made) for made in LOOPS.values()], ids=[*LOOPS])
