"""The peers that tests compare with: without them cells are left out, which CI must not do."""

from __future__ import annotations

import importlib.util
import os

import pytest


@pytest.mark.skipif(not os.environ.get("CI"), reason="a checkout may be tested without them")
@pytest.mark.parametrize("tool", ["uvloop", "rloop"])
def test_no_peer_is_missing_in_ci(tool: str) -> None:
    assert importlib.util.find_spec(tool) is not None
