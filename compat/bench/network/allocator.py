"""The C library's allocator, whose state decides what a large read costs.

asyncio's transports read up to 256 KiB at once, into a new object of that size.  In a
process that is *young*, glibc takes blocks of more than 128 KiB straight from the system:
each message then costs a mapping and its page faults, three times as much as the echo
itself.  Once a block of that size has been freed in full, glibc takes them from its heap,
and they cost nothing; the process is *settled*.  A read that returns less gives the rest
back before, so that it does not count; one that returns nothing does.  So

* a server of connections is settled as soon as the first client has hung up, and its rows
  are measured in that state;
* a server of datagrams stays young, for want of an end of file, unless somebody else in
  the process settles it; its rows are measured in that state.

The rows ``young-protocol`` and ``settled-udp`` show the other state of each.  Without
glibc there is no such difference, and nothing is done.

Read next: servers.py
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
INITIAL_BYTES = 128 * 1024
SETTLED_BYTES = 16 * 1024 * 1024
READ_BYTES = 256 * 1024
MOST_HOLES = 1000


class Mallinfo(ctypes.Structure):
    """The beginning of glibc's struct mallinfo, and room for the rest."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("arena", "ordblks", "smblks", "hblks")),
        ("rest", ctypes.c_int * 16),
    )


def straight_from_the_system(libc: Any) -> int:
    """Return how many blocks the allocator has that are not from its heap."""
    libc.mallinfo.restype = Mallinfo
    return int(libc.mallinfo().hblks)


def fill_holes(libc: Any) -> list[bytearray]:
    """Return blocks that fill all places in the heap that are as large as a read."""
    blocks: list[bytearray] = []
    before = straight_from_the_system(libc)
    while straight_from_the_system(libc) == before and len(blocks) < MOST_HOLES:
        blocks.append(bytearray(READ_BYTES))
    return blocks


@contextmanager
def aged(young: bool) -> Iterator[None]:
    """Put the allocator of this process into one of its states for a while.

    To make it young is to give back what is free at the end of the heap, and to occupy
    what is free inside it: it would be used first.  Afterwards it is settled.
    """
    libc = ctypes.CDLL(None)
    if not (hasattr(libc, "mallopt") and hasattr(libc, "mallinfo")):
        yield
        return
    set_thresholds(libc, INITIAL_BYTES if young else SETTLED_BYTES)
    blocks = []
    if young:
        libc.malloc_trim(0)
        blocks = fill_holes(libc)
    try:
        yield
    finally:
        set_thresholds(libc, SETTLED_BYTES)
        blocks.clear()


def set_thresholds(libc: Any, size: int) -> None:
    """Say from which size on blocks come from the system, which also stops glibc moving it.

    glibc itself would move both thresholds together, the other one to twice as much.
    """
    libc.mallopt(M_MMAP_THRESHOLD, size)
    libc.mallopt(M_TRIM_THRESHOLD, size if size == INITIAL_BYTES else 2 * size)
