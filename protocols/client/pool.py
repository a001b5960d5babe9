"""The connections of a client: who gets one, who waits, and which are kept for later.

Requests wait in one order, whatever their origin: first come, first served, except that
one whose origin is at its limit does not hold up the others.  A connection that dies
while it is idle is taken out by the loop's own callback, the moment that is known.
While it is unknown whether an origin speaks HTTP/2, only one request connects to it and
the others wait for what comes of that, so that they can share it.

Invariants
    ``Site.count``   connections to the origin, those being made included
    ``Pool.count``   the sum of the above; never over the limit
    ``Site.idle``    open connections without an exchange, the longest idle first
    a waiter in ``Site.waiters`` could not be served when last looked at

Read next: codings.py
"""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import count
from typing import NamedTuple

from .connection import Connection
from .dialing import Dialer
from .errors import PoolClosed, PoolTimeout
from .messages import Origin
from .settings import Limits, Timeouts
from .waiting import until

__all__ = ["Pool"]

#: How long a connection may take to say goodbye when the pool is closed.
GOODBYE_SECONDS = 1.0


class _Waiter(NamedTuple):
    """A request without a connection; the future's result is one, or None: make one."""

    number: int
    future: asyncio.Future[Connection | None]


class Site:
    """What the pool knows about one origin."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.count = 0
        self.idle: dict[Connection, float] = {}
        self.waiters: deque[_Waiter] = deque()
        self.shared: Connection | None = None
        self.maybe_shared = True
        self.dialing_first = False
        self.timer: asyncio.TimerHandle | None = None


class Pool:
    """Connections by origin, within limits."""

    def __init__(self, dialer: Dialer, limits: Limits) -> None:
        self.dialer = dialer
        self.limits = limits
        self.count = 0
        self.closed = False
        self.sites: dict[Origin, Site] = {}
        self._waiting: dict[Origin, Site] = {}
        self._open: set[Connection] = set()
        self._numbers = count()
        self._serving = False

    # --- getting one ---------------------------------------------------------------------

    async def acquire(self, origin: Origin, timeouts: Timeouts) -> Connection:
        """Return a connection to *origin* on which one more exchange is reserved.

        Cancelled, it gives back whatever it had been given.

        Raises:
            PoolTimeout: none was free in time.
            ConnectTimeout, ConnectFailed: none could be made.
            PoolClosed: the pool is closed, or was while this waited.
        """
        number = next(self._numbers)
        while True:
            connection = await self._grant(origin, number, timeouts.pool)
            if connection is None:
                connection = await self._dial(self._site(origin), timeouts.connect)
            if connection.usable:
                return connection
            self._give_back(self._site(origin), connection)  # it ended after it was given

    def acquire_now(self, origin: Origin) -> Connection | None:
        """Return what `acquire` would without waiting, or None if it would wait."""
        site = self.sites.get(origin)
        if site is None or self._waiting or self.closed or not (site.shared or site.idle):
            return None
        _, connection = self._take(site)
        if connection is not None and not connection.usable:
            self._give_back(site, connection)
            return None
        return connection

    async def _grant(self, origin: Origin, number: int, seconds: float | None) -> Connection | None:
        """Return a connection, or None for a place in which to make one."""
        if self.closed:
            raise PoolClosed("the client is closed")
        site = self._site(origin)
        if not self._waiting:
            granted, connection = self._take(site)
            if granted:
                return connection
        waiter = _Waiter(number, asyncio.get_running_loop().create_future())
        self._enqueue(site, waiter)
        self._serve()
        try:
            error = PoolTimeout(f"no connection was free for {seconds} s")
            return await until(waiter.future, seconds, error)
        except asyncio.CancelledError:
            future = waiter.future
            if future.done() and not future.cancelled() and future.exception() is None:
                self._give_back(site, future.result())
            raise
        finally:
            self._dequeue(site, waiter)

    def _site(self, origin: Origin) -> Site:
        """Return what is known of *origin*."""
        site = self.sites.get(origin)
        if site is None:
            site = self.sites[origin] = Site(origin)
        return site

    def _enqueue(self, site: Site, waiter: _Waiter) -> None:
        """Put *waiter* in its place, which is the end unless it has waited before."""
        position = len(site.waiters)
        while position and site.waiters[position - 1].number > waiter.number:
            position -= 1
        site.waiters.insert(position, waiter)
        self._waiting[site.origin] = site

    def _dequeue(self, site: Site, waiter: _Waiter) -> None:
        if waiter in site.waiters:
            site.waiters.remove(waiter)
        if not site.waiters:
            self._waiting.pop(site.origin, None)
        self._forget(site)

    def _take(self, site: Site) -> tuple[bool, Connection | None]:
        """Take a connection, or a place to make one (True, None), if there is one."""
        shared = site.shared
        if shared is not None:
            if not shared.room():
                return False, None
            site.idle.pop(shared, None)
            shared.busy += 1
            return True, shared
        if site.idle:
            connection, _ = site.idle.popitem()
            connection.busy += 1
            if connection.multiplexed:
                site.shared = connection
            return True, connection
        if site.dialing_first or site.count >= self.limits.per_origin:
            return False, None
        if self.count >= self.limits.connections and not self._evict():
            return False, None
        site.count += 1
        self.count += 1
        site.dialing_first = site.maybe_shared and self.dialer.may_multiplex(site.origin)
        return True, None

    def _evict(self) -> bool:
        """Close the connection that has been idle for longest, to make place."""
        oldest: Connection | None = None
        since = 0.0
        for site in self.sites.values():
            for connection, moment in site.idle.items():
                if oldest is None or moment < since:
                    oldest, since = connection, moment
                break
        if oldest is None:
            return False
        oldest.retire()
        return True

    def give_back(self, connection: Connection) -> None:
        """Take back a *connection* that was acquired, and not used."""
        self._give_back(self._site(connection.origin), connection)

    def _give_back(self, site: Site, connection: Connection | None) -> None:
        """Undo a `_take`."""
        if connection is None:
            site.dialing_first = False
            self._place_free(site)
        elif connection.closed:
            connection.busy -= 1
        else:
            connection.release()

    def _place_free(self, site: Site) -> None:
        """Note that one connection to *site* is no more, or was never made."""
        site.count -= 1
        self.count -= 1
        self._serve()
        self._forget(site)

    def _forget(self, site: Site) -> None:
        """Drop what is known of an origin that nobody talks to."""
        if not site.count and not site.waiters and self.sites.get(site.origin) is site:
            del self.sites[site.origin]
            if site.timer is not None:
                site.timer.cancel()

    async def _dial(self, site: Site, seconds: float | None) -> Connection:
        """Make a connection in the place that was granted."""
        try:
            connection = await self.dialer.dial(site.origin, self, seconds)
        except BaseException:
            site.dialing_first = False
            site.maybe_shared = False  # let the others find out side by side
            self._place_free(site)
            raise
        self._open.add(connection)
        connection.lost.add_done_callback(lambda _: self._open.discard(connection))
        site.dialing_first = False
        site.maybe_shared = connection.multiplexed
        if connection.closed:
            self._place_free(site)
        elif self.closed:
            connection.close(abort=True)
        elif connection.multiplexed and site.shared is None:
            site.shared = connection
        self._serve()
        if self.closed:
            raise PoolClosed("the client was closed")
        return connection

    # --- giving one back -----------------------------------------------------------------

    def _serve(self) -> None:
        """Give what is free to those who wait, in the order in which they came."""
        if self._serving:
            return  # a connection was closed to make place; whoever did that goes on
        self._serving = True
        try:
            while self._serve_one():
                pass
        finally:
            self._serving = False

    def _serve_one(self) -> bool:
        """Serve the first that can be; tell whether there was one."""
        for site in sorted(self._waiting.values(), key=lambda site: site.waiters[0].number):
            while site.waiters and site.waiters[0].future.done():
                site.waiters.popleft()
            if site.waiters:
                granted, connection = self._take(site)
                if not granted:
                    continue
                site.waiters.popleft().future.set_result(connection)
            if not site.waiters:
                del self._waiting[site.origin]
            return True
        return False

    def released(self, connection: Connection) -> None:
        """Keep *connection* if it is idle, and look who waits for it."""
        site = self._site(connection.origin)
        if connection.usable and connection.busy == 0:
            if self.limits.idle_seconds <= 0 or self.closed:
                connection.retire()
                return
            now = connection.loop.time()
            site.idle[connection] = now
            if site.timer is None:
                site.timer = connection.loop.call_later(
                    self.limits.idle_seconds, self._expire, site
                )
        if self._waiting:
            self._serve()

    def _expire(self, site: Site) -> None:
        """Close what has been idle for too long; come back when the next one is due."""
        site.timer = None
        while site.idle:
            connection, since = next(iter(site.idle.items()))
            due = since + self.limits.idle_seconds
            if connection.loop.time() < due:
                site.timer = connection.loop.call_at(due, self._expire, site)
                return
            connection.retire()

    def gone(self, connection: Connection) -> None:
        """Take *connection* out: it takes no more exchanges."""
        site = self._site(connection.origin)
        site.idle.pop(connection, None)
        if site.shared is connection:
            site.shared = None
        self._serve()
        self._forget(site)

    def closed_one(self, connection: Connection) -> None:
        """Free the place of *connection*, which is closed."""
        if connection in self._open:
            self._place_free(self._site(connection.origin))

    async def aclose(self) -> None:
        """Close every connection and wait until they are; whoever waits gets PoolClosed."""
        self.closed = True
        for site in list(self._waiting.values()):
            for waiter in site.waiters:
                if not waiter.future.done():
                    waiter.future.set_exception(PoolClosed("the client was closed"))
        for connection in list(self._open):
            connection.retire()
            if not connection.closed:
                connection.fail(PoolClosed("the client was closed"))
                connection.close(abort=True)
        if left := list(self._open):
            await asyncio.gather(*(each.wait_lost(GOODBYE_SECONDS) for each in left))
