"""`miniloop lint`: what is probably wrong in a recording."""

import click

from compat.commands.recordings import FILE, load
from miniloop.study.lints import lint as find


@click.command()
@FILE
def lint(file: str) -> int:
    """Say in plain sentences what is probably wrong in RUN.MLT.

    The exit status is 0 if nothing is found, 1 if something is.
    """
    findings = find(load(file))
    for finding in findings:
        place = f"{finding.src}: " if finding.src else ""
        click.echo(f"{place}{finding.kind}: {finding.sentence} (event {finding.n})")
    if not findings:
        click.echo("nothing found")
    return 1 if findings else 0
