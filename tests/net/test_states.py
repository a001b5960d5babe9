"""The pictures in the docstrings are those of the tables."""

from __future__ import annotations

from types import ModuleType

import pytest

from miniloop.net import readiness, seats, server, transports
from miniloop.support import states


@pytest.mark.parametrize(
    "module", [readiness, server, seats, transports], ids=lambda module: module.__name__
)
def test_the_docstring_shows_the_table(module: ModuleType) -> None:
    assert states.shown_in(module.__doc__, module.TRANSITIONS)
