"""Streams: connections that are read and written with ``await`` instead of callbacks.

Four ways to get a pair of streams, as a client or as a server, over the network
or within one machine.  They need nothing but the running loop's methods to make
connections, so they work on a loop of any make.

    `StreamReader`          stream_reader.py
    `StreamWriter`          stream_writer.py
    `StreamReaderProtocol`  stream_protocol.py, between the two and the transport

Where it differs from asyncio
    ``loop=`` is accepted, as it was up to Python 3.9; it must be the running loop.

Read next: stream_reader.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..interface import AbstractEventLoop
from ..sync.mixins import check_loop
from .stream_protocol import FlowControlMixin, StreamReaderProtocol
from .stream_reader import DEFAULT_LIMIT, StreamReader
from .stream_writer import StreamWriter

__all__ = [
    "DEFAULT_LIMIT",
    "FlowControlMixin",
    "StreamReader",
    "StreamReaderProtocol",
    "StreamWriter",
    "open_connection",
    "open_unix_connection",
    "start_server",
    "start_unix_server",
]

_DEFAULT_LIMIT = DEFAULT_LIMIT  # asyncio's name: libraries import it


async def open_connection(
    host: Any = None,
    port: Any = None,
    *,
    loop: AbstractEventLoop | None = None,
    limit: int = DEFAULT_LIMIT,
    **kwds: Any,
) -> tuple[StreamReader, StreamWriter]:
    """Connect to *port* on *host*; return the reader and the writer.

    *limit* is the reader's, in bytes; *kwds* are those of ``create_connection``.
    Raises what that raises.  Cancellation closes what was opened.
    """
    running = check_loop(loop, "open_connection()")
    reader = StreamReader(limit=limit, loop=running)
    protocol = StreamReaderProtocol(reader, loop=running)
    transport, _ = await running.create_connection(lambda: protocol, host, port, **kwds)
    return reader, StreamWriter(transport, protocol, reader, running)


async def start_server(
    client_connected_cb: Callable[[StreamReader, StreamWriter], Any],
    host: Any = None,
    port: Any = None,
    *,
    loop: AbstractEventLoop | None = None,
    limit: int = DEFAULT_LIMIT,
    **kwds: Any,
) -> Any:
    """Listen on *port* of *host*; call ``client_connected_cb(reader, writer)`` for each client.

    A coroutine that it returns is run as a task.  *limit* is the readers', in
    bytes; *kwds* are those of ``create_server``.  Returns the server.
    """
    running = check_loop(loop, "start_server()")
    factory = _server_protocol(client_connected_cb, running, limit)
    return await running.create_server(factory, host, port, **kwds)


async def open_unix_connection(
    path: Any = None,
    *,
    loop: AbstractEventLoop | None = None,
    limit: int = DEFAULT_LIMIT,
    **kwds: Any,
) -> tuple[StreamReader, StreamWriter]:
    """Connect to the Unix socket at *path*; otherwise like `open_connection`."""
    running = check_loop(loop, "open_unix_connection()")
    reader = StreamReader(limit=limit, loop=running)
    protocol = StreamReaderProtocol(reader, loop=running)
    transport, _ = await running.create_unix_connection(lambda: protocol, path, **kwds)
    return reader, StreamWriter(transport, protocol, reader, running)


async def start_unix_server(
    client_connected_cb: Callable[[StreamReader, StreamWriter], Any],
    path: Any = None,
    *,
    loop: AbstractEventLoop | None = None,
    limit: int = DEFAULT_LIMIT,
    **kwds: Any,
) -> Any:
    """Listen on the Unix socket at *path*; otherwise like `start_server`."""
    running = check_loop(loop, "start_unix_server()")
    factory = _server_protocol(client_connected_cb, running, limit)
    return await running.create_unix_server(factory, path, **kwds)


def _server_protocol(
    client_connected_cb: Callable[[StreamReader, StreamWriter], Any],
    loop: AbstractEventLoop,
    limit: int,
) -> Callable[[], StreamReaderProtocol]:
    def factory() -> StreamReaderProtocol:
        reader = StreamReader(limit=limit, loop=loop)
        return StreamReaderProtocol(reader, client_connected_cb, loop=loop)

    return factory
