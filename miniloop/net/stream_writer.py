"""StreamWriter: a transport with waiting.

It adds to a transport what callbacks would do otherwise: `StreamWriter.drain`
waits while the transport wants no more, `StreamWriter.wait_closed` until the
connection is gone.  Everything else is handed through.

Invariants
    `drain` on a transport that wants more costs no future and no turn.

Where it differs from asyncio
    `drain` asks the protocol's state itself when it is one of ours, instead of
    awaiting a coroutine of the protocol's that does so.

Read next: stream_protocol.py
"""

from __future__ import annotations

import warnings as _warnings
from collections.abc import Iterable
from typing import Any

from ..interface import AbstractEventLoop
from ..sync.sleeping import one_turn
from .stream_reader import StreamReader

__all__ = ["StreamWriter"]


class StreamWriter:
    """The writing side of a stream.

    *transport* takes the data, *protocol* knows about flow control and the end,
    *reader* is the other side (None: there is none), *loop* runs it all.
    A writer that is dropped without being closed is closed with a
    ResourceWarning.  Counterpart: ``asyncio.StreamWriter``.
    """

    def __init__(
        self, transport: Any, protocol: Any, reader: Any, loop: AbstractEventLoop | None
    ) -> None:
        self._transport = transport
        self._protocol = protocol
        # drain() looks for the reader's exception.
        assert reader is None or isinstance(reader, StreamReader)
        self._reader = reader
        self._loop: Any = loop

    def __repr__(self) -> str:
        info = [type(self).__name__, f"transport={self._transport!r}"]
        if self._reader is not None:
            info.append(f"reader={self._reader!r}")
        return f"<{' '.join(info)}>"

    def __del__(self, warnings: Any = _warnings) -> None:
        if self._transport.is_closing():
            return
        if self._loop.is_closed():
            warnings.warn("loop is closed", ResourceWarning)
        else:
            self.close()
            warnings.warn(f"unclosed {self!r}", ResourceWarning)

    @property
    def transport(self) -> Any:
        """The transport that the data goes to."""
        return self._transport

    def write(self, data: Any) -> None:
        """Send *data* (bytes-like), or buffer what cannot be sent now.  See `drain`."""
        self._transport.write(data)

    def writelines(self, data: Iterable[Any]) -> None:
        """Write each of *data*, a list of bytes-like objects, at once."""
        self._transport.writelines(data)

    def write_eof(self) -> None:
        """Close the writing side once all is sent; the other side reads the end."""
        return self._transport.write_eof()  # type: ignore[no-any-return]

    def can_write_eof(self) -> bool:
        """Return True if `write_eof` works on this transport."""
        return self._transport.can_write_eof()  # type: ignore[no-any-return]

    def close(self) -> None:
        """Close the stream once all is sent.  See `wait_closed`."""
        return self._transport.close()  # type: ignore[no-any-return]

    def is_closing(self) -> bool:
        """Return True if the stream is closed or about to be."""
        return self._transport.is_closing()  # type: ignore[no-any-return]

    async def wait_closed(self) -> None:
        """Wait until the connection is gone; raises what it was lost with, if with anything."""
        await self._protocol._get_close_waiter(self)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the transport knows under *name*, or *default*."""
        return self._transport.get_extra_info(name, default)

    async def drain(self) -> None:
        """Wait until the transport wants more data.

        Raises what the reader failed with, and ConnectionResetError when the
        connection is lost.  Cancellation leaves what was written on its way.
        """
        reader = self._reader
        if reader is not None and reader._exception is not None:
            raise reader._exception
        if self._transport.is_closing():
            # Let connection_lost() be called: who writes and drains in a loop
            # would otherwise never learn that the connection is gone.
            await one_turn()
        protocol = self._protocol
        try:
            if not protocol._paused and not protocol._connection_lost:
                return
        except AttributeError:  # a protocol of another make
            pass
        await protocol._drain_helper()

    async def start_tls(
        self,
        sslcontext: Any,
        *,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> None:
        """Go on with TLS over this connection, which has been plain up to here.

        *sslcontext* and *server_hostname* are those of ``create_connection``, the
        timeouts are seconds.  What was written before is sent first.  The side
        that a server made is the server.  Raises what the handshake raises; the
        connection is closed then, and also on cancellation.
        """
        protocol = self._protocol
        server_side = protocol._client_connected_cb is not None
        await self.drain()
        transport = await self._loop.start_tls(
            self._transport,
            protocol,
            sslcontext,
            server_side=server_side,
            server_hostname=server_hostname,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )
        self._transport = transport
        protocol._replace_transport(transport)
