"""`miniloop step`: go through a recording, or a program that runs, forward and back."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from compat.commands import PROGRAM, interpreter_options, parse_target
from compat.commands.recordings import load, placed
from compat.launching import parse_interpreter
from compat.options import NAMES, BadUsage, Cell
from compat.stepping import stepped
from miniloop.study.journal import LIMIT
from miniloop.study.state import Player
from miniloop.study.stepper import Stepper


@click.command(context_settings=PROGRAM)
@click.option(
    "--at", type=click.IntRange(min=0), metavar="EVENT", default=0, help="Where to begin."
)
@click.option("--names", type=click.Choice(NAMES), default="asyncio", show_default=True)
@click.option(
    "--loop", type=click.Choice(("miniloop", "asyncio")), default="miniloop", show_default=True
)
@click.option("--plain", is_flag=True, help="In plain lines, even where there is a screen.")
@interpreter_options
@click.argument("program", metavar="RUN.MLT|PROGRAM", nargs=-1, type=click.UNPROCESSED)
def step(
    at: int,
    names: str,
    loop: str,
    plain: bool,
    python: str | None,
    warnings: tuple[str, ...],
    x: tuple[str, ...],
    program: tuple[str, ...],
) -> None:
    """Go through a recording entry by entry, forward and back; ? lists what can be asked.

    With a program instead of a recording it is run, and waits before each entry of its loop until
    it is let on; what it prints is shown as part of its state. On a terminal, where textual is
    installed, this is a screen with panes.
    """
    with player_of(program, at, Cell(names, loop), python, warnings, x) as player:
        if not plain and sys.stdin.isatty() and sys.stdout.isatty() and screen(player):
            return
        stdin = None if sys.stdin.isatty() else sys.stdin
        stepper = Stepper(player, stdin)
        if stdin is not None:
            stepper.prompt = ""
        stepper.cmdloop()


@contextmanager
def player_of(
    program: tuple[str, ...],
    at: int,
    cell: Cell,
    python: str | None,
    warnings: tuple[str, ...],
    x: tuple[str, ...],
) -> Iterator[Player]:
    """Give a player of a recording, or of a program that runs."""
    if not program:
        raise BadUsage("say which recording, or which program, to go through")
    if program[0].endswith((".mlt", ".mlt.gz")):
        if len(program) > 1:
            raise BadUsage("one recording is gone through at a time")
        yield placed(load(program[0]), at)
        return
    target = parse_target(program, as_module=False)
    with stepped(cell, target, parse_interpreter(python, warnings, x), LIMIT) as player:
        player.seek(min(at, len(player)))
        yield player


def screen(player: Player) -> bool:
    """Show the panes on the whole screen, if textual is installed; return whether it is."""
    try:
        from compat.panes import Panes
    except ImportError:
        return False
    Panes(player).run_on_miniloop()
    return True
