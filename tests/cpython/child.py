"""Run one cell in this process, and write what happens as lines of JSON.

    python -m tests.cpython.child MODULE MODE TARGET REPORT LIMIT
        [--class NAME]... [--skip ID]... [--only ID]...

Each line of the file REPORT is an object with one of the keys ``start`` (a test
begins), ``end`` (it ended, with its outcome) and ``finish`` (all are done).  A test
that takes longer than LIMIT seconds ends the process: it is the one that was started and
not ended.
"""

# ruff: noqa: N815 - the methods of a TestResult have unittest's names

from __future__ import annotations

import argparse
import faulthandler
import importlib
import json
import sys
import time
import traceback
import unittest
import unittest.mock
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import IO, Any

from . import substitute, targets
from .cells import Cell

#: Longest description of a failure that is kept, in characters.
LONGEST = 3000


class Recorder(unittest.TestResult):
    """Writes each outcome as soon as it is known."""

    def __init__(self, report: IO[str], limit: float) -> None:
        super().__init__()
        self._report = report
        self._limit = limit
        self._outcome: dict[str, str] = {}

    def write(self, **entry: object) -> None:
        """Add a line with *entry* to the report."""
        self._report.write(json.dumps(entry) + "\n")
        self._report.flush()

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._outcome = {"outcome": "pass"}
        self.write(start=short_id(test))
        faulthandler.dump_traceback_later(self._limit, exit=True)

    def stopTest(self, test: unittest.TestCase) -> None:
        faulthandler.cancel_dump_traceback_later()
        if isinstance(sys.exception(), KeyboardInterrupt):  # this process is about to end
            self._outcome = {"outcome": "fail", "detail": "KeyboardInterrupt came out of the test"}
        self.write(end=short_id(test), **self._outcome)
        super().stopTest(test)

    def _failed(self, test: unittest.TestCase, error: Any) -> None:
        text = "".join(traceback.format_exception(*error))[-LONGEST:]
        self._outcome = {"outcome": "fail", "detail": text}
        if not isinstance(test, unittest.TestCase):  # setUpClass, setUpModule and the like
            self.write(start=short_id(test))
            self.write(end=short_id(test), **self._outcome)

    addFailure = addError = _failed  # type: ignore[assignment]

    def addSubTest(self, test: Any, _subtest: Any, error: Any) -> None:
        if error is not None:
            self._failed(test, error)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self._outcome = {"outcome": "skip", "detail": reason}
        if not isinstance(test, unittest.TestCase):
            self.write(end=short_id(test), **self._outcome)

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self._outcome = {"outcome": "fail", "detail": "marked as an expected failure, but passed"}


def short_id(test: Any) -> str:
    """Return a test's name within its module: ``Class.method``."""
    name: str = test.id()
    return ".".join(name.split(".")[-2:]) if "(" not in name else name


def tests_of(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """Yield the single tests of *suite*."""
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def load(cell: Cell, made: Counter[str]) -> tuple[Any, substitute.Taken]:
    """Import the test module of *cell* over its target.

    Returns the module and where the names come from that it takes from asyncio.
    """
    substitute.import_all()
    importlib.import_module("test.support")
    loop_class, base_class = targets.load(cell.target, made)
    if cell.mode == "names" or cell.target == "miniloop":
        targets.prepare_miniloop(made)
    targets.install(loop_class, base_class)
    taken = substitute.Taken()
    if cell.mode == "names":
        substitute.substitute(cell.module, loop_class, base_class, taken)
    return importlib.import_module(f"test.test_asyncio.{cell.module}"), taken


def run(cell: Cell, recorder: Recorder, skip: list[str], only: list[str]) -> None:
    """Run the tests of *cell* but those in *skip* (if *only*, just these)."""
    classes = cell.classes
    made: Counter[str] = Counter()
    module, taken = load(cell, made)
    made.clear()
    chosen = unittest.TestSuite(
        test
        for test in tests_of(unittest.defaultTestLoader.loadTestsFromModule(module))
        if (not classes or type(test).__name__ in classes)
        and short_id(test) not in skip
        and (not only or short_id(test) in only)
    )
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        chosen.run(recorder)
    seconds = time.monotonic() - began
    made["names"] = len(taken.ours)
    recorder.write(finish=dict(made), borrowed=sorted(taken.borrowed), seconds=seconds)


def main() -> None:
    """Run the cell that the command line names."""
    parser = argparse.ArgumentParser()
    for name in ("module", "mode", "target", "report"):
        parser.add_argument(name)
    parser.add_argument("limit", type=float)
    parser.add_argument("--class", action="append", default=[], dest="test_class")
    parser.add_argument("--skip", action="append", default=[])
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args()
    classes = tuple(options.test_class)
    cell = Cell(options.module, options.mode, options.target, classes)
    sys.argv[1:] = []  # a test may look at it
    with open(options.report, "a") as report:
        run(cell, Recorder(report, options.limit), options.skip, options.only)


if __name__ == "__main__":
    main()
