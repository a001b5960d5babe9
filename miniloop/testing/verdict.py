"""What an exploration has come to: what was gone through, what it cost, what was found.

Read next: report.py
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .failures import Failure
from .schedule import Schedule

__all__ = ["Exploration", "FoundFailure", "Phase", "ScheduleFailure", "merged"]


class ScheduleFailure(AssertionError):
    """Some order of events breaks the program; the message is the whole report."""


@dataclass
class Phase:
    """One part of an exploration.

    Attributes:
        name: ``plain``, ``sweep``, ``1 deviation``, ``2 deviations``, ``random``, ``sticky``
            or ``pct``.
        runs: how many runs it made.
        schedules: how many different schedules those were, as far as that is certain.
        seconds: how long it took, in real time.
        complete: whether all that it could go through was gone through.
        units: how many units of work are done, which is where it would go on.
        beyond: how many schedules have one deviation more than this phase's.
    """

    name: str
    runs: int = 0
    schedules: int = 0
    seconds: float = 0.0
    complete: bool = False
    units: int = 0
    beyond: int = 0


@dataclass
class FoundFailure:
    """A failure, and the least that it takes.

    Attributes:
        failure: what went wrong.
        schedule: the minimal schedule at the strongest level at which it still reproduces.
        found_by: the name of the phase that found it.
        runs: how many runs it took to find it.
        shrink_runs: how many it took to make it minimal.
        first: the schedule that was found first.
        on_asyncio: whether it failed on the standard library's own loop as well; None
            where that was not tried, or where asyncio keeps another order.
        repeats: False when the same schedule did not fail again: something in the program
            is not under the World's control.
        report: all of it in words.
    """

    failure: Failure
    schedule: Schedule
    found_by: str
    runs: int
    shrink_runs: int = 0
    first: Schedule = field(default_factory=Schedule)
    on_asyncio: bool | None = None
    repeats: bool = True
    report: str = ""

    @property
    def level(self) -> str:
        """The strongest level at which it still reproduces."""
        return self.schedule.level

    def __str__(self) -> str:
        return self.report


@dataclass
class Exploration:
    """What `explore` returns.

    Attributes:
        failure: what was found, or None.
        phases: what was gone through, in order.
        level: what varied.
        everything: whether there is no schedule that was not run.
        shard: which part of the work was done, out of how many.
        asked: the arguments that a resumed exploration has to share.
        repeats: False when the plain run, made twice, was not the same both times: something
            in the program is not under the World's control, and nothing is proved.
    """

    level: str
    phases: list[Phase] = field(default_factory=list)
    failure: FoundFailure | None = None
    everything: bool = False
    shard: tuple[int, int] = (0, 1)
    asked: Mapping[str, Any] = field(default_factory=dict)
    repeats: bool = True

    @property
    def runs(self) -> int:
        """How many runs were made, but for those that shrank a failure."""
        return sum(phase.runs for phase in self.phases)

    @property
    def schedules(self) -> int:
        """How many different schedules were gone through before the walks."""
        return sum(phase.schedules for phase in self.phases if not _walks(phase))

    @property
    def proved(self) -> int | None:
        """Up to how many deviations every schedule was run and held, or None."""
        proved = None
        if self.failure is not None or self.shard[1] > 1 or not self.repeats:
            return None
        by_depth: dict[int, bool] = {}
        for phase in self.phases:
            depth = depth_of(phase.name)
            if depth is not None:
                by_depth[depth] = by_depth.get(depth, True) and phase.complete
        picks = self.level == "fifo" or any(phase.name == "1 deviation" for phase in self.phases)
        for depth in range(len(by_depth)):
            if not by_depth.get(depth, False) or (depth == 1 and not picks):
                break
            proved = depth
        return proved

    @property
    def state(self) -> dict[str, Any]:
        """Where to go on; a value for JSON."""
        return {"asked": dict(self.asked), "phases": [asdict(phase) for phase in self.phases]}

    def check(self) -> Exploration:
        """Raise what was found; return the exploration itself if nothing was.

        An exception of the program is raised again, with the report as a note; anything
        else is a `ScheduleFailure`.
        """
        if self.failure is None:
            return self
        error = self.failure.failure.error
        if self.failure.failure.kind == "exception" and error is not None:
            error.add_note(self.failure.report)
            raise error
        raise ScheduleFailure(self.failure.report)

    def __str__(self) -> str:
        if self.failure is not None:
            return str(self.failure)
        words = [f"no failure in {self.runs:,} runs at level {self.level}"]
        counted = f"{self.schedules_up_to():,} schedule{'s' * (self.schedules_up_to() != 1)}"
        if self.everything and self.repeats:
            words.append(f"every schedule was run: {counted}")
        elif self.proved:
            plural = "s" * (self.proved != 1)
            words.append(f"proved for up to {self.proved} deviation{plural}: {counted}")
        lines = ["; ".join(words)]
        if self.asked.get("cancel"):
            lines.append(f"  of {_INJECTED[self.asked['cancel']]}, one in each run")
        if not self.repeats:
            lines.append("  the plain run did not repeat itself: something in the program is not")
            lines.append("  under the World's control, or depends on what ran before")
        lines += [_phase_words(phase) for phase in self.phases]
        return "\n".join(lines)

    def schedules_up_to(self) -> int:
        """How many schedules have no more deviations than is proved."""
        proved = self.proved or 0
        return sum(
            phase.schedules
            for phase in self.phases
            if (depth := depth_of(phase.name)) is not None and depth <= proved
        )


#: What is gone through when tasks are cancelled.
_INJECTED = {
    "everywhere": "cancellations of each task at each of its suspensions",
    "timeouts": "timeouts of each task at each of its suspensions",
}


def merged(parts: Sequence[Exploration]) -> Exploration:
    """Return what the shards of one exploration, in whatever order, have come to together.

    Of several failures it is the one that comes first in the order of the schedules.

    Raises ValueError when those are not all the shards of one exploration: nothing could be
    said about the whole.
    """
    parts = sorted(parts, key=lambda part: part.shard[0])
    _check_shards(parts)
    whole = Exploration(parts[0].level, asked={**parts[0].asked, "shard": [0, 1]})
    whole.repeats = all(part.repeats for part in parts)
    failing = [part for part in parts if part.failure is not None]
    if failing:
        whole.failure = min(failing, key=_place_of_failure).failure
    for phase in max(parts, key=lambda part: len(part.phases)).phases:
        shares = [one for part in parts for one in part.phases if one.name == phase.name]
        if phase.name == "plain":
            shares = shares[:1]
        total = Phase(phase.name, complete=all(share.complete for share in shares))
        for share in shares:
            total.runs += share.runs
            total.schedules += share.schedules
            total.seconds = max(total.seconds, share.seconds)
            total.units += share.units
            total.beyond += share.beyond
        whole.phases.append(total)
    return whole


def _check_shards(parts: Sequence[Exploration]) -> None:
    count = parts[0].shard[1] if parts else 1
    found = [part.shard for part in parts]
    if found != [(index, count) for index in range(count)]:
        raise ValueError(f"these are not all the shards of one exploration: {found}")
    for part in parts:
        for name, value in part.asked.items():
            if name != "shard" and parts[0].asked.get(name) != value:
                first = parts[0].asked.get(name)
                raise ValueError(f"shards of two explorations: {name} is {first!r} and {value!r}")


def _place_of_failure(part: Exploration) -> tuple[int, int]:
    """Return which phase, and which of all its units, has found the failure of a shard."""
    index, count = part.shard
    return (len(part.phases), part.phases[-1].units * count + index)


def depth_of(name: str) -> int | None:
    """Return how many deviations the schedules of a phase have, None for walks."""
    if name == "plain":
        return 0
    if name == "sweep":
        return 1
    return int(name.split()[0]) if name[0].isdigit() else None


def _walks(phase: Phase) -> bool:
    return depth_of(phase.name) is None


def _phase_words(phase: Phase) -> str:
    if _walks(phase):
        return f"  {phase.name:<13} {phase.runs:>7,} runs"
    how = "all" if phase.complete else "not all"
    return f"  {phase.name:<13} {phase.runs:>7,} runs, {how}"


def phases_from(state: Mapping[str, Any]) -> list[Phase]:
    """Return the phases that a `state` writes down."""
    return [Phase(**phase) for phase in state["phases"]]
