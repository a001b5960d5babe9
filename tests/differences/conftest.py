"""The cells: names {asyncio, miniloop} x loop {asyncio, miniloop, uvloop if installed}."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import miniloop

from ..sync.loops import REAL

NAMES: dict[str, Any] = {"asyncio": asyncio, "miniloop": miniloop}


@dataclass(frozen=True)
class Cell:
    """One library's names on one library's loop."""

    names_of: str
    loop_of: str

    @property
    def names(self) -> Any:
        """Return the library whose names the test uses."""
        return NAMES[self.names_of]

    @property
    def our_names(self) -> bool:
        """Tell whether the names are miniloop's."""
        return self.names_of == "miniloop"

    @property
    def our_loop(self) -> bool:
        """Tell whether the loop is miniloop's."""
        return self.loop_of == "miniloop"

    def make_loop(self) -> Any:
        """Return a new loop."""
        return REAL[self.loop_of]()

    def run(self, main: Callable[..., Any], *args: Any) -> Any:
        """Run ``main(*args)`` on a new loop; return its result."""
        loop = self.make_loop()
        loop.set_exception_handler(lambda loop, context: None)
        try:
            return loop.run_until_complete(main(*args))
        finally:
            loop.close()


CELLS = [Cell(names, loop) for names in NAMES for loop in sorted(REAL)]


@pytest.fixture(params=CELLS, ids=lambda cell: f"{cell.names_of} on {cell.loop_of}")
def cell(request: pytest.FixtureRequest) -> Any:
    """Return one cell."""
    return request.param
