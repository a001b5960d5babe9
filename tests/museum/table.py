"""The museum's table of results: ``python -m tests.museum.table`` prints it.

Everything in it is the same in every run and on every interpreter, so a test compares it
with ``RESULTS.md``; ``python -m tests.museum.table write`` writes that file anew.

Read next: test_museum.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from miniloop.testing import Exploration, explore

from .exhibit import Exhibit
from .index import EXHIBITS

__all__ = ["RESULTS", "SURVIVES", "found", "row", "survived", "table"]

#: Where the table is.
RESULTS = Path(__file__).with_name("RESULTS.md")

#: How many runs the program without the bug has to survive.
SURVIVES = 10_000

HEAD = """\
# The museum of bugs

Each bug is rebuilt small, found by `explore(scenario)` as it stands, shrunk, and run on
asyncio's own loop; the same program without the bug survives ten times as many runs.
`python -m tests.museum.table write` makes this file.

"""

COLUMNS = (
    "exhibit",
    "how it comes about",
    "found by",
    "in run",
    "deviations",
    "on asyncio",
    "without the bug",
)


def found(exhibit: Exhibit) -> Exploration:
    """Return what exploring the broken program finds, with the settings everybody has."""
    return explore(exhibit.broken)


def survived(exhibit: Exhibit) -> Exploration:
    """Return what exploring the program without the bug comes to."""
    return explore(exhibit.fixed, runs=SURVIVES)


def row(exhibit: Exhibit, bug: Exploration, control: Exploration) -> str:
    """Return one line of the table."""
    failure = bug.failure
    assert failure is not None
    name = exhibit.name + (f" ({exhibit.source})" if exhibit.source else "")
    if control.failure is not None:
        survives = "FAILS"
    elif control.everything:
        survives = f"all {control.schedules:,} schedules hold"
    else:
        survives = f"{control.runs:,} runs hold"
    cells = (
        name,
        exhibit.mechanism,
        failure.found_by,
        str(failure.runs),
        str(len(failure.schedule)),
        {True: "fails too", False: "NO", None: "cannot"}[failure.on_asyncio],
        survives,
    )
    return f"| {' | '.join(cells)} |"


def table() -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{' --- |' * len(COLUMNS)}"
    for exhibit in EXHIBITS:
        yield row(exhibit, found(exhibit), survived(exhibit))


def main() -> None:
    """Print the table, or write it to its file."""
    lines = list(table())
    if sys.argv[1:] == ["write"]:
        RESULTS.write_text(HEAD + "\n".join(lines) + "\n")
    else:
        print("\n".join(lines))


if __name__ == "__main__":
    main()
