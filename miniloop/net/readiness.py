"""Callbacks for descriptors: what ``add_reader`` and ``add_writer`` do.

Each descriptor is registered with the selector once, with a pair of handles
``(reader, writer)`` as its data; either may be None, never both.  The loop's
arrivals phase moves those handles into the ready queue, again and again as long
as the descriptor is ready: readiness is a level, not an edge.

States of a descriptor
    absent  -- add_reader -----> reading
            -- add_writer -----> writing
    reading -- add_writer -----> both
            -- remove_reader --> absent
    writing -- add_reader -----> both
            -- remove_writer --> absent
    both    -- remove_reader --> writing
            -- remove_writer --> reading

Invariants
    A descriptor belongs to one user at a time: a transport (`claim`), or whoever
    called `add`.  A seat that waits for the next ``sock_recv`` (see ``seats.py``)
    is no user: it leaves as soon as anybody else comes.
    ``_readers`` has every descriptor in the state reading, with its handle; ``_takers``
    has some of these.

The shortest way
    Half of what a selector does for each event is to put it into other words.
    `waiting` leaves that out where nobody would see it: the platform's own epoll
    is asked directly, and what arrived goes straight into the ready queue, or, if nobody
    else has anything to do, to those who take it at once: see ``seats.py``.  A seat is
    told of a change once: when a signal's handler raises in between, it has to be told again.

Read next: wakeup.py
"""

from __future__ import annotations

import functools
import select
import selectors
import weakref
from collections.abc import Callable
from typing import Any

from ..core.handles import Handle
from ..core.loop import Loop

__all__ = [
    "TRANSITIONS",
    "add",
    "check_free",
    "claim",
    "forget",
    "polls",
    "release",
    "remove",
    "take_writer",
    "waiting",
]

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

#: What epoll tells a seat, and each once.  More than `EVENT_READ` is: an end, and urgent data.
SEAT = 0
if hasattr(select, "epoll"):
    SEAT = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLPRI | select.EPOLLET

_PLACE = {selectors.EVENT_READ: 0, selectors.EVENT_WRITE: 1}


def add(loop: Any, fd: Any, event: int, callback: Callable[..., object], args: Any) -> Handle:
    """Call ``callback(*args)`` whenever *fd* is ready for *event*, instead of what was set before.

    Returns the handle.  Raises RuntimeError when the loop is closed, ValueError
    when *fd* is not a descriptor, and TypeError when *callback* is None.
    """
    loop._check_closed()
    if callback is None:  # nobody would take notice, and the descriptor would stay ready
        raise TypeError("a callable object was expected, got None")
    handle = Handle(callback, args, loop, None)
    if loop._seats:
        _ask_to_leave(loop, fd)
    place = _PLACE[event]
    key = loop._selector.get_map().get(fd)
    pair: list[Handle | None] = [None, None] if key is None else list(key.data)
    replaced, pair[place] = pair[place], handle
    if key is None:
        key = loop._selector.register(fd, event, tuple(pair))
    else:
        loop._selector.modify(fd, key.events | event, tuple(pair))
    _remember(loop, key.fd, *pair)
    if replaced is not None:
        replaced.cancel()
    return handle


def remove(loop: Any, fd: Any, event: int) -> bool:
    """Stop watching *fd* for *event*; return whether it was watched."""
    if loop.is_closed():
        return False
    sat = False
    if loop._seats:
        if event == selectors.EVENT_WRITE and _fileno(fd) in loop._seats:
            return False  # nobody waits to write there, and who sits there stays
        sat = _ask_to_leave(loop, fd)
    key = loop._selector.get_map().get(fd)
    if key is None:
        return sat
    place = _PLACE[event]
    pair: list[Handle | None] = list(key.data)
    removed, pair[place] = pair[place], None
    events = key.events & ~event
    if events:
        loop._selector.modify(fd, events, tuple(pair))
        _remember(loop, key.fd, *pair)
    else:
        forget(loop, key.fd)
    if removed is None:
        return False
    removed.cancel()
    return True


def _remember(loop: Any, fd: int, reader: Handle | None, writer: Handle | None) -> None:
    """Note what `_epoll` has to do about *fd* in the usual case, in which nobody waits to write."""
    loop._takers.pop(fd, None)
    if reader is not None and writer is None:
        loop._readers[fd] = reader
    else:
        loop._readers.pop(fd, None)


def forget(loop: Any, fd: int) -> None:
    """Watch *fd* no longer."""
    loop._selector.unregister(fd)
    _remember(loop, fd, None, None)


def take_writer(loop: Any, fd: int) -> Callable[[], object] | None:
    """Stop watching *fd* for writing; return what it was watched for, or None."""
    key = loop._selector.get_map().get(fd)
    handle = None if key is None else key.data[1]
    if handle is None or handle._callback is None:
        return None
    callback: Callable[[], object] = functools.partial(handle._callback, *handle._args)
    remove(loop, fd, selectors.EVENT_WRITE)
    return callback


def polls(loop: Any, fd: int, event: int) -> bool:
    """Return whether *fd* is watched for *event*."""
    key = loop._selector.get_map().get(fd)
    return key is not None and bool(key.events & event)


# -- waiting for all of them ---------------------------------------------------


def waiting(loop: Any) -> Callable[[float | None], Any]:
    """Return what a run of *loop* waits with: called with seconds (None: for ever), returns events.

    The selector's ``select``; or, if neither that nor the handing over of events
    is overridden, the shortest way: it hands them over itself, and returns None.
    """
    selector, arrivals = loop._selector, getattr(loop._process_events, "__func__", None)
    epoll, inside = getattr(selectors, "EpollSelector", None), getattr(selector, "__dict__", ())
    plain = type(selector) is epoll and "select" not in inside and "_fd_to_key" in inside
    if plain and arrivals is Loop._process_events:
        return _epoll(loop, selector)
    return selector.select  # type: ignore[no-any-return]


def _epoll(loop: Any, selector: Any) -> Callable[[float | None], None]:
    keys, ready, append = selector._fd_to_key, loop.ready, loop.ready.append
    seats, takers, readers = loop._seats, loop._takers, loop._readers
    not_reading, not_writing = ~select.EPOLLIN, ~select.EPOLLOUT

    def wait(timeout: float | None) -> None:
        try:
            events = selector._selector.poll(timeout, len(keys) or 1)
            if not ready and (takers or seats) and loop._at_once(events):
                return
            for fd, event in events:
                if (only := readers.get(fd)) is not None:
                    if only._callback is not None:
                        append(only)
                elif (key := keys.get(fd)) is not None:
                    reader, writer = key.data
                    if event & not_writing and reader is not None and reader._callback is not None:
                        append(reader)
                    if event & not_reading and writer is not None and writer._callback is not None:
                        append(writer)
        except BaseException:  # by a signal's handler: what is told once must be told again
            for seat in seats.values():
                seat.told_again()
            raise

    return wait


def _fileno(fd: Any) -> int:
    if isinstance(fd, int):
        return fd
    try:
        return int(fd.fileno())
    except (AttributeError, TypeError, ValueError):
        raise ValueError(f"Invalid file object: {fd!r}") from None


def _ask_to_leave(loop: Any, fd: Any) -> bool:
    """Have the seat of *fd*, if there is one, leave; return whether it was in use."""
    seat = loop._seats.pop(_fileno(fd), None)
    return seat is not None and bool(seat.leave())


# -- whose descriptor it is ----------------------------------------------------


def claim(loop: Any, fd: int, transport: Any) -> None:
    """Remember that *fd* is used by *transport*, without keeping it alive."""
    loop._transports[fd] = weakref.ref(transport)


def release(loop: Any, fd: int, transport: Any) -> None:
    """Forget that *fd* is used by *transport*, unless it is another's by now."""
    if loop._transports.get(fd) == weakref.ref(transport):
        del loop._transports[fd]


def check_free(loop: Any, fd: Any) -> None:
    """Raise RuntimeError when *fd*, a descriptor or what has one, is used by a live transport.

    Raises ValueError when it is not a descriptor.
    """
    reference = loop._transports.get(_fileno(fd))
    transport = reference and reference()
    if transport and not transport.is_closing():
        raise RuntimeError(f"File descriptor {fd!r} is used by transport {transport!r}")
