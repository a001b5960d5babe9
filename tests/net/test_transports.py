"""Transports: buffers, limits, what they say about themselves, and files sent over them."""

from __future__ import annotations

import asyncio
import gc
import io
import socket
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniloop.net.seats import QUICK_READ
from miniloop.net.tcp import SocketTransport

from .stage import Diary, bound, pair, run, strict


async def connected(diary: Any = None) -> tuple[Any, socket.socket]:
    """Return a transport and the other end of its connection."""
    ours, theirs = pair()
    loop = asyncio.get_running_loop()
    protocol = asyncio.Protocol() if diary is None else diary
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, ours)
    return transport, theirs


def test_much_at_once_comes_in_one_piece(on_each: Callable[..., Any]) -> None:
    """However memory is asked for, the protocol sees what one big reading would have given."""

    async def main() -> None:
        diary = Diary(asyncio.get_running_loop(), turns=False)
        transport, theirs = await connected(diary)
        for sock in (theirs, transport._sock):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2_000_000)
        sizes = [10, QUICK_READ - 1, QUICK_READ, QUICK_READ + 1, 150_000, QUICK_READ, 200_000, 5]
        for size in sizes:
            assert theirs.send(bytes(size)) == size
            seen = len(diary.entries)
            while len(diary.entries) == seen:
                await asyncio.sleep(0)
        assert [entry[2] for entry in diary.entries[1:]] == sizes
        theirs.close()
        await diary.lost

    on_each(main())


class Broken:
    """A socket whose connection is reset after *data*."""

    def __init__(self, sock: socket.socket, data: bytes) -> None:
        self.sock = sock
        self.data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    def recv(self, size: int) -> bytes:
        if not self.data:
            raise ConnectionResetError(104, "reset")
        data, self.data = self.data[:size], self.data[size:]
        return data


@pytest.mark.parametrize("size", [QUICK_READ - 1, QUICK_READ, QUICK_READ + 1, 400_000])
def test_data_before_a_reset_is_not_lost(on_each: Callable[..., Any], size: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        diary = Diary(loop, turns=False)
        ours, theirs = pair()
        broken: Any = Broken(ours, bytes(size))
        await loop.connect_accepted_socket(lambda: diary, broken)
        theirs.send(b"x")
        await diary.lost
        assert sum(entry[2] for entry in diary.entries if entry[1] == "data") == size
        assert diary.entries[-1][1:] == ("lost", "ConnectionResetError")
        theirs.close()

    on_each(main())


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=200_000),
            st.binary(max_size=100).map(bytearray),
            st.binary(max_size=100).map(lambda data: memoryview(data)),
            st.lists(st.binary(max_size=3000), max_size=5),
        ),
        max_size=10,
    )
)
def test_all_that_is_written_arrives_in_order(pieces: list[Any]) -> None:
    async def main() -> None:
        transport, theirs = await connected()
        expected = b""
        for piece in pieces:
            if isinstance(piece, list):
                transport.writelines(piece)
                expected += b"".join(piece)
            else:
                transport.write(piece)
                expected += bytes(piece)
            assert transport.get_write_buffer_size() == sum(map(len, transport._buffer))
        transport.close()
        received = b""
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(theirs, 1_000_000):
            received += data
        assert received == expected
        theirs.close()

    run(strict, main())


def test_limits(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        transport, theirs = await connected()
        assert transport.get_write_buffer_limits() == (16384, 65536)
        transport.set_write_buffer_limits(high=100)
        assert transport.get_write_buffer_limits() == (25, 100)
        transport.set_write_buffer_limits(low=100)
        assert transport.get_write_buffer_limits() == (100, 400)
        with pytest.raises(ValueError, match=r"high \(1\) must be >= low \(2\) must be >= 0"):
            transport.set_write_buffer_limits(1, 2)
        transport.close()
        theirs.close()
        await asyncio.sleep(0)

    on_each(main())


def test_what_may_not_be_written(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        transport, theirs = await connected()
        with pytest.raises(TypeError, match="data argument must be a bytes-like object, not 'str'"):
            transport.write("text")
        transport.write_eof()
        with pytest.raises(RuntimeError, match=r"Cannot call write\(\) after write_eof\(\)"):
            transport.write(b"x")
        with pytest.raises(RuntimeError, match=r"Cannot call write.*\(\) after write_eof\(\)"):
            transport.writelines([b"x"])
        transport.close()
        theirs.close()
        await asyncio.sleep(0)

    on_each(main())


def test_what_is_known(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        listening = bound()
        transport, _ = await loop.create_connection(asyncio.Protocol, *listening.getsockname())
        sock = transport.get_extra_info("socket")
        assert sock.fileno() > 0
        assert not hasattr(sock, "recv")
        assert transport.get_extra_info("peername") == listening.getsockname()
        assert transport.get_extra_info("sockname") == sock.getsockname()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert transport.get_extra_info("nothing", "else") == "else"
        assert isinstance(transport, asyncio.Transport)
        state = f"fd={sock.fileno()} read=%s write=<idle, bufsize=0>>"
        await asyncio.sleep(0)
        assert repr(transport).endswith("Transport " + state % "polling")
        transport.close()
        assert repr(transport).endswith("Transport closing " + state % "idle")
        await asyncio.sleep(0)
        assert " closed fd=" in repr(transport)
        listening.close()

    on_each(main())


def test_a_forgotten_transport_warns(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        transport, theirs = await connected()
        transport.pause_reading()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del transport
            gc.collect()
        # asyncio's is freed by the collector, which may take the socket first.
        assert any(str(each.message).startswith("unclosed transport <") for each in caught)
        assert theirs.recv(1) == b""
        theirs.close()

    on_each(main())


def test_a_paused_transport_is_freed_without_the_collector() -> None:
    async def main() -> None:
        transport, theirs = await connected()
        assert isinstance(transport, SocketTransport)
        transport.pause_reading()
        gc.disable()
        try:
            with pytest.warns(ResourceWarning, match="unclosed transport <SocketTransport"):
                del transport
        finally:
            gc.enable()
        theirs.close()

    run(strict, main())


# -- datagrams -----------------------------------------------------------------


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.events: list[Any] = []

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.events.append(data)

    def error_received(self, exc: Exception) -> None:
        self.events.append(type(exc))

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0)


def test_datagrams_of_every_size() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        receiver, got = await loop.create_datagram_endpoint(Datagrams, ("127.0.0.1", 0))
        address = receiver.get_extra_info("sockname")
        sender, sent = await loop.create_datagram_endpoint(Datagrams, remote_addr=address)
        for size in (0, 1, 65_507, 65_508):
            sender.sendto(bytes(size))
        await until(lambda: len(got.events) == 3 and sent.events)
        assert [len(data) for data in got.events] == [0, 1, 65_507]
        assert sent.events == [OSError]  # too long
        with pytest.raises(ValueError, match="Invalid address: must be None or"):
            sender.sendto(b"x", ("127.0.0.1", 1))
        sender.close()
        receiver.close()
        await asyncio.sleep(0)
        receiver.sendto(b"after the end", address)
        sender.sendto(b"after the end")

    run(strict, main())


def test_datagrams_wait_for_room() -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        theirs.setblocking(False)
        transport, protocol = await loop.create_datagram_endpoint(Datagrams, sock=ours)
        transport._connected = True  # a pair has no address to send to
        transport.set_write_buffer_limits(high=3000)
        sent = 0
        while not protocol.events:
            transport.sendto(b"%4d" % sent + bytes(500))
            sent += 1
        assert transport.get_write_buffer_size() == len(transport._buffer) * (504 + 8)
        transport.close()
        received: list[int] = []
        while len(received) < sent:
            try:
                received.append(int(theirs.recv(1000)[:4]))
            except BlockingIOError:
                await asyncio.sleep(0)
        assert received == list(range(sent))
        await until(lambda: transport._sock is None)
        assert protocol.events == ["pause", "resume"]
        assert transport.get_write_buffer_size() == 0
        theirs.close()

    run(strict, main())


# -- files ---------------------------------------------------------------------


@pytest.mark.parametrize("by_kernel", [True, False])
def test_a_file_between_two_messages(on_each: Callable[..., Any], by_kernel: bool) -> None:
    content = bytes(range(256)) * 20_000

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, theirs = await connected()
        with tempfile.TemporaryFile() if by_kernel else io.BytesIO() as file:
            file.write(content)
            transport.write(b"before")
            sending = loop.create_task(loop.sendfile(transport, file, 10, 5_000_000))
            sending.add_done_callback(lambda _: (transport.write(b"after"), transport.close()))
            received = b""
            while data := await loop.sock_recv(theirs, 100_000):
                received += data
            assert await sending == 5_000_000
            assert file.tell() == 5_000_010
        assert received == b"before" + content[10:5_000_010] + b"after"
        theirs.close()

    if by_kernel:
        on_each(main())
    else:
        run(strict, main())


# -- a loop that is closed too early -------------------------------------------


def test_a_loop_closed_with_work_in_flight_leaks_nothing(on_each: Callable[..., Any]) -> None:
    others: list[socket.socket] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(3):
            transport, theirs = await connected()
            transport.write(bytes(5_000_000))
            others.append(theirs)
        server = await loop.create_server(asyncio.Protocol, sock=bound())
        assert server.is_serving()
        ours, theirs = pair()
        loop.add_reader(ours, ours.recv, 1)
        others.extend([ours, theirs])

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        on_each(main())
        gc.collect()
    texts = [str(each.message) for each in caught]
    assert sum(text.startswith("unclosed transport") for text in texts) == 3
    for sock in others:
        sock.close()
