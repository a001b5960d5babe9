"""What older interpreters' asyncio does differently, and so cannot be compared."""
from __future__ import annotations


def left_out() -> frozenset[str]:
    return frozenset({"group if eager"})
