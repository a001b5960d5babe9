"""What every connection of the client is: a protocol on a transport, owned by a pool.

It waits for room to write, counts who uses it, and tells its owner, once, when it is of
no more use: the loop says so when it happens, nobody has to ask.

States
    open    -- retire ---------------> retired
            -- close, lost, broken --> closed
    retired -- last exchange over ---> closed
            -- close, lost, broken --> closed

Invariants
    open     may be given exchanges by its owner
    retired  ``usable`` is False; the exchanges that it has go on
    closed   no exchange is on it, the owner has been told, the transport is closing

Read next: http1_heads.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from math import inf
from typing import Any, Protocol

from .errors import Disconnected, WriteTimeout
from .exchange import Exchange
from .messages import Field, Origin, Request
from .settings import Limits, Timeouts
from .waiting import until

__all__ = ["TRANSITIONS", "Connection", "Owner"]

#: How much is read at once, at first and at most.
SPACE, MOST_SPACE = 4 * 1024, 256 * 1024

TRANSITIONS = (
    ("open", "retire", "retired"),
    ("open", "close, lost, broken", "closed"),
    ("retired", "last exchange over", "closed"),
    ("retired", "close, lost, broken", "closed"),
)


class Owner(Protocol):
    """What a connection tells whoever keeps it."""

    def released(self, connection: Any) -> None:
        """Note that an exchange is over, or that there is room for more of them."""

    def gone(self, connection: Any) -> None:
        """Note that the connection takes no more exchanges."""

    def closed_one(self, connection: Any) -> None:
        """Note that the connection is closed."""


class Connection(asyncio.BufferedProtocol):
    """A connection to one origin.

    Attributes:
        busy: how many exchanges it was given by its owner and has not yet released.
        served: how many it was given so far.
        usable: whether it may be given another.
        lost: done when the transport is closed.
    """

    multiplexed = False
    http_version = "HTTP/1.1"

    def __init__(self, origin: Origin, limits: Limits, owner: Owner) -> None:
        self.origin = origin
        self.limits = limits
        self.owner = owner
        self.busy = 1  # it is made for an exchange
        self.served = 0
        self.usable = True
        self.closed = False
        self.loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = self.loop.create_future()
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self._writers: set[asyncio.Future[None]] = set()
        self._paused_writing = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf
        self._space = memoryview(bytearray(SPACE))

    # --- the transport's side ------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        """End, whatever is going on."""
        reason = f": {exc}" if exc is not None else ""
        self.fail(Disconnected(f"the server closed the connection{reason}"))
        self.close()
        if not self.lost.done():
            self.lost.set_result(None)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to put what arrives.

        asyncio's own transports would make an object of 256 KiB for each read, which the C
        library may take from the system, and give back, every time.
        """
        return self._space

    def buffer_updated(self, nbytes: int) -> None:
        """Take in what has arrived; if it filled the space, there is more of that the next time."""
        space = self._space
        if nbytes == len(space) < MOST_SPACE:
            self._space = memoryview(bytearray(4 * nbytes))
        self.data_received(space[:nbytes])

    def data_received(self, data: bytes | memoryview) -> None:
        """Take in *data*, and keep none of it."""
        raise NotImplementedError

    def pause_writing(self) -> None:
        """Have writers wait."""
        self._paused_writing = True

    def resume_writing(self) -> None:
        """Let every writer go on."""
        self._paused_writing = False
        for writer in self._writers:
            if not writer.done():
                writer.set_result(None)

    async def room_to_write(self, seconds: float | None) -> None:
        """Wait until the transport takes more.

        Raises:
            WriteTimeout: after so many *seconds*.
            Disconnected: the connection is closed.
        """
        while self._paused_writing and not self.closed:
            await self.wait_to_write(seconds)
        if self.closed:
            raise Disconnected("the connection was closed while sending")

    async def wait_to_write(self, seconds: float | None) -> None:
        """Wait until `resume_writing`, or a close."""
        writer: asyncio.Future[None] = self.loop.create_future()
        self._writers.add(writer)
        try:
            await until(writer, seconds, WriteTimeout(f"nothing could be sent for {seconds} s"))
        finally:
            self._writers.discard(writer)

    # --- the client's side ---------------------------------------------------------------

    def exchange(self, request: Request, timeouts: Timeouts, deadline: float | None) -> Exchange:
        """Begin an exchange, for which the owner has counted one more in ``busy``.

        Raises:
            ValueError: the request is malformed; nothing was sent.
        """
        exchange = Exchange(self, request, self.limits, timeouts, deadline)
        self.served += 1
        self.start(exchange)
        return exchange

    def watch(self, when: float) -> None:
        """Look at the exchanges when the loop's clock says *when*, or earlier.

        There is one timer for all of them, which is not moved when one of them gets on:
        it finds out, and comes back when it is due.
        """
        if when < self._timer_at and not self.closed:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = when
            self._timer = self.loop.call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        self._timer_at = inf
        now = self.loop.time()
        for exchange in list(self.exchanges()):
            when = exchange.look(now)
            if when is not None:
                self.watch(when)

    def exchanges(self) -> Iterable[Exchange]:
        """Return those that are not over."""
        raise NotImplementedError

    def start(self, exchange: Exchange) -> None:
        """Send the request."""
        raise NotImplementedError

    async def send(self, exchange: Exchange, data: bytes) -> None:
        """Send *data* of the body; return when there is room for more."""
        raise NotImplementedError

    def finish(self, exchange: Exchange, trailers: list[Field]) -> None:
        """Send the end of the body, and *trailers*."""
        raise NotImplementedError

    def consumed(self, exchange: Exchange, credit: int) -> None:
        """Let the server send *credit* more bytes."""
        raise NotImplementedError

    def abandon(self, exchange: Exchange) -> None:
        """Forget an exchange that is not over."""
        raise NotImplementedError

    def fail(self, error: Exception) -> None:
        """Fail every exchange that is on the connection."""
        raise NotImplementedError

    def room(self) -> bool:
        """Tell whether one more exchange would fit."""
        return self.usable and self.busy == 0

    def release(self) -> None:
        """Give back what the owner counted for one exchange."""
        self.busy -= 1
        self.owner.released(self)
        if not self.usable and self.busy == 0:
            self.close()

    def retire(self) -> None:
        """Take no more exchanges, and close after the last."""
        if self.usable:
            self.usable = False
            self.owner.gone(self)
        if self.busy == 0:
            self.close()

    def close(self, *, abort: bool = False) -> None:
        """Close; *abort* drops what is not yet sent.  Exchanges have to be gone or failed."""
        self._leave()
        if self.transport is not None:
            if abort:
                self.transport.abort()
            else:
                self.transport.close()

    def _leave(self) -> None:
        """Be none of the owner's connections any more."""
        if not self.closed:
            self.closed = True
            if self.usable:
                self.usable = False
                self.owner.gone(self)
            self.owner.closed_one(self)
            self.resume_writing()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    async def wait_lost(self, seconds: float) -> None:
        """Wait until the transport is closed; after so many *seconds* abort it."""
        await asyncio.wait([self.lost], timeout=seconds)
        if not self.lost.done():
            self.transport.abort()
            await asyncio.wait([self.lost], timeout=seconds)
