"""What can go wrong with a request, each with a name of its own.

Every error here is a `ClientError`; every timeout is a `TimeoutError` as well, every
failed connection a `ConnectionError`.  A cancelled request raises CancelledError and
nothing else.

Read next: settings.py
"""

from __future__ import annotations

__all__ = [
    "BadMessage",
    "ClientError",
    "ConnectFailed",
    "ConnectTimeout",
    "DecodingFailed",
    "Disconnected",
    "PoolClosed",
    "PoolTimeout",
    "ReadTimeout",
    "RedirectFailed",
    "TimedOut",
    "TooLarge",
    "TotalTimeout",
    "WriteTimeout",
]


class ClientError(Exception):
    """A request that came to nothing."""


class ConnectFailed(ClientError, ConnectionError):
    """No connection could be made: no such name, refused, or TLS failed."""


class Disconnected(ClientError, ConnectionError):
    """The server closed the connection, or reset the stream, in the middle of an exchange.

    `unprocessed` tells that the server cannot have acted on the request, so that any
    request may be sent again; `nothing_received` that no byte of an answer had come.
    """

    def __init__(
        self, message: str, *, unprocessed: bool = False, nothing_received: bool = False
    ) -> None:
        super().__init__(message)
        self.unprocessed = unprocessed
        self.nothing_received = nothing_received


class BadMessage(ClientError):
    """The server does not keep to the protocol; the connection is closed."""


class TooLarge(ClientError):
    """A header or a body is larger than the limit."""


class DecodingFailed(ClientError):
    """A body is not what its Content-Encoding says."""


class RedirectFailed(ClientError):
    """A redirect cannot be followed: too many, not HTTP, or a body that is gone."""


class PoolClosed(ClientError):
    """The client is closed."""


class TimedOut(ClientError, TimeoutError):
    """Something took longer than its timeout."""


class ConnectTimeout(TimedOut):
    """No connection within ``Timeouts.connect``."""


class ReadTimeout(TimedOut):
    """Nothing was received for ``Timeouts.read``."""


class WriteTimeout(TimedOut):
    """Nothing could be sent for ``Timeouts.write``."""


class PoolTimeout(TimedOut):
    """No connection was free within ``Timeouts.pool``."""


class TotalTimeout(TimedOut):
    """The exchange, its body included, was not over within ``Timeouts.total``."""
