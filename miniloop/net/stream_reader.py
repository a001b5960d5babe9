"""StreamReader: bytes that a protocol is fed, read when a coroutine wants them.

A buffer between two sides that do not know each other.  The protocol's side
feeds data, the end, or an exception; the coroutine's side takes a line, a number
of bytes, or all there is, and waits for more when that is not there yet.

States
    open -- feed_eof -------> ended
         -- set_exception --> broken

Invariants
    At most one coroutine waits, on ``_waiter``; whatever is fed wakes it.
    The transport is paused while more than twice ``_limit`` bytes lie here, and
    goes on when no more than ``_limit`` are left, or when a reader has to wait.
    What lies in the buffer is given out without a future and without a turn.

Where it differs from asyncio
    A read that has to wait makes a future and no further coroutine, and a chunk
    that is read as it came is not copied.  `StreamReader.readuntil` takes several
    separators on every interpreter (asyncio: 3.13).

Read next: stream_writer.py
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.futures import FINISHED
from ..core.tasks import Task
from ..interface import AbstractEventLoop, IncompleteReadError, LimitOverrunError
from ..support import current, describe
from .waiters import wait_again

__all__ = ["DEFAULT_LIMIT", "TRANSITIONS", "StreamReader"]

#: Bytes that a line may be long; twice as many may lie in a reader's buffer.
DEFAULT_LIMIT = 64 * 1024

TRANSITIONS = (
    ("open", "feed_eof", "ended"),
    ("open", "set_exception", "broken"),
)

NOT_FOUND = "Separator is not found, and chunk exceed the limit"
TOO_LONG = "Separator is found, but chunk is longer than limit"


class StreamReader:
    """The reading side of a stream; *limit* bytes is the longest line it will give.

    *loop* makes the futures that readers wait on (default: the current loop).
    Raises ValueError when *limit* is not positive.
    Counterpart: ``asyncio.StreamReader``.
    """

    _source_traceback: Any = None

    def __init__(self, limit: int = DEFAULT_LIMIT, loop: AbstractEventLoop | None = None) -> None:
        if limit <= 0:
            raise ValueError("Limit cannot be <= 0")
        self._limit = limit
        self._loop: Any = current.get_event_loop() if loop is None else loop
        #: A chunk as it came, or a bytearray of all that could not be given out so.
        self._data: bytes | bytearray = b""
        self._eof = False
        self._waiter: Any = None
        #: The last one, which may serve again.
        self._spent: Any = None
        self._exception: BaseException | None = None
        self._transport: Any = None
        self._paused = False
        if self._loop.get_debug():
            self._source_traceback = describe.creation_stack(2)

    @property
    def _buffer(self) -> bytearray:
        """What has been fed and not read, to look at and to change (asyncio's name)."""
        if isinstance(self._data, bytes):
            self._data = bytearray(self._data)
        return self._data

    @_buffer.setter
    def _buffer(self, data: bytearray) -> None:
        self._data = data

    def __repr__(self) -> str:
        info = ["StreamReader"]
        if self._data:
            info.append(f"{len(self._data)} bytes")
        if self._eof:
            info.append("eof")
        if self._limit != DEFAULT_LIMIT:
            info.append(f"limit={self._limit}")
        if self._waiter is not None and not self._waiter.cancelled():
            info.append(f"waiter={self._waiter!r}")
        if self._exception is not None:
            info.append(f"exception={self._exception!r}")
        if self._transport is not None:
            info.append(f"transport={self._transport!r}")
        if self._paused:
            info.append("paused")
        return f"<{' '.join(info)}>"

    # -- the protocol's side ---------------------------------------------------

    def exception(self) -> BaseException | None:
        """Return the exception that was set, or None."""
        return self._exception

    def set_exception(self, exc: BaseException) -> None:
        """Have every further read raise *exc*, the one that waits now included."""
        self._exception = exc
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(exc)

    def set_transport(self, transport: Any) -> None:
        """Name the *transport* that is paused when too much lies here; only once."""
        assert self._transport is None, "Transport already set"
        self._transport = transport

    def feed_eof(self) -> None:
        """Say that no more data will come."""
        self._eof = True
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def at_eof(self) -> bool:
        """Return True when all data has been read and no more will come."""
        return self._eof and not self._data

    def feed_data(self, data: Any) -> None:
        """Add *data* (bytes-like) to the buffer, and pause the transport when that is full."""
        assert not self._eof, "feed_data after feed_eof"
        if not data:
            return
        if self._data or type(data) is not bytes:
            self._buffer.extend(data)
            data = self._data
        else:
            self._data = data
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():  # else the read was cancelled
                waiter.set_result(None)
        if len(data) > 2 * self._limit:
            self._pause()

    def _keep(self, data: bytes) -> None:
        """Do as `feed_data`, with a chunk that is not empty, nor too much if it is all there is.

        A plain task that waits is let in as ``Future.set_result`` would do it: this is what
        happens to nearly every message, and the call costs as much as the rest.
        """
        if self._data or self._eof:
            self.feed_data(data)
            return
        self._data = data
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if waiter is self._spent and type(waiter._waiters) is Task:
                task, waiter._waiters = waiter._waiters, None
                waiter._state = FINISHED
                self._loop.ready.append(task)
            elif not waiter.done():  # else the read was cancelled
                waiter.set_result(None)

    def _pause(self) -> None:
        if self._transport is None or self._paused:
            return
        try:
            self._transport.pause_reading()
        except NotImplementedError:
            self._transport = None  # it cannot be paused: never ask again
        else:
            self._paused = True

    # -- the coroutine's side --------------------------------------------------

    async def readline(self) -> bytes:
        r"""Return the data up to and including the next ``b"\n"``.

        At the end of the stream what is left comes without one, and then
        ``b""``.  Raises ValueError when the line is longer than the limit; it is
        dropped then, or all that has arrived of it.  Cancellation loses nothing.
        """
        if self._exception is not None:
            raise self._exception
        searched = 0
        while not (end := self._data.find(b"\n", searched) + 1):
            searched = len(self._data)
            if searched > self._limit:
                self._take(searched)
                raise ValueError(NOT_FOUND)
            if self._eof:
                return self._take_rest()
            await self._more("readuntil")
        line = self._take(end)
        if end > self._limit + 1:
            raise ValueError(TOO_LONG)
        return line

    async def readuntil(self, separator: Any = b"\n") -> bytes:
        r"""Return the data up to and including *separator*, or the first one of a tuple.

        With several, the shortest possible result wins.  Raises
        IncompleteReadError, with what there is as its ``partial``, when the stream
        ends before; LimitOverrunError, leaving the data where it is, when there
        are more than the limit of bytes before the separator; ValueError for an
        empty separator or tuple.  Cancellation loses nothing.
        """
        separators = sorted(separator, key=len) if isinstance(separator, tuple) else [separator]
        if not separators:
            raise ValueError("Separator should contain at least one element")
        shortest, longest = len(separators[0]), len(separators[-1])
        if not shortest:
            raise ValueError("Separator should be at least one-byte string")
        if self._exception is not None:
            raise self._exception
        searched = 0  # no separator begins before this position
        while True:
            size = len(self._data)
            if size - searched >= shortest:
                start, end = _first(self._data, separators, searched)
                if end:
                    break
                # Its first bytes, all but one, may be there already.
                searched = max(0, size + 1 - longest)
                if searched > self._limit:
                    raise LimitOverrunError(NOT_FOUND, searched)
            if self._eof:
                raise IncompleteReadError(self._take_rest(), None)
            await self._more("readuntil")
        if start > self._limit:
            raise LimitOverrunError(TOO_LONG, start)
        return self._take(end)

    async def read(self, n: int = -1) -> bytes:
        """Return up to *n* bytes, as soon as there are any; ``b""`` at the end of the stream.

        A negative *n* means everything up to the end.  Cancellation loses
        nothing when *n* is positive.
        """
        if self._exception is not None:
            raise self._exception
        if n <= 0:
            # Block by block: more than the limit may come, and the transport would pause.
            blocks = []
            while n and (block := await self.read(self._limit)):
                blocks.append(block)
            return b"".join(blocks)
        if not self._data and not self._eof:
            if self._waiter is None and not self._paused:
                await wait_again(self._loop, self)  # the usual case of `_more`
            else:
                await self._more("read")
        data = self._data
        if len(data) > n or self._paused or type(data) is not bytes:
            return self._take(n)
        self._data = b""
        return data

    async def readexactly(self, n: int) -> bytes:
        """Return exactly *n* bytes.

        Raises IncompleteReadError, with what there is as its ``partial``, when
        the stream ends before, and ValueError when *n* is negative.
        Cancellation loses nothing.
        """
        if n < 0:
            raise ValueError("readexactly size can not be less than zero")
        if self._exception is not None:
            raise self._exception
        if n == 0:
            return b""
        while len(self._data) < n:
            if self._eof:
                raise IncompleteReadError(self._take_rest(), n)
            await self._more("readexactly")
        return self._take(n)

    def __aiter__(self) -> StreamReader:
        return self

    async def __anext__(self) -> bytes:
        line = await self.readline()
        if line == b"":
            raise StopAsyncIteration
        return line

    def _more(self, what: str) -> Any:
        """Return what is awaited until more was fed, for the method called *what*."""
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            # Which of two coroutines would get the data nobody could say.
            raise RuntimeError(
                f"{what}() called while another coroutine is already waiting for incoming data"
            )
        assert not self._eof, "waiting for data after EOF"
        if self._paused:  # a reader may want more than the buffer would ever hold
            self._paused = False
            self._transport.resume_reading()
        return wait_again(self._loop, self)

    def _give_up(self) -> None:
        self._waiter = None

    def _take(self, n: int) -> bytes:
        """Take up to *n* bytes out of the buffer."""
        data = self._data
        if n >= len(data):
            self._data = b""
            taken = data if type(data) is bytes else bytes(data)
        else:
            taken = bytes(data[:n])
            del self._buffer[:n]
        if self._paused and len(self._data) <= self._limit:
            self._paused = False
            self._transport.resume_reading()
        return taken

    def _take_rest(self) -> bytes:
        """Take all that is left at the end of the stream, where no transport has to go on."""
        data, self._data = self._data, b""
        return bytes(data)


def _first(buffer: bytes | bytearray, separators: Sequence[bytes], begin: int) -> tuple[int, int]:
    """Return where the separator begins and ends that ends first; two zeros for none."""
    found = [
        (start + len(separator), start)
        for separator in separators
        if (start := buffer.find(separator, begin)) != -1
    ]
    if not found:
        return 0, 0
    end, start = min(found, key=lambda place: place[0])
    return start, end
