"""The rows of `bench recording`: some of what `bench scheduling` does.

What a recorder keeps is put into words when the loop waits or at the end, which is not
measured here: it is not while the program runs.

Read next: commands.py
"""

from __future__ import annotations

from compat.bench.model import ASYNCIO, Suite
from compat.bench.recording.loops import PLAIN
from compat.bench.scheduling import SUITE as SCHEDULING

__all__ = ["SUITE"]

ROWS = ("switch", "spawn-await", "future", "callbacks", "timers", "queue", "cancel")

SUITE = Suite(
    "recording",
    {key: SCHEDULING.rows[key] for key in ROWS},
    against=(PLAIN.key, ASYNCIO.key),
    parts=("names or watch", "loop"),
)
