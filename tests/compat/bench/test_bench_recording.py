"""What `bench recording` measures: every row does its work on every loop, watched or not."""

from __future__ import annotations

import pytest

from compat.bench.child import measure
from compat.bench.model import Contestant
from compat.bench.recording.loops import FIELD
from compat.bench.recording.rows import SUITE


@pytest.mark.parametrize("contestant", FIELD, ids=lambda one: one.key.replace("/", "-"))
@pytest.mark.parametrize("row", SUITE.rows)
def test_every_row_runs_under_every_watch(row: str, contestant: Contestant) -> None:
    names, factory = contestant.load()
    sample = measure(SUITE.rows[row], names, factory, 1)
    assert sample.operations == SUITE.rows[row].operations(1)
