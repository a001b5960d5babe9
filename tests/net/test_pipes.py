"""Pipes, terminals and sockets as one-way transports."""

from __future__ import annotations

import asyncio
import os
import pty
import socket
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .stage import LOOPS, Diary, run, strict


@pytest.fixture(params=sorted(LOOPS))
def on(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return partial(run, LOOPS[request.param])


class Notes(Diary):
    """A diary without turns, whose data is joined."""

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop(), turns=False)
        self.received = b""

    def note(self, *what: Any) -> None:
        self.entries.append(" ".join(map(str, what)))

    def data_received(self, data: bytes) -> None:
        self.received += data


async def reading(descriptor: int) -> tuple[Any, Notes]:
    pipe = os.fdopen(descriptor, "rb", 0)
    return await asyncio.get_running_loop().connect_read_pipe(Notes, pipe)


async def writing(descriptor: int) -> tuple[Any, Notes]:
    pipe = os.fdopen(descriptor, "wb", 0)
    return await asyncio.get_running_loop().connect_write_pipe(Notes, pipe)


def closed(transport: Any) -> bool:
    """Return whether *transport* has let its pipe go."""
    return bool(transport.get_extra_info("pipe").closed)


def test_data_and_the_end(on: Any) -> None:
    async def main() -> Any:
        near, far = os.pipe()
        transport, notes = await reading(near)
        assert transport.get_extra_info("pipe").fileno() == near
        assert transport.is_reading()
        os.write(far, b"one")
        os.write(far, b"two")
        os.close(far)
        await notes.lost
        await asyncio.sleep(0)
        assert closed(transport)
        assert transport.is_closing()
        return notes.received, notes.entries

    assert on(main()) == (b"onetwo", ["made", "eof", "lost NoneType"])


def test_paused_and_resumed(on: Any) -> None:
    async def main() -> Any:
        near, far = os.pipe()
        transport, notes = await reading(near)
        transport.pause_reading()
        transport.pause_reading()
        os.write(far, b"hello")
        for _ in range(3):
            await asyncio.sleep(0)
        assert (notes.received, transport.is_reading()) == (b"", False)
        transport.resume_reading()
        transport.resume_reading()
        while not notes.received:
            await asyncio.sleep(0)
        transport.close()
        transport.close()
        transport.pause_reading()
        await notes.lost
        os.close(far)
        return notes.received, notes.entries

    assert on(main()) == (b"hello", ["made", "lost NoneType"])


def test_the_other_end_of_a_terminal_is_gone(on: Any) -> None:
    """The kernel calls that an I/O error; for a program it is an end like any other."""

    async def main() -> Any:
        near, far = pty.openpty()
        transport, notes = await reading(near)
        os.write(far, b"typed")
        while not notes.received:
            await asyncio.sleep(0)
        os.close(far)
        await notes.lost
        await asyncio.sleep(0)
        return notes.received, notes.entries[-1], closed(transport)

    assert on(main()) == (b"typed", "lost OSError", True)


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=100_000), max_size=8), st.sampled_from(["close", "write_eof"]))
def test_all_that_is_written_arrives(pieces: list[bytes], end: str) -> None:
    async def main() -> None:
        near, far = os.pipe()
        source, theirs = await reading(near)
        target, ours = await writing(far)
        for number, piece in enumerate(pieces):
            target.write((bytes, bytearray, memoryview)[number % 3](piece))
        getattr(target, end)()
        await theirs.lost
        await ours.lost
        await asyncio.sleep(0)
        assert theirs.received == b"".join(pieces)
        assert ours.entries.count("pause") == ours.entries.count("resume") <= 1
        assert closed(source)
        assert closed(target)
        assert target.get_write_buffer_size() == 0

    run(strict, main())


@pytest.mark.parametrize("much", [False, True], ids=["nothing waits", "much waits"])
def test_nobody_reads_any_more(on: Any, much: bool) -> None:
    async def main() -> Any:
        near, far = os.pipe()
        transport, notes = await writing(far)
        if much:
            transport.write(bytes(1_000_000))
        os.close(near)
        await notes.lost
        for _ in range(3):
            transport.write(b"dropped")
        return notes.entries

    lost = "lost BrokenPipeError" if much else "lost NoneType"
    assert on(main()) == (["made", "pause", lost] if much else ["made", lost])


def test_an_abort_drops_what_waits(on: Any) -> None:
    async def main() -> Any:
        near, far = os.pipe()
        transport, notes = await writing(far)
        transport.write(bytes(1_000_000))
        waits = transport.get_write_buffer_size()
        assert waits > 0
        transport.abort()
        await notes.lost
        with os.fdopen(near, "rb") as pipe:
            return len(pipe.read()) + waits, notes.entries

    assert on(main()) == (1_000_000, ["made", "pause", "lost NoneType"])


def test_a_socket_is_as_good(on: Any) -> None:
    async def main() -> Any:
        left, right = socket.socketpair()
        _, theirs = await reading(left.detach())
        target, ours = await writing(right.detach())
        assert target.can_write_eof()
        target.write(b"over a socket")
        target.write_eof()
        target.write_eof()
        await theirs.lost
        await ours.lost
        return theirs.received

    assert on(main()) == b"over a socket"


def test_a_regular_file_is_not(on: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with tempfile.TemporaryFile() as file:
            for connect in (loop.connect_read_pipe, loop.connect_write_pipe):
                with pytest.raises(ValueError, match="Pipe transport is "):
                    await connect(Notes, file)
            assert not file.closed

    on(main())


def test_each_end_offers_what_asyncios_does() -> None:
    """Programs ask a transport what it can do: the end that reads does not write."""

    async def main() -> list[Any]:
        near, far = os.pipe()
        ends = [(await reading(near))[0], (await writing(far))[0]]
        kinds = asyncio.ReadTransport, asyncio.WriteTransport
        offered: list[Any] = [
            ([isinstance(end, kind) for kind in kinds], {n for n in dir(end) if n[0] != "_"})
            for end in ends
        ]
        for end in ends:
            end.close()
            while not closed(end):
                await asyncio.sleep(0)
        return offered

    ours, theirs = (run(LOOPS[name], main()) for name in ("miniloop", "asyncio"))
    assert [kinds for kinds, _ in ours] == [kinds for kinds, _ in theirs]
    assert [names for _, names in ours] == [names for _, names in theirs]


def test_streams_over_a_pipe(on: Any) -> None:
    """What programs do to read their standard input."""

    async def main() -> list[bytes]:
        loop = asyncio.get_running_loop()
        near, far = os.pipe()
        reader = asyncio.StreamReader()
        with os.fdopen(near, "rb", 0) as pipe:
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
            transport, _ = await writing(far)
            transport.writelines([b"one\n", b"two\n"])
            transport.close()
            return [line async for line in reader]

    assert on(main()) == [b"one\n", b"two\n"]
