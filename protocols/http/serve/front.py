"""What stands between the server and the application: proxies are believed, requests logged.

It works on exchanges, and so is the same for ASGI applications and plain handlers, for HTTP
and WebSockets.  The log has what was sent, which not always is what the application meant:
a line is written when a response has left or was broken off, those included with which the
server refuses a request that no application sees.

Read next: reload.py
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from .access import Formatter, Record
from .proxy import Seen, Trusted, seen_through

if TYPE_CHECKING:
    from ..connection import Connection
    from ..exchange import Exchange
    from ..server import Application

__all__ = ["Front"]


class Front:
    """An application around *application*, which is told of each exchange's end as well.

    *trusted* says whose forwarding headers count (None: nobody's), *write* is given a line
    in *form* for each request when it was answered (None: no log).

    Invariant: ``_begun`` has the exchanges that an application has begun with, until their end.
    """

    def __init__(
        self,
        application: Application,
        trusted: Trusted | None = None,
        form: Formatter | None = None,
        write: Callable[[str], object] | None = None,
    ) -> None:
        self._application = application
        self._trusted = trusted
        self._form = form
        self._write = write
        self._begun: dict[Exchange, tuple[Connection, datetime, float]] = {}

    async def start(self) -> None:
        """Start the application."""
        await self._application.start()

    async def stop(self) -> None:
        """Stop the application."""
        await self._application.stop()

    async def answer(self, connection: Connection, exchange: Exchange) -> None:
        """Have the application answer."""
        if self._trusted is not None:
            connection = _believe(connection, exchange, self._trusted)
        if self._form is not None and not exchange.reported:
            self._begun[exchange] = (connection, datetime.now().astimezone(), time.perf_counter())
        await self._application.answer(connection, exchange)

    def finished(self, connection: Connection, exchange: Exchange) -> None:
        """Write the line of an exchange that has ended; `server.serve` is to call this."""
        if self._form is None or self._write is None:
            return
        now = time.perf_counter()
        unseen = (connection, datetime.now().astimezone(), now)  # by any application
        seen, began, start = self._begun.pop(exchange, unseen)
        self._write(self._form(_record(seen, exchange, began, now - start)))


def _believe(connection: Connection, exchange: Exchange, trusted: Trusted) -> Connection:
    """Put into *exchange* what proxies say of it; return a connection with that client."""
    request = exchange.request
    peer = connection.client[0] if connection.client else None
    seen = seen_through(peer, request.headers, trusted)
    if seen == Seen():
        return connection
    headers = request.headers
    if seen.host is not None:
        others = [pair for pair in headers if pair[0] != b"host"]
        headers = [(b"host", seen.host.encode("ascii")), *others]
    scheme = seen.scheme or request.scheme
    exchange.request = dataclasses.replace(request, headers=headers, scheme=scheme)
    if seen.client is None:
        return connection
    return cast("Connection", _Through(connection, seen.client))


class _Through:
    """A connection as it is, but for its client."""

    def __init__(self, connection: Connection, client: tuple[str, int]) -> None:
        self._connection = connection
        self.client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def _record(connection: Connection, exchange: Exchange, began: datetime, seconds: float) -> Record:
    request, response = exchange.request, exchange.response
    answered = response is not None and exchange.sent_head
    whole = exchange.state == "ended" or exchange.reason is None
    return Record(
        began,
        seconds,
        connection.client[0] if connection.client else None,
        request.method or b"-",
        request.target or b"-",
        request.http_version,
        request.scheme,
        response.status if response is not None and answered else None,
        exchange.sent_bytes,
        request.headers,
        response.headers if response is not None and answered else (),
        answered and whole and not exchange.left,
    )
