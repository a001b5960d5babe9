"""What is done with a schedule that failed: made minimal, proved on asyncio, put into words.

Read next: report.py
"""

from __future__ import annotations

from collections.abc import Mapping

from ..interface import InvalidStateError
from .choices import Key
from .failures import Failure
from .report import report
from .schedule import Schedule
from .shrink import Shrinker
from .trial import Trial
from .verdict import FoundFailure
from .world import Run

__all__ = ["fails_on_asyncio", "found"]


def found(
    trial: Trial,
    plain: Run,
    deviations: Mapping[Key, int],
    identity: tuple[str, str],
    phase: str,
    runs: int,
    prove: bool,
) -> FoundFailure:
    """Return the failure that *deviations* show, with the least that it takes.

    *plain* is the run without any; *phase* found it after *runs* runs.  With *prove* it is
    run on the standard library's own loop as well.
    """
    first = Schedule(deviations, trial.level)
    shrinker = Shrinker(trial.reaching(deviations), identity)
    shrunk = shrinker.shrink(deviations)
    if shrunk is None:
        failure = Failure(*identity)
        found = FoundFailure(failure, first, phase, runs, shrinker.runs, first, repeats=False)
        found.report = report(trial, found, None, None)
        return found
    schedule = Schedule(shrunk.deviations, shrunk.trial.level)
    found = FoundFailure(shrunk.failure, schedule, phase, runs, shrinker.runs, first)
    if prove and schedule.level == "fifo":
        found.on_asyncio = fails_on_asyncio(shrunk.trial, schedule, shrunk.failure)
    failing = shrunk.trial.run(shrunk.deviations, trace=True)
    passing = shrunk.trial.run(trace=True) if schedule.deviations else None
    found.report = report(shrunk.trial, found, failing, passing)
    return found


def fails_on_asyncio(trial: Trial, schedule: Schedule, failure: Failure) -> bool:
    """Return whether *schedule* fails in the same way on the standard library's own loop."""
    run = trial.at(library="asyncio").run(schedule.deviations)
    return any(_is_same(failure, other) for other in run.failures)


def _is_same(ours: Failure, theirs: Failure) -> bool:
    if ours.identity == theirs.identity:
        return True
    # asyncio's C futures say "invalid state", and not which.
    invalid = isinstance(ours.error, InvalidStateError), isinstance(theirs.error, InvalidStateError)
    return ours.kind == theirs.kind and all(invalid)
