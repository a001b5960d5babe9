"""TCP echo: a server that sends back whatever comes, and a client that checks nothing is lost.

    python -m protocols.echo serve --port 7007
    python -m protocols.echo send --port 7007 hello

What it teaches
    A server that writes without waiting keeps in memory what a slow client does not read:
    ``drain`` after each ``write`` makes it read no faster than it can write.  A client
    that writes everything before it reads anything comes to a stop for the same reason,
    on both sides, as soon as the buffers between them are full: it has to do both at once.

Read next: udp_echo.py
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from protocols import command

__all__ = ["EchoServer", "send", "serve"]

#: Bytes that are read, and written, at a time.
PIECE = 64 * 1024


class EchoServer:
    """A listening server; made by `serve`, ended by `close`, also as an async context manager."""

    def __init__(self, idle: float, most: int) -> None:
        self._idle = idle
        self._most = most
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens on; the first, where a name has several addresses."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def listen(self, host: str, port: int) -> None:
        """Begin to accept connections; raises OSError when the address cannot be had."""
        self._server = await asyncio.start_server(self._connected, host, port)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= self._most:
            writer.close()
            return
        self._connections[task] = writer
        try:
            await self._echo(reader, writer)
        except (ConnectionError, TimeoutError):
            writer.transport.abort()  # the client is gone, or does nothing: nobody reads the rest
        finally:
            del self._connections[task]
            writer.close()

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send back what comes until the client ends its side; TimeoutError when it is idle."""
        while True:
            async with asyncio.timeout(self._idle):
                data = await reader.read(PIECE)
                if not data:
                    return
                writer.write(data)
                await writer.drain()

    async def close(self) -> None:
        """Accept no more, end every connection at once, and wait until all are ended."""
        if self._server is not None:
            self._server.close()
        for writer in self._connections.values():
            writer.transport.abort()
        while self._connections:
            await asyncio.wait(list(self._connections))

    async def __aenter__(self) -> EchoServer:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def serve(
    host: str = "127.0.0.1", port: int = 0, *, idle: float = 300.0, most: int = 1000
) -> EchoServer:
    """Return a server that listens on *host* and *port*; port 0 takes a free one.

    *idle* is how many seconds a client may neither send nor read; beyond *most* connections
    at a time, a new one is closed.  Raises OSError when the address cannot be had.
    """
    server = EchoServer(idle, most)
    await server.listen(host, port)
    return server


async def send(host: str, port: int, data: bytes, *, timeout: float = 10.0) -> bytes:
    """Send *data* and return what comes back until the server ends its side.

    Raises TimeoutError when all that takes over *timeout* seconds, and OSError when the
    server cannot be reached or breaks off.  When cancelled, the connection is dropped.
    """
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(host, port)
        writing = asyncio.create_task(_write(writer, data))
        try:
            received = await reader.read()
            await writing
        except BaseException:
            writer.transport.abort()
            raise
        finally:
            writing.cancel()
            await asyncio.wait([writing])
            writer.close()
    return received


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    for start in range(0, len(data), PIECE):
        writer.write(data[start : start + PIECE])
        await writer.drain()
    writer.write_eof()


async def _serve_command(options: argparse.Namespace) -> None:
    async with await serve(options.host, options.port) as server, command.until_stopped():
        command.say(f"listening on {server.address[0]} port {server.address[1]}")


async def _send_command(options: argparse.Namespace) -> None:
    data = " ".join(options.text).encode()
    try:
        answer = await send(options.host, options.port, data, timeout=options.timeout)
    except TimeoutError:
        raise TimeoutError(f"no whole answer within {options.timeout:g} s") from None
    if answer != data:
        raise ConnectionError(f"only {len(answer)} of {len(data)} bytes came back")
    command.say(answer.decode(errors="replace"))


def main() -> int:
    """Do what the command line says; return the exit status."""
    options = command.parser("protocols.echo", "TCP echo.").parse_args()
    chosen = _serve_command if options.command == "serve" else _send_command
    return command.run("echo", chosen(options))


if __name__ == "__main__":
    sys.exit(main())
