"""`miniloop compare --trace`: two runs step by step: of two cells, or of two recordings."""

import json
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path

import click

from compat.launching import command
from compat.options import ALL_CELLS, BadUsage, Cell, Plan, Target
from miniloop.study import Recording, RecordingError, read
from miniloop.study.differences import Differences, compare, differences_in_words, text
from miniloop.study.journal import LIMIT

#: Which cells are compared if none are named.
CELLS = (Cell("asyncio", "asyncio"), Cell("asyncio", "miniloop"))


def compare_traces(
    target: Target, plan: Plan, json_wanted: bool, page: str | None, stdin: Path | None
) -> int:
    """Record `target` in two cells and show where the runs part; return the exit status.

    page: the file that an HTML page with both is written to, or None.
    stdin: the file with what the program finds on its standard input, or None.
    """
    if len(plan.cells) != 2 or any(cell.loop == "uvloop" for cell in plan.cells):
        words = "a trace is compared between two cells, on asyncio's or miniloop's loop"
        raise BadUsage(f"{words}: name them with --cells")
    left, right = (recorded(cell, target, plan, stdin) for cell in plan.cells)
    heads = (str(plan.cells[0]), str(plan.cells[1]))
    return show(left, right, heads, json_wanted, page)


def compare_files(names: tuple[str, str], json_wanted: bool, page: str | None) -> int:
    """Show where the runs in two recordings part; return the exit status."""
    try:
        left, right = (read(name) for name in names)
    except RecordingError as error:
        raise BadUsage(str(error)) from None
    return show(left, right, names, json_wanted, page)


def recorded(cell: Cell, target: Target, plan: Plan, stdin: Path | None = None) -> Recording:
    """Run `target` in `cell` and return the recording; what it prints is in there."""
    with tempfile.TemporaryDirectory(prefix="miniloop-") as folder:
        path = Path(folder) / "run.mlt"
        words = command(cell, target, plan.interpreter, f"record:{LIMIT}:-:{path}")
        try:
            given = b"" if stdin is None else stdin.read_bytes()
            subprocess.run(words, input=given, capture_output=True, timeout=plan.timeout)
        except subprocess.TimeoutExpired:
            click.echo(f"miniloop: {cell} has run for {plan.timeout} s and was ended", err=True)
        try:
            return read(path)
        except RecordingError:
            raise BadUsage(f"{target.title} cannot be recorded in {cell}") from None


def show(
    left: Recording, right: Recording, heads: tuple[str, str], json_wanted: bool, page: str | None
) -> int:
    """Print the comparison, write the page; return the exit status."""
    found = compare(left, right)
    if page is not None:
        write_page(left, right, heads, found, page)
    if json_wanted:
        told = asdict(found) | {"same": found.same, "heads": heads}
        click.echo(json.dumps(told, indent=2))
    else:
        click.echo("\n".join(text(found, heads)))
    return 0 if found.same else 1


def write_page(
    left: Recording, right: Recording, heads: tuple[str, str], found: Differences, page: str
) -> None:
    """Write the page with both runs."""
    from compat.commands.html import texts
    from miniloop.study.html_compare import compare_page

    title = str(left.header.get("program", "two runs"))
    sources = texts(right, [Path.cwd()]) | texts(left, [Path.cwd()])
    words = differences_in_words(found)
    html = compare_page(left, right, title=title, heads=heads, sentence=words, sources=sources)
    try:
        Path(page).write_text(html, encoding="utf-8")
    except OSError as error:
        raise BadUsage(f"cannot write {page}: {error.strerror}") from None


def chosen(cells: str | None, plan: Plan) -> Plan:
    """Return `plan` with the two usual cells if none were named."""
    if cells is not None:
        return plan
    return Plan(
        tuple(cell for cell in CELLS if cell in ALL_CELLS), plan.timeout, 1, plan.interpreter
    )
