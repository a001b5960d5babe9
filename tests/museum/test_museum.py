"""Every bug of the museum is found, from nothing, and nothing is found where there is none.

The settings are those that everybody has.  That it takes at most 1,000 runs is what
`explore` does by default; that those take a second at most is for the bench to say.
"""

from __future__ import annotations

import pytest

from miniloop.testing import explore, replay

from ..effort import effort
from .exhibit import Exhibit
from .index import EXHIBITS
from .table import HEAD, RESULTS, SURVIVES, found, row, survived

EACH = pytest.mark.parametrize("exhibit", EXHIBITS, ids=[exhibit.slug for exhibit in EXHIBITS])


def test_every_exhibit_has_a_name_of_its_own() -> None:
    assert len({exhibit.slug for exhibit in EXHIBITS}) == len(EXHIBITS)
    assert len({exhibit.name for exhibit in EXHIBITS}) == len(EXHIBITS)


@EACH
def test_it_is_found_and_shrunk_and_asyncio_fails_too(exhibit: Exhibit) -> None:
    failure = found(exhibit).failure
    assert failure is not None
    assert failure.found_by != "plain"  # whoever wrote it has run it
    assert failure.runs <= 1000
    assert failure.failure.kind == exhibit.kind
    assert failure.level == "fifo"
    assert len(failure.schedule) == exhibit.deviations
    assert failure.on_asyncio is True
    assert failure.repeats


@EACH
def test_walks_alone_find_it_too_and_shrink_it_as_far(exhibit: Exhibit) -> None:
    failure = explore(exhibit.broken, strategy="random").failure
    assert failure is not None
    assert len(failure.schedule) == exhibit.deviations


@EACH
def test_without_the_bug_it_holds_and_the_table_says_so(exhibit: Exhibit) -> None:
    if (runs := effort(SURVIVES, 1000)) < SURVIVES:
        assert explore(exhibit.fixed, runs=runs).failure is None
        return
    control = survived(exhibit)
    assert control.failure is None, str(control)
    assert control.everything or control.runs >= 10_000
    assert row(exhibit, found(exhibit), control) in RESULTS.read_text().splitlines()


@EACH
def test_without_the_bug_the_same_schedule_holds_on_both_loops(exhibit: Exhibit) -> None:
    failure = found(exhibit).failure
    assert failure is not None
    for library in ("miniloop", "asyncio"):
        assert replay(exhibit.fixed, failure.schedule, library=library).failures == []


def test_the_table_has_a_line_for_each_and_no_other() -> None:
    text = RESULTS.read_text()
    assert text.startswith(HEAD)
    assert len(text.splitlines()) == len(HEAD.splitlines()) + 2 + len(EXHIBITS)
