"""What a WebSocket is told, and the two ways in which it ends for its user.

Read next: tunnel.py
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ClientError
from .messages import Headers

__all__ = ["ConnectionClosed", "Refused", "Settings"]


class ConnectionClosed(ClientError, ConnectionError):
    """The WebSocket is closed, with a *code* and a *reason*; 1006 if nobody said goodbye."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with code {code}" + (f": {reason}" if reason else ""))
        self.code = code
        self.reason = reason


class Refused(ClientError):
    """The server did not switch to WebSocket but answered with *status*."""

    def __init__(self, status: int, headers: Headers) -> None:
        super().__init__(f"the server answered {status}")
        self.status = status
        self.headers = headers


@dataclass(frozen=True)
class Settings:
    """How large and how slow a WebSocket may be.

    Attributes:
        max_size: bytes of one message, inflated; None for any.
        max_queue: messages that wait to be received before no more are taken in.
        open_seconds: for connection and handshake.
        close_seconds: for the other side to say goodbye too.
        ping_seconds: between pings; None sends none.
        pong_seconds: for the answer to a ping; None waits for ever.
        write_seconds: in which something has to be sent.
        deflate: whether to offer permessage-deflate.
    """

    max_size: int | None = 1024 * 1024
    max_queue: int = 16
    open_seconds: float | None = 10.0
    close_seconds: float = 10.0
    ping_seconds: float | None = 20.0
    pong_seconds: float | None = 20.0
    write_seconds: float | None = 30.0
    deflate: bool = True
