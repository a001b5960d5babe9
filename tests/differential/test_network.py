"""Random programs of the network do the same in every cell, over pairs of sockets and pipes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from ..effort import effort
from . import versions
from .cells import CELLS, NETWORK_CELLS, difference, explain, perform, ready
from .conversations import conversation_from_seed, explain_misheard, misheard
from .grammar import TEMPLATES, Program, network_from_seed, network_programs
from .network_templates import EXPRESSIONS, STATEMENTS
from .shrinking import smallest
from .source import whole_file
from .versions import IN_NAMES, IN_NETWORK, IN_TASKS, REPAIRS, Older, Repair, applying, left_out

#: How many programs a run tries, and how many at a time.
PROGRAMS = 1500
CHUNK = 100
CONVERSATIONS = 200

EVERYWHERE = left_out(IN_NAMES, IN_TASKS, IN_NETWORK)
KINDS = frozenset(
    kind
    for table in (EXPRESSIONS, STATEMENTS)
    for family, kinds in table.items()
    if family != "conversation"
    for kind in kinds
)


def check(program: Program) -> None:
    """Fail, with the smallest program that shows it, if the cells do not agree on *program*."""
    found = difference(program)
    if found is not None:
        pytest.fail(explain(smallest(found)), pytrace=False)


@pytest.mark.parametrize("first", range(0, effort(PROGRAMS, CHUNK), CHUNK))
def test_network_programs_do_the_same_in_every_cell(first: int) -> None:
    for seed in range(first, first + CHUNK):
        check(network_from_seed(seed, EVERYWHERE))


@settings(max_examples=50)
@given(network_programs(EVERYWHERE))
def test_whatever_the_network_program_it_does_the_same(program: Program) -> None:
    check(program)


@pytest.mark.parametrize("first", range(0, CONVERSATIONS, CHUNK // 2))
def test_to_poll_seldom_changes_no_conversation(first: int) -> None:
    for seed in range(first, first + CHUNK // 2):
        program = conversation_from_seed(seed)
        if misheard(program) is not None:
            pytest.fail(explain_misheard(program), pytrace=False)


# -- whether the comparison is worth anything ------------------------------------------------------


def test_a_network_program_does_the_same_every_time() -> None:
    for seed in range(CHUNK // 3):
        program = network_from_seed(seed, EVERYWHERE)
        again = ready(program)
        for cell in NETWORK_CELLS:
            assert perform(again, cell) == perform(again, cell), whole_file(program)


def test_every_kind_of_network_operation_is_done_and_most_come_to_an_end() -> None:
    ended: dict[str, set[bool]] = {kind: set() for kind in KINDS}
    for seed in range(4 * CHUNK):
        program = network_from_seed(seed, EVERYWHERE)
        for _, _, _, label, *outcome in perform(ready(program), CELLS[0]).events:
            kind = str(label).partition(" ")[2]
            if kind in ended and outcome and outcome[0] in ("over", "raised"):
                ended[kind].add(outcome[0] == "over")
    assert {kind for kind, how in ended.items() if not how} == EVERYWHERE & KINDS
    always_fail = {kind for kind, how in ended.items() if how == {False}}
    assert len(always_fail) < len(TEMPLATES) / 20, always_fail


@pytest.mark.parametrize("older", applying(IN_NETWORK), ids=lambda older: older.name)
def test_what_is_left_out_of_the_network_would_make_a_difference(older: Older) -> None:
    others = (each for each in applying(IN_NAMES, IN_TASKS, IN_NETWORK) if each != older)
    without = left_out(others)
    for seed in range(10 * CHUNK):
        program = network_from_seed(seed, without, older.about)
        if difference(program) is not None:
            return
    pytest.fail(f"asyncio does the same here: {older.reason}")


@pytest.mark.parametrize("repair", REPAIRS, ids=lambda repair: repair.method)
def test_what_is_repaired_would_make_a_difference(
    repair: Repair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "REPAIRS", [each for each in REPAIRS if each != repair])
    for seed in range(10 * CHUNK):
        if difference(network_from_seed(seed, EVERYWHERE, repair.about)) is not None:
            return
    pytest.fail(f"asyncio does the same here: {repair.reason}")
