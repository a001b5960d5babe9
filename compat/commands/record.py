"""`miniloop record`: run a program in a cell and write down what its loop does."""

import signal
import subprocess
import sys
from pathlib import Path

import click

from compat.commands import PROGRAM, interpreter_options, parse_target, target_arguments
from compat.launching import command, parse_interpreter
from compat.options import NAMES, BadUsage, Cell, Target
from miniloop.study import RecordingError, read
from miniloop.study.journal import LIMIT


@click.command(context_settings=PROGRAM)
@click.option("-o", "--output", metavar="FILE", help="Where to; PROGRAM's name with .mlt if not.")
@click.option(
    "--names",
    type=click.Choice(NAMES),
    default="asyncio",
    show_default=True,
    help="What the program's `import asyncio` means.",
)
@click.option(
    "--loop",
    type=click.Choice(("miniloop", "asyncio", "uvloop")),
    default="miniloop",
    show_default=True,
    help="Whose loops the program makes.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=LIMIT,
    show_default=True,
    metavar="EVENTS",
    help="How many events are kept; the rest is counted.",
)
@interpreter_options
@target_arguments
def record(
    output: str | None,
    names: str,
    loop: str,
    limit: int,
    python: str | None,
    warnings: tuple[str, ...],
    x: tuple[str, ...],
    as_module: bool,
    program: tuple[str, ...],
) -> int:
    """Run PROGRAM, unmodified, and record what its loop does: who woke whom, and why.

    The file can be looked at with `miniloop show`, `why`, `step`, `html`, `perfetto` and `lint`;
    a name that ends in .gz is compressed. The exit status is the program's.
    """
    if loop == "uvloop":
        raise BadUsage("uvloop's loop is compiled and cannot be observed; record it on asyncio's")
    target = parse_target(program, as_module)
    interpreter = parse_interpreter(python, warnings, x)
    path = Path(output) if output is not None else Path(f"{stem(target)}.mlt")
    if path.is_dir() or not path.parent.is_dir():
        raise BadUsage(
            f"{path} cannot be written: "
            + ("a directory" if path.is_dir() else "no such directory")
        )
    told = f"record:{limit}:-:{path.resolve()}"
    status = run(command(Cell(names, loop), target, interpreter, told))
    return told_of(path, status)


def stem(target: Target) -> str:
    """Return what the recording of `target` is called."""
    if target.kind == "script":
        return Path(target.name).resolve().stem
    return target.name.replace(":", ".").rpartition(".")[2]


def run(words: list[str]) -> int:
    """Run a command in our place: its input, output and signals are ours; return its status."""
    process = subprocess.Popen(words)
    before = {
        number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGQUIT)
    }
    for number in (signal.SIGTERM, signal.SIGHUP):
        before[number] = signal.signal(number, lambda got, _: process.send_signal(got))
    try:
        return process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def told_of(path: Path, status: int) -> int:
    """Say on standard error what was recorded; return the exit status."""
    status = 128 - status if status < 0 else status
    try:
        recording = read(path)
    except RecordingError as error:
        click.echo(f"miniloop: {error}", err=True)
        return status or 2
    tasks = sum(event["kind"] == "task_new" for event in recording.events)
    iterations = recording.events[-1]["it"] if recording.events else 0
    click.echo(
        f"miniloop: {len(recording.events):,} events, {iterations:,} iterations,"
        f" {tasks:,} tasks are in {path}",
        err=True,
    )
    for remark in recording.remarks[len(recording.header.get("unseen", ())) :]:
        click.echo(f"miniloop: {remark}", err=True)
    if not any(event["kind"] == "loop_start" for event in recording.events):
        click.echo("miniloop: the program has run no loop in its main thread", err=True)
    sys.stderr.flush()
    return status
