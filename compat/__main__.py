"""The command line `miniloop`: a table of subcommands, each imported when it is called.

A subcommand is a click command; to add one, add a line to COMMANDS.  One whose module is not there
(yet) is not shown.  Every error that a user can make ends here as one sentence and status 2;
Ctrl-C ends with status 130 and SIGTERM with 143, neither with a traceback.
"""

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from types import FrameType
from typing import Any, NoReturn

import click

BAD_USAGE, INTERRUPTED, TERMINATED, BROKEN_PIPE = 2, 130, 143, 141

COMMANDS = {
    "run": ("compat.commands.run:run", "Run a program in one cell."),
    "compare": ("compat.commands.compare:compare", "Run a program in every cell and compare."),
    "record": ("compat.commands.record:record", "Run a program and record its loop."),
    "show": ("compat.commands.show:show", "Print a recording, or the state at one of its events."),
    "why": ("compat.commands.why:why", "Say why a task of a recording does not run."),
    "step": ("compat.commands.step:step", "Go through a recording, forward and back."),
    "lint": ("compat.commands.lint:lint", "Say what is probably wrong in a recording."),
    "learn": ("compat.commands.learn:learn", "Learn how a loop works, a program at a time."),
    "explore": ("compat.commands.explore:explore", "Look for an order of events that breaks it."),
    "replay": ("compat.commands.replay:replay", "Run it under one schedule again."),
    "serve": ("compat.commands.serve:serve", "Serve an ASGI application or a handler."),
    "html": ("compat.commands.html:html", "Make a page that plays a recording."),
    "perfetto": ("compat.commands.perfetto:perfetto", "Make a trace for ui.perfetto.dev of one."),
    "bench": ("compat.bench.command:bench", "Measure the loops against each other."),
}


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP has come: end as cleanly as after Ctrl-C, and let no loop keep it back."""


class Commands(click.Group):
    """A group that imports a subcommand only when that one is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the subcommands that are there."""
        return [name for name, (where, _) in COMMANDS.items() if exists(where.partition(":")[0])]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a subcommand, or None for a name that is no subcommand's."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def exists(module: str) -> bool:
    """Return whether a module can be found, without importing it."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def installed_version() -> str:
    """Return the installed version, or say that there is none."""
    try:
        return version("miniloop")
    except PackageNotFoundError:
        return "not installed, run from its source"


def show_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """Print the version and end, if that is wanted."""
    if wanted:
        click.echo(f"miniloop {installed_version()}")
        context.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=show_version,
    help="Show the version and exit.",
)  # fmt: skip
def commands() -> None:
    """One program, on asyncio's loop, miniloop's and uvloop's."""


def terminated(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Answer SIGTERM."""
    raise Terminated


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what `arguments` (sys.argv's without them) say; ends the process with its status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, terminated)
    sys.exit(status_of(list(sys.argv[1:] if arguments is None else arguments)))


def status_of(arguments: list[str]) -> int:
    """Do what `arguments` say and return the exit status."""
    try:
        result: Any = commands.main(arguments, prog_name="miniloop", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return BAD_USAGE
    except click.ClickException as error:
        message = " ".join(error.format_message().split())
        click.echo(f"miniloop: {message}", err=True)
        return BAD_USAGE
    except (KeyboardInterrupt, click.Abort) as error:
        if isinstance(error.__cause__ or error, Terminated):  # click makes an Abort of it
            return TERMINATED
        click.echo("miniloop: interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return BROKEN_PIPE
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    main()
