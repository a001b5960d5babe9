"""All exhibits, in the order of the table.

Read next: table.py
"""

from __future__ import annotations

from . import conditions, everyday, groups, locks, pools, queues, timeouts

__all__ = ["EXHIBITS"]

EXHIBITS = (
    *timeouts.EXHIBITS,
    *locks.EXHIBITS,
    *conditions.EXHIBITS,
    *queues.EXHIBITS,
    *groups.EXHIBITS,
    *pools.EXHIBITS,
    *everyday.EXHIBITS,
)
