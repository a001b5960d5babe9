"""Explore: run a scenario under many schedules, and find the least that breaks it.

    exploration = explore(scenario, runs=1000)
    exploration.check()  # raises what was found, with a report

Read next: shrink.py
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from typing import Any

from . import arguments
from .bounded import Rules
from .choices import Key
from .injection import KINDS as INJECTIONS
from .injection import places
from .parallel import results
from .phases import Plans
from .proof import found
from .schedule import LEVELS, Schedule
from .trial import HORIZON, Trial
from .verdict import Exploration, Phase, phases_from
from .work import Done, Unit, quietly, work
from .world import Limits, Run, Scenario

__all__ = ["explore", "replay"]

#: How many runs there are when seconds say how long, and nothing how many.
UNBOUNDED = 10**9


def explore(
    scenario: Scenario,
    *,
    runs: int | None = 1000,
    seconds: float | None = None,
    strategy: str = "portfolio",
    seed: int = 0,
    level: str = "fifo",
    depth: int = 3,
    ignore: tuple[str, ...] = (),
    limits: Limits | None = None,
    horizon: int | None = None,
    cancel: str | None = None,
    executor: Executor | None = None,
    prove: bool = True,
    library: str = "miniloop",
    progress: Callable[[Exploration], object] | None = None,
    shard: tuple[int, int] = (0, 1),
    resume: Mapping[str, Any] | None = None,
    reduce: bool = True,
) -> Exploration:
    """Run *scenario* under many schedules until one fails; return what came of it.

    Args:
        scenario: an ``async def`` that may take the World; it has to hold in every run.
            With an *executor* of processes it has to be picklable: a module's function.
        runs: how many runs there may be; None, with *seconds*, for as many as fit.
        seconds: how long it may take in real time; None for as long as the runs take.
        strategy: ``portfolio``, or one phase of it: ``plain``, ``sweep``, ``bounded``
            (up to *depth* deviations), ``random``, ``sticky`` or ``pct``.
        seed: of the random walks; the same seed goes the same ways.
        level: what may vary, see `Schedule`.
        depth: up to how many deviations everything is gone through, if it fits.
        ignore: checks to leave out, names from `CHECKS`.
        limits: how long one run may be.
        horizon: how many polls later at most an outside event may land; default: as many
            as the plain run has.
        cancel: ``everywhere`` cancels each task at each of its suspensions, ``timeouts``
            has its time be up there; see `inject`.
        executor: where to run besides here.  The result is the same without one.
        prove: whether to run what was found on the standard library's own loop.
        library: whose loop the runs are on, ``miniloop`` or ``asyncio``.
        progress: called with the exploration so far after every few runs.
        shard: ``(index, count)``: do only every *count*-th part of the work; `merged` puts
            them together.
        resume: the `state` of an exploration with the same arguments that was cut short.
        reduce: whether to leave out schedules that are certain to be the same run.

    Raises:
        ValueError: an unknown strategy, level, library, check or kind of cancellation, no
            bound at all or one that leaves nothing, a shard that is none, a level other than
            *fifo* on asyncio's loop, or a *resume* of another exploration.
        TypeError: the scenario is no function.
    """
    arguments.check(scenario, strategy, runs, seconds, depth, horizon, shard)
    _check_cancel(cancel)
    _check_level(level, library)
    trial = Trial(scenario, level, library, horizon or HORIZON, ignore, limits, cancel)
    asked = arguments.written_down(trial, strategy, seed, runs, depth, horizon, shard, reduce)
    explorer = _Explorer(trial, time.monotonic, seconds, executor, progress, shard)
    explorer.resume(asked, resume)
    with quietly():
        explorer.rules.reduce = reduce
        explorer.plain(horizon is None, runs or UNBOUNDED)
        planned = explorer.fitting(seconds or 0.0) if runs is None else runs
        plans = Plans(strategy, level, seed, planned, depth, explorer.rules, runs is None)
        explorer.go(plans, runs or UNBOUNDED)
        explorer.conclude(prove)
    return explorer.exploration


def replay(
    scenario: Scenario,
    schedule: Schedule | str,
    *,
    library: str = "miniloop",
    trace: bool = True,
    cancel: str | None = None,
    ignore: tuple[str, ...] = (),
    limits: Limits | None = None,
) -> Run:
    """Run *scenario* once under *schedule*, as a report writes it down; return what it shows.

    *cancel* as it was in `explore`.

    Raises ValueError when that is no schedule, or when its level is not *fifo* and the
    library asyncio, whose queue nothing can overtake.
    """
    if isinstance(schedule, str):
        schedule = Schedule.parse(schedule)
    _check_level(schedule.level, library)
    _check_cancel(cancel)
    trial = Trial(scenario, schedule.level, library, HORIZON, ignore, limits, cancel)
    return trial.reaching(schedule.deviations).run(schedule.deviations, trace=trace)


def _check_cancel(cancel: str | None) -> None:
    if cancel is not None and cancel not in INJECTIONS:
        raise ValueError(f"to cancel is one of {', '.join(INJECTIONS)}, not {cancel!r}")


def _check_level(level: str, library: str) -> None:
    if library == "asyncio" and level in LEVELS and level != "fifo":
        raise ValueError(f"asyncio's loop runs schedules of level fifo, not {level}")


def _alike(run: Run, other: Run) -> bool:
    """Return whether two runs under one schedule have gone the same way."""
    identities = [[failure.identity for failure in one.failures] for one in (run, other)]
    decided = [[(choice.key, choice.value) for choice in one.choices] for one in (run, other)]
    return (
        decided[0] == decided[1]
        and run.polls == other.polls
        and run.seconds == other.seconds
        and identities[0] == identities[1]
    )


class _Explorer:
    """One exploration under way."""

    def __init__(
        self,
        trial: Trial,
        clock: Callable[[], float],
        seconds: float | None,
        executor: Executor | None,
        progress: Callable[[Exploration], object] | None,
        shard: tuple[int, int],
    ) -> None:
        self.trial = trial
        self.exploration = Exploration(trial.level, shard=shard)
        self.rules = Rules()
        self._clock = clock
        self._until = None if seconds is None else clock() + seconds
        self._executor = executor
        self._progress = progress or (lambda _: None)
        self._shard = shard
        self._plain: Run | None = None
        self._resumed: dict[str, Phase] = {}
        self._hit: tuple[dict[Key, int], tuple[str, str], str] | None = None

    def resume(self, asked: Mapping[str, Any], state: Mapping[str, Any] | None) -> None:
        """Do what is *asked*; take up what was done before."""
        self.exploration.asked = asked
        if state is None:
            return
        if "asked" not in state or "phases" not in state:
            raise ValueError("what is resumed is the state of an exploration")
        before = state["asked"]
        for name, value in asked.items():
            if before.get(name) != value:
                was = f"{name}={before.get(name)!r}"
                raise ValueError(f"it was cut short with {was}, not {name}={value!r}")
        self._resumed = {phase.name: phase for phase in phases_from(state)}

    def tired(self) -> bool:
        """Return whether the time is up."""
        return self._until is not None and self._clock() >= self._until

    def over(self) -> bool:
        """Return whether something has failed, or the time is up."""
        return self._hit is not None or self.tired()

    def fitting(self, seconds: float) -> int:
        """Return about how many runs like the plain one there are in so many seconds."""
        plain = self.exploration.phases[0]
        return max(int(seconds * plain.runs / max(plain.seconds, 1e-6)), 1)

    # -- plain -----------------------------------------------------------------

    def plain(self, measure: bool, most: int) -> None:
        """Make the plain run twice, and measure in it how far outside events can be put off."""
        begun = self._clock()
        trial = self.trial
        world, run = trial.run_in_world()
        runs = 1
        if run.choices and not run.failures and most > 1:
            kinds = {choice.kind for choice in run.choices}
            if trial.cancel:
                self.rules.places = places(trial)
                runs += 1
            if measure and kinds & {"event", *INJECTIONS.values()}:
                longest = world.outside.asked + 1  # a hold counts how often the outside is asked
                trial = self.trial = trial.reaching({("event", 0): longest})
            before, run = run, trial.run()
            runs += 1
            self.exploration.repeats = _alike(before, run)
        self._plain = run
        phase = Phase("plain", runs, 1, self._clock() - begun, True, 1)
        self.exploration.phases.append(phase)
        if run.failures:
            self._hit = ({}, run.failures[0].identity, "plain")
        elif not run.choices:
            self.exploration.everything = True
        self._progress(self.exploration)

    # -- the other phases ------------------------------------------------------

    def go(self, plans: Plans, most: int) -> None:
        """Go through the phases until something fails or all is done."""
        exploration = self.exploration
        if self._hit is not None or exploration.everything:
            return
        assert self._plain is not None
        for plan in plans(self._plain.choices, exploration.phases):
            phase = self._resumed.get(plan.name) or Phase(plan.name)
            allowance = min(plan.allowance, most - exploration.runs) - phase.runs
            exploration.phases.append(phase)
            done = self._do(phase, plan.units, allowance)
            phase.complete = done and plan.whole
            if self.over():
                return
            if self._is_everything():
                exploration.everything = True
                return

    def _do(self, phase: Phase, units: Any, allowance: int) -> bool:
        """Do the units of a phase; return whether all of them were done to their end."""
        begun = self._clock() - phase.seconds
        index, count = self._shard
        todo: Iterator[Unit] = (u for number, u in enumerate(units) if number % count == index)
        for _ in range(phase.units):
            next(todo, None)
        if allowance <= 0:
            return next(todo, None) is None
        left = allowance
        todo_results = results(self.trial, todo, lambda: left, self.tired, self._executor)
        for unit, done in todo_results:
            if done.runs > left:
                done = work(self.trial, unit, left, self.tired)
            if done.cut and done.hit is None and done.runs < left:
                todo_results.close()
                return False  # the time is up: this unit is done again by who resumes
            left -= done.runs
            self._count(phase, done)
            phase.seconds = self._clock() - begun
            self._progress(self.exploration)
            if done.cut:
                todo_results.close()
                return False
            if left <= 0:
                todo_results.close()
                return next(todo, None) is None
        return True

    def _count(self, phase: Phase, done: Done) -> None:
        self.exploration.repeats &= not done.strayed
        if done.hit is not None:
            phase.runs += done.hit.runs
            phase.schedules += done.hit.schedules
            self._hit = (done.hit.deviations, done.hit.identity, phase.name)
            return
        phase.runs += done.runs
        phase.schedules += done.schedules
        phase.beyond += done.beyond
        phase.units += 0 if done.cut else 1

    def _is_everything(self) -> bool:
        """Return whether no schedule is left that has not been run."""
        phases = self.exploration.phases
        deepest = [p for p in phases if p.name != "plain"]
        singles = [p for p in deepest if p.name in ("sweep", "1 deviation")]
        if self._shard[1] > 1 or not deepest or not all(p.complete for p in deepest):
            return False
        if deepest[-1].name in ("sweep", "1 deviation"):
            missing = self.trial.level != "fifo" and deepest[-1].name == "sweep"
            return not missing and not sum(p.beyond for p in singles)
        return not deepest[-1].beyond

    # -- the end ---------------------------------------------------------------

    def conclude(self, prove: bool) -> None:
        """Make what was found minimal, and put it into words."""
        if self._hit is None:
            return
        deviations, identity, phase = self._hit
        assert self._plain is not None
        self.exploration.failure = found(
            self.trial, self._plain, deviations, identity, phase, self.exploration.runs, prove
        )
        self._progress(self.exploration)
