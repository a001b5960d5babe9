"""What every benchmark's command does with its options: read them, run, report.

`measuring` gives a command the options that all have, as one `Options`; with that and a
suite it calls `conduct`.

Read next: command.py
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click

from compat.bench.model import Contestant, Settings, load_suite
from compat.bench.report import Report, as_json, make_report
from compat.bench.rounds import run
from compat.bench.table import render

ROUNDS, SAMPLE_SECONDS = 15, 0.030
QUICK_ROUNDS, QUICK_SAMPLE_SECONDS = 5, 0.020
PATIENCE_SECONDS = 60.0

Goals = Callable[[Report], list[str]]


@dataclass(frozen=True)
class Options:
    """What the command line says about a measurement; see `measuring` for each."""

    rows: str
    rounds: int | None
    quick: bool
    only: list[Contestant]
    add: list[Contestant]
    python: str
    gc: bool
    patience: float
    json_file: Path | None
    check: bool

    def settle(
        self,
        rounds: tuple[int, int] = (QUICK_ROUNDS, ROUNDS),
        warmups: int = 1,
        placement: str = "",
        units: int | None = None,
    ) -> Settings:
        """Return settings.

        Args:
            rounds: how many, if that is left open: with ``--quick`` and without.
            warmups: how many rounds before those.
            placement: on which processors, in the suite's words.
            units: the units of a sample, if that is not left to calibration.
        """
        return Settings(
            rounds=self.rounds or rounds[not self.quick],
            warmups=warmups,
            sample_seconds=QUICK_SAMPLE_SECONDS if self.quick else SAMPLE_SECONDS,
            patience_seconds=self.patience,
            python=self.python,
            collect_garbage=self.gc,
            placement=placement,
            units=units,
        )


def read_contestants(known: Sequence[Contestant], words: Sequence[str]) -> list[Contestant]:
    """Return the contestants that words stand for, by key or as [names@]module:Factory.

    Raises:
        click.BadParameter: for a word that is neither.
    """
    keys = {contestant.key: contestant for contestant in known}
    try:
        return [keys.get(word) or Contestant.parse(word) for word in words]
    except ValueError as error:
        raise click.BadParameter(f"{error}, nor one of {', '.join(keys)}") from None


OPTIONS: list[Callable[..., Any]] = [
    click.option(
        "--rows", metavar="A,B,...", default="", help="Only these rows; * and ? stand for any."
    ),
    click.option(
        "--rounds", type=click.IntRange(min=1), help=f"Samples per row (most often {ROUNDS})."
    ),
    click.option("--quick", is_flag=True, help="Fewer rounds of shorter samples."),
    click.option(
        "--only", multiple=True, metavar="NAMES/LOOP", help="Only this contestant; repeatable."
    ),
    click.option(
        "--add",
        multiple=True,
        metavar="[NAMES@]MODULE:FACTORY",
        help="One more contestant; repeatable.",
    ),
    click.option("--python", default=sys.executable, help="Measure on this interpreter."),
    click.option("--gc", is_flag=True, help="Leave the cycle collector on while measuring."),
    click.option(
        "--patience",
        type=click.FloatRange(min=0, min_open=True),
        default=PATIENCE_SECONDS,
        help="Give a sample up after so many seconds.",
    ),
    click.option(
        "--json",
        "json_file",
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        help="Write everything to this file.",
    ),
    click.option("--check", is_flag=True, help="Fail if miniloop's goals are missed."),
    click.pass_context,
]


def measuring(known: Sequence[Contestant]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a function the options that all benchmarks have.

    The function is called with the click context, an `Options` and whatever options of
    its own it has.

    Args:
        known: the contestants that have a name on the command line.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(ctx: click.Context, **words: Any) -> None:
            shared = {field.name: words.pop(field.name) for field in fields(Options)}
            for key in ("only", "add"):
                shared[key] = read_contestants(known, shared[key])
            function(ctx, Options(**shared), **words)

        return functools.reduce(lambda found, option: option(found), reversed(OPTIONS), command)

    return decorate


def show_progress(text: str) -> None:
    """Overwrite one line on a terminal; say nothing elsewhere."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", nl=False, err=True)


def choose_rows(suite: str, wanted: str) -> list[str]:
    """Return the rows of a comma-separated list of keys and patterns, in its order.

    Raises:
        click.BadParameter: for one that no row has.
    """
    known = load_suite(suite).rows
    rows: dict[str, None] = {}
    for pattern in wanted.split(","):
        word = pattern.strip()
        found = [key for key in known if fnmatchcase(key, word)]
        if word and not found:
            raise click.BadParameter(f"no row {word!r}; there are: {', '.join(known)}")
        rows |= dict.fromkeys(found)
    return list(rows)


def conduct(
    suite: str,
    options: Options,
    contestants: Sequence[Contestant],
    settings: Settings,
    goals: Goals,
) -> int:
    """Run a suite, print the tables and write the JSON file.

    Args:
        suite: the module that has the rows.
        options: which rows, who else takes part, what becomes of the report.
        contestants: who takes part, if installed, unless the options name others.
        settings: how to measure.
        goals: returns what a report falls short of; asked only under ``--check``.

    Returns:
        the exit status.
    """
    rows = choose_rows(suite, options.rows)
    named = [*options.only, *options.add]
    field = named if options.only else [*contestants, *options.add]
    results = run(suite, rows, field, settings, show_progress)
    show_progress("")
    found = load_suite(suite)
    report = make_report(results, found.baselines, found.parts)
    click.echo(render(report, found))
    if options.json_file is not None:
        text = json.dumps(as_json(report, found.title, settings), indent=1)
        options.json_file.write_text(text + "\n", encoding="utf-8")
    complaints = goals(report) if options.check else []
    for complaint in complaints:
        click.echo(f"missed: {complaint}")
    lacking = any(contestant.key in results.absent for contestant in named)
    lacking = lacking or not results.contestants
    return 1 if results.failures or lacking or complaints else 0
