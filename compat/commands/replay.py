"""`miniloop replay`: one run of a scenario in a World, under one schedule."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from compat.options import BadUsage
from miniloop.testing import CANCELS, Run, Schedule
from miniloop.testing import replay as replay_schedule

#: What a scenario is: it may take the World.
Scenario = Callable[..., Coroutine[Any, Any, Any]]

CANCEL = click.option(
    "--cancel", type=click.Choice(CANCELS), help="What is injected into every task."
)


@click.command()
@click.argument("target")
@click.argument("schedule", default="fifo")
@click.option(
    "--library",
    type=click.Choice(["miniloop", "asyncio"]),
    default="miniloop",
    show_default=True,
    help="Whose loop it runs on.",
)
@CANCEL
@click.option("--trace", is_flag=True, help="Show what ran, in order.")
@click.option(
    "--pick",
    metavar="STEP=K",
    help="Let entry K of those that are ready run in that step, counted from 0, and go on plainly.",
)
@click.option("--against", metavar="OTHER", help="Show where the run parts from that of OTHER.")
@click.option("--html", metavar="PAGE", help="Write a page: plain order, or OTHER, and SCHEDULE.")
@click.option("--record", metavar="FILE", help="Write a recording, as `miniloop record` does.")
def replay(
    target: str, schedule: str, library: str, cancel: str | None, trace: bool, **more: str | None
) -> int:
    """Run TARGET in a World under SCHEDULE, as a report writes it down.

    TARGET is MODULE:FUNCTION or FILE:FUNCTION, an `async def` that may take the World. SCHEDULE is
    a word such as fifo:event0=2; without one it is plain asyncio order. The exit status is 0 if
    the run holds, 1 if it fails (with --against: if the runs are not alike), 2 for a command line
    without sense.
    """
    scenario = load_scenario(target)
    try:
        if any(more.values()):
            from compat.commands.schedules import replay_recorded

            return replay_recorded(target, scenario, schedule, library, cancel, trace, **more)
        chosen = Schedule.parse(schedule)
        run = replay_schedule(scenario, chosen, library=library, cancel=cancel, trace=trace)
    except ValueError as error:
        raise BadUsage(str(error)) from None
    return show(target, run, trace, chosen)


def show(target: str, run: Run, trace: bool, chosen: Schedule) -> int:
    """Print what a run has come to, and its trace if that is wanted; return the exit status.

    What of the `chosen` schedule never came up is said first: it may be another program's.
    """
    if missing := chosen.without(set(run.schedule.deviations)).deviations:
        words = str(Schedule(missing, chosen.level)).partition(":")[2]
        say = "the program is not the one that this schedule is for, or --cancel is missing"
        click.echo(f"miniloop: {words} never came up: {say}", err=True)
    for line in run.trace if trace else ():
        click.echo(line)
    for failure in run.failures:
        click.echo(str(failure))
    if not run.failures:
        click.echo(f"{target} holds under {run.schedule}")
    return 1 if run.failures else 0


def load_scenario(target: str) -> Scenario:
    """Return the function that `target` names; BadUsage if there is none that can be run."""
    place, colon, name = target.rpartition(":")
    if not colon or not place or not name:
        raise BadUsage(f"{target} names no function: write MODULE:FUNCTION or FILE:FUNCTION")
    module = load_module(place)
    scenario: Any = module
    for part in name.split("."):
        scenario = getattr(scenario, part, None)
        if scenario is None:
            raise BadUsage(f"there is no {name} in {place}")
    if not inspect.iscoroutinefunction(scenario):
        raise BadUsage(f"{name} in {place} is no async def")
    return scenario  # type: ignore[no-any-return]


def load_module(place: str) -> ModuleType:
    """Import a module by its name or its file; BadUsage if that does not work."""
    path = Path(place)
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        if path.suffix != ".py":
            return importlib.import_module(place)
        if not path.is_file():
            raise BadUsage(f"there is no file {place}")
        sys.path.insert(0, str(path.resolve().parent))
        return importlib.import_module(path.stem)
    except (ImportError, SyntaxError) as error:
        raise BadUsage(f"{place} cannot be imported: {error}") from None
