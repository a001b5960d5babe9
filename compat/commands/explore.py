"""`miniloop explore`: many runs of a scenario in Worlds, under schedules that differ."""

from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack

import click

from compat.commands.replay import CANCEL, load_scenario
from compat.options import BadUsage
from miniloop.testing import LEVELS, STRATEGIES
from miniloop.testing import explore as explore_schedules

#: How many runs there are when nobody says how many, nor how long.
RUNS = 1000


@click.command()
@click.argument("target")
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    help="How many at most: 1000, or with --seconds as many as fit.",
)
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="How long at most.")
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="fifo",
    show_default=True,
    help="What may vary: what is outside the loop, the order of tasks, any order.",
)
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    default="portfolio",
    show_default=True,
    help="Which schedules to go through.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random walks.")
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Up to how many deviations to go through everything, if it fits.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes at a time."
)
@CANCEL
@click.option("--html", metavar="PAGE", help="Write a page of what is found, if anything is.")
def explore(
    target: str,
    runs: int | None,
    seconds: float | None,
    level: str,
    strategy: str,
    seed: int,
    depth: int,
    jobs: int,
    cancel: str | None,
    html: str | None,
) -> int:
    """Run TARGET in Worlds until some schedule breaks it, and show the least that does.

    TARGET is MODULE:FUNCTION or FILE:FUNCTION, an `async def` that may take the World. The exit
    status is 0 if every run holds, 1 if one fails, 2 for a command line without sense.
    """
    scenario = load_scenario(target)
    with ExitStack() as stack:
        executor = stack.enter_context(ProcessPoolExecutor(jobs)) if jobs > 1 else None
        try:
            exploration = explore_schedules(
                scenario,
                runs=RUNS if runs is None and seconds is None else runs,
                seconds=seconds,
                level=level,
                strategy=strategy,
                seed=seed,
                depth=depth,
                cancel=cancel,
                executor=executor,
            )
        except ValueError as error:
            raise BadUsage(str(error)) from None
    click.echo(str(exploration))
    if html is not None and exploration.failure is not None:
        from compat.commands.schedules import page_of_found, save_page

        found = exploration.failure.schedule
        save_page(html, page_of_found(target, scenario, found, cancel))
    return 1 if exploration.failure else 0
