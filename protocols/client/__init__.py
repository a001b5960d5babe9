"""HTTP and WebSocket clients, on any loop that asyncio's names reach.

    Client       requests, over HTTP/1.1 and HTTP/2, from one pool
    Timeouts     how long each part may take, and all of it
    Limits       how many connections, how large headers and bodies
    Response     what comes back
    websocket    `websocket.connect`, on a connection of its own or through a client's

Read next: errors.py
"""

from .client import Client
from .errors import (
    BadMessage,
    ClientError,
    ConnectFailed,
    ConnectTimeout,
    DecodingFailed,
    Disconnected,
    PoolClosed,
    PoolTimeout,
    ReadTimeout,
    RedirectFailed,
    TimedOut,
    TooLarge,
    TotalTimeout,
    WriteTimeout,
)
from .messages import Headers, Interim, Origin
from .response import Response
from .settings import Limits, Timeouts

__all__ = [
    "BadMessage",
    "Client",
    "ClientError",
    "ConnectFailed",
    "ConnectTimeout",
    "DecodingFailed",
    "Disconnected",
    "Headers",
    "Interim",
    "Limits",
    "Origin",
    "PoolClosed",
    "PoolTimeout",
    "ReadTimeout",
    "RedirectFailed",
    "Response",
    "TimedOut",
    "Timeouts",
    "TooLarge",
    "TotalTimeout",
    "WriteTimeout",
]
