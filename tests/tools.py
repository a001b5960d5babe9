"""Command line tools that tests use, such as curl, nghttpd, wrk and Chromium.

Read next: ../compat/services/tools.py
"""

from __future__ import annotations

import os

import pytest

from compat.services import ServiceError
from compat.services.tools import find_tool

__all__ = ["tool"]


def tool(name: str) -> str:
    """Return the path of the tool *name*, one of `compat.services.tools.TOOLS`.

    Where it is missing the test that asks is skipped with the reason; in CI, which brings all
    tools before the tests, it fails.
    """
    try:
        return str(find_tool(name))
    except ServiceError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
