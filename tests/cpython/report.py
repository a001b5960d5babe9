"""What a run looks like on a terminal: a table of cells, then what is wrong."""

from __future__ import annotations

from collections import Counter

from .expected import Expected
from .run import Outcome

__all__ = ["header", "row", "summary"]

#: Problems of one cell that a brief summary lists.
MOST_LINES = 12

MADE = ("names", "loops", "futures", "tasks")
COLUMNS = ("tests", "pass", "expected", "FAIL", "skip", *MADE, "seconds")


def header(version: str, target: str) -> str:
    """Return the head of the table for one interpreter and target."""
    title = f"test.test_asyncio of Python {version}, target {target}\n"
    return title + f"{'module':26}{'mode':6}" + "".join(f"{name:>9}" for name in COLUMNS) + "\n"


def row(outcome: Outcome, expected: dict[str, Expected]) -> str:
    """Return the table's line for one cell."""
    failed = outcome.failures()
    unexpected = [test for test in failed if test not in expected]
    numbers = (
        len(outcome.outcomes),
        outcome.count("pass"),
        len(failed) - len(unexpected),
        len(unexpected),
        outcome.count("skip"),
        *(outcome.made.get(what, 0) for what in MADE),
    )
    cell = outcome.cell
    line = f"{cell.module:26}{cell.mode:6}" + "".join(f"{number:9}" for number in numbers)
    line += f"{outcome.seconds:9.1f}"
    if outcome.broken:
        line += "  INCOMPLETE"
    elif not outcome.is_evidence():
        line += "  made nothing of ours: no evidence"
    return line + "\n"


def summary(judged: list[tuple[Outcome, list[str]]], *, brief: bool = False) -> str:
    """Return the totals, what was skipped and borrowed, and every problem."""
    lines = [""]
    total = Counter[str]()
    skipped = Counter[str]()
    borrowed: set[str] = set()
    for outcome, _ in judged:
        total.update(outcome.outcomes.values())
        skipped.update(
            outcome.details[test] for test, how in outcome.outcomes.items() if how == "skip"
        )
        borrowed |= outcome.borrowed
    lines.append("total: " + ", ".join(f"{number} {how}" for how, number in total.items()))
    lines += [f"skipped {number}: {reason}" for reason, number in skipped.most_common()]
    if borrowed:
        lines.append("borrowed from asyncio: " + ", ".join(sorted(borrowed)))
    for outcome, problems in judged:
        lines += described(outcome, problems, brief=brief)
    wrong = sum(len(problems) for _, problems in judged)
    lines.append(f"\n{wrong} problems" if wrong else "\nall as expected")
    return "\n".join(lines) + "\n"


def described(outcome: Outcome, problems: list[str], *, brief: bool) -> list[str]:
    """Return the *problems* of one cell as lines; if *brief*, one for each of the first few."""
    if not brief:
        return [f"\n{outcome.cell}: {problem}" for problem in problems]
    lines = [f"{outcome.cell}: {problem.splitlines()[0]}" for problem in problems[:MOST_LINES]]
    if len(problems) > MOST_LINES:
        lines.append(f"{outcome.cell}: and {len(problems) - MOST_LINES} more")
    return lines
