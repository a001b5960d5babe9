"""Fixtures: a test that asks for ``debug`` runs without and with the loops' debug mode."""

from __future__ import annotations

import pytest


@pytest.fixture(params=[False, True], ids=["plain", "debug"])
def debug(request: pytest.FixtureRequest) -> bool:
    """Return whether the loops are to be in debug mode."""
    return bool(request.param)
