"""Every example prints the expected lines in every cell, and the index says what is there.

What an example must print is kept in `examples_expected/NAME.txt`, one file for all versions of
Python.  `python tests/compat/test_examples.py [NAME]...` writes these files anew (of all examples,
or of those named) from asyncio on its own loop: read the difference before believing it.
"""

from __future__ import annotations

import ast
import difflib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import miniloop
from compat.examples import EXAMPLES, Example, find
from compat.launching import command, installed_loops
from compat.options import ALL_CELLS, BASELINE, Cell, Interpreter, Target

EXPECTED = Path(__file__).resolve().parent / "examples_expected"
TIMEOUT = 60.0  # seconds; an example takes about one
AT_ONCE = 3  # cells: an example mostly sleeps
LONGEST = 90  # lines

NAMES = [example.name for example in EXAMPLES]


def has_network(cell: Cell) -> bool:
    """Return whether programs in `cell` can open connections yet."""
    return "miniloop" not in (cell.names, cell.loop) or hasattr(miniloop, "open_connection")


def cells_for(example: Example) -> list[Cell]:
    """Return the cells of this interpreter that have what `example` needs."""
    loops = installed_loops(Interpreter())
    return [
        cell
        for cell in ALL_CELLS
        if cell.loop in loops and (example.needs != "network" or has_network(cell))
    ]


def run(example: Example, cell: Cell) -> tuple[int, str, str]:
    """Return the exit status, the output and the errors of `example` in `cell`.

    Warnings that Python hides by default are shown, so that they are among the errors.
    """
    interpreter = Interpreter(flags=("-Wdefault",))
    words = command(cell, Target("script", str(example.path)), interpreter)
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL
    )
    return done.returncode, done.stdout, done.stderr


def complaint(example: Example, cell: Cell, expected: str) -> str:
    """Return what is wrong with `example` in `cell`, or "" if nothing is."""
    try:
        status, output, errors = run(example, cell)
    except subprocess.TimeoutExpired:
        return f"{cell}: not done after {TIMEOUT} s"
    if output == expected and not errors and status == 0:
        return ""
    differences = difflib.unified_diff(
        expected.splitlines(), output.splitlines(), "expected", "printed", lineterm=""
    )
    return "\n".join([f"{cell}: exit status {status}", *differences, errors])


@pytest.mark.parametrize("name", NAMES)
def test_same_lines_in_every_cell(name: str) -> None:
    example = find(name)
    expected = (EXPECTED / f"{name}.txt").read_text(encoding="utf-8")
    cells = cells_for(example)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        complaints = pool.map(lambda cell: complaint(example, cell, expected), cells)
        wrong = [text for text in complaints if text]
    assert not wrong, "\n".join(wrong)


def test_the_index_lists_what_is_there() -> None:
    directory = EXAMPLES[0].path.parent
    files = {path.stem for path in directory.glob("*.py")} - {"__init__"}
    assert sorted(NAMES) == sorted(files)
    assert sorted(path.stem for path in EXPECTED.iterdir()) == sorted(files)


def test_every_example_is_described_in_one_line() -> None:
    for example in EXAMPLES:
        assert 0 < len(example.teaches) <= 72, example.name
        assert example.needs in ("", "network"), example.name
    descriptions = {example.teaches for example in EXAMPLES}
    assert len(descriptions) == len(EXAMPLES)


def test_an_unknown_example_is_answered_with_those_that_exist() -> None:
    with pytest.raises(LookupError, match="tcp_echo"):
        find("tcp_ecco")


@pytest.mark.parametrize("name", NAMES)
def test_file_is_a_small_program_with_a_lesson(name: str) -> None:
    # The file's directory is sys.path[0] of every other example: it must not hide a module.
    assert name not in sys.stdlib_module_names
    text = find(name).path.read_text(encoding="utf-8")
    lesson = ast.get_docstring(ast.parse(text)) or ""
    assert "\nTeaches: " in lesson
    assert "\nLook for: " in lesson
    assert "\nimport asyncio\n" in text
    assert '\nif __name__ == "__main__":\n' in text
    assert len(text.splitlines()) <= LONGEST


def write_expected(names: list[str]) -> None:
    """Write down what the named examples print on asyncio."""
    for name in names:
        status, output, errors = run(find(name), BASELINE)
        if status or errors:
            raise SystemExit(f"{name} failed:\n{errors}")
        (EXPECTED / f"{name}.txt").write_text(output, encoding="utf-8")


if __name__ == "__main__":
    write_expected(sys.argv[1:] or NAMES)
