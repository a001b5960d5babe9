"""The commands ``bench net`` and ``bench connections``."""

from __future__ import annotations

import click

from compat.bench.conducting import Options, conduct, measuring
from compat.bench.model import AS_LOOP, ASYNCIO, RLOOP, UVLOOP, WITH_NAMES
from compat.bench.network.goals import check, no_goals
from compat.bench.network.idle import affordable
from compat.bench.network.placement import APART, PLACEMENTS, TOGETHER, processors
from compat.bench.network.rows import FLOOR

ECHO = "compat.bench.network.rows"
IDLE = "compat.bench.network.idle"
FIELD = (ASYNCIO, UVLOOP, RLOOP, AS_LOOP, WITH_NAMES, FLOOR)
CONNECTIONS = 10_000
IDLE_ROUNDS, QUICK_IDLE_ROUNDS = 3, 1

placed = click.option(
    "--place",
    "placement",
    type=click.Choice(PLACEMENTS),
    default=TOGETHER,
    help="Client and server on one processor, on different ones, or anywhere.",
)


def check_placement(placement: str) -> None:
    """Raise click.BadParameter for a placement that this machine cannot offer."""
    if placement == APART and len(processors()) < 2:
        raise click.BadParameter("apart needs two processors, and there is only one")


@click.command()
@measuring(FIELD)
@placed
def net(ctx: click.Context, options: Options, placement: str) -> None:
    """Echo servers: every style and size, for one connection and for many.

    All rows take about a quarter of an hour, a few (--rows) with --quick some seconds.
    """
    check_placement(placement)
    ctx.exit(conduct(ECHO, options, FIELD, options.settle(placement=placement), check))


@click.command()
@measuring(FIELD)
@placed
@click.option(
    "--number",
    type=click.IntRange(min=1),
    default=CONNECTIONS,
    show_default=True,
    help="How many connections.",
)
def connections(ctx: click.Context, options: Options, placement: str, number: int) -> None:
    """Many idle connections on one loop: their memory, and a broadcast to all."""
    check_placement(placement)
    possible = affordable(number)
    if possible < 1:
        raise click.UsageError("so few descriptors may be open that there is nothing to measure")
    if possible < number:
        click.echo(
            f"Only {possible:,} connections instead of {number:,}: the system lets a process "
            "have no more descriptors (ulimit -Hn).\n"
        )
    rounds = QUICK_IDLE_ROUNDS, IDLE_ROUNDS
    settings = options.settle(rounds, warmups=0, placement=placement, units=possible)
    ctx.exit(conduct(IDLE, options, FIELD, settings, no_goals))
