"""The command line of the benchmarks: ``bench`` and its subcommands.

``bench`` is a click group that another command line can add, and `main` runs it alone.
Without a subcommand it is ``bench scheduling``.  A further benchmark is a module with a
``SUITE`` and one more ``@bench.command`` that calls `conduct`.

The exit status does not depend on time, unless ``--check`` asks for that: 0 if everything
was measured, 1 if a row went wrong, or a contestant that was asked for by name is not
there (or a goal was missed under ``--check``), 2 for a command line without sense.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from compat.bench.model import CONTESTANTS, Contestant, Settings, load_suite
from compat.bench.report import as_json, make_report
from compat.bench.rounds import run
from compat.bench.table import render
from compat.bench.thresholds import check as check_goals

ROUNDS, SAMPLE_SECONDS = 15, 0.030
QUICK_ROUNDS, QUICK_SAMPLE_SECONDS = 5, 0.020
PATIENCE_SECONDS = 60.0
SCHEDULING = "compat.bench.scheduling"


class DefaultGroup(click.Group):
    """A group that takes anything but the name of a subcommand for options of one."""

    default = "scheduling"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default's name in front, unless a subcommand or help is asked for."""
        if not args or args[0] not in (*self.commands, "--help"):
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the default's options as ours, and the subcommands below."""
        self.commands[self.default].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


def read_contestants(
    _ctx: click.Context, _param: click.Parameter, words: tuple[str, ...]
) -> list[Contestant]:
    """Return the contestants that words stand for, by key or as [names@]module:Factory.

    Raises:
        click.BadParameter: for a word that is neither.
    """
    known = {contestant.key: contestant for contestant in CONTESTANTS}
    try:
        return [known.get(word) or Contestant.parse(word) for word in words]
    except ValueError as error:
        raise click.BadParameter(f"{error}, nor one of {', '.join(known)}") from None


def settle(
    rounds: int | None, quick: bool, python: str, patience: float, collect_garbage: bool
) -> Settings:
    """Return settings from options; ``quick`` decides what ``rounds`` leaves open."""
    return Settings(
        rounds=rounds or (QUICK_ROUNDS if quick else ROUNDS),
        warmups=1,
        sample_seconds=QUICK_SAMPLE_SECONDS if quick else SAMPLE_SECONDS,
        patience_seconds=patience,
        python=python,
        collect_garbage=collect_garbage,
    )


def show_progress(text: str) -> None:
    """Overwrite one line on a terminal; say nothing elsewhere."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", nl=False, err=True)


def choose_rows(suite: str, wanted: str) -> list[str]:
    """Return the rows of a comma-separated list.  Raises click.BadParameter."""
    known = load_suite(suite).rows
    rows = [key.strip() for key in wanted.split(",") if key.strip()]
    for key in rows:
        if key not in known:
            raise click.BadParameter(f"no row {key!r}; there are: {', '.join(known)}")
    return rows


def conduct(
    suite: str,
    rows: Sequence[str],
    contestants: Sequence[Contestant],
    settings: Settings,
    json_file: Path | None,
    check: bool,
    required: Sequence[Contestant] = (),
) -> int:
    """Run a suite, print the tables and write the JSON file.

    Args:
        suite: the module that has the rows.
        rows: the keys of those that are wanted; all if there are none.
        contestants: who takes part, if installed.
        settings: how to measure.
        json_file: where the report goes as JSON.
        check: whether goals that are missed count as failures.
        required: those whose absence counts as a failure.

    Returns:
        the exit status.
    """
    results = run(suite, rows, contestants, settings, show_progress)
    show_progress("")
    report = make_report(results)
    title = load_suite(suite).title
    click.echo(render(report, title))
    if json_file is not None:
        text = json.dumps(as_json(report, title, settings), indent=1)
        json_file.write_text(text + "\n", encoding="utf-8")
    complaints = check_goals(report) if check else []
    for complaint in complaints:
        click.echo(f"missed: {complaint}")
    lacking = any(contestant.key in results.absent for contestant in required)
    lacking = lacking or not results.contestants
    return 1 if results.failures or lacking or complaints else 0


@click.group(cls=DefaultGroup)
def bench() -> None:
    """Measure CPU time per operation on asyncio, uvloop, rloop and miniloop.

    Without a command it measures scheduling. All contestants take turns within one run,
    each in a process of its own.
    """


@bench.command()
@click.option("--rows", metavar="A,B,...", default="", help="Only these rows.")
@click.option("--rounds", type=click.IntRange(min=1), help=f"Samples per row ({ROUNDS}).")
@click.option("--quick", is_flag=True, help=f"{QUICK_ROUNDS} rounds of shorter samples.")
@click.option(
    "--only",
    callback=read_contestants,
    multiple=True,
    metavar="NAMES/LOOP",
    help="Only this contestant; repeatable.",
)
@click.option(
    "--add",
    callback=read_contestants,
    multiple=True,
    metavar="[NAMES@]MODULE:FACTORY",
    help="One more contestant; repeatable.",
)
@click.option("--python", default=sys.executable, help="Measure on this interpreter.")
@click.option("--gc", is_flag=True, help="Leave the cycle collector on while measuring.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0, min_open=True),
    default=PATIENCE_SECONDS,
    help="Give a sample up after so many seconds.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write everything to this file.",
)
@click.option("--check", is_flag=True, help="Fail if miniloop's goals are missed.")
@click.pass_context
def scheduling(
    ctx: click.Context,
    rows: str,
    rounds: int | None,
    quick: bool,
    only: list[Contestant],
    add: list[Contestant],
    python: str,
    gc: bool,
    patience: float,
    json_file: Path | None,
    check: bool,
) -> None:
    """Tasks, futures, callbacks, timers, queues, locks and cancellation."""
    named = [*only, *add]
    contestants = named if only else [*CONTESTANTS, *add]
    settings = settle(rounds, quick, python, patience, gc)
    chosen = choose_rows(SCHEDULING, rows)
    ctx.exit(conduct(SCHEDULING, chosen, contestants, settings, json_file, check, named))


def main(argv: Sequence[str] | None = None, prog_name: str = "bench") -> None:
    """Run the command line, then end the process by SystemExit.

    Args:
        argv: the words after the command's name; those of this process if not given.
        prog_name: what usage messages call it.
    """
    bench.main(args=None if argv is None else list(argv), prog_name=prog_name)
