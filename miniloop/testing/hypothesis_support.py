"""Schedules for Hypothesis: it owns the data and draws where to begin, we shrink the schedule.

    @given(schedule=schedules(), amounts=st.lists(st.integers()))
    def test_transfer(schedule, amounts):
        schedule.run(functools.partial(transfer, amounts))

What Hypothesis draws is short: a list of deviations, which shrinks to none.  From there
`Drawn.run` goes on by itself: the drawn schedule first, then a small exploration that
depends on nothing but the scenario.  So whether an example fails depends on its data
alone, Hypothesis shrinks the data undisturbed and its database replays them, and the
schedule that is reported is the least that breaks the least data.

Why not let Hypothesis choose at every step: its shrinker deletes choices, and a deleted
choice moves every one that follows.

Read next: machine.py
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .choices import KINDS
from .explore import explore, replay
from .schedule import LEVELS, Schedule
from .verdict import ScheduleFailure
from .world import Scenario

__all__ = ["Drawn", "fixed", "schedules"]

#: How many runs an example gets besides the drawn one.
RUNS = 100
#: Deviations are drawn among the first so many choices of a kind.
FIRST = 40
#: The alternatives that are drawn; what is too large for a choice becomes its last one.
VALUES = 6


class Drawn:
    """What `schedules` draws: a schedule to begin with, and how far to look around it.

    *runs* is how many more schedules `run` may try; *options* are for `explore`.
    """

    def __init__(self, schedule: Schedule, runs: int, options: dict[str, Any]) -> None:
        self.schedule = schedule
        self.runs = runs
        self.options = options

    def __repr__(self) -> str:
        return f"fixed({str(self.schedule)!r})"

    def run(self, scenario: Scenario) -> Any:
        """Run *scenario*; return what it returned under the drawn schedule.

        Raises what it raises, with the report of the least schedule as a note, or
        ScheduleFailure for a deadlock, a leak and whatever else is no exception.
        """
        kept = {key: self.options[key] for key in ("ignore", "limits") if key in self.options}
        run = replay(scenario, self.schedule, trace=False, **kept)
        if self.runs:
            explore(scenario, runs=self.runs, level=self.schedule.level, **self.options).check()
        failure = run.failure
        if failure is None:
            return run.result
        # Only the drawn schedule fails: it is as short as Hypothesis can make it.
        report = f"{failure}\nunder the schedule {self.schedule}"
        if failure.kind == "exception" and failure.error is not None:
            failure.error.add_note(f"under the schedule {self.schedule}")
            raise failure.error
        raise ScheduleFailure(report)


def fixed(schedule: str, runs: int = 0, **options: Any) -> Drawn:
    """Return what runs *schedule*, for ``@example(schedule=fixed("fifo:event0=2"))``.

    Raises ValueError when that is no schedule.
    """
    return Drawn(Schedule.parse(schedule), runs, options)


def schedules(level: str = "fifo", runs: int = RUNS, **options: Any) -> st.SearchStrategy[Drawn]:
    """Return a strategy for schedules.

    Args:
        level: what may vary, see `Schedule`.
        runs: how many schedules each example is run under besides the drawn one.
        options: for `explore`: ``ignore``, ``limits``, ``strategy``, ``cancel`` and so on.

    Raises:
        ValueError: an unknown level.
    """
    if level not in LEVELS:
        raise ValueError(f"the level is one of {', '.join(LEVELS)}, not {level!r}")
    kinds = [kind for kind in KINDS if kind != "pick" or level != "fifo"]
    keys = st.tuples(st.sampled_from(kinds), st.integers(0, FIRST - 1))
    deviations = st.dictionaries(keys, st.integers(1, VALUES), max_size=4)
    return deviations.map(lambda found: Drawn(Schedule(found, level), runs, options))
