"""The subcommands `run` and `compare`; each file is imported when its command is called."""

from collections.abc import Callable
from typing import Any

import click

PROGRAM: dict[str, Any] = {
    "ignore_unknown_options": False,
    "allow_interspersed_args": False,  # what follows the target is the program's own
}


def interpreter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that `compat.launching.parse_interpreter` takes."""
    options = (
        click.option("--python", metavar="PATH", help="The interpreter to use; this one if not."),
        click.option("-W", "warnings", multiple=True, metavar="FILTER", help="As python's own -W."),
        click.option("-X", "x", multiple=True, metavar="OPTION", help="As python's own -X."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def target_arguments(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `-m` and the words that `compat.options.parse_target` takes."""
    module = click.option("-m", "as_module", is_flag=True, help="PROGRAM is a module's name.")
    words = click.argument("program", nargs=-1, type=click.UNPROCESSED)
    return module(words(command))
