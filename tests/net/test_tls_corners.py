"""TLS where it is not the ordinary case: certificates of clients, early data, no TLS at all."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import miniloop
from miniloop.net import streams
from tests.sync.loops import REAL, run

from .peers import Peer
from .stage import LOOPS, Diary, bound, pair
from .stage import run as run_strictly
from .tls_wire import Buffered, authority, client_context, server_context


@pytest.fixture(params=sorted(REAL))
def on(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return partial(run, REAL[request.param])


@pytest.fixture(params=sorted(LOOPS))
def on_python(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return partial(run_strictly, LOOPS[request.param])


async def echo(reader: Any, writer: Any) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def known(transport: Any) -> dict[str, bool]:
    """Return which of asyncio's names for TLS are known."""
    names = ("peercert", "cipher", "compression", "sslcontext", "ssl_object", "socket", "sockname")
    return {name: transport.get_extra_info(name) is not None for name in (*names, "peername")}


def test_a_client_shows_its_certificate(on: Any) -> None:
    shown: list[Any] = []

    async def serve(reader: Any, writer: Any) -> None:
        shown.append(writer.get_extra_info("peercert")["subjectAltName"])
        await echo(reader, writer)

    async def main() -> Any:
        context = server_context()
        context.verify_mode = ssl.CERT_REQUIRED
        authority().configure_trust(context)
        server = await streams.start_server(serve, "127.0.0.1", 0, ssl=context)
        address = server.sockets[0].getsockname()
        ours = client_context()
        authority().issue_cert("client.example").configure_cert(ours)
        outcomes: list[Any] = []
        for each in (ours, client_context()):
            reader, writer = await streams.open_connection(
                *address, ssl=each, server_hostname="localhost"
            )
            writer.write(b"hello")
            try:
                outcomes.append(await reader.readexactly(5))
            except ssl.SSLError as error:
                outcomes.append(type(error).__name__)
            except (asyncio.IncompleteReadError, ConnectionError):
                outcomes.append("SSLError")  # the end came before its reason
            writer.transport.abort()
        server.close()
        await server.wait_closed()
        return outcomes

    def calmly() -> Any:
        async def with_reports() -> Any:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: None)
            asyncio.get_running_loop().set_debug(False)
            return await main()

        return on(with_reports())

    assert calmly() == [b"hello", "SSLError"]
    assert shown == [(("DNS", "client.example"),)]


def test_everything_that_is_known_of_a_connection(on_python: Any) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        left, right = pair()
        ours: Any
        theirs: Any
        (ours, _), (theirs, _) = await asyncio.gather(
            loop.create_connection(
                asyncio.Protocol, sock=left, ssl=client_context(), server_hostname="localhost"
            ),
            loop.connect_accepted_socket(asyncio.Protocol, right, ssl=server_context()),
        )
        found = known(ours), known(theirs)
        for transport in (ours, theirs):
            assert not transport.can_write_eof()
            with pytest.raises(NotImplementedError):
                transport.write_eof()
            with pytest.raises(TypeError, match="data: expecting a bytes-like instance, got str"):
                transport.write("text")
            transport.abort()
        await asyncio.sleep(0)
        return found

    client, server = on_python(main())
    assert client == dict.fromkeys(client, True) | {"compression": False}
    assert server == client | {"peercert": False}


@pytest.mark.parametrize("size", [1, 50, None], ids=["a byte", "some", "all"])
def test_a_client_that_begins_too_early(size: int | None) -> None:
    """Its ClientHello comes with the last plain line, and a stream has read it or a part of it."""

    async def main() -> bytes:
        async def serve(reader: Any, writer: Any) -> None:
            assert await reader.readline() == b"STARTTLS\n"
            assert reader._buffer
            await writer.start_tls(server_context())
            await echo(reader, writer)

        server = await streams.start_server(serve, sock=bound())
        peer = await Peer.to(server, tls=False)
        peer.tls = client_context().wrap_bio(
            peer.incoming, peer.outgoing, server_hostname="localhost"
        )
        with pytest.raises(ssl.SSLWantReadError):
            peer.tls.do_handshake()
        hello = peer.outgoing.read()
        size_now = len(hello) if size is None else size
        await peer.loop.sock_sendall(peer.sock, b"STARTTLS\n" + hello[:size_now])
        while not asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.sleep(0)
        await peer.loop.sock_sendall(peer.sock, hello[size_now:])
        await peer._tls_step(peer.tls.do_handshake)
        await peer.send(b"hello")
        answer = await peer.receive()
        peer.half_close()
        await peer.receive_all()
        peer.close()
        server.close()
        await server.wait_closed()
        return answer

    assert run(REAL["miniloop"], main()) == b"hello"


@pytest.mark.parametrize("protocol", [Diary, Buffered], ids=["protocol", "buffered"])
def test_a_protocol_goes_on_with_tls(on_python: Any, protocol: Any) -> None:
    """It is told nothing of the change, and of the end once."""

    async def main() -> Any:
        loop: Any = asyncio.get_running_loop()
        left, right = pair()
        diary: Any = Diary(loop, False) if protocol is Diary else Buffered()
        transport, _ = await loop.connect_accepted_socket(lambda: diary, left)
        peer = Peer(loop)
        peer.sock.close()
        peer.sock = right
        over, _ = await asyncio.gather(
            loop.start_tls(transport, diary, server_context(), server_side=True),
            peer.over_tls(client_context()),
        )
        assert over.get_protocol() is diary
        assert over.get_extra_info("socket").fileno() == left.fileno()
        await peer.send(b"hello")
        over.write(b"and you")
        answer = await peer.receive()
        while len(diary.entries if protocol is Diary else diary.calls) < 2:
            await asyncio.sleep(0)
        other = Diary(loop, False)
        over.set_protocol(other)
        await peer.send(b"other")
        peer.half_close()
        await other.lost
        peer.close()
        calls = diary.entries if protocol is Diary else diary.calls
        return answer, calls, other.entries

    answer, calls, others = on_python(main())
    assert answer == b"and you"
    told = [(0, "made"), (0, "data", 5)] if protocol is Diary else ["connection_made", "data"]
    assert calls == told
    assert [each for each in others if each != (0, "eof")] == [
        (0, "data", 5),
        (0, "lost", "NoneType"),
    ]


def test_a_handshake_that_is_cancelled_closes_the_socket(on_python: Any) -> None:
    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        left, right = pair()
        connecting = asyncio.ensure_future(
            loop.create_connection(
                asyncio.Protocol, sock=left, ssl=client_context(), server_hostname="localhost"
            )
        )
        assert await loop.sock_recv(right, 1)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        while await loop.sock_recv(right, 2**16):
            pass
        assert left.fileno() == -1
        right.close()
        return b"closed"

    assert on_python(main()) == b"closed"


def test_tls_over_a_unix_socket(on: Any, tmp_path: Path) -> None:
    async def main() -> bytes:
        path = str(tmp_path / "socket")
        server = await streams.start_unix_server(echo, path, ssl=server_context())
        reader, writer = await streams.open_unix_connection(
            path, ssl=client_context(), server_hostname="localhost"
        )
        writer.write(b"hello")
        data = await reader.readexactly(5)
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return data

    assert on(main()) == b"hello"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"ssl": True}, TypeError, "ssl argument must be an SSLContext or None"),
        ({"ssl_handshake_timeout": 1}, ValueError, "ssl_handshake_timeout is only meaningful"),
        ({"ssl_shutdown_timeout": 1}, ValueError, "ssl_shutdown_timeout is only meaningful"),
    ],
)
def test_what_a_server_refuses(on_python: Any, options: Any, error: Any, message: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(error, match=message):
            await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, **options)

    on_python(main())


def test_a_tls_socket_is_refused(on_python: Any) -> None:
    """Who has made TLS of a socket already cannot have it watched."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        context = client_context()
        context.check_hostname = False
        with socket.socket() as plain, context.wrap_socket(plain) as wrapped:
            wrapped.setblocking(False)
            for call in (
                loop.sock_recv(wrapped, 1),
                loop.sock_sendall(wrapped, b"x"),
                loop.create_connection(asyncio.Protocol, sock=wrapped),
            ):
                with pytest.raises(TypeError, match="Socket cannot be of type SSLSocket"):
                    await call

    on_python(main())


WITHOUT = """
import sys
sys.modules["ssl"] = sys.modules["_ssl"] = None
import asyncio, miniloop

async def main():
    loop = miniloop.get_running_loop()
    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()
    server = await miniloop.start_server(echo, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    reader, writer = await miniloop.open_connection(*address)
    writer.write(b"plain\\n")
    print(await reader.readline())
    writer.close()
    for attempt in (
        loop.create_connection(asyncio.Protocol, *address, ssl=True),
        loop.start_tls(writer.transport, asyncio.Protocol(), None),
    ):
        try:
            await attempt
        except RuntimeError as error:
            print(error)
    server.close()
    await server.wait_closed()

miniloop.run(main())
"""


def test_an_interpreter_without_tls() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(miniloop.__file__).parents[1],
    )
    assert done.stdout.splitlines()[0] == "b'plain\\n'", done.stderr
    assert "ssl module" in done.stdout.splitlines()[1]
    assert done.stdout.splitlines()[2] == "Python ssl module is not available"
