"""What becomes of a packet between two hosts: how long it takes, and whether it gets there.

`Link` says how it is between a pair of hosts in one direction: a latency, and which
faults are possible.  A fault is only ever *possible*: whether it happens is a choice,
and the run in which nothing is lost comes first.  A rule sees every packet before that
and may decide about it.

Read next: names.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .wire import CAPACITY

__all__ = ["DROP", "PASS", "Deliver", "Link", "Packet", "Rule", "Verdict"]


@dataclass(frozen=True)
class Packet:
    """Something that goes from one address to another.

    Attributes:
        source: address of the sender.
        target: address of the receiver.
        kind: ``connect``, ``bytes``, ``end`` (of a direction), ``reset`` or ``datagram``.
        data: the bytes; empty for the kinds that carry none.
    """

    source: object
    target: object
    kind: str
    data: bytes = b""


@dataclass(frozen=True)
class Deliver:
    """The packet takes *seconds*, whatever the link says."""

    seconds: float


class Verdict:
    """PASS: as the link has it.  DROP: it never comes (a stream then hangs, as with a firewall)."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


PASS = Verdict("PASS")
DROP = Verdict("DROP")

#: What a rule is: it sees a packet and says what becomes of it.
Rule = Callable[[Packet], Verdict | Deliver]


@dataclass(slots=True)
class Link:
    """How it is from one host to another.

    Attributes:
        latency: seconds from sending to arrival.
        bandwidth: bytes a second; None is without limit.
        loss: datagrams may get lost.
        duplication: datagrams may come twice.
        reordering: datagrams may overtake each other.
        resets: connections may be reset.
        refusals: connections may be refused.
        partial_writes: a send may take less than there is room for.
        capacity: bytes that a direction of a connection takes before its writer waits.
        largest_datagram: bytes; a larger one is refused with EMSGSIZE.
    """

    latency: float = 0.0
    bandwidth: float | None = None
    loss: bool = False
    duplication: bool = False
    reordering: bool = False
    resets: bool = False
    refusals: bool = False
    partial_writes: bool = False
    capacity: int = CAPACITY
    largest_datagram: int = 65507

    def seconds(self, data: bytes = b"") -> float:
        """Return how long *data* takes."""
        return self.latency + (len(data) / self.bandwidth if self.bandwidth else 0.0)
