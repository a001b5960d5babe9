"""What miniloop is to reach against asyncio and uvloop in the same run.

These are looked at only when asked for (``--check``): a busy machine can miss them.

Read next: conducting.py
"""

from __future__ import annotations

from dataclasses import dataclass

from compat.bench.model import AS_LOOP, ASYNCIO, UVLOOP, WITH_NAMES
from compat.bench.report import Report


@dataclass(frozen=True)
class Goal:
    """What one contestant is to reach.

    Attributes:
        contestant: who.
        each_row: how many times as fast as asyncio on every row, at least.
        mean: how many times as fast as asyncio on the geometric mean, at least.
        uvloop_mean: how many times as fast as uvloop on the geometric mean, at least.
    """

    contestant: str
    each_row: float
    mean: float
    uvloop_mean: float


GOALS = (
    Goal(WITH_NAMES.key, each_row=1.5, mean=3.0, uvloop_mean=1.0),
    Goal(AS_LOOP.key, each_row=1.2, mean=2.0, uvloop_mean=1.0),
)


def compare(what: str, ratio: float | None, least: float) -> list[str]:
    """Return the complaint about one ratio, or nothing; an unknown one is a complaint."""
    if ratio is None:
        return [f"{what}: not measured"]
    if ratio < least:
        return [f"{what}: {ratio:.2f}, to be reached: {least:g}"]
    return []


def missed(report: Report, goal: Goal) -> list[str]:
    """Return a line for everything in which a report falls short of a goal."""
    who = goal.contestant
    complaints = []
    for row in report.cells:
        ratio = report.ratio(row, who, ASYNCIO.key)
        complaints += compare(f"{who}: {row} against asyncio", ratio, goal.each_row)
    for baseline, least in ((ASYNCIO.key, goal.mean), (UVLOOP.key, goal.uvloop_mean)):
        mean = report.means[baseline].get(who)
        what = f"{who}: mean against {baseline}"
        complaints += compare(what, mean.ratio if mean else None, least)
    return complaints


def check(report: Report) -> list[str]:
    """Return what falls short of all goals; empty if every one is reached."""
    return [complaint for goal in GOALS for complaint in missed(report, goal)]
