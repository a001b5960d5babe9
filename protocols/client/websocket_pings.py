"""The pings of a client's WebSocket: who waits for which answer, and those sent by themselves.

States of the timer
    off    -- begin -----------------------> pause
    pause  -- over, a ping is sent --------> answer
           -- over, answers not awaited ---> pause
           -- stop ------------------------> off
    answer -- it came, or cannot be seen --> pause
           -- it did not come -------------> off
           -- stop ------------------------> off

Invariants
    ``_sent`` holds the pings that were not answered, in order; an answer to one is an
    answer to those before it (RFC 6455 5.5.3)

Read next: websocket_session.py
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from .websocket_settings import ConnectionClosed, Settings

__all__ = ["TRANSITIONS", "Pings"]

TRANSITIONS = (
    ("off", "begin", "pause"),
    ("pause", "over, a ping is sent", "answer"),
    ("pause", "over, answers not awaited", "pause"),
    ("pause", "stop", "off"),
    ("answer", "it came, or cannot be seen", "pause"),
    ("answer", "it did not come", "off"),
    ("answer", "stop", "off"),
)


class Pings:
    """The pings that were sent.

    Args:
        settings: how often one is sent, and how long an answer may take.
        write: sends a ping with these bytes.
        unanswered: called when an answer did not come in time; returns whether that is the
            end, which it is not if what arrives is not looked at.
    """

    def __init__(
        self,
        settings: Settings,
        write: Callable[[bytes], None],
        unanswered: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._write = write
        self._unanswered = unanswered
        self._loop = asyncio.get_running_loop()
        self._sent: dict[bytes, asyncio.Future[float]] = {}
        self._numbers = itertools.count(1)
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Send one by itself after a while, if the settings say so, and then again."""
        seconds = self._settings.ping_seconds
        if seconds is not None:
            self._timer = self._loop.call_later(seconds, self._send_by_itself)

    def stop(self) -> None:
        """Send no more of them."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _send_by_itself(self) -> None:
        """Send a ping, and look later whether it was answered."""
        payload = self._send()
        if self._settings.pong_seconds is None:
            self.begin()
        else:
            self._timer = self._loop.call_later(
                self._settings.pong_seconds, self._look_for_answer, payload
            )

    def _look_for_answer(self, payload: bytes) -> None:
        self._timer = None
        if payload not in self._sent or not self._unanswered():
            self.begin()

    def _send(self) -> bytes:
        payload = str(next(self._numbers)).encode()
        self._sent[payload] = self._loop.create_future()
        self._write(payload)
        return payload

    async def ping(self) -> float:
        """Send a ping and wait for its answer; return the seconds that took.

        Raises:
            ConnectionClosed: the WebSocket was closed before the answer came.
        """
        begun = self._loop.time()
        return await self._sent[self._send()] - begun

    def answered(self, payload: bytes) -> None:
        """Take in an answer to this ping, and so to those before it."""
        if payload in self._sent:
            for number in list(self._sent):
                ping = self._sent.pop(number)
                if not ping.done():
                    ping.set_result(self._loop.time())
                if number == payload:
                    return

    def lost(self, closed: ConnectionClosed) -> None:
        """Fail whoever waits: no answer will come."""
        self.stop()
        for ping in self._sent.values():
            if not ping.done():
                ping.set_exception(closed)
                ping.exception()
