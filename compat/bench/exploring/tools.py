"""What explores the schedules of a scenario, each in the way its documentation shows.

A tool takes the place that a loop has in the other benchmarks, so that their machinery of
processes, rounds and tables serves here as well.  What it is given to run is no program,
but the measurement: a coroutine that awaits an `Order`, and goes on when the tool has
carried it out.

Every tool runs the scenario once per schedule, from making a loop to closing it, decides
by random numbers from a seed of that schedule's own, and does its usual checks.  Only the
bare `asyncio.run` decides nothing: it shows what the program itself costs.

Both simloom and simloop collect all garbage after every schedule, which takes the longer
the more objects there are in the process, and is most of what a small schedule costs them.
So a tool's process loads no other tool, and the heap is not frozen, as it is for the other
benchmarks: in a test run nobody does that.

Read next: worlds.py
"""

from __future__ import annotations

import asyncio
import gc
import importlib
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any

from compat.bench.exploring.scenarios import Address
from compat.bench.model import ASYNCIO, Contestant

HERE = "compat.bench.exploring.tools"
BARE = Contestant(ASYNCIO.key, "asyncio", f"{HERE}:Bare")
FIFO = Contestant("asyncio/miniloop-fifo", "asyncio", "compat.bench.exploring.worlds:Fifo")
ANY_ORDER = Contestant("asyncio/miniloop-any", "asyncio", "compat.bench.exploring.worlds:AnyOrder")
SIMLOOM = Contestant("asyncio/simloom", "asyncio", f"{HERE}:Simloom")
SIMLOOP = Contestant("asyncio/simloop", "asyncio", f"{HERE}:Simloop")

OURS = (FIFO, ANY_ORDER)
PEERS = (SIMLOOM, SIMLOOP)

Program = Callable[[Address], Awaitable[None]]
Scenario = Callable[[], Coroutine[Any, Any, None]]


class ExploringError(Exception):
    """A schedule failed, or was not run; says what the tool says of it."""


@dataclass(frozen=True)
class Order:
    """So many schedules of a program, to be awaited.

    Attributes:
        program: called with the address that a server is to listen at.
        runs: how many schedules.
    """

    program: Program
    runs: int

    def __await__(self) -> Generator[Order, None, None]:
        """Have the tool carry it out.  Raises ExploringError inside the tool."""
        yield self


class Tool:
    """Something that explores schedules, in the place of a loop.

    Attributes:
        address: what a server is to listen at; its port is taken where it is simulated.
    """

    address = ("127.0.0.1", 8080)

    def run_until_complete(self, measurement: Coroutine[Order, None, Any]) -> Any:
        """Carry out what *measurement* orders, and return what it returns.

        Raises:
            ExploringError: a schedule failed, as none is supposed to.
        """
        gc.unfreeze()
        try:
            while True:
                order = measurement.send(None)
                self.explore(self._scenario(order.program), order.runs)
        except StopIteration as ended:
            return ended.value
        finally:
            measurement.close()

    def close(self) -> None:
        """Do nothing: no schedule leaves anything."""

    def explore(self, scenario: Scenario, runs: int) -> None:
        """Run *scenario* in so many schedules; raises ExploringError when one fails."""
        raise NotImplementedError

    def _scenario(self, program: Program) -> Scenario:
        async def scenario() -> None:
            await program(self.address)

        return scenario


# The heading of the table names a class by its module, and adds the version of the package
# that this is from: so each class bears the name of the package that it stands for.


class Bare(Tool):
    """No tool at all: ``asyncio.run``, over and over, over real sockets."""

    __module__ = "asyncio"
    address = ("127.0.0.1", 0)

    def explore(self, scenario: Scenario, runs: int) -> None:
        """Run *scenario* so many times; whatever it raises ends that."""
        for _ in range(runs):
            asyncio.run(scenario())


class Simloom(Tool):
    """``simloom.explore`` with its random scheduler."""

    __module__ = "simloom"

    def __init__(self) -> None:
        """Raises ImportError if it is not installed."""
        self._explore = importlib.import_module("simloom").explore

    def explore(self, scenario: Scenario, runs: int) -> None:
        """Run *scenario* under so many seeds; raises ExploringError when one fails."""
        found = self._explore(scenario, runs=runs)
        if found.failed:
            raise ExploringError(found.summary())


class Simloop(Tool):
    """``simloop.explore`` with its random policy."""

    __module__ = "simloop"
    address = ("driver", 8080)  # what the machine of a program that names none is called

    def __init__(self) -> None:
        """Raises ImportError if it is not installed."""
        self._explore = importlib.import_module("simloop").explore

    def explore(self, scenario: Scenario, runs: int) -> None:
        """Run *scenario* under so many seeds; raises ExploringError when one fails."""
        report = self._explore(scenario, range(runs))
        if report is not None:
            raise ExploringError(f"{report.render()}\n{report.exception!r}")
