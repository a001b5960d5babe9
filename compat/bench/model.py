"""The words of the benchmarks: row, suite, contestant, settings.

A *row* is one kind of work (a line of the table).  Its workload is written once, as a
coroutine function that takes the module whose names it is to use (``asyncio`` or
``miniloop``) and a number of *units*.  A unit is the smallest amount of the work that
makes sense, for instance one batch of a thousand tasks; it holds a fixed number of
*operations*, and time is reported per operation.  A workload that has something to set
up first takes its time itself, and returns a *sample* instead of a count.

A *contestant* is a names module together with something that makes a loop.

A *sample* is the CPU time of one run of one row on one contestant.

Read next: scheduling.py
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Sample:
    """What one run of one row took.

    Attributes:
        seconds: CPU time of the contestant's process, in seconds.
        operations: how many operations were seen being done in it.
        extras: whatever else was measured, by name.
    """

    seconds: float
    operations: int
    extras: dict[str, float] = field(default_factory=dict)


Workload = Callable[[ModuleType, int], Awaitable[int | Sample]]


@dataclass(frozen=True)
class Row:
    """One kind of work.

    Attributes:
        key: what it is called on the command line and in JSON.
        about: what one operation is, in one line.
        per_unit: the number of operations in one unit; 0 if a unit is a time, in which
            as many are done as there is time for.
        workload: called with (names, units); does ``units * per_unit`` operations and
            returns the number that it saw being done, counted where they happen, or
            the sample that it took of them.
        without: the names of those contestants that cannot do it.
    """

    key: str
    about: str
    per_unit: int
    workload: Workload
    without: frozenset[str] = frozenset()

    def operations(self, units: int) -> int:
        """Return the number of operations that a run of so many units has to do."""
        return units * self.per_unit


@dataclass(frozen=True)
class Extra:
    """What a suite measures besides CPU time; gets a table of its own.

    Attributes:
        key: its name in a sample's ``extras`` and in JSON.
        title: what the table says above it, with the unit.
        format: how a median is written, for `format`.
    """

    key: str
    title: str
    format: str = ",.0f"


@dataclass
class Suite:
    """The rows that one benchmark command runs, in the order of the table.

    A suite is the value ``SUITE`` of a module of this package, and is named by that
    module (``compat.bench.scheduling``), so that a child process can import it.

    Attributes:
        title: what it is called.
        rows: by their keys.
        legend: said instead of what each row is, if there are many of a kind.
        extras: what is measured besides CPU time.
        floor: the contestant that does the least that can be done, if there is one.
        against: whom the others are set in relation to, unless asyncio and uvloop.
        fresh: whether every sample needs a process that has done nothing before.
        prepare: called in a child before anything else, with the settings' placement.
        parts: what the two halves of a contestant's key are, for the head of the tables.
    """

    title: str
    rows: dict[str, Row] = field(default_factory=dict)
    legend: str = ""
    extras: tuple[Extra, ...] = ()
    floor: str = ""
    against: tuple[str, ...] = ()
    fresh: bool = False
    prepare: Callable[[str], None] | None = None
    parts: tuple[str, str] = ("names", "loop")

    @property
    def baselines(self) -> tuple[str, ...]:
        """Return the contestants that the others are set in relation to, the floor last."""
        against = self.against or BASELINES
        return (*against, self.floor) if self.floor else against

    def row(self, per_unit: int) -> Callable[[Workload], Workload]:
        """Return a decorator that adds a workload as a row of this suite.

        The row is called as the function is (with hyphens), and the first line of the
        docstring says what one operation is.

        Args:
            per_unit: the number of operations in one unit.
        """

        def add(workload: Workload) -> Workload:
            key = workload.__name__.replace("_", "-")
            about = (workload.__doc__ or key).splitlines()[0].rstrip(".")
            self.rows[key] = Row(key, about, per_unit, workload)
            return workload

        return add


def load_suite(module: str) -> Suite:
    """Return the suite of a module.  Raises ImportError or AttributeError."""
    suite: Suite = importlib.import_module(module).SUITE
    return suite


@dataclass(frozen=True)
class Contestant:
    """Somebody who is measured.

    Attributes:
        key: what it is called, in the form ``names/loop``.
        names: the module whose names the workloads use.
        factory: ``module:attribute``, called without arguments to make a loop.
    """

    key: str
    names: str
    factory: str

    @classmethod
    def parse(cls, text: str) -> Contestant:
        """Read ``[names@]module:Factory``; names are asyncio's unless given.

        Raises:
            ValueError: if there is no colon, or a part is empty.
        """
        names, at, factory = text.rpartition("@")
        names = names if at else "asyncio"
        module, _, attribute = factory.partition(":")
        if not (names and module and attribute):
            raise ValueError(f"{text!r} is not of the form [names@]module:LoopFactory")
        return cls(f"{names}/{factory}", names, factory)

    def load(self) -> tuple[ModuleType, Callable[[], Any]]:
        """Import both halves.  Raises ImportError or AttributeError."""
        names = importlib.import_module(self.names)
        module, _, attribute = self.factory.partition(":")
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
        return names, found


ASYNCIO = Contestant("asyncio/asyncio", "asyncio", "asyncio:SelectorEventLoop")
UVLOOP = Contestant("asyncio/uvloop", "asyncio", "uvloop:new_event_loop")
RLOOP = Contestant("asyncio/rloop", "asyncio", "rloop:new_event_loop")
AS_LOOP = Contestant("asyncio/miniloop", "asyncio", "miniloop:EventLoop")
WITH_NAMES = Contestant("miniloop/miniloop", "miniloop", "miniloop:EventLoop")
NAMES_ONLY = Contestant("miniloop/asyncio", "miniloop", "asyncio:SelectorEventLoop")

CONTESTANTS = (ASYNCIO, UVLOOP, RLOOP, AS_LOOP, WITH_NAMES, NAMES_ONLY)
BASELINES = (ASYNCIO.key, UVLOOP.key)


@dataclass(frozen=True)
class Settings:
    """How a benchmark is run.

    Attributes:
        rounds: the number of samples per row and contestant.
        warmups: the number of rounds before those, which are thrown away.
        sample_seconds: the CPU time that one sample should take at least, in seconds.
        patience_seconds: how long a child may take for one sample before it is given up.
        python: the interpreter that the children run.
        collect_garbage: whether the cycle collector is left on while measuring.
        placement: on which processors a suite's processes go; suites know the words.
        units: the units in every sample, instead of as many as `sample_seconds` needs.
    """

    rounds: int
    warmups: int
    sample_seconds: float
    patience_seconds: float
    python: str
    collect_garbage: bool
    placement: str = ""
    units: int | None = None
