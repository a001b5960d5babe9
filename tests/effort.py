"""How much of what has no end is tried: all of it on the newest interpreter, less on others.

A CI run goes through every interpreter one after the other, and has its time; whatever is
tried by number there is the beginning of the same list.  By hand it is all of it everywhere.
"""

from __future__ import annotations

import os
import sys

import pytest

__all__ = ["effort", "newest_only"]

#: The newest interpreter that a CI run finds.
NEWEST = (3, 13)
#: Whether this run is to be kept short.
SHORT = bool(os.environ.get("CI")) and sys.version_info < NEWEST


def effort(number: int, chunk: int) -> int:
    """Return how many of *number* programs to try, in whole chunks of *chunk*."""
    return max(chunk, number // 10 // chunk * chunk) if SHORT else number


def newest_only() -> None:
    """Skip a test whose time is spent in other programs, in CI, but on the newest interpreter."""
    if SHORT:
        pytest.skip("in CI on the newest interpreter only")
