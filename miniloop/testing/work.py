"""A unit of exploring: some schedules in a row, run one after the other in one process.

What a unit does depends on nothing but the unit, so that it can be done anywhere, and
again.  Whoever hands the units out looks at the results in the units' order.

Read next: phases.py
"""

from __future__ import annotations

import gc
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from .bounded import Branch, Rules, deviating
from .choices import Decide, Key
from .fence import fenced
from .strategies import make_walk
from .trial import Trial
from .world import Run, World

__all__ = ["Done", "Hit", "Unit", "quietly", "work"]

#: How many runs go by until what they left is collected.
RUNS_PER_COLLECTION = 16


@dataclass(frozen=True)
class Unit:
    """Schedules of one phase.

    Attributes:
        branches: for a phase that goes through deviations, the first of them.
        depth: how many deviations the schedules have.
        rules: which alternatives are gone through.
        strategy: for a phase of walks, which.
        seed: the walks' seed.
        walks: the walks' numbers.
        counts: how many choices of each kind the plain run had.
    """

    branches: tuple[Branch, ...] = ()
    depth: int = 0
    rules: Rules | None = None
    strategy: str = ""
    seed: int = 0
    walks: range = range(0)
    counts: Mapping[str, int] | None = None


class Hit(NamedTuple):
    """A schedule that failed, and how many runs and schedules of the unit it took to find it."""

    runs: int
    schedules: int
    deviations: dict[Key, int]
    identity: tuple[str, str]


class Done(NamedTuple):
    """What a unit has come to.

    *beyond* is how many schedules have one deviation more; *cut* says that the unit was
    not done to its end, because of a limit or a failure; *strayed* that some run was not
    the same up to its deviation as the one that it was to deviate from.
    """

    runs: int
    schedules: int
    beyond: int
    hit: Hit | None
    cut: bool
    strayed: bool = False


class _Enough(Exception):
    """The unit may not run any more."""


def work(trial: Trial, unit: Unit, limit: int, tired: Callable[[], bool] | None = None) -> Done:
    """Do *unit*, in at most *limit* runs, until ``tired()``, or until a schedule fails."""
    rules = Rules(unit.rules.places, unit.rules.reduce) if unit.rules else Rules()
    runs = schedules = 0

    def run_one(
        deviations: Mapping[Key, int] | None = None, decide: Decide | None = None
    ) -> tuple[World, Run]:
        if runs >= limit or (tired is not None and tired()):
            raise _Enough
        return trial.run_in_world(deviations, decide)

    with quietly() as collect:
        try:
            for deviations, run, new in _steps(unit, run_one, rules):
                runs += 1
                schedules += new
                if run.failures:
                    if deviations is None:
                        deviations = run.schedule.deviations
                    hit = Hit(runs, schedules, dict(deviations), run.failures[0].identity)
                    return Done(runs, schedules, rules.beyond, hit, True, rules.strayed)
                collect()
        except _Enough:
            return Done(runs, schedules, rules.beyond, None, True, rules.strayed)
    return Done(runs, schedules, rules.beyond, None, False, rules.strayed)


def _steps(
    unit: Unit, run_one: Callable[..., tuple[World, Run]], rules: Rules
) -> Iterator[tuple[Mapping[Key, int] | None, Run, bool]]:
    """Yield each run, its deviations (None: as it has recorded them), whether it is a new one."""
    if unit.branches:
        yield from deviating(run_one, {}, unit.branches, unit.depth, rules)
        return
    for number in unit.walks:
        walk = make_walk(unit.strategy, unit.seed, number, unit.counts or {})
        _, run = run_one(decide=walk)
        yield None, run, True


@contextmanager
def quietly() -> Iterator[Callable[[], None]]:
    """Have the fence up, and garbage collected between runs only; yields what to call there.

    A collection in the middle of a run would tell that run about what another one left.
    """
    enabled = gc.isenabled()
    runs = 0

    def collect() -> None:
        nonlocal runs
        runs += 1
        if runs % RUNS_PER_COLLECTION == 0:
            gc.collect(0)

    gc.disable()
    try:
        with fenced(), _without_warnings():
            yield collect
            gc.collect(0)
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Hear nothing of what is collected when its run is long over: each World has looked at it.

    Filters are the whole process's, so only its main thread sets them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        yield
