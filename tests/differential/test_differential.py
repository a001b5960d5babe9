"""Random programs do the same in every cell: thousands by number, and some of Hypothesis'."""

from __future__ import annotations

import pytest
from hypothesis import given

from ..effort import effort
from .cells import BUSY_CELL, CELLS, Cell, difference, explain, perform, script
from .grammar import Program, does, from_seed, programs
from .shrinking import smallest
from .source import render, whole_file
from .templates import EXPRESSIONS, STATEMENTS
from .versions import IN_NAMES, IN_TASKS, Older, applying, left_out

#: How many programs a run tries, and how many at a time.
PROGRAMS = 6000
CHUNK = 500

#: The kinds of operation that need no network.
KINDS = frozenset(
    kind for table in (EXPRESSIONS, STATEMENTS) for kinds in table.values() for kind in kinds
)

#: What can be compared between libraries, and what between loops under the same names.
EVERYWHERE = left_out(IN_NAMES, IN_TASKS)
BETWEEN_LOOPS = left_out(IN_TASKS)


def check(program: Program, cells: tuple[Cell, ...] = CELLS) -> None:
    """Fail, with the smallest program that shows it, if *cells* do not agree on *program*."""
    found = difference(program, cells)
    if found is not None:
        pytest.fail(explain(smallest(found)), pytrace=False)


@pytest.mark.parametrize("first", range(0, effort(PROGRAMS, CHUNK), CHUNK))
def test_programs_do_the_same_in_every_cell(first: int) -> None:
    for seed in range(first, first + CHUNK):
        check(from_seed(seed, EVERYWHERE))


@given(programs(EVERYWHERE))
def test_whatever_the_program_it_does_the_same_in_every_cell(program: Program) -> None:
    check(program)


@pytest.mark.skipif(EVERYWHERE == BETWEEN_LOOPS, reason="asyncio's names are new enough here")
@pytest.mark.parametrize("names", ["asyncio", "miniloop"])
@pytest.mark.parametrize("first", range(0, PROGRAMS // 6, CHUNK))
def test_programs_do_the_same_on_either_loop(first: int, names: str) -> None:
    for seed in range(first, first + CHUNK):
        check(from_seed(seed, BETWEEN_LOOPS), (Cell(names, "asyncio"), Cell(names, "miniloop")))


def test_to_poll_seldom_makes_no_difference() -> None:
    for seed in range(CHUNK):
        program = from_seed(seed, BETWEEN_LOOPS | {"collect"})  # it is done when polling
        check(program, (Cell("miniloop", "miniloop"), BUSY_CELL))


# -- whether the comparison is worth anything ------------------------------------------------------


def test_a_program_does_the_same_every_time() -> None:
    for seed in range(CHUNK // 5):
        program = from_seed(seed, EVERYWHERE)
        again = script(render(program), program.eager)
        for cell in CELLS:
            assert perform(again, cell) == perform(again, cell), whole_file(program)


def test_every_kind_of_operation_is_done_and_most_come_to_an_end() -> None:
    ended: dict[str, set[bool]] = {kind: set() for kind in KINDS}
    for seed in range(2 * CHUNK):
        program = from_seed(seed, EVERYWHERE)
        trace = perform(script(render(program), program.eager), CELLS[0])
        for _, _, _, label, *outcome in trace.events:
            kind = str(label).partition(" ")[2]
            if kind in ended and outcome[0] in ("over", "raised"):
                ended[kind].add(outcome[0] == "over")
    assert {kind for kind, how in ended.items() if not how} == EVERYWHERE & KINDS
    always_fail = {kind for kind, how in ended.items() if how == {False}}
    assert len(always_fail) < len(KINDS) / 10, always_fail


@pytest.mark.parametrize("older", applying(IN_NAMES, IN_TASKS), ids=lambda older: older.name)
def test_what_is_left_out_would_make_a_difference(older: Older) -> None:
    others = [each for each in applying(IN_NAMES, IN_TASKS) if each != older]
    without = left_out(others)
    cells = CELLS[0], Cell("miniloop", "asyncio") if older in IN_NAMES else CELLS[1]
    about = ["spawn", *(kind.removesuffix(" if eager") for kind in older.kinds)]
    for seed in range(10 * CHUNK):
        program = from_seed(seed, without, about)
        if older.kinds & does(program) and difference(program, cells) is not None:
            return
    pytest.fail(f"asyncio does the same here: {older.reason}")
