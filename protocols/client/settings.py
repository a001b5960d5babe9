"""How long things may take and how large they may grow: the client's two records.

Read next: messages.py
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits", "Timeouts"]


@dataclass(frozen=True)
class Timeouts:
    """How many seconds each part of a request may take; None is without end.

    Attributes:
        connect: name resolution, connection and TLS handshake together.
        read: between two arrivals of bytes.
        write: between two moments at which bytes could be sent.
        pool: until a connection or a stream is free.
        total: from the call until the body is read, redirects included.
        expect: for a server to say that it wants a body that waits for that
            (``Expect: 100-continue``); then it is sent all the same.
    """

    connect: float | None = 10.0
    read: float | None = 30.0
    write: float | None = 30.0
    pool: float | None = 30.0
    total: float | None = 300.0
    expect: float | None = 1.0


@dataclass(frozen=True)
class Limits:
    """How many and how much.

    Attributes:
        connections: open at once, all origins together.
        per_origin: open at once to one origin.
        idle_seconds: how long an unused connection is kept; 0 keeps none.
        streams: open at once on one HTTP/2 connection; the server may allow fewer.
        header_bytes: of one block of header fields.
        header_fields: in one block.
        body_bytes: of a body that is read whole, after inflating; None for any size.
        buffer_bytes: received and not yet read, for each exchange.
    """

    connections: int = 100
    per_origin: int = 20
    idle_seconds: float = 15.0
    streams: int = 100
    header_bytes: int = 32 * 1024
    header_fields: int = 100
    body_bytes: int | None = 64 * 1024 * 1024
    buffer_bytes: int = 64 * 1024
