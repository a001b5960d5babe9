"""Callbacks for descriptors: what ``add_reader`` and ``add_writer`` do.

Each descriptor is registered with the selector once, with a pair of handles
``(reader, writer)`` as its data; either may be None, never both.  The loop's
arrivals phase moves those handles into the ready queue, again and again as long
as the descriptor is ready: readiness is a level, not an edge.

States of a descriptor
    absent   -- add_reader ----> reading
             -- add_writer ----> writing
    reading  -- add_writer ----> both
             -- remove_reader -> absent
    writing  -- add_reader ----> both
             -- remove_writer -> absent
    both     -- remove_reader -> writing
             -- remove_writer -> reading

Read next: wakeup.py
"""

from __future__ import annotations

import selectors
from collections.abc import Callable
from typing import Any

from ..core.handles import Handle

__all__ = ["TRANSITIONS", "add", "remove"]

TRANSITIONS = (
    ("absent", "add_reader", "reading"),
    ("absent", "add_writer", "writing"),
    ("reading", "add_writer", "both"),
    ("reading", "remove_reader", "absent"),
    ("writing", "add_reader", "both"),
    ("writing", "remove_writer", "absent"),
    ("both", "remove_reader", "writing"),
    ("both", "remove_writer", "reading"),
)

_PLACE = {selectors.EVENT_READ: 0, selectors.EVENT_WRITE: 1}


def add(loop: Any, fd: Any, event: int, callback: Callable[..., object], args: Any) -> Handle:
    """Call ``callback(*args)`` whenever *fd* is ready for *event*, instead of what was set before.

    Returns the handle.  Raises RuntimeError when the loop is closed and
    ValueError when *fd* is not a descriptor.
    """
    loop._check_closed()
    handle = Handle(callback, args, loop, None)
    place = _PLACE[event]
    key = loop._selector.get_map().get(fd)
    pair: list[Handle | None] = [None, None] if key is None else list(key.data)
    replaced, pair[place] = pair[place], handle
    if key is None:
        loop._selector.register(fd, event, tuple(pair))
    else:
        loop._selector.modify(fd, key.events | event, tuple(pair))
    if replaced is not None:
        replaced.cancel()
    return handle


def remove(loop: Any, fd: Any, event: int) -> bool:
    """Stop watching *fd* for *event*; return whether it was watched."""
    if loop.is_closed():
        return False
    key = loop._selector.get_map().get(fd)
    if key is None:
        return False
    place = _PLACE[event]
    pair: list[Handle | None] = list(key.data)
    removed, pair[place] = pair[place], None
    events = key.events & ~event
    if events:
        loop._selector.modify(fd, events, tuple(pair))
    else:
        loop._selector.unregister(fd)
    if removed is None:
        return False
    removed.cancel()
    return True
