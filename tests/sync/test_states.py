"""Every state table of this floor is what its module's docstring shows."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

from miniloop.support.states import diagram, shown_in

MODULES = [
    importlib.import_module(f"miniloop.sync.{name}")
    for name in ("barriers", "queues", "runners", "taskgroups", "threads", "timeouts")
]


def test_a_diagram_has_one_line_per_transition_and_names_a_state_once() -> None:
    rows = (("new", "start", "busy"), ("busy", "end", "done"), ("busy", "fail badly", "done"))
    assert diagram(rows).splitlines() == [
        "new  -- start -------> busy",
        "busy -- end ---------> done",
        "     -- fail badly --> done",
    ]


def test_a_docstring_without_the_diagram_is_noticed() -> None:
    assert not shown_in("nothing", (("new", "start", "busy"),))
    assert not shown_in(None, (("new", "start", "busy"),))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_docstring_shows_the_table(module: ModuleType) -> None:
    assert shown_in(module.__doc__, module.TRANSITIONS), "\n" + diagram(module.TRANSITIONS)
