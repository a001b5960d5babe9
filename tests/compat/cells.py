"""Helpers: write a small program, run it in a cell, look at what it did."""

import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from compat.launching import command, installed_loops
from compat.options import ALL_CELLS, Cell, Interpreter, Target

HERE = Interpreter()
INSTALLED = [cell for cell in ALL_CELLS if cell.loop in installed_loops(HERE)]
every_cell = pytest.mark.parametrize("cell", INSTALLED, ids=str)
renamed_cells = pytest.mark.parametrize(
    "cell", [cell for cell in INSTALLED if cell.names == "miniloop"], ids=str
)
PLAIN = Cell("asyncio", "asyncio")
OURS = Cell("miniloop", "miniloop")
MODULE_OF_LOOP = {
    "asyncio": "asyncio.unix_events",
    "miniloop": "miniloop.eventloop",
    "uvloop": "uvloop",
}

Done = subprocess.CompletedProcess[str]


def write(directory: Path, files: dict[str, str]) -> Path:
    """Write `files`, by path below `directory`; return the first one's path."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return directory / next(iter(files))


def finish(
    words: Sequence[str], cwd: Path | None = None, stdin: str = "", **environment: str
) -> Done:
    """Run a command to its end, `environment` added to a plain one, and return all it did."""
    import os

    return subprocess.run(
        words,
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


def in_cell(
    cell: Cell,
    program: Path | str,
    *arguments: str,
    kind: str = "script",
    flags: tuple[str, ...] = (),
    cwd: Path | None = None,
    stdin: str = "",
    **environment: str,
) -> Done:
    """Run a program in a cell and return all it did."""
    target = Target(kind, str(program), arguments)
    words = command(cell, target, Interpreter(sys.executable, flags))
    return finish(words, cwd, stdin, **environment)


def printed(done: Done) -> list[str]:
    """Return the lines of a program that must have succeeded."""
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def miniloop(*arguments: str, cwd: Path | None = None, stdin: str = "", **environment: str) -> Done:
    """Run the command line."""
    return finish([sys.executable, "-m", "compat", *arguments], cwd, stdin, **environment)
