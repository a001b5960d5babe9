"""What was asked for, as small frozen values: cells, targets, options.  Parsed once, here.

Raises `BadUsage`, a sentence for the user, for anything that cannot be meant.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import click

NAMES = ("asyncio", "miniloop")
LOOPS = ("asyncio", "miniloop", "uvloop")


class BadUsage(click.ClickException):
    """The command line cannot be meant; says why in one sentence."""

    exit_code = 2


@dataclass(frozen=True, order=True)
class Cell:
    """One way to run a program: what `import asyncio` means in it, and whose loops it makes."""

    names: str
    loop: str

    def __str__(self) -> str:
        return f"{self.names}/{self.loop}"


ALL_CELLS = tuple(Cell(names, loop) for names in NAMES for loop in LOOPS)
BASELINE = Cell("asyncio", "asyncio")


@dataclass(frozen=True)
class Target:
    """The program: kind is "script", "module" or "function"; arguments are the program's own."""

    kind: str
    name: str
    arguments: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The program as a person would name it."""
        name = Path(self.name).name if self.kind == "script" else self.name
        return f"-m {name}" if self.kind == "module" else name


@dataclass(frozen=True)
class Interpreter:
    """The python to run cells with, and options for it such as `-W error` or `-X dev`."""

    path: str = sys.executable
    flags: tuple[str, ...] = ()


# A coin that each run throws shows five times the one side and five times the other once in 500
# comparisons; with three runs of each it was once in 32.
RUNS = 5


@dataclass(frozen=True)
class Plan:
    """How to compare: which cells, how long each may take (s), how often an odd one is re-run."""

    cells: tuple[Cell, ...]
    timeout: float = 60.0
    runs: int = RUNS
    interpreter: Interpreter = Interpreter()

    @property
    def baseline(self) -> Cell:
        """The cell that the others are compared with: asyncio's own if chosen, else the first."""
        return BASELINE if BASELINE in self.cells else self.cells[0]


def parse_target(words: Sequence[str], as_module: bool) -> Target:
    """Return the program that `words` name: a target and the program's arguments."""
    if not words:
        raise BadUsage("say which program to run: a file, -m MODULE, or MODULE:FUNCTION")
    name, *arguments = words
    if as_module:
        return Target("module", name, tuple(arguments))
    path = Path(name)
    if path.is_dir():
        if not (path / "__main__.py").is_file():
            raise BadUsage(f"the directory {name} has no __main__.py")
        return Target("script", name, tuple(arguments))
    if path.exists():
        if not os.access(path, os.R_OK):
            raise BadUsage(f"the file {name} cannot be read")
        return Target("script", name, tuple(arguments))
    module, colon, function = name.partition(":")
    if colon and Path(module).is_file():
        raise BadUsage(f"a function is named as MODULE:FUNCTION, {Path(module).stem}:{function}")
    dotted = all(part.isidentifier() for part in f"{module}.{function}".split("."))
    if colon and dotted:
        return Target("function", name, tuple(arguments))
    raise BadUsage(f"there is no file {name}")


def parse_cells(text: str | None, installed: Sequence[str]) -> tuple[Cell, ...]:
    """Return the cells in `text` ("names/loop,..."), or all whose loop is among `installed`."""
    if text is None:
        return tuple(cell for cell in ALL_CELLS if cell.loop in installed)
    chosen: list[Cell] = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        names, _, loop = word.partition("/")
        cell = Cell(names, loop)
        if cell not in ALL_CELLS:
            known = ", ".join(map(str, ALL_CELLS))
            raise BadUsage(f"there is no cell {word!r}; the cells are {known}")
        if cell.loop not in installed:
            raise BadUsage(f"the cell {cell} needs {cell.loop}, which is not installed")
        if cell not in chosen:
            chosen.append(cell)
    if not chosen:
        raise BadUsage("--cells names no cell")
    return tuple(chosen)


def here_installed(loop: str) -> bool:
    """Return whether this interpreter can import the library behind the word `loop`."""
    return loop in ("asyncio", "miniloop") or find_spec(loop) is not None
