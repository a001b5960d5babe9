"""Run a cell in a process of its own, and compare what happened with what was expected."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from .cells import Cell
from .expected import Expected

__all__ = ["Outcome", "judge", "run"]

CHECKOUT = Path(__file__).resolve().parent.parent.parent

#: Seconds that one test may take, and a whole module.
TEST_LIMIT = 60.0
MODULE_LIMIT = 600.0

#: How many tests of one module may hang or crash before the rest is given up.
MOST_CRASHES = 5

#: The outcomes that are failures.
FAILED = ("fail", "crash")


@dataclass
class Outcome:
    """What happened in a cell.

    ``outcomes`` maps test ids to "pass", "fail", "skip" or "crash" (the process
    ended or hung in that test); ``details`` has a traceback or a reason for skipping;
    ``made`` counts the target's loops, our futures and tasks, and the names that
    the tests took from miniloop; ``borrowed`` are names that were asyncio's own;
    ``broken`` says why the run is incomplete, if it is.
    """

    cell: Cell
    outcomes: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    borrowed: set[str] = field(default_factory=set)
    seconds: float = 0.0
    broken: str = ""

    def count(self, outcome: str) -> int:
        """Return the number of tests that ended in *outcome*."""
        return list(self.outcomes.values()).count(outcome)

    def is_evidence(self) -> bool:
        """Return True if code of ours ran (control and comparison runs need not show that).

        Under asyncio's own loop many of our names make nothing that is counted; there it
        is enough that the tests took names from miniloop.
        """
        if self.cell.target == "miniloop":
            return any(self.made.get(what, 0) for what in ("loops", "futures", "tasks"))
        return self.cell.mode == "loop" or self.made.get("names", 0) > 0

    def failures(self) -> dict[str, str]:
        """Return the failed and crashed tests with their details."""
        return {
            test: self.details.get(test, "")
            for test, outcome in self.outcomes.items()
            if outcome in FAILED
        }


def run(cell: Cell, only: list[str] | None = None) -> Outcome:
    """Run *cell* (or just the tests *only*) and return what happened.

    When a test hangs or brings its process down, the remaining tests are run in
    another one.
    """
    outcome = Outcome(cell)
    with tempfile.TemporaryDirectory() as directory:
        for attempt in range(MOST_CRASHES + 1):
            report = Path(directory, f"{attempt}.jsonl")
            report.touch()
            before = len(outcome.outcomes)
            said = spawn(outcome, report, only or [], directory)
            started = read(report, outcome)
            if started is None:
                return outcome
            if started:
                outcome.outcomes[started] = "crash"
                outcome.details[started] = said
            if len(outcome.outcomes) == before:
                outcome.broken = said
                return outcome
    outcome.broken = f"given up after {MOST_CRASHES} crashes"
    return outcome


def spawn(outcome: Outcome, report: Path, only: list[str], directory: str) -> str:
    """Run the child for the tests that have no outcome yet; return the end of what it said."""
    cell = outcome.cell
    command = [sys.executable, "-m", f"{__package__}.child", cell.module, cell.mode, cell.target]
    command += [str(report), str(TEST_LIMIT)]
    command += [f"--class={name}" for name in cell.classes]
    command += [f"--skip={test}" for test in outcome.outcomes]
    command += [f"--only={test}" for test in only]
    path = os.pathsep.join([str(CHECKOUT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    environment = os.environ | {"PYTHONPATH": path.rstrip(os.pathsep)}
    # What tests see of the caller's settings is nothing.
    for name in ("PYTHONASYNCIODEBUG", "PYTHONWARNINGS", "PYTHONDEVMODE"):
        environment.pop(name, None)
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=MODULE_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return f"took more than {MODULE_LIMIT:g} s\n" + (error.output or b"").decode()[-2000:]
    return f"exit status {done.returncode}\n" + done.stdout.decode(errors="replace")[-3000:]


def read(report: Path, outcome: Outcome) -> str | None:
    """Add to *outcome* what *report* says.

    Returns None if the child came to its end, else the test it was in ("" for none).
    """
    started = ""
    for line in report.read_text().splitlines():
        entry = json.loads(line)
        if "start" in entry:
            started = entry["start"]
        elif "end" in entry:
            outcome.outcomes[entry["end"]] = entry["outcome"]
            if "detail" in entry:
                outcome.details[entry["end"]] = entry["detail"]
            started = ""
        else:
            for what, number in entry["finish"].items():
                outcome.made[what] = outcome.made.get(what, 0) + number
            outcome.borrowed.update(entry["borrowed"])
            outcome.seconds += entry["seconds"]
            return None
    return started


def judge(outcome: Outcome, expected: dict[str, Expected], *, whole: bool = True) -> list[str]:
    """Return what is wrong with *outcome*, given the failures *expected* by test id.

    Without *whole* only some tests were run, so nothing is concluded from what is missing.
    """
    failures = outcome.failures()
    problems = [
        f"failed: {test}\n{detail}" for test, detail in failures.items() if test not in expected
    ]
    if outcome.broken:  # then what did not happen says nothing
        return [*problems, f"the run is incomplete: {outcome.broken}"]
    for test in expected:
        if test not in outcome.outcomes and whole:
            problems.append(f"listed as an expected failure, but there is no such test: {test}")
        elif outcome.outcomes.get(test, "fail") not in FAILED:
            problems.append(f"listed as an expected failure, but it does not fail: {test}")
    if whole and not outcome.is_evidence():
        problems.append("no loop, future or task of ours was made: this run is no evidence")
    return problems
