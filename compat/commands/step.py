"""`miniloop step`: go through a recording forward and back in the terminal."""

import sys

import click

from compat.commands.recordings import FILE, load, placed
from miniloop.study.stepper import Stepper


@click.command()
@click.option(
    "--at", type=click.IntRange(min=0), metavar="EVENT", default=0, help="Where to begin."
)
@FILE
def step(at: int, file: str) -> None:
    """Go through RUN.MLT entry by entry, forward and back; ? lists what can be asked."""
    player = placed(load(file), at)
    stdin = None if sys.stdin.isatty() else sys.stdin
    stepper = Stepper(player, stdin)
    if stdin is not None:
        stepper.prompt = ""
    stepper.cmdloop()
