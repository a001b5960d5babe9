"""Between a transport and a stream: flow control for the writer, data for the reader.

`FlowControl` remembers whether the transport wants to be left alone, and lets
``drain()`` wait until it does not.  `StreamReaderProtocol` adds the reading half:
it feeds a `StreamReader`, and for a server it calls back with a pair of streams.

States of the flow
    flowing -- pause_writing ----> paused
            -- connection_lost --> lost
    paused  -- resume_writing ---> flowing
            -- connection_lost --> lost

Invariants
    Coroutines wait in ``_drain_waiters`` only while paused.
    A protocol lives as long as its transport, but does not keep the streams alive
    that a program has dropped: the writer goes, and closes the transport.

Where it differs from asyncio
    The future that `wait_closed` waits on is made when somebody waits.

Read next: streams.py
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from ..core.coroutines import iscoroutine
from ..interface import AbstractEventLoop, Protocol
from ..support import current, describe
from .stream_reader import StreamReader
from .stream_writer import StreamWriter

__all__ = ["TRANSITIONS", "FlowControlMixin", "StreamReaderProtocol"]

TRANSITIONS = (
    ("flowing", "pause_writing", "paused"),
    ("flowing", "connection_lost", "lost"),
    ("paused", "resume_writing", "flowing"),
    ("paused", "connection_lost", "lost"),
)


class FlowControlMixin(Protocol):
    """A protocol whose writers can wait until the transport wants more.

    *loop* makes the futures they wait on (default: the current loop).
    Counterpart: ``asyncio.streams.FlowControlMixin``.
    """

    def __init__(self, loop: AbstractEventLoop | None = None) -> None:
        self._loop: Any = current.get_event_loop() if loop is None else loop
        self._paused = False
        self._connection_lost = False
        self._drain_waiters: deque[Any] = deque()

    def pause_writing(self) -> None:
        """The transport's buffer is over its high-water mark: writers shall wait."""
        assert not self._paused
        self._paused = True
        if self._loop.get_debug():
            describe.logger.debug("%r pauses writing", self)

    def resume_writing(self) -> None:
        """The transport's buffer is below its low-water mark: writers go on."""
        assert self._paused
        self._paused = False
        if self._loop.get_debug():
            describe.logger.debug("%r resumes writing", self)
        self._release(None)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is gone: writers that wait go on, or fail with *exc*."""
        self._connection_lost = True
        if self._paused:
            self._release(exc)

    def _release(self, exc: BaseException | None) -> None:
        for waiter in self._drain_waiters:
            if not waiter.done():
                if exc is None:
                    waiter.set_result(None)
                else:
                    waiter.set_exception(exc)

    async def _drain_helper(self) -> None:
        """Wait until writing makes sense; raises ConnectionResetError when it never will."""
        if self._connection_lost:
            raise ConnectionResetError("Connection lost")
        if not self._paused:
            return
        waiter = self._loop.create_future()
        self._drain_waiters.append(waiter)
        try:
            await waiter
        finally:
            self._drain_waiters.remove(waiter)

    def _get_close_waiter(self, stream: Any) -> Any:
        """Return the future that is done when *stream* is closed."""
        raise NotImplementedError


class StreamReaderProtocol(FlowControlMixin):
    """Feeds *stream_reader* with what the transport receives.

    For a connection that a server has accepted, ``client_connected_cb(reader,
    writer)`` is called once it is made; when that returns a coroutine it is run
    as a task, and what the task raises is reported to the loop.  *loop* defaults
    to the current loop.  Counterpart: ``asyncio.StreamReaderProtocol``.
    """

    _source_traceback: Any = None

    def __init__(
        self,
        stream_reader: StreamReader | None,
        client_connected_cb: Callable[[Any, Any], Any] | None = None,
        loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(loop=loop)
        self._stream_reader_wr: Callable[[], Any] = _no_reader
        self._strong_reader: Any = None
        if stream_reader is not None:
            self._stream_reader_wr = weakref.ref(stream_reader)
            self._source_traceback = stream_reader._source_traceback
            if client_connected_cb is not None:
                # Nobody else has the reader until the connection is made.
                self._strong_reader = stream_reader
        self._client_connected_cb = client_connected_cb
        self._task: Any = None
        self._transport: Any = None
        self._over_ssl = False
        self._lost_with: BaseException | None = None
        self._closed: Any = None

    @property
    def _stream_reader(self) -> Any:
        return self._stream_reader_wr()

    def _replace_transport(self, transport: Any) -> None:
        """Go on with *transport*, which has been put over the former one."""
        self._transport = transport
        self._over_ssl = transport.get_extra_info("sslcontext") is not None

    def connection_made(self, transport: Any) -> None:
        """Hand the *transport* to the reader, and a pair of streams to a server's callback."""
        reader = self._stream_reader_wr()
        if reader is not None:
            reader.set_transport(transport)
            if type(self).data_received is StreamReaderProtocol.data_received:
                # The shortest way: what arrives is fed without passing by here.
                self.data_received = reader.feed_data  # type: ignore[method-assign]
        self._replace_transport(transport)
        if self._client_connected_cb is not None:
            writer = StreamWriter(transport, self, reader, self._loop)
            result = self._client_connected_cb(reader, writer)
            if iscoroutine(result):
                self._task = self._loop.create_task(result)
                self._task.add_done_callback(partial(self._serving_ended, transport))
            self._strong_reader = None

    def _serving_ended(self, transport: Any, task: Any) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._loop.call_exception_handler(
                {
                    "message": "Unhandled exception in client_connected_cb",
                    "exception": error,
                    "transport": transport,
                }
            )
        if error is not None or task.cancelled():
            transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell the reader, whoever waits for the end, and the writers, in this order."""
        reader = self._stream_reader_wr()
        if reader is not None:
            if exc is None:
                reader.feed_eof()
            else:
                reader.set_exception(exc)
        self._lost_with = exc
        if self._closed is not None:
            self._close_waiter_done()
        super().connection_lost(exc)
        self._stream_reader_wr = _no_reader
        self.__dict__.pop("data_received", None)
        self._task = None
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Feed the reader, if somebody still has it."""
        reader = self._stream_reader_wr()
        if reader is not None:
            reader.feed_data(data)

    def eof_received(self) -> bool:
        """Feed the end; keep the connection open for writing, which TLS cannot do."""
        reader = self._stream_reader_wr()
        if reader is not None:
            reader.feed_eof()
        return not self._over_ssl

    def _get_close_waiter(self, stream: Any) -> Any:
        if self._closed is None:
            self._closed = self._loop.create_future()
            if self._connection_lost:
                self._close_waiter_done()
        return self._closed

    def _close_waiter_done(self) -> None:
        if self._closed.done():
            return
        if self._lost_with is None:
            self._closed.set_result(None)
        else:
            self._closed.set_exception(self._lost_with)


def _no_reader() -> None:
    """Stand in for the weak reference of a protocol without a reader."""
