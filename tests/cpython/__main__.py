"""Run cells by hand and print a table.

    python -m tests.cpython                                  every cell of miniloop
    python -m tests.cpython --more                           and the classes that are off
    python -m tests.cpython --module test_tasks --mode names
    python -m tests.cpython --target control --mode loop     asyncio's own: fails nothing
    python -m tests.cpython --target control --mode names    our names on asyncio's own loop
    python -m tests.cpython --target uvloop --mode loop      for comparison
    python -m tests.cpython --module test_tasks --mode loop --test PyTask_PyFuture_Tests.test_cancel

Exit status 1 if anything is not as expected.
"""

from __future__ import annotations

import argparse
import sys

from . import report
from .cells import Cell, cells, installed, version
from .expected import expected_in
from .run import judge, run


def chosen(options: argparse.Namespace) -> list[Cell]:
    """Return the cells that the command line asks for."""
    modules = [name if name.startswith("test_") else f"test_{name}" for name in options.module]
    return [
        cell
        for cell in cells(options.target, more=options.more)
        if (not modules or cell.module in modules) and options.mode in (None, cell.mode)
    ]


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.cpython")
    parser.add_argument("--module", action="append", default=[], help="default: all")
    parser.add_argument("--mode", choices=("names", "loop"), help="default: both")
    parser.add_argument("--target", choices=("miniloop", "control", "uvloop"), default="miniloop")
    parser.add_argument("--more", action="store_true", help="what is off by default too")
    parser.add_argument("--test", action="append", default=[], help="only this Class.method")
    parser.add_argument("--brief", action="store_true", help="no tracebacks")
    options = parser.parse_args()
    if not installed():
        sys.stdout.write(f"{sys.executable} has no test.test_asyncio\n")
        return 1
    say = sys.stdout.write
    say(report.header(version(), options.target))
    wrong = []
    for cell in chosen(options):
        outcome = run(cell, options.test)
        if options.test and not outcome.outcomes and not outcome.broken:
            continue  # none of these tests is in there
        expected = expected_in(cell, version())
        problems = judge(outcome, expected, whole=not options.test)
        say(report.row(outcome, expected))
        sys.stdout.flush()
        wrong.append((outcome, problems))
    say(report.summary(wrong, brief=options.brief))
    return 1 if any(problems for _, problems in wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
