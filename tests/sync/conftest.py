"""Fixtures: each test that asks for ``run`` runs once on each kind of loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from . import loops


@pytest.fixture(params=sorted(loops.VIRTUAL), scope="module")
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return what runs a coroutine on a loop with a virtual clock."""
    return partial(loops.run, loops.VIRTUAL[request.param])


@pytest.fixture(params=sorted({*loops.VIRTUAL, *loops.FOREIGN}), scope="module")
def run_anywhere(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return what runs a coroutine, of which no step takes any time, on any loop."""
    return partial(loops.run, {**loops.FOREIGN, **loops.VIRTUAL}[request.param])


@pytest.fixture(params=sorted(loops.REAL), scope="module")
def run_really(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return what runs a coroutine on a loop with threads, signals and the real clock."""
    return partial(loops.run, loops.REAL[request.param])


@pytest.fixture(params=sorted(loops.REAL), scope="module")
def real_loop(request: pytest.FixtureRequest) -> Callable[[], Any]:
    """Return a factory of loops that live in the real world."""
    return loops.REAL[request.param]
