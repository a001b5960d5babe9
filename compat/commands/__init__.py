"""The subcommands `run` and `compare`; each file is imported when its command is called."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from compat.examples import EXAMPLES
from compat.examples import __path__ as examples
from compat.options import Target
from compat.options import parse_target as parse_words

HERE = Path(examples[0])
LEARNING = ("steps", "misconceptions")  # `compat.examples.learning` has more to say of them

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
    """Add `-m` and the words that `parse_target` takes."""
    module = click.option("-m", "as_module", is_flag=True, help="PROGRAM is a module's name.")
    words = click.argument("program", nargs=-1, type=click.UNPROCESSED)
    return module(words(command))


def parse_target(words: Sequence[str], as_module: bool) -> Target:
    """Return the program that `words` name, as `compat.options` does, or the example of that name.

    What `miniloop learn` lists is found by name as well. Raises BadUsage if there is none.
    """
    paths = {path.stem: str(path) for folder in LEARNING for path in (HERE / folder).glob("*.py")}
    paths |= {example.name: str(example.path) for example in EXAMPLES}
    if words and not as_module and words[0] in paths and not Path(words[0]).exists():
        words = [paths[words[0]], *words[1:]]
    return parse_words(words, as_module)
