"""Fixtures: a test that asks for ``on_each`` runs once on asyncio's loop and once on ours."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from . import stage


@pytest.fixture(params=sorted(stage.LOOPS))
def on_each(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return what runs a coroutine on one of the loops."""
    return partial(stage.run, stage.LOOPS[request.param])
