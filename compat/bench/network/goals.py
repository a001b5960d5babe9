"""What miniloop is to reach in the benchmark of the network, in the same run.

These are looked at only when asked for (``--check``): a busy machine can miss them.
"""

from __future__ import annotations

from compat.bench.model import AS_LOOP, ASYNCIO, UVLOOP, WITH_NAMES
from compat.bench.report import Report
from compat.bench.thresholds import compare

# How many times as fast as asyncio at 1 KiB and ten connections, at least.
AGAINST_ASYNCIO = {
    "protocol-1k-10": 1.1,
    "streams-1k-10": 1.5,
    "sock-1k-10": 2.5,
    "udp-1k-10": 3.0,
}
ANY_ROW = 1.0
# How many times as fast as uvloop there, at least.
AGAINST_UVLOOP = {"streams-1k-10": 1.0, "sock-1k-10": 1.0}


def check(report: Report) -> list[str]:
    """Return what falls short of a goal, for the rows that were run; empty if nothing does."""
    complaints = []
    for who in (AS_LOOP.key, WITH_NAMES.key):
        for row in report.cells:
            goals = [(ASYNCIO.key, AGAINST_ASYNCIO.get(row, ANY_ROW))]
            if row in AGAINST_UVLOOP:
                goals.append((UVLOOP.key, AGAINST_UVLOOP[row]))
            for baseline, least in goals:
                what = f"{who}: {row} against {baseline}"
                complaints += compare(what, report.ratio(row, who, baseline), least)
    return complaints


def no_goals(_report: Report) -> list[str]:
    """Ask for nothing."""
    return []
