"""The command ``bench explore``."""

from __future__ import annotations

from dataclasses import replace

import click

from compat.bench.conducting import Options, conduct, measuring
from compat.bench.exploring.goals import check
from compat.bench.exploring.tools import BARE, OURS, PEERS

SCHEDULES = "compat.bench.exploring.rows"
FIELD = (BARE, *OURS, *PEERS)


@click.command()
@measuring(FIELD)
def explore(ctx: click.Context, options: Options) -> None:
    """Schedules per second: miniloop.testing, simloom, simloop, bare asyncio.run.

    The cycle collector is always on, as in a test run. simloom and simloop need Python
    3.12, and are left out where they are not installed.
    """
    settings = replace(options.settle(), collect_garbage=True)
    ctx.exit(conduct(SCHEDULES, options, FIELD, settings, check))
