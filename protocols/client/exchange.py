"""One request and its response, whatever the connection below speaks.

A connection driver (`http1`, `http2`) feeds an `Exchange` with what arrives: the head,
data, the end, a failure.  The response above takes it out.  Between them is a bounded
buffer: what has been taken out is told to the driver, which lets the server send more.
A body that is not sent at once is sent by a task of its own, so that a server may
answer before, and while, it is asked.  A body that waits to be wanted (``Expect:
100-continue``) is not sent at all if the server answers that it is not.

States
    asked     -- head arrives -----------> answering
              -- fails, or is given up --> over
    answering -- end arrives ------------> over
              -- fails, or is given up --> over

Invariants
    over        the driver has forgotten the exchange; what was received before can
                still be read, and then the end or the error
    answering   ``head`` is set
    ``buffered`` is the size of everything in ``_chunks``

Read next: connection.py
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple, Protocol

from .errors import BadMessage, Disconnected, ReadTimeout, TotalTimeout
from .messages import Field, Headers, Interim, Request
from .settings import Limits, Timeouts

__all__ = ["TRANSITIONS", "Driver", "Exchange", "Head"]

TRANSITIONS = (
    ("asked", "head arrives", "answering"),
    ("asked", "fails, or is given up", "over"),
    ("answering", "end arrives", "over"),
    ("answering", "fails, or is given up", "over"),
)

#: Received pieces are joined up to this size.
SMALL = 4096
#: So many 1xx responses may precede a response.
INFORMATIONAL = 20


class Head(NamedTuple):
    """The beginning of a response."""

    status: int
    reason: bytes
    fields: list[Field]
    http_version: str


class Driver(Protocol):
    """What an exchange needs from its connection."""

    async def send(self, exchange: Exchange, data: bytes) -> None:
        """Send *data* of the body; return when there is room for more."""

    def finish(self, exchange: Exchange, trailers: list[Field]) -> None:
        """Send the end of the body, and *trailers*."""

    def consumed(self, exchange: Exchange, credit: int) -> None:
        """Let the server send *credit* more bytes."""

    def abandon(self, exchange: Exchange) -> None:
        """Forget an exchange that is not over, and whatever more arrives for it."""

    def watch(self, when: float) -> None:
        """Call every exchange's `look` when the loop's clock says *when*, or earlier."""


class Exchange:
    """A request on its way, and its response: fed by a driver, read by one task."""

    def __init__(
        self,
        driver: Driver,
        request: Request,
        limits: Limits,
        timeouts: Timeouts,
        deadline: float | None,
    ) -> None:
        self.driver = driver
        self.request = request
        self.limits = limits
        self.timeouts = timeouts
        self.deadline = deadline
        self.head: Head | None = None
        self.trailers: list[Field] = []
        self.buffered = 0
        self.over = False
        self.stream_id = 0
        self.mark = 0
        self.interim: list[Interim] = []
        self.waiting = request.expects_continue
        self.withheld = False
        self._allowed: asyncio.Future[None] | None = None
        self._chunks: deque[tuple[bytes, int]] = deque()
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._upload: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._progress = 0.0

    # --- fed by the driver ---------------------------------------------------------------

    def on_interim(self, status: int, fields: list[Field]) -> None:
        """A response precedes the response; 100 lets the body go.

        Raises:
            BadMessage: there are too many of them.
        """
        interim = Interim(status, Headers(fields))
        self.interim.append(interim)
        if len(self.interim) > INFORMATIONAL:
            raise BadMessage("too many informational responses")
        if status == 100:
            self._allow()
        if self.request.on_interim is not None:
            try:
                self.request.on_interim(interim)
            except Exception as error:
                self.give_up(error)

    def on_head(self, head: Head) -> None:
        """The response begins; if the body still waits, only a good one wants it."""
        self.head = head
        if self.waiting:
            self.withheld = head.status >= 300
            self._allow()
        self._wake()

    def on_data(self, data: bytes, credit: int) -> None:
        """Take in a part of the body that took *credit* bytes of the server's window."""
        if self._chunks and len(self._chunks[-1][0]) + len(data) <= SMALL:
            last, earned = self._chunks.pop()  # single bytes must not cost a place each
            self._chunks.append((last + data, earned + credit))
        else:
            self._chunks.append((data, credit))
        self.buffered += len(data)
        self._wake()

    def on_end(self, trailers: list[Field]) -> None:
        """The response is complete; what is left of the request is not sent."""
        self.trailers = trailers
        self.over = True
        self._stop_upload()
        self._wake()

    def on_error(self, error: BaseException) -> None:
        """The exchange fails; what was received before it can still be read."""
        if not self.over:
            self.over = True
            self._error = error
            self._stop_upload()
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- the body of the request ---------------------------------------------------------

    @property
    def uploading(self) -> bool:
        """Whether some of the request has not been sent, and will be or never will."""
        return self._upload is not None or self.withheld

    def upload(self) -> None:
        """Begin to send the body, in a task."""
        self._upload = self._loop.create_task(self._send_body())

    async def _send_body(self) -> None:
        """Send the body, piece by piece; if that fails, so does the exchange."""
        try:
            content = self.request.content
            if self.waiting:
                await self._wait_for_100()
            if self.withheld:
                self._upload = None
                return
            if isinstance(content, bytes):
                await self.driver.send(self, content)
            else:
                async for piece in content:
                    await self.driver.send(self, piece)
            if not self.over:
                trailers = self.request.trailers
                self.driver.finish(self, [] if trailers is None else trailers())
            self._upload = None
            self._progress = self._loop.time()
        except asyncio.CancelledError:
            self.give_up(Disconnected("the sending of the body was cancelled"))
            raise
        except Exception as error:
            self.give_up(error)

    async def _wait_for_100(self) -> None:
        """Wait until the server has said whether it wants the body, or has said nothing."""
        self._allowed = self._loop.create_future()
        timer = None
        if self.timeouts.expect is not None:
            timer = self._loop.call_later(self.timeouts.expect, self._allow)
        try:
            await self._allowed
        finally:
            if timer is not None:
                timer.cancel()

    def _allow(self) -> None:
        """Have the body wait no longer."""
        self.waiting = False
        if self._allowed is not None and not self._allowed.done():
            self._allowed.set_result(None)

    def _stop_upload(self) -> None:
        if self._upload is not None and self._upload is not asyncio.current_task():
            self._upload.cancel()

    # --- read by the response ------------------------------------------------------------

    async def response_head(self) -> Head:
        """Return the head of the response, as soon as there is one."""
        while self.head is None:
            if self._error is not None:
                raise self._error
            await self._wait()
        return self.head

    async def chunk(self) -> bytes:
        """Return some of the body, or ``b""`` at its end.

        Cancelled, it loses nothing: the next call goes on.

        Raises:
            ReadTimeout, TotalTimeout: the exchange is given up.
            Disconnected, BadMessage: what came before has been returned.
        """
        while (data := self.chunk_now()) is None:
            await self._wait()
        return data

    def chunk_now(self) -> bytes | None:
        """Return what `chunk` would without waiting, or None if it would wait; raises as it."""
        if self.deadline is not None and not self.over and self._loop.time() >= self.deadline:
            self.give_up(TotalTimeout("the exchange was not over in time"))
            raise TotalTimeout("the exchange was not over in time")
        while self._chunks:
            data, credit = self._chunks.popleft()
            self.buffered -= len(data)
            self.driver.consumed(self, credit)
            if data:
                return data
        if self._error is not None:
            raise self._error
        return b"" if self.over else None

    async def _wait(self) -> None:
        """Wait until something is fed."""
        if self._waiter is not None:
            raise RuntimeError("another task is reading this response already")
        waiter = self._waiter = self._loop.create_future()
        self._progress = self._loop.time()
        when = self._due(self._progress)
        if when is not None:
            self.driver.watch(when)
        try:
            await waiter
        finally:
            self._waiter = None

    def _due(self, since: float) -> float | None:
        """Return when the wait is too long, in which nothing has come *since*."""
        when, read = self.deadline, self.timeouts.read
        if read is not None and (when is None or since + read < when):
            return since + read
        return when

    def look(self, now: float) -> float | None:
        """Give up if the wait is too long; return when to look again, if anybody waits.

        Time in which the request is on its way is none of the server's.
        """
        if self._waiter is None or self.over:
            return None
        when = self._due(now if self._upload is not None else self._progress)
        if when is None or now < when:
            return when
        if self.deadline is not None and now >= self.deadline:
            self.give_up(TotalTimeout("the exchange was not over in time"))
        else:
            self.give_up(ReadTimeout(f"nothing was received for {self.timeouts.read} s"))
        return None

    # --- the end -------------------------------------------------------------------------

    def give_up(self, error: BaseException) -> None:
        """End the exchange with *error*, unless it is over."""
        if not self.over:
            self.on_error(error)
            self.driver.abandon(self)

    @property
    def settled(self) -> bool:
        """Whether it is over, all of it has been read, and nothing runs for it: `aclose` is."""
        return self.over and not self._chunks and self._upload is None

    async def aclose(self) -> None:
        """Give up what is not over, and wait until nothing runs for it any more."""
        if not self.over:
            self.give_up(Disconnected("the response was closed"))
        while self._chunks:
            self.driver.consumed(self, self._chunks.popleft()[1])
        upload = self._upload
        if upload is not None and not upload.done():
            await asyncio.wait([upload])
