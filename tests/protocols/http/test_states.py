"""Every table of states is the one that its module's docstring draws."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

import protocols.http
from miniloop.support.states import diagram, shown_in

MODULES = [
    importlib.import_module(f"protocols.http.{found.name}")
    for found in pkgutil.iter_modules(protocols.http.__path__)
]
WITH_STATES = [module for module in MODULES if hasattr(module, "TRANSITIONS")]


def test_what_has_states_has_a_table() -> None:
    names = {module.__name__.rpartition(".")[2] for module in WITH_STATES}
    assert {"connection", "exchange", "http1", "http2", "server", "websocket"} <= names


@pytest.mark.parametrize("module", WITH_STATES, ids=lambda module: module.__name__)
def test_the_docstring_shows_the_table(module: ModuleType) -> None:
    assert shown_in(module.__doc__, module.TRANSITIONS), "\n" + diagram(module.TRANSITIONS)
