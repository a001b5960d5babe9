"""Peers and tools that tests use: without them something is left out, which CI must not do."""

from __future__ import annotations

import importlib.util
import os

import pytest

from compat.services.binaries import Kind
from compat.services.tools import TOOLS

from .tools import tool


@pytest.mark.skipif(not os.environ.get("CI"), reason="a checkout may be tested without them")
@pytest.mark.parametrize("tool", ["uvloop", "rloop"])
def test_no_peer_is_missing_in_ci(tool: str) -> None:
    assert importlib.util.find_spec(tool) is not None


@pytest.mark.parametrize("machine", ["CI", "elsewhere"])
def test_a_missing_tool_fails_in_ci_and_skips_elsewhere(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = Kind("absent", ("no-such-program",), "the-package")
    monkeypatch.setitem(TOOLS, "absent", missing)
    monkeypatch.setenv("CI", "1") if machine == "CI" else monkeypatch.delenv("CI", raising=False)
    outcome = pytest.fail.Exception if machine == "CI" else pytest.skip.Exception
    with pytest.raises(outcome, match=r"no absent on this machine: install it .*the-package"):
        tool("absent")


def test_a_tool_that_is_there_is_told_by_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOOLS, "shell", Kind("shell", ("sh",), "dash"))
    assert os.access(tool("shell"), os.X_OK)
