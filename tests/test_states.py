"""Every state table of the package is what its module's docstring shows."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from types import ModuleType

import pytest

import miniloop
from miniloop.support.states import diagram, shown_in


def modules() -> list[ModuleType]:
    """Return every module of the package."""
    found = pkgutil.walk_packages(miniloop.__path__, "miniloop.")
    return [importlib.import_module(info.name) for info in found]


MODULES = modules()
WITH_STATES = [module for module in MODULES if hasattr(module, "TRANSITIONS")]


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


def test_the_heart_has_its_tables() -> None:
    names = {module.__name__.removeprefix("miniloop.") for module in WITH_STATES}
    assert {"core.futures", "core.handles", "core.tasks", "core.timers"} <= names
    assert {"net.readiness", "sync.guest", "sync.queues", "sync.taskgroups"} <= names


@pytest.mark.parametrize("module", WITH_STATES, ids=lambda module: module.__name__)
def test_docstring_shows_the_table(module: ModuleType) -> None:
    assert shown_in(module.__doc__, module.TRANSITIONS), "\n" + diagram(module.TRANSITIONS)


@pytest.mark.parametrize("module", WITH_STATES, ids=lambda module: module.__name__)
def test_a_row_is_there_once_and_leads_somewhere(module: ModuleType) -> None:
    """No row repeats, and only the state that comes first has no way in."""
    rows = Counter(module.TRANSITIONS)
    assert max(rows.values()) == 1
    entered = {new for _, _, new in module.TRANSITIONS}
    starts = [state for state, _, _ in module.TRANSITIONS if state not in entered]
    assert len(set(starts)) <= 1
    assert not starts or module.TRANSITIONS[0][0] == starts[0]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_docstring_that_speaks_of_states_has_them_as_data(module: ModuleType) -> None:
    drawn = "\nStates\n" in (module.__doc__ or "") and "-->" in (module.__doc__ or "")
    assert not drawn or hasattr(module, "TRANSITIONS")
