"""What older interpreters' asyncio does differently, and so cannot be compared there.

As little as possible: a test fails for an entry without which nothing differs.
"""

from __future__ import annotations

import asyncio.selector_events
import asyncio.sslproto
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from .templates import EXPRESSIONS, STATEMENTS

#: How newer asyncio reports the failure of a shielded future whose waiter was cancelled;
#: up to 3.13 it is left to the report of exceptions that were never retrieved.
SHIELD_REPORTS = sys.version_info >= (3, 14)


class Older(NamedTuple):
    """What asyncio does in another way before version *until*.

    *kinds* are kinds of operation, or what would fill a hole.
    """

    name: str
    until: tuple[int, ...]
    kinds: frozenset[str]
    reason: str
    since: tuple[int, ...] = (3, 11)
    #: Kinds of operation with which it shows soon.
    about: tuple[str, ...] = ()


#: Differences between the libraries' names: with the same names both loops do the same.
IN_NAMES = (
    Older(
        "eager-group",
        (3, 13, 2),
        frozenset(f"{kind} if eager" for kind in STATEMENTS["group"]),
        "a child that ended at its eager start is no concern of its group",
        since=(3, 13),  # before, groups are left out altogether
    ),
    Older("eager", (3, 12), frozenset({"eager"}), "there is no eager start"),
    Older("shutdown", (3, 13), frozenset({"shutdown"}), "queues cannot be shut down"),
    Older(
        "async-as-completed",
        (3, 13),
        frozenset({"as_completed_async"}),
        "as_completed is no asynchronous iterator",
    ),
    Older(
        "group",
        (3, 13),
        frozenset(STATEMENTS["group"]),
        "the group forgets that its parent was cancelled; it does not close what it refuses",
    ),
    Older(
        "condition",
        (3, 13),
        frozenset({"cond_wait", "cond_wait_for", "cond_crowd", "wait_only"})
        | {*EXPRESSIONS["barrier"], *STATEMENTS["barrier"], "barrier0.wait()"},  # it has one inside
        "a waiter that is cancelled does not wake another in its place",
    ),
    Older(
        "semaphore",
        (3, 13),
        frozenset({"sem_release", "sem_crowd", "sem0", "sem1"}),
        "of several units that come back at once only one is handed on",
    ),
    Older(
        "gather",
        (3, 12),
        frozenset({"gather_one", "gather_tasks", "gather_left", "gather_same"}),
        "gather takes two turns longer when all that it waits for is done already",
    ),
    Older(
        "wait-for",
        (3, 12),
        frozenset(kind for kind in EXPRESSIONS["wait_for"] if kind.startswith("wait_for")),
        "wait_for runs what it waits for as a task of its own, and may lose a cancellation",
    ),
)

#: Differences between the libraries' tasks: even with the same names the loops differ.
IN_TASKS = (
    Older(
        "eager-name",
        (3, 14),
        frozenset({"name if eager"}),
        "a task that a factory made is called 'None' when it was given no name",
        since=(3, 13),
    ),
    Older(
        "uncancel",
        (3, 13),
        frozenset(EXPRESSIONS["uncancel"]),
        "a cancellation that was taken back is thrown nevertheless",
    ),
    Older(
        "stop-iteration",
        (3, 13),
        frozenset({"set_stop_iteration"}),
        "a future refuses a StopIteration; now it makes a RuntimeError of it",
    ),
)


#: Differences in what is about connections, between names or loops.
IN_NETWORK = (
    Older(
        "tls-over-tls",
        (3, 13),
        frozenset({"tls_again"}),
        "TLS over TLS cannot be aborted because of an error",
        about=("open_tls_protocols", "tls_again", "wire_write"),
    ),
    Older(
        "empty-datagram",
        (3, 13),
        frozenset({"bytes()"}),
        "a datagram of nothing is not sent",
        about=("open_datagrams",),
    ),
    Older(
        "separators",
        (3, 13),
        frozenset({"readuntil_first"}),
        "there can be one separator only",
        about=("open_streams", "readuntil_first", "write"),
    ),
)


# -- what is not left out, but repaired for as long as a program of the network runs ---------------


def _writelines(self: Any, data: Any) -> None:
    if self._conn_lost and data and not self._eof and self._empty_waiter is None:
        self.write(data[0])  # as for any data: that it is lost is counted
    else:
        _ORIGINAL["writelines"](self, data)
        if self._buffer:
            self._maybe_pause_protocol()


def _close(self: Any) -> None:
    self._read_ready_cb = None
    super(_SOCKETS._SelectorSocketTransport, self).close()


def _call_connection_lost(self: Any, error: BaseException | None) -> None:
    self._conn_lost = self._conn_lost or 1
    _ORIGINAL["_call_connection_lost"](self, error)


def _is_closing(self: Any) -> bool:
    below = self._ssl_protocol and self._ssl_protocol._transport
    return self._closed or (below is not None and below.is_closing())


_SOCKETS: Any = asyncio.selector_events
_TLS: Any = asyncio.sslproto


class Repair(NamedTuple):
    """A method of asyncio's that is mended in version *until*; *better* takes its place."""

    until: tuple[int, ...]
    owner: Any
    method: str
    better: Any
    reason: str
    about: tuple[str, ...]
    since: tuple[int, ...] = (3, 11)


def _joined(self: Any, data: Any) -> None:
    if self._eof:
        raise RuntimeError("Cannot call writelines() after write_eof()")
    if self._buffer and not self._conn_lost and self._empty_waiter is None:
        self._buffer.extend(b"".join(data))
        self._write_ready()
        if self._buffer:
            self._maybe_pause_protocol()
    else:
        _ORIGINAL["writelines"](self, data)


REPAIRS = tuple(
    repair
    for repair in (
        Repair(
            (3, 13, 6),
            _SOCKETS._SelectorSocketTransport,
            "writelines",
            _writelines,
            "neither pauses the protocol nor notices that the transport is closing or lost",
            ("open_protocols", "wire_writelines"),
            since=(3, 12),
        ),
        Repair(
            (3, 12),
            _SOCKETS._SelectorSocketTransport,
            "writelines",
            _joined,
            "says write() when it means writelines(), and does not try at once what is buffered",
            ("open_protocols", "wire_writelines"),
        ),
        Repair(
            (3, 15),
            _SOCKETS._SelectorSocketTransport,
            "close",
            _close,
            "forgets how to send the rest, which it does as soon as the protocol writes more",
            ("open_streams", "write_close", "writelines"),
            since=(3, 12),
        ),
        Repair(
            (3, 15),
            _SOCKETS._SelectorSocketTransport,
            "_call_connection_lost",
            _call_connection_lost,
            "falls to pieces when written to after it was closed, had sent the rest and was lost",
            ("open_streams", "write_close", "writelines"),
        ),
        Repair(
            (3, 13, 3),
            _TLS._SSLProtocolTransport,
            "is_closing",
            _is_closing,
            "does not know that the connection below is closing",
            ("open_tls_streams", "wire_state", "drain"),
        ),
    )
    if repair.since <= sys.version_info < repair.until
)
_ORIGINAL = {repair.method: getattr(repair.owner, repair.method) for repair in REPAIRS}


@contextmanager
def repaired() -> Iterator[None]:
    """Have asyncio as its newer versions are."""
    for repair in REPAIRS:
        setattr(repair.owner, repair.method, repair.better)
    try:
        yield
    finally:
        for repair in REPAIRS:
            setattr(repair.owner, repair.method, _ORIGINAL[repair.method])


def applying(*tables: Iterable[Older]) -> list[Older]:
    """Return the entries of *tables* that matter on this interpreter."""
    return [
        older
        for table in tables
        for older in table
        if older.since <= sys.version_info < older.until
    ]


def left_out(*tables: Iterable[Older]) -> frozenset[str]:
    """Return the kinds of operation that cannot be compared on this interpreter."""
    return frozenset(kind for older in applying(*tables) for kind in older.kinds)
