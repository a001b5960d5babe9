"""What the servers' modules have in common.

Each has a ``serving(tls)``: an asynchronous context manager that serves on the running
loop as long as the context lasts, and yields a `Target`.

Read next: application.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from compat.bench.network.rows import CERTIFICATE

__all__ = ["CERTIFICATE", "Target", "descendants_seconds"]


@dataclass(frozen=True)
class Target:
    """A server at work.

    Attributes:
        port: of 127.0.0.1, on which it listens.
        cpu: returns how many seconds of CPU time it has used so far.
    """

    port: int
    cpu: Callable[[], float] = time.process_time


def descendants_seconds(pid: int) -> float:
    """Return the CPU time of a process and of those below it, in seconds.

    Raises:
        RuntimeError: on a system that does not say.
    """
    threads = list(Path(f"/proc/{pid}/task").glob("*"))
    if not threads:
        raise RuntimeError("CPU time of other processes is read from /proc, which is not here")
    total = 0.0
    for thread in threads:
        total += int((thread / "schedstat").read_text().split()[0]) / 1e9
        for child in (thread / "children").read_text().split():
            total += descendants_seconds(int(child))
    return total
