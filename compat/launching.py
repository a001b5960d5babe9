"""The command line that starts a cell, and what an interpreter has to offer for cells."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from compat.options import LOOPS, BadUsage, Cell, Interpreter, Target, here_installed

LAUNCH = Path(__file__).resolve().parent / "cell" / "launch.py"
PROBE = (
    "import sys; from importlib.util import find_spec; "
    "print(sys.version_info >= (3, 11), find_spec('uvloop') is not None)"
)


def command(cell: Cell, target: Target, interpreter: Interpreter, report: str = "-") -> list[str]:
    """Return the command that runs `target` in `cell`; `report` as in `compat.cell.report`."""
    words = [interpreter.path, *interpreter.flags, str(LAUNCH), cell.names, cell.loop, report]
    return [*words, target.kind, target.name, *target.arguments]


def parse_interpreter(
    path: str | None, warnings: tuple[str, ...], x: tuple[str, ...]
) -> Interpreter:
    """Return the interpreter to use, with the flags of this one and the `-W` and `-X` given."""
    flags = tuple(subprocess._args_from_interpreter_flags())  # type: ignore[attr-defined]
    flags += tuple(f"-W{option}" for option in warnings) + tuple(f"-X{option}" for option in x)
    if path is None:
        return Interpreter(sys.executable, flags)
    found = shutil.which(path)
    if found is None:
        raise BadUsage(f"there is no interpreter {path}")
    return Interpreter(found, flags)


def installed_loops(interpreter: Interpreter) -> tuple[str, ...]:
    """Return the loops that cells can be made of with this interpreter."""
    if interpreter.path == sys.executable:
        return tuple(loop for loop in LOOPS if here_installed(loop))
    done = subprocess.run(
        [interpreter.path, "-c", PROBE], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    new_enough, _, uvloop = done.stdout.strip().partition(" ")
    if new_enough != "True":
        raise BadUsage(f"{interpreter.path} is not a Python of version 3.11 or newer")
    return LOOPS if uvloop == "True" else LOOPS[:2]


def missing_libraries(interpreter: Interpreter, names: Sequence[str]) -> tuple[str, ...]:
    """Return those of the packages `names` that this interpreter cannot import."""
    if not names:
        return ()
    if interpreter.path == sys.executable:
        return tuple(name for name in names if find_spec(name) is None)
    code = "import sys; from importlib.util import find_spec; "
    code += "print(*(name for name in sys.argv[1:] if find_spec(name) is None))"
    done = subprocess.run(
        [interpreter.path, "-c", code, *names],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return tuple(done.stdout.split())


def become(words: list[str]) -> None:
    """Replace this process by the command `words`; does not return.

    Nothing of ours is then between the program and its terminal, signals and exit status.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(words[0], words)
