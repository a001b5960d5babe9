"""Every test that takes `run` is run on every loop."""

from __future__ import annotations

from typing import cast

import pytest

from ..loops import LOOPS, Run


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine on one of the loops."""
    return Run(LOOPS[cast("str", request.param)])
