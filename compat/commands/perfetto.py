"""`miniloop perfetto`: a recording as a trace that https://ui.perfetto.dev opens.

Read next: ../../miniloop/study/perfetto.py
"""

import json
from pathlib import Path

import click

from compat.commands.html import beside, write
from compat.commands.recordings import load
from miniloop.study.perfetto import perfetto as traced


@click.command()
@click.argument("recording", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it; beside the recording if not.",
)  # fmt: skip
@click.option("--steps", is_flag=True, help="A microsecond for each event, whatever it took.")
def perfetto(recording: Path, output: Path | None, steps: bool) -> None:
    """Make a Chrome trace of RECORDING: drop it on https://ui.perfetto.dev to see its lanes."""
    trace = traced(load(str(recording)), steps=steps)
    path = output or beside(recording, ".perfetto.json")
    write(path, json.dumps(trace, separators=(",", ":"), default=str))
    click.echo(f"{path}: {len(trace['traceEvents'])} entries; open it at https://ui.perfetto.dev")
