"""Files over sockets, transports and TLS: what is sent, where the file stands, who interferes."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from .peers import Peer
from .stage import LOOPS, Diary, bound, pair, run
from .tls_wire import server_context

CONTENT = bytes(range(256)) * 4096
LARGE = CONTENT * 8


@pytest.fixture(params=sorted(LOOPS))
def on(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return partial(run, LOOPS[request.param])


async def receive(loop: Any, sock: socket.socket) -> bytes:
    """Return all that comes until the end."""
    received = b""
    while data := await loop.sock_recv(sock, 1_000_000):
        received += data
    return received


async def over_a_socket(file: Any, *args: Any, **options: Any) -> Any:
    """Return what ``sock_sendfile`` returned or raised, where the file stands, and what came."""
    loop = asyncio.get_running_loop()
    ours, theirs = pair()
    with ours, theirs:
        receiving = asyncio.ensure_future(receive(loop, theirs))
        try:
            outcome: Any = await loop.sock_sendfile(ours, file, *args, **options)
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
        ours.shutdown(socket.SHUT_WR)
        return outcome, file.tell(), await receiving


async def over_a_transport(file: Any, *args: Any, tls: bool = False, **options: Any) -> Any:
    """The same for ``sendfile``, between two messages."""
    loop = asyncio.get_running_loop()
    made = loop.create_future()

    def factory() -> Any:
        diary = Diary(loop, False)
        loop.call_soon(made.set_result, diary)
        return diary

    context = server_context() if tls else None
    server = await loop.create_server(factory, sock=bound(), ssl=context)
    peer = await Peer.to(server, tls)
    diary = await made
    while diary.transport is None:
        await asyncio.sleep(0)
    transport = diary.transport
    receiving = asyncio.ensure_future(peer.receive_all())
    transport.write(b"before")
    try:
        outcome: Any = await loop.sendfile(transport, file, *args, **options)
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}".partition(" for transport <")[0]
    transport.write(b"after")
    assert transport.is_reading()
    assert transport.get_protocol() is diary
    transport.close()
    received = await receiving
    peer.close()
    await diary.lost
    server.close()
    await server.wait_closed()
    return outcome, file.tell(), received


WAYS: dict[str, Callable[..., Any]] = {
    "socket": over_a_socket,
    "transport": over_a_transport,
    "TLS": partial(over_a_transport, tls=True),
}

offsets = st.sampled_from([0, 1, 16 * 1024, len(CONTENT) - 1, len(CONTENT), len(CONTENT) + 5])
counts = st.sampled_from([None, 1, 16 * 1024, len(CONTENT) - 1, len(CONTENT), len(CONTENT) + 5])


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=25)
@given(st.booleans(), offsets, counts, st.sampled_from([0, 7]))
@example(True, 0, None, 0)
@example(False, 0, None, 0)
@example(True, 16 * 1024, None, 7)
def test_any_part_of_a_file(
    way: str, regular: bool, offset: int, count: int | None, position: int
) -> None:
    """It is the part that was asked for, and the file stands behind it, where asyncio leaves it."""
    part = CONTENT[offset:] if count is None else CONTENT[offset : offset + count]
    results = []
    for make in LOOPS.values():
        with tempfile.TemporaryFile() if regular else io.BytesIO() as file:
            file.write(CONTENT)
            file.seek(position)
            results.append(run(make, WAYS[way](file, offset, count)))
    ours, theirs = results[1], results[0]
    assert ours == theirs
    sent, stands, received = ours
    if (regular and way != "TLS") or offset or not position:  # else it is read from where it stands
        assert sent == len(part)
        assert received == (part if way == "socket" else b"before" + part + b"after")
        assert stands == offset + sent or not sent


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_an_empty_file(on: Any, way: str) -> None:
    with tempfile.TemporaryFile() as file:
        sent, stands, received = on(WAYS[way](file))
    assert (sent, stands) == (0, 0)
    assert received in (b"", b"beforeafter")


@pytest.mark.parametrize(
    ("way", "regular", "raised"),
    [
        ("socket", False, "SendfileNotAvailableError: not a regular file"),
        ("transport", False, "SendfileNotAvailableError: not a regular file"),
        (
            "TLS",
            True,
            "RuntimeError: fallback is disabled and native sendfile is not supported",
        ),
    ],
)
def test_without_a_fallback(on: Any, way: str, regular: bool, raised: str) -> None:
    """TLS has to see every byte: the kernel cannot send them."""
    with tempfile.TemporaryFile() if regular else io.BytesIO() as file:
        file.write(CONTENT)
        outcome, stands, received = on(WAYS[way](file, fallback=False))
    assert outcome == raised
    assert stands == len(CONTENT)
    assert received in (b"", b"beforeafter")


def test_what_is_no_file_that_the_kernel_sends(on: Any) -> None:
    """A pipe is read and sent."""

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        reading, writing = os.pipe()
        os.write(writing, b"from a pipe")
        os.close(writing)
        ours, theirs = pair()
        with open(reading, "rb", 0) as file, ours, theirs:

            class Unseekable:
                """A raw pipe says that it cannot seek; what cannot be asked to is left alone."""

                fileno, readinto = file.fileno, file.readinto

            pipe: Any = Unseekable()
            sent = await loop.sock_sendfile(ours, pipe, 0, 100)
            return sent, await loop.sock_recv(theirs, 100)

    assert on(main()) == (11, b"from a pipe")


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (({"mode": "r"}, 0, None), ValueError, "file should be opened in binary mode"),
        (({}, -1, None), ValueError, "offset must be a non-negative integer"),
        (({}, "0", None), TypeError, "offset must be a non-negative integer"),
        (({}, 0, 0), ValueError, "count must be a positive integer"),
        (({}, 0, -1), ValueError, "count must be a positive integer"),
        (({}, 0, 1.5), TypeError, "count must be a positive integer"),
    ],
)
def test_wrong_arguments(on: Any, args: Any, error: Any, message: str) -> None:
    async def main() -> None:
        attributes, offset, count = args
        ours, theirs = pair()
        file = io.BytesIO()
        if attributes:
            file = type("Text", (io.BytesIO,), attributes)()
        with ours, theirs, pytest.raises(error, match=message):
            await asyncio.get_running_loop().sock_sendfile(ours, file, offset, count)

    on(main())


def test_transports_that_cannot(on: Any) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        datagrams, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, ("127.0.0.1", 0)
        )
        with pytest.raises(RuntimeError, match="sendfile is not supported for transport"):
            await loop.sendfile(datagrams, io.BytesIO())
        datagrams.close()
        ours, theirs = pair()
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
        transport.close()
        with pytest.raises(RuntimeError, match="Transport is closing"):
            await loop.sendfile(transport, io.BytesIO())
        theirs.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            with pytest.raises(ValueError, match="only SOCK_STREAM type sockets are supported"):
                await loop.sock_sendfile(sock, io.BytesIO())

    on(main())


@pytest.mark.parametrize("regular", [True, False], ids=["kernel", "by hand"])
def test_cancelled_on_the_way(on: Any, regular: bool) -> None:
    """The file stands behind what was sent, and the socket can be used by somebody else."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = pair()
        with ours, theirs, tempfile.TemporaryFile() if regular else io.BytesIO() as file:
            file.write(LARGE)
            file.seek(0)
            sending = asyncio.ensure_future(loop.sock_sendfile(ours, file))
            first = await loop.sock_recv(theirs, 1000)
            sending.cancel()
            await asyncio.wait([sending])
            assert sending.cancelled()
            await loop.run_in_executor(None, int)  # a reading that had begun is over
            ours.shutdown(socket.SHUT_WR)
            received = first + await receive(loop, theirs)
            assert received == LARGE[: len(received)]
            assert len(received) < len(LARGE)
            if regular and not isinstance(loop, asyncio.SelectorEventLoop):  # asyncio: not yet
                assert file.tell() == len(received)
            with pytest.raises(BrokenPipeError):
                await loop.sock_sendall(ours, b"x")

    on(main())


@pytest.mark.parametrize("regular", [True, False], ids=["kernel", "by hand"])
def test_cancelled_over_a_transport(on: Any, regular: bool) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = pair()
        diary = Diary(loop, False)
        transport, _ = await loop.create_connection(lambda: diary, sock=ours)
        with theirs, tempfile.TemporaryFile() if regular else io.BytesIO() as file:
            file.write(LARGE)
            file.seek(0)
            sending = asyncio.ensure_future(loop.sendfile(transport, file))
            first = await loop.sock_recv(theirs, 1000)
            sending.cancel()
            await asyncio.wait([sending])
            assert sending.cancelled()
            assert transport.is_reading()
            transport.write(b"the end")
            transport.close()
            received = first + await receive(loop, theirs)
            await diary.lost
            rest = received.removesuffix(b"the end")
            assert rest != received
            assert rest == LARGE[: len(rest)]

    on(main())


def test_nobody_else_may_write_meanwhile(on: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = pair()
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
        with theirs, tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as other:
            file.write(LARGE)
            other.write(LARGE)
            sending = asyncio.ensure_future(loop.sendfile(transport, file))
            await loop.sock_recv(theirs, 1)
            assert not transport.is_reading()
            with pytest.raises(RuntimeError, match="unable to write; sendfile is in progress"):
                transport.write(b"x")
            with pytest.raises(RuntimeError, match="; sendfile is in progress"):
                transport.writelines([b"x"])
            if not isinstance(loop, asyncio.SelectorEventLoop):  # asyncio: a KeyError
                with pytest.raises(RuntimeError, match="Empty waiter is already set"):
                    await loop.sendfile(transport, other)
            receiving = asyncio.ensure_future(receive(loop, theirs))
            assert await sending == len(LARGE)
            transport.close()
            assert await receiving == LARGE[1:]

    on(main())


def test_files_over_many_connections_at_once(on: Any) -> None:
    async def main() -> None:
        async def one() -> None:
            with tempfile.TemporaryFile() as file:
                file.write(CONTENT)
                assert await over_a_socket(file) == (len(CONTENT), len(CONTENT), CONTENT)

        await asyncio.gather(*(one() for _ in range(10)))

    on(main())


@pytest.mark.parametrize("way", ["socket", "kernel", "by hand", "TLS"])
def test_a_peer_that_goes_away(on: Any, way: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        file = io.BytesIO(LARGE) if way == "by hand" else tempfile.TemporaryFile()  # noqa: SIM115
        with file:
            file.write(LARGE)
            file.seek(0)
            lost = loop.create_future()
            diary = Diary(loop, False)
            diary.lost = lost
            server = await loop.create_server(
                lambda: diary, sock=bound(), ssl=server_context() if way == "TLS" else None
            )
            peer = await Peer.to(server, way == "TLS")
            while diary.transport is None:
                await asyncio.sleep(0)
            if way == "socket":
                sock = diary.transport.get_extra_info("socket")
                copy = socket.socket(fileno=os.dup(sock.fileno()))
                copy.setblocking(False)
                sending = asyncio.ensure_future(loop.sock_sendfile(copy, file))
            else:
                sending = asyncio.ensure_future(loop.sendfile(diary.transport, file))
            await peer.receive()
            peer.reset()
            with pytest.raises(ConnectionError):
                await sending
            if way == "socket":
                copy.close()
            diary.transport.abort()
            await lost
            server.close()
            await server.wait_closed()

    on(main())


@pytest.mark.parametrize("way", ["kernel", "by hand", "TLS"])
def test_a_transport_that_is_aborted_on_the_way(way: str) -> None:
    """Nobody waits for ever, and the number of its socket is free; on asyncio neither is so."""

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        with io.BytesIO() if way == "by hand" else tempfile.TemporaryFile() as file:
            file.write(LARGE)
            file.seek(0)
            diary = Diary(loop, False)
            context = server_context() if way == "TLS" else None
            server = await loop.create_server(lambda: diary, sock=bound(), ssl=context)
            peer = await Peer.to(server, way == "TLS")
            while diary.transport is None:
                await asyncio.sleep(0)
            number = diary.transport.get_extra_info("socket").fileno()
            sending = asyncio.ensure_future(loop.sendfile(diary.transport, file))
            await peer.receive()
            server.abort_clients()
            with pytest.raises(ConnectionError):
                await sending
            await diary.lost
            assert number not in loop._selector.get_map()
            assert diary.entries[-1][1:] == ("lost", "NoneType")
            peer.close()
            server.close()
            await server.wait_closed()

    run(LOOPS["miniloop"], main())
