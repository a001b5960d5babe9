"""A scenario with a library, run on asyncio's loop and on ours: what it saw, what it left.

A scenario is ``async def scenario(say)``: it says facts, in an order that does not
depend on how fast anything is.  `same` plays it on both loops, requires the same
facts in the same order, and returns them.  `play` requires besides that nothing is left:
no task, no descriptor, no thread, nothing registered with the selector, no
ResourceWarning.  What a library logs as an error and what the loop is told of are the
last facts.

Read next: serving.py
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import re
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeAlias

import pytest

from miniloop import EventLoop

__all__ = ["LOOPS", "Say", "Scenario", "cases", "outcome", "play", "same", "words"]

Say: TypeAlias = Callable[..., None]
Scenario: TypeAlias = Callable[[Say], Coroutine[Any, Any, None]]

#: asyncio's own loop and ours.
LOOPS: dict[str, Callable[[], Any]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "miniloop": EventLoop,
}

#: Seconds after which a scenario counts as hanging; no scenario waits for it.
PATIENCE = 30
#: Seconds that a scenario's last connections may take to be gone.
SETTLING = 10.0


class _Uvloop(ModuleType):
    """Stands where uvloop would be found, and keeps the names that somebody asks it for."""

    def __init__(self) -> None:
        super().__init__("uvloop")
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        raise AttributeError(name)


class _Errors(logging.Handler):
    """Keeps what libraries log as an error, without the parts that are filled in."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.facts: list[tuple[str, ...]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "asyncio" and not record.name.startswith("miniloop"):
            self.facts.append(("logged", record.name, str(record.msg)))


def cases(scenarios: Sequence[Any], *debug: Any) -> pytest.MarkDecorator:
    """Return what has a test run with each of *scenarios*, and with *debug* in debug mode."""
    plain = [pytest.param(each, False, id=each.__name__) for each in scenarios]
    slow = [pytest.param(each, True, id=f"{each.__name__}-debug") for each in debug]
    return pytest.mark.parametrize(("scenario", "debug"), plain + slow)


def same(scenario: Scenario, *, debug: bool = False) -> list[Any]:
    """Play *scenario* on both loops, in their debug mode if *debug*; return what both saw.

    Fails when they saw different things, or when one left something behind.
    """
    seen = {name: play(factory, scenario, debug=debug) for name, factory in LOOPS.items()}
    assert seen["miniloop"] == seen["asyncio"]
    assert seen["miniloop"], "a scenario that says nothing shows nothing"
    return seen["miniloop"]


def play(
    factory: Callable[[], Any],
    scenario: Scenario,
    *,
    debug: bool = False,
    run: Callable[..., None] | None = None,
) -> list[Any]:
    """Run *scenario* on a loop of *factory*; return the facts it said.

    *run* is what runs a coroutine function's call on such a loop (default: an
    ``asyncio.Runner``).  Raises what the scenario raises.
    """
    facts: list[Any] = []
    reported: list[dict[str, Any]] = []

    def say(*fact: Any) -> None:
        facts.append(fact[0] if len(fact) == 1 else fact)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert type(loop) is (factory if isinstance(factory, type) else type(loop))
        assert loop.get_debug() == debug
        loop.set_exception_handler(lambda _, context: reported.append(context))
        async with asyncio.timeout(PATIENCE):
            await scenario(say)
        assert asyncio.get_running_loop() is loop
        await _settled(loop)

    with _nothing_left(), _no_uvloop(), _logged() as logged:
        if run is not None:
            run(main, factory, debug)
        else:
            with asyncio.Runner(loop_factory=factory, debug=debug) as runner:
                runner.run(main())
    facts.extend(sorted(logged))
    facts.extend(sorted(("reported", each["message"], _kind(each)) for each in reported))
    return facts


def _kind(context: dict[str, Any]) -> str:
    """Return the type of the exception that was reported to a loop."""
    return type(context.get("exception")).__name__


async def _settled(loop: Any) -> None:
    """Wait until no task but this one is left, and nothing but the wake-up is registered.

    What was closed last may need some turns; after `SETTLING` it is a leak.
    """
    end = loop.time() + SETTLING
    while True:
        tasks = asyncio.all_tasks(loop) - {asyncio.current_task()}
        registered = list(loop._selector.get_map().values())
        if not tasks and len(registered) <= 1:
            return
        assert loop.time() < end, f"left behind: {tasks or registered}"
        await asyncio.sleep(0.005)


@contextmanager
def _logged() -> Iterator[list[tuple[str, ...]]]:
    """Keep the errors that libraries log."""
    handler = _Errors()
    logging.getLogger().addHandler(handler)
    try:
        yield handler.facts
    finally:
        logging.getLogger().removeHandler(handler)


@contextmanager
def _no_uvloop() -> Iterator[None]:
    """Fail when somebody asks uvloop for anything."""
    before = sys.modules.get("uvloop")
    there = sys.modules["uvloop"] = _Uvloop()
    try:
        yield
    finally:
        if before is None:
            del sys.modules["uvloop"]
        else:
            sys.modules["uvloop"] = before
    assert not there.asked, f"uvloop was asked for {there.asked}"


@contextmanager
def _nothing_left() -> Iterator[None]:
    """Fail when descriptors or threads are left; what is collected may warn here."""
    before, threads = _descriptors(), set(threading.enumerate())
    yield
    gc.collect()
    for thread in set(threading.enumerate()) - threads:
        thread.join(SETTLING)
        assert not thread.is_alive(), f"{thread} is left"
    left = _descriptors() - before
    assert not left, f"left open: {left}"


def _descriptors() -> Counter[str]:
    """Return what the open descriptors of this process lead to: sockets, pipes, files."""
    found: Counter[str] = Counter()
    for name in os.listdir("/proc/self/fd"):
        try:
            found[os.readlink(f"/proc/self/fd/{name}")] += 1
        except FileNotFoundError:
            pass  # that of the listing itself
    return found


async def outcome(awaitable: Awaitable[Any]) -> Any:
    """Await *awaitable*; return its result, or the type and the words of what it raised."""
    try:
        return await awaitable
    except Exception as error:
        return words(error)


def words(error: BaseException) -> tuple[str, str]:
    """Return the type and the text of *error* without what differs between runs."""
    text = re.sub(r"0x[0-9a-f]+", "0x", str(error))
    return type(error).__name__, re.sub(r"\b\d{4,5}\b", "PORT", text)
