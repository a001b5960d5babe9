"""Each module of ``test.test_asyncio`` in each mode, and what may fail in it."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

from ..effort import effort
from . import report
from .cells import INERT, LOOP, MORE, NAMES, Cell, cells, installed, version
from .expected import EXPECTED, expected_in
from .run import MODULE_LIMIT, judge, run

#: How many entries the list of expected failures must stay below, over all versions.
MOST_EXPECTED = 20

MISSING = f"{sys.executable} has no test.test_asyncio (Debian: it is in libpython3-testsuite)"

# asyncio's own are there to show that the harness fails nothing; once in a CI run will do.
CELLS = [*cells("miniloop"), *(cells("control") if effort(2, 1) == 2 else ())]


@pytest.mark.timeout(MODULE_LIMIT + 60)
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_module(cell: Cell) -> None:
    outcome = run(cell)
    expected = expected_in(cell, version())
    sys.stdout.write(report.header(version(), cell.target) + report.row(outcome, expected))
    problems = judge(outcome, expected)
    assert not problems, "\n\n".join(problems)


def test_the_interpreter_has_its_test_suite() -> None:
    if not installed():
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)


def test_few_failures_are_expected() -> None:
    assert len(EXPECTED) < MOST_EXPECTED
    listed = [(entry.mode, entry.module, test) for entry in EXPECTED for test in entry.tests()]
    assert len(set(listed)) == len(listed)


def test_expected_failures_belong_to_modules_that_run() -> None:
    for entry in EXPECTED:
        modules = NAMES if entry.mode == "names" else LOOP | MORE
        assert entry.module in modules
        assert entry.reason


@pytest.mark.skipif(not installed(), reason=MISSING)
def test_every_installed_module_is_accounted_for() -> None:
    package = importlib.import_module("test.test_asyncio")
    there = {path.stem for path in Path(package.__path__[0]).glob("test_*.py")}
    assert there <= NAMES.keys() | LOOP.keys() | MORE.keys() | INERT.keys()
