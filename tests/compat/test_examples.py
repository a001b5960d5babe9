"""Every example prints the expected lines in every cell, and the index says what is there.

What an example must print is kept in `examples_expected/NAME.txt`, one file for all versions of
Python.  `python tests/compat/test_examples.py [NAME]...` writes these files anew (of all examples,
or of those named) from asyncio on its own loop: read the difference before believing it.
"""

from __future__ import annotations

import ast
import difflib
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from compat.examples import EXAMPLES, Example, find
from compat.launching import command, missing_libraries
from compat.options import BASELINE, Cell, Interpreter, Target
from compat.services import VARIABLES, Services
from tests.compat.cells import INSTALLED
from tests.effort import effort

EXPECTED = Path(__file__).resolve().parent / "examples_expected"
TIMEOUT = 60.0  # seconds; an example takes about one
AT_ONCE = 3  # cells: an example mostly sleeps
LONGEST = 120  # lines

NAMES = [example.name for example in EXAMPLES]
IN_EVERY_CELL = frozenset(NAMES[: effort(len(NAMES), 1)])  # the others: in those with our loop


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    """The servers that examples need, each started for the first that asks."""
    with Services() as running:
        yield running


def run(example: Example, cell: Cell, services: Services) -> tuple[int, str, str]:
    """Return the exit status, the output and the errors of `example` in `cell`.

    Warnings that Python hides by default are shown, so that they are among the errors. The servers
    that it needs are as new for every run.
    """
    interpreter = Interpreter(flags=("-Wdefault",))
    words = command(cell, Target("script", str(example.path)), interpreter)
    with services.fresh(example.services) as urls:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **urls},
        )
    return done.returncode, done.stdout, done.stderr


def cells_for(name: str) -> list[Cell]:
    """Return the cells in which to run the example `name`."""
    return [cell for cell in INSTALLED if cell.loop == "miniloop" or name in IN_EVERY_CELL]


def complaint(example: Example, cell: Cell, expected: str, services: Services) -> str:
    """Return what is wrong with `example` in `cell`, or "" if nothing is."""
    try:
        status, output, errors = run(example, cell, services)
    except subprocess.TimeoutExpired:
        return f"{cell}: not done after {TIMEOUT} s"
    if output == expected and not errors and status == 0:
        return ""
    differences = difflib.unified_diff(
        expected.splitlines(), output.splitlines(), "expected", "printed", lineterm=""
    )
    return "\n".join([f"{cell}: exit status {status}", *differences, errors])


@pytest.mark.parametrize("name", NAMES)
def test_same_lines_in_every_cell(name: str, services: Services) -> None:
    example = find(name)
    missing = missing_libraries(Interpreter(), example.libraries)
    assert not missing, "install them with the extra `libraries`"
    expected = (EXPECTED / f"{name}.txt").read_text(encoding="utf-8")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        complaints = pool.map(
            lambda cell: complaint(example, cell, expected, services), cells_for(name)
        )
        wrong = [text for text in complaints if text]
    assert not wrong, "\n".join(wrong)


def test_the_index_lists_what_is_there() -> None:
    directory = EXAMPLES[0].path.parent
    # `learning` is the list of the programs in the folders beside them.
    files = {path.stem for path in directory.glob("*.py")} - {"__init__", "learning"}
    assert sorted(NAMES) == sorted(files)
    assert sorted(path.stem for path in EXPECTED.iterdir()) == sorted(files)


def test_every_example_is_described_in_one_line() -> None:
    for example in EXAMPLES:
        assert 0 < len(example.teaches) <= 72, example.name
        assert set(example.services) <= set(VARIABLES), example.name
    descriptions = {example.teaches for example in EXAMPLES}
    assert len(descriptions) == len(EXAMPLES)


def test_an_unknown_example_is_answered_with_those_that_exist() -> None:
    with pytest.raises(LookupError, match="tcp_echo"):
        find("tcp_ecco")


@pytest.mark.parametrize("name", NAMES)
def test_file_is_a_small_program_with_a_lesson(name: str) -> None:
    # The file's directory is sys.path[0] of every other example: it must not hide a module.
    assert name not in sys.stdlib_module_names
    assert not any(name in example.libraries for example in EXAMPLES)
    text = find(name).path.read_text(encoding="utf-8")
    lesson = ast.get_docstring(ast.parse(text)) or ""
    assert "\nTeaches: " in lesson
    assert "\nLook for: " in lesson
    assert "\nimport asyncio\n" in text
    assert '\nif __name__ == "__main__":\n' in text
    assert len(text.splitlines()) <= LONGEST


@pytest.mark.parametrize("name", NAMES)
def test_libraries_that_are_imported_are_listed(name: str) -> None:
    imported = set()
    for node in ast.walk(ast.parse(find(name).path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.partition(".")[0])
    assert imported - set(sys.stdlib_module_names) <= set(find(name).libraries)


def test_the_certificate_of_the_examples_does_not_run_out() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(EXAMPLES[0].path.with_name("localhost.pem"))
    (certificate,) = context.get_ca_certs()
    assert certificate["notAfter"] == "Dec 31 23:59:59 9999 GMT"


def write_expected(names: list[str]) -> None:
    """Write down what the named examples print on asyncio."""
    with Services() as services:
        for name in names:
            status, output, errors = run(find(name), BASELINE, services)
            if status or errors:
                raise SystemExit(f"{name} failed:\n{errors}")
            (EXPECTED / f"{name}.txt").write_text(output, encoding="utf-8")


if __name__ == "__main__":
    write_expected(sys.argv[1:] or NAMES)
