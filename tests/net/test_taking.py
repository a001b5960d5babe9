"""Data for a stream is taken before anything runs: only where nothing of the program's can."""

from __future__ import annotations

import asyncio
import contextvars
import select
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import miniloop
from miniloop.eventloop import EventLoop

from .stage import pair, run

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="no epoll here")

NAMES: dict[str, Any] = {"asyncio": asyncio, "miniloop": miniloop}
LOOPS: dict[str, Callable[[], Any]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "miniloop": EventLoop,
}
every_name = pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)


async def opened(names: Any, limit: int = 64 * 1024) -> tuple[Any, Any, socket.socket]:
    """Return a pair of streams, and the other end."""
    ours, theirs = pair()
    reader, writer = await names.open_connection(sock=ours, limit=limit)
    await asyncio.sleep(0.001)
    return reader, writer, theirs


async def closed(writer: Any, theirs: socket.socket) -> None:
    theirs.close()
    writer.close()
    await asyncio.sleep(0.001)


def takes(loop: Any, writer: Any) -> bool:
    """Return whether what comes is taken at once."""
    return writer.get_extra_info("socket").fileno() in loop._takers


@every_name
def test_streams_are_taken_from(names: Any) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        reader, writer, theirs = await opened(names)
        assert takes(loop, writer)
        writer.transport.pause_reading()
        assert not takes(loop, writer)
        writer.transport.resume_reading()
        assert takes(loop, writer)
        while not writer.transport.get_write_buffer_size():
            writer.write(bytes(1 << 20))
        writer.transport.set_protocol(writer.transport.get_protocol())
        assert not takes(loop, writer)  # somebody waits to write
        while writer.transport.get_write_buffer_size():
            with suppress(BlockingIOError):
                theirs.recv(1 << 20)
            await asyncio.sleep(0)
        assert takes(loop, writer)
        with suppress(BlockingIOError):
            while theirs.recv(1 << 20):
                pass
        theirs.send(b"data")
        assert await reader.read(10) == b"data"
        await closed(writer, theirs)
        assert not loop._takers

    run(EventLoop, main())


@every_name
@pytest.mark.parametrize("which", ["reader", "protocol", "socket"])
def test_nothing_of_the_program_is_called_so(names: Any, which: str) -> None:
    """A class with methods of its own is called from the loop's run phase, as everywhere."""

    async def main() -> list[bool]:
        loop: Any = asyncio.get_running_loop()
        phases: list[bool] = []

        class OwnReader(names.StreamReader):  # type: ignore[misc]
            def feed_data(self, data: Any) -> None:
                phases.append(taking)
                super().feed_data(data)

        class OwnProtocol(names.StreamReaderProtocol):  # type: ignore[misc]
            def data_received(self, data: Any) -> None:
                phases.append(taking)
                super().data_received(data)

        class OwnSocket(socket.socket):
            def recv(self, size: int, flags: int = 0) -> bytes:
                phases.append(taking)
                return super().recv(size, flags)

        taking = False
        at_once = loop._at_once

        def spy(events: Any) -> Any:
            nonlocal taking
            taking = True
            try:
                return at_once(events)
            finally:
                taking = False

        loop._at_once = spy
        reader = (OwnReader if which == "reader" else names.StreamReader)(loop=loop)
        kind = OwnProtocol if which == "protocol" else names.StreamReaderProtocol
        plain, theirs = pair()
        ours = (OwnSocket if which == "socket" else socket.socket)(fileno=plain.detach())
        ours.setblocking(False)
        transport, _ = await loop.create_connection(lambda: kind(reader, loop=loop), sock=ours)
        for _ in range(3):
            theirs.send(b"data")
            assert await reader.read(10) == b"data"
        transport.close()
        theirs.close()
        await asyncio.sleep(0.001)
        return phases

    phases = run(EventLoop, main())
    assert len(phases) >= 3
    assert not any(phases)


@every_name
def test_another_protocol_takes_over(names: Any) -> None:
    """What comes then is that one's, and it is called in the context of the transport's making."""
    where: contextvars.ContextVar[str] = contextvars.ContextVar("where", default="outside")

    class Own(asyncio.Protocol):
        def __init__(self) -> None:
            self.seen: list[Any] = []

        def data_received(self, data: bytes) -> None:
            self.seen.append((data, where.get()))

        def eof_received(self) -> None:
            self.seen.append(("end", where.get()))

        def connection_lost(self, exc: BaseException | None) -> None:
            self.seen.append(("lost", where.get()))

    async def main() -> list[Any]:
        loop: Any = asyncio.get_running_loop()
        where.set("where it was made")
        reader, writer, theirs = await opened(names)
        where.set("later")
        theirs.send(b"first")
        assert await reader.read(10) == b"first"
        writer.transport.set_protocol(own := Own())
        assert not getattr(loop, "_takers", {})
        theirs.send(b"second")
        await asyncio.sleep(0.001)
        theirs.close()
        await asyncio.sleep(0.001)
        writer.close()
        return own.seen

    ours, theirs = (run(LOOPS[name], main()) for name in ("miniloop", "asyncio"))
    assert ours == theirs
    assert [what for what, _ in ours] == [b"second", "end", "lost"]


@every_name
def test_who_is_told_of_an_error_may_close_the_others(names: Any) -> None:
    """The protocol of the first fails; its report has the second closed, which gets no more."""
    where: contextvars.ContextVar[str] = contextvars.ContextVar("where")

    async def main() -> tuple[list[Any], bytes]:
        loop: Any = asyncio.get_running_loop()
        told: list[Any] = []
        where.set("where it was made")
        first, second = [await opened(names) for _ in range(2)]
        where.set("later")

        def report(_loop: Any, what: dict[str, Any]) -> None:
            told.append((what["message"], where.get()))
            second[1].transport.abort()

        loop.set_exception_handler(report)
        first[0].feed_eof()  # what comes after an end is an error
        for _, _, theirs in (first, second):
            theirs.send(b"data")
        await asyncio.sleep(0.01)
        loop.set_exception_handler(None)
        data = bytes(second[0]._buffer)
        for _, writer, theirs in (first, second):
            await closed(writer, theirs)
        return told, data

    for name in ("miniloop", "asyncio"):
        told, data = run(LOOPS[name], main())
        message = "Fatal error: protocol.data_received() call failed."
        assert told == [(message, "where it was made")]
        assert data == b""


@every_name
def test_a_long_message_comes_in_one_piece(names: Any) -> None:
    """As much as asyncio reads at once, though the first try asks for less."""

    async def main() -> list[int]:
        reader, writer, theirs = await opened(names, limit=1 << 20)
        lengths = []
        for size in (5, 150_000, 150_000, 5, 122_880):
            theirs.send(bytes(size))
            lengths.append(len(await reader.read(1 << 20)))
        await closed(writer, theirs)
        return lengths

    ours, theirs = (run(LOOPS[name], main()) for name in ("miniloop", "asyncio"))
    assert ours == theirs


@every_name
@pytest.mark.parametrize("limit", [100, 10_000, 50_000, 64 * 1024])
def test_too_much_pauses_the_transport(names: Any, limit: int) -> None:
    """One chunk may be too much, or the second one."""

    async def main() -> list[tuple[bool, int]]:
        reader, writer, theirs = await opened(names, limit)
        seen = []
        for size in (150, 100_000, 100_000):
            theirs.send(bytes(size))
            await asyncio.sleep(0.001)
            seen.append((writer.transport.is_reading(), len(reader._buffer)))
        while reader._buffer:
            seen.append((writer.transport.is_reading(), len(await reader.read(60_000))))
        await closed(writer, theirs)
        return seen

    ours, theirs = (run(LOOPS[name], main()) for name in ("miniloop", "asyncio"))
    assert ours == theirs
    assert {reading for reading, _ in ours} == {True, False}


def test_a_protocol_that_has_every_attribute_is_called_as_any() -> None:
    """A mock, say: whatever it is asked for, it has it."""

    class Everything(asyncio.Protocol):
        def __init__(self) -> None:
            self.called: list[str] = []

        def __getattr__(self, name: str) -> Any:
            return lambda *_: self.called.append(name)

        def data_received(self, data: bytes) -> None:
            self.called.append("data_received")

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        ours, theirs = pair()
        transport, protocol = await loop.create_connection(Everything, sock=ours)
        for _ in range(2):
            theirs.send(b"data")
            await asyncio.sleep(0.001)
        transport.close()
        theirs.close()
        await asyncio.sleep(0.001)
        return protocol.called

    assert run(EventLoop, main()) == ["data_received"] * 2


# -- whatever comes, the same is read ------------------------------------------

sizes = st.one_of(st.integers(1, 3000), st.sampled_from([60_000, 122_880, 150_000]))
calls = st.one_of(
    st.tuples(st.just("read"), st.sampled_from([1, 100, 1 << 20])),
    st.tuples(st.just("readexactly"), st.integers(0, 5000)),
    st.tuples(st.just("sleep"), st.integers(0, 3)),
)
ends = st.sampled_from(["end", "close", "end behind data"])
streams = st.tuples(st.lists(sizes, max_size=4), st.lists(calls, max_size=6), ends)


async def reading(reader: Any, calls: list[tuple[str, int]]) -> bytes:
    """Do these *calls*, then read up to the end; return all that came."""
    got = b""
    for method, amount in calls:
        if method == "sleep":
            for _ in range(amount):
                await asyncio.sleep(0)
        else:
            try:
                got += await getattr(reader, method)(amount)
            except asyncio.IncompleteReadError as error:
                got += error.partial
    while data := await reader.read(1 << 20):
        got += data
    return got


async def sending(theirs: socket.socket, amounts: list[int], end: str) -> int:
    """Send messages of these *amounts* and then end; return how many bytes were sent."""
    loop = asyncio.get_running_loop()
    for number, amount in enumerate(amounts):
        await loop.sock_sendall(theirs, bytes([number]) * amount)
        if end != "end behind data":
            await asyncio.sleep(0)
    if end == "close":
        theirs.close()
    else:
        theirs.shutdown(socket.SHUT_WR)
    return sum(amounts)


@given(st.lists(streams, min_size=1, max_size=3), st.sampled_from([*NAMES]))
def test_all_is_read_up_to_the_end(plan: list[Any], name: str) -> None:
    async def main() -> None:
        with ExitStack() as stack:
            jobs = []
            for amounts, calls, end in plan:
                reader, writer, theirs = await opened(NAMES[name], limit=10_000)
                stack.callback(theirs.close)
                stack.callback(writer.close)
                jobs.append((reading(reader, calls), sending(theirs, amounts, end)))
            results = await asyncio.gather(*(job for both in jobs for job in both))
            for (amounts, _, _), got in zip(plan, results[::2], strict=True):
                expected = b"".join(bytes([n]) * amount for n, amount in enumerate(amounts))
                assert got == expected
        await asyncio.sleep(0.001)

    run(EventLoop, main())
