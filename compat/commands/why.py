"""`miniloop why`: what a task waits for, and who can wake it."""

import click

from compat.commands.recordings import FILE, at_option, load, placed
from compat.options import BadUsage
from miniloop.study.waits import NotATaskError
from miniloop.study.waits import why as why_lines


@click.command()
@at_option
@FILE
@click.argument("task", required=False)
def why(at: int | None, file: str, task: str | None) -> None:
    """Say why TASK does not run in RUN.MLT: what it waits for, who can wake it, to the end.

    Without TASK it is said of every task that waits.
    """
    recording = load(file)
    state = placed(recording, at).state
    names = [task] if task else [n for n, t in state.tasks.items() if t.state == "waiting"]
    if not names:
        click.echo(f"no task waits at event {state.n}")
    for name in names:
        try:
            click.echo("\n".join(why_lines(state, name, recording)))
        except NotATaskError as error:
            raise BadUsage(str(error)) from None
