"""Streams: the same data, in the same turn, on every loop; and what asyncio's readers do."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given

from miniloop.net import stream_protocol, stream_reader, streams
from miniloop.support import states
from tests.sync.loops import REAL, VirtualAsyncioLoop, run

from .streams_model import Step, play, scripts

NEWEST = sys.version_info >= (3, 13)

# -- the reader alone ----------------------------------------------------------


@pytest.fixture(params=sorted(REAL))
def on(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return what runs a coroutine on a real loop of each make."""
    return partial(run, REAL[request.param])


@pytest.mark.parametrize("module", [stream_reader, stream_protocol], ids=["reader", "flow"])
def test_the_diagram_is_the_table(module: Any) -> None:
    assert states.shown_in(module.__doc__, module.TRANSITIONS)


@given(scripts(several=NEWEST))
def test_a_reader_does_what_asyncios_does(script: list[Step]) -> None:
    loop = VirtualAsyncioLoop()
    try:
        theirs = play(loop, asyncio.StreamReader(limit=6, loop=loop), [], script)
        ours = play(loop, streams.StreamReader(limit=6, loop=loop), [], script)
    finally:
        loop.close()
    assert ours == theirs


def fed(*chunks: bytes, limit: int = 2**16) -> streams.StreamReader:
    """Return a reader with *chunks* and the end."""
    reader = streams.StreamReader(limit=limit)
    for chunk in chunks:
        reader.feed_data(chunk)
    reader.feed_eof()
    return reader


def test_the_first_of_several_separators_wins(on: Any) -> None:
    async def main() -> list[bytes]:
        reader = fed(b"one\r\ntwo-", b"-three\nrest")
        found = [await reader.readuntil((b"\n", b"\r\n", b"--")) for _ in range(3)]
        with pytest.raises(asyncio.IncompleteReadError) as caught:
            await reader.readuntil((b"\n", b"--"))
        return [*found, caught.value.partial]

    assert on(main()) == [b"one\r\n", b"two--", b"three\n", b"rest"]


def test_lines_come_one_by_one(on: Any) -> None:
    async def main() -> list[bytes]:
        return [line async for line in fed(b"a\nb", b"c\n", b"d")]

    assert on(main()) == [b"a\n", b"bc\n", b"d"]


def test_two_coroutines_cannot_wait_at_once(on: Any) -> None:
    async def main() -> bytes:
        reader = streams.StreamReader()
        first = asyncio.ensure_future(reader.read(1))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match=r"readuntil\(\) called while another coroutine"):
            await reader.readline()
        reader.feed_data(b"x")
        return await first

    assert on(main()) == b"x"


def test_buffered_data_costs_no_future(on: Any) -> None:
    async def main() -> None:
        reader = fed(b"line\nxxxxyyyy")
        reader._loop = mock.NonCallableMock(spec=[])  # whoever asked it for anything would fail
        assert await reader.readline() == b"line\n"
        assert await reader.readexactly(4) == b"xxxx"
        assert await reader.read(100) == b"yyyy"

    on(main())


def test_debug_mode_says_where_a_reader_was_made(on: Any) -> None:
    async def main() -> str:
        asyncio.get_running_loop().set_debug(True)
        reader = streams.StreamReader()
        return str(reader._source_traceback[-1].name)

    assert on(main()) == "main"


# -- connections ---------------------------------------------------------------


async def pair(server_part: Any, **options: Any) -> tuple[Any, Any, Any]:
    """Return a server that runs *server_part*, and a client's streams."""
    server = await streams.start_server(server_part, "127.0.0.1", 0, **options)
    reader, writer = await streams.open_connection(*server.sockets[0].getsockname()[:2])
    return server, reader, writer


async def echo(reader: Any, writer: Any) -> None:
    async for line in reader:
        writer.write(line)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def end(server: Any, writer: Any) -> None:
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


def test_an_echo(on: Any) -> None:
    async def main() -> list[bytes]:
        server, reader, writer = await pair(echo)
        lines = []
        for text in (b"one\n", b"two\n"):
            writer.writelines([text[:1], text[1:]])
            await writer.drain()
            lines.append(await reader.readline())
        writer.write_eof()
        lines.append(await reader.read())
        await end(server, writer)
        return lines

    assert on(main()) == [b"one\n", b"two\n", b""]


def test_over_a_unix_socket(on: Any, tmp_path: Path) -> None:
    async def main() -> bytes:
        path = str(tmp_path / "socket")
        server = await streams.start_unix_server(echo, path)
        reader, writer = await streams.open_unix_connection(path)
        writer.write(b"hello\n")
        line = await reader.readline()
        await end(server, writer)
        return line

    assert on(main()) == b"hello\n"


def test_backpressure(on: Any) -> None:
    """A writer waits while nobody reads; a reader pauses the transport at twice its limit."""
    total = 8 * 2**20

    async def main() -> tuple[bool, int]:
        go = asyncio.Event()
        received = 0
        done = asyncio.Event()

        async def slow(reader: Any, writer: Any) -> None:
            nonlocal received
            await go.wait()
            assert len(reader._buffer) <= 2 * 1024 + 256 * 1024
            while data := await reader.read(2**16):
                received += len(data)
            writer.close()
            done.set()

        server, _, writer = await pair(slow, limit=1024)
        writer.write(bytes(total))
        drained = asyncio.ensure_future(writer.drain())
        await asyncio.sleep(0)
        waited = not drained.done()
        go.set()
        await drained
        writer.write_eof()
        await done.wait()
        await end(server, writer)
        return waited, received

    assert on(main()) == (True, total)


def test_a_reset_reaches_reader_writer_and_who_waits_for_the_end(on: Any) -> None:
    async def main() -> None:
        accepted: Any = asyncio.get_running_loop().create_future()

        async def keep(reader: Any, writer: Any) -> None:
            accepted.set_result(writer)

        server, reader, writer = await pair(keep)
        their_writer = await accepted
        their_socket = their_writer.get_extra_info("socket")
        their_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        their_writer.transport.abort()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        with pytest.raises(ConnectionResetError):
            await writer.drain()
        with pytest.raises(ConnectionResetError):
            await writer.wait_closed()
        server.close()
        await server.wait_closed()

    on(main())


def test_what_the_callback_raises_is_reported(real: Any) -> None:
    async def fail(reader: Any, writer: Any) -> None:
        raise ZeroDivisionError

    async def main() -> bytes:
        server, reader, writer = await pair(fail)
        rest = await reader.read()
        await end(server, writer)
        return bytes(rest)

    loop = real()
    reported: list[Any] = []
    loop.set_exception_handler(lambda _, context: reported.append(context))
    try:
        assert loop.run_until_complete(main()) == b""
    finally:
        loop.close()
    assert [(each["message"], type(each["exception"])) for each in reported] == [
        ("Unhandled exception in client_connected_cb", ZeroDivisionError)
    ]


@pytest.fixture(params=sorted(REAL))
def real(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Return a factory of real loops of each make."""
    return REAL[request.param]  # type: ignore[return-value]


def test_a_forgotten_stream_is_closed_with_a_warning(on: Any) -> None:
    async def main() -> tuple[list[str], bytes]:
        served: Any = asyncio.get_running_loop().create_future()

        async def until_end(reader: Any, writer: Any) -> None:
            data = await reader.read()
            writer.close()
            served.set_result(data)

        server, reader, writer = await pair(until_end)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del reader, writer
            gc.collect()
        data = await served
        server.close()
        await server.wait_closed()
        return [f"{each.category.__name__} {str(each.message)[:24]}" for each in caught], data

    assert on(main()) == (["ResourceWarning unclosed <StreamWriter t"], b"")


def test_a_connection_that_nobody_wants_any_more_is_no_error(on: Any) -> None:
    """The cancelled wait for the end must not leave an exception that nobody retrieves."""

    async def main() -> None:
        server, _, writer = await pair(echo)
        waiting = asyncio.ensure_future(writer.wait_closed())
        await asyncio.sleep(0)
        waiting.cancel()
        await end_quietly(server, writer)

    async def end_quietly(server: Any, writer: Any) -> None:
        writer.close()
        with pytest.raises(asyncio.CancelledError):
            await writer.wait_closed()
        server.close()
        await server.wait_closed()

    on(main())


# -- order ---------------------------------------------------------------------


async def conversation(names: Any) -> list[str]:
    """Talk over a socket pair and note every step, with a ticker to count the turns."""
    log: list[str] = []
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    near_reader, near = await names.open_connection(sock=left)
    far_reader, far = await names.open_connection(sock=right)

    async def say() -> None:
        for number in range(5):
            near.write(b"%d\n" % number)
            await near.drain()
            log.append(f"said {number}")
            log.append(f"heard {await near_reader.readline()!r}")
        near.write_eof()
        log.append(f"rest {await near_reader.read()!r}")

    async def answer() -> None:
        async for line in far_reader:
            log.append(f"got {line!r}")
            far.write(b"re: " + line)
            await far.drain()
        log.append("end")
        far.close()
        await far.wait_closed()
        log.append("closed")

    await asyncio.gather(loop.create_task(say()), loop.create_task(answer()))
    near.close()
    await near.wait_closed()
    return log


def test_a_conversation_goes_the_same_way_everywhere() -> None:
    theirs = run(REAL["asyncio"], conversation(asyncio))
    for loop in ("asyncio", "miniloop"):
        assert run(REAL[loop], conversation(streams)) == theirs
    assert run(REAL["miniloop"], conversation(asyncio)) == theirs
