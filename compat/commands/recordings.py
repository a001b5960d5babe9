"""What the commands that look at a recording have in common."""

from collections.abc import Callable
from typing import Any

import click

from compat.options import BadUsage
from miniloop.study import Recording, RecordingError, read
from miniloop.study.state import Player

FILE = click.argument("file", metavar="RUN.MLT", type=click.Path())


def load(file: str) -> Recording:
    """Return the recording in `file`; what a reader must know of it goes to standard error.

    Raises BadUsage if it cannot be read.
    """
    try:
        recording = read(file)
    except RecordingError as error:
        raise BadUsage(str(error)) from None
    for remark in recording.remarks[len(recording.header.get("unseen", ())) :]:
        click.echo(f"miniloop: {remark}", err=True)
    return recording


def at_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--at`."""
    words = "At which event; where the program got stuck or ended, if not."
    return click.option("--at", type=click.IntRange(min=0), metavar="EVENT", help=words)(command)


def placed(recording: Recording, at: int | None) -> Player:
    """Return a player at event `at`; raises BadUsage if there is none."""
    player = Player(recording)
    if at is not None and at > len(player):
        raise BadUsage(f"there is no event {at}: the recording has {len(player)}")
    if at is None:
        stops = [event["n"] for event in recording.events if event["kind"] == "loop_stop"]
        at = stops[0] - 1 if stops else len(player)
    player.seek(at)
    return player
