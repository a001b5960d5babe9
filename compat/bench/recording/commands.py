"""The command ``bench recording``."""

from __future__ import annotations

import click

from compat.bench.conducting import Options, conduct, measuring
from compat.bench.recording.loops import FIELD, PLAIN, RECORDED
from compat.bench.report import Report
from compat.bench.thresholds import compare

ROWS = "compat.bench.recording.rows"

#: How much of its speed a loop keeps at task switches while it is recorded, at least.
KEPT = 1 / 3


def check(report: Report) -> list[str]:
    """Return what a report falls short of."""
    ratio = report.ratio("switch", RECORDED.key, PLAIN.key)
    return compare("switch, recorded against plain", ratio, KEPT)


@click.command()
@measuring(FIELD)
def recording(ctx: click.Context, options: Options) -> None:
    """What it costs to be watched: a loop plain, observed and recorded.

    The ratios say how many times as fast as the plain loop each is: 0.5 is half its speed.
    """
    ctx.exit(conduct(ROWS, options, FIELD, options.settle(), check))
