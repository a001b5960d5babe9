"""`miniloop show`: a recording as text, event by event, or the state at one of them."""

import click

from compat.commands.recordings import FILE, load, placed
from compat.options import BadUsage
from miniloop.study.events import KINDS
from miniloop.study.text import log, panes, told


@click.command()
@click.option("--at", type=click.IntRange(min=0), metavar="EVENT", help="Show the state there.")
@click.option("--task", metavar="NAME", help="Only what is about this task.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only events of this kind.")
@FILE
def show(at: int | None, task: str | None, kinds: tuple[str, ...], file: str) -> None:
    """Print what happened in RUN.MLT: a line for each event, or the whole state at one."""
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise BadUsage(f"there is no kind {unknown[0]!r}; the kinds are {', '.join(KINDS)}")
    recording = load(file)
    if at is not None:
        player = placed(recording, at)
        click.echo("\n".join(panes(player.state)))
        if player.event is not None:
            click.echo(f"\n* {told(player.event, player.state)}")
        return
    for line in log(recording, kinds, task or ""):
        click.echo(line)
