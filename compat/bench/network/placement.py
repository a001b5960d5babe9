"""Where the processes run, so that every round is the same work.

Two things were found to move the CPU time of one and the same echo by a factor of up to
four; both are held still: the processors here, the allocator in allocator.py.

How many messages a server finds at each poll depends on how far the client has come
meanwhile; and a server that falls asleep between two messages pays for being woken, from
another processor several microseconds.  So by default both processes share one processor
(``together``), under the policy SCHED_BATCH, by which a process that becomes ready does
not interrupt the one that runs.  The client then sends one message on each connection, and
sleeps; the server finds all of them at once, answers all, and sleeps; the client reads the
answers.  Each turn is the same, whatever the client's speed, and the client cannot be the
limit: it runs only when the server has nothing to do.

``apart`` puts the client on the other processors.  That is nearer to life, and far less
steady: with ten connections a bare epoll loop found three messages at a poll instead of
ten, and took twice the CPU time for each.

Read next: allocator.py
"""

from __future__ import annotations

import os

TOGETHER, APART, ANYWHERE = "together", "apart", "anywhere"
PLACEMENTS = (TOGETHER, APART, ANYWHERE)


def go_to(processors: set[int]) -> None:
    """Run this process on some processors only, and do not interrupt others there."""
    os.sched_setaffinity(0, processors)
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def place_server(placement: str) -> None:
    """Put a server's process where it belongs; processes that it starts inherit that.

    The last processor that we may use is the one: the first has the system's interrupts.
    Systems that cannot do that leave the process where it is.

    Args:
        placement: one of PLACEMENTS.

    Raises:
        ValueError: for another word.
        RuntimeError: for APART with a single processor.
    """
    if placement not in PLACEMENTS:
        raise ValueError(f"{placement!r} is none of {', '.join(PLACEMENTS)}")
    if placement == ANYWHERE or not hasattr(os, "sched_setaffinity"):
        return
    allowed = os.sched_getaffinity(0)
    mine = {max(allowed)}
    if placement == APART and not allowed - mine:
        raise RuntimeError("client and server cannot be apart: there is one processor only")
    go_to(mine)


def place_client(placement: str, allowed: set[int]) -> None:
    """Put the client's process where it belongs.

    Args:
        placement: one of PLACEMENTS.
        allowed: the processors that the server's process could have used.
    """
    if placement == APART and allowed and hasattr(os, "sched_setaffinity"):
        go_to(others(allowed))


def others(allowed: set[int]) -> set[int]:
    """Return the processors that are not the server's."""
    return allowed - {max(allowed)}


def processors() -> set[int]:
    """Return the processors that this process may use; empty if the system cannot tell."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
