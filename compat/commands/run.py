"""`miniloop run`: become a program in a cell."""

import click

from compat.commands import PROGRAM, interpreter_options, parse_target, target_arguments
from compat.launching import become, command, installed_loops, parse_interpreter
from compat.options import LOOPS, NAMES, BadUsage, Cell


@click.command(context_settings=PROGRAM)
@click.option(
    "--names",
    type=click.Choice(NAMES),
    default="miniloop",
    show_default=True,
    help="What the program's `import asyncio` means.",
)
@click.option(
    "--loop",
    type=click.Choice(LOOPS),
    default="miniloop",
    show_default=True,
    help="Whose loops the program makes.",
)
@click.option("--dump", is_flag=True, help="Say why every task waits when SIGUSR1 comes.")
@interpreter_options
@target_arguments
def run(
    names: str,
    loop: str,
    dump: bool,
    python: str | None,
    warnings: tuple[str, ...],
    x: tuple[str, ...],
    as_module: bool,
    program: tuple[str, ...],
) -> None:
    """Run PROGRAM, unmodified, in one cell.

    PROGRAM is a file, a directory with a __main__.py, MODULE:FUNCTION, an example's name, or with
    -m a module; what follows it are its own arguments. The exit status is the program's.
    """
    target = parse_target(program, as_module)
    interpreter = parse_interpreter(python, warnings, x)
    if loop not in installed_loops(interpreter):
        raise BadUsage(f"{loop} is not installed for {interpreter.path}")
    if dump and loop == "uvloop":
        raise BadUsage("uvloop's loop is compiled and cannot be looked into")
    become(command(Cell(names, loop), target, interpreter, "dump" if dump else "-"))
