"""How much of what has no end is tried: all of it on the newest interpreter, less on others.

A CI run goes through every interpreter one after the other, and has its time; whatever is
tried by number there is the beginning of the same list.  By hand it is all of it everywhere.
"""

from __future__ import annotations

import os
import sys

__all__ = ["effort"]

#: The newest interpreter that a CI run finds.
NEWEST = (3, 13)


def effort(number: int, chunk: int) -> int:
    """Return how many of *number* programs to try, in whole chunks of *chunk*."""
    if not os.environ.get("CI") or sys.version_info >= NEWEST:
        return number
    return max(chunk, number // 5 // chunk * chunk)
