"""The command line of the benchmarks: ``bench`` and its subcommands.

``bench`` is a click group that another command line can add, and `main` runs it alone.
Without a subcommand it is ``bench scheduling``.  A further benchmark is a module with a
``SUITE``, and one more command that calls `conduct`.

The exit status does not depend on time, unless ``--check`` asks for that: 0 if everything
was measured, 1 if a row went wrong, or a contestant that was asked for by name is not
there (or a goal was missed under ``--check``), 2 for a command line without sense.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from compat.bench.conducting import Options, conduct, measuring
from compat.bench.exploring.commands import explore
from compat.bench.http.commands import http, http_client
from compat.bench.model import CONTESTANTS
from compat.bench.network.commands import connections, net
from compat.bench.recording.commands import recording
from compat.bench.thresholds import check as check_goals

SCHEDULING = "compat.bench.scheduling"


class DefaultGroup(click.Group):
    """A group that takes anything but the name of a subcommand for options of one."""

    default = "scheduling"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default's name in front, unless a subcommand or help is asked for."""
        if not args or args[0] not in (*self.commands, "--help"):
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the default's options as ours, and the subcommands below."""
        self.commands[self.default].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


@click.group(cls=DefaultGroup)
def bench() -> None:
    """Measure CPU time per operation on asyncio, uvloop, rloop and miniloop.

    Without a command it measures scheduling. All contestants take turns within one run,
    each in a process of its own.
    """


@bench.command()
@measuring(CONTESTANTS)
def scheduling(ctx: click.Context, options: Options) -> None:
    """Tasks, futures, callbacks, timers, queues, locks and cancellation."""
    ctx.exit(conduct(SCHEDULING, options, CONTESTANTS, options.settle(), check_goals))


bench.add_command(net)
bench.add_command(connections)
bench.add_command(explore)
bench.add_command(http)
bench.add_command(http_client)
bench.add_command(recording)


def main(argv: Sequence[str] | None = None, prog_name: str = "bench") -> None:
    """Run the command line, then end the process by SystemExit.

    Args:
        argv: the words after the command's name; those of this process if not given.
        prog_name: what usage messages call it.
    """
    bench.main(args=None if argv is None else list(argv), prog_name=prog_name)
