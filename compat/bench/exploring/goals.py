"""What miniloop is to reach in the benchmark of exploring, in the same run.

These are looked at only when asked for (``--check``): a busy machine can miss them.
"""

from __future__ import annotations

from compat.bench.exploring.tools import OURS, PEERS
from compat.bench.report import Report
from compat.bench.thresholds import compare

# How many times as many schedules per second as each other tool, at least.
LEAST = {"small": 10.0}
ANY_ROW = 5.0


def check(report: Report) -> list[str]:
    """Return what falls short of a goal, for the rows that were run; empty if nothing does."""
    return [
        complaint
        for who in OURS
        for row in report.cells
        for peer in PEERS
        for complaint in compare(
            f"{who.key}: {row} against {peer.key}",
            report.ratio(row, who.key, peer.key),
            LEAST.get(row, ANY_ROW),
        )
    ]
