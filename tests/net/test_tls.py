"""TLS over real sockets: on every loop, with every way to begin it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from miniloop.net import streams, tls
from miniloop.sync.timeouts import wait_for
from tests.sync.loops import REAL, run

from .tls_wire import Buffered, client_context, server_context


@pytest.fixture(params=sorted(REAL))
def on(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return what runs a coroutine on a real loop of each make."""
    return partial(run, REAL[request.param])


@pytest.fixture(params=["asyncio", "miniloop"])
def on_python(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """The same for the loops whose transports can be looked into."""
    return partial(run, REAL[request.param])


async def echo(reader: Any, writer: Any) -> None:
    while data := await reader.read(2**16):
        writer.write(data)
        await writer.drain()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@contextlib.asynccontextmanager
async def serving(handler: Any, context: Any = None) -> AsyncIterator[int]:
    """Run a server; give its port."""
    server = await streams.start_server(handler, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def close(writer: Any) -> None:
    writer.close()
    await writer.wait_closed()


def connect(port: int, context: Any = None, **options: Any) -> Any:
    """Connect with TLS, to the name that the certificate has."""
    context = context or client_context()
    options = {"ssl": context, "server_hostname": "localhost"} | options
    return streams.open_connection("127.0.0.1", port, **options)


def test_an_echo(on: Any) -> None:
    async def main() -> bytes:
        async with serving(echo, server_context()) as port:
            reader, writer = await connect(port)
            writer.write(b"hello\n")
            line = await reader.readline()
            await close(writer)
            return bytes(line)

    assert on(main()) == b"hello\n"


def test_a_lot_goes_both_ways_at_once(on: Any) -> None:
    total = 4 * 2**20

    async def main() -> bool:
        async with serving(echo, server_context()) as port:
            reader, writer = await connect(port)
            data = bytes(range(256)) * (total // 256)

            async def write() -> None:
                for start in range(0, total, 100_000):
                    writer.write(data[start : start + 100_000])
                    await writer.drain()

            _, received = await asyncio.gather(write(), reader.readexactly(total))
            await close(writer)
            return bool(received == data)

    assert on(main())


def test_the_protocol_that_both_speak_is_chosen(on: Any) -> None:
    async def main() -> Any:
        async with serving(echo, server_context(alpn=("h2", "http/1.1"))) as port:
            _, writer = await connect(port, client_context(alpn=("http/1.1",)))
            chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
            await close(writer)
            return chosen

    assert on(main()) == "http/1.1"


def test_the_name_decides_about_the_certificate(on: Any) -> None:
    asked: list[str] = []

    async def main() -> Any:
        context = server_context("other.example")

        def choose(sslobj: Any, name: str, _: Any) -> None:
            asked.append(name)
            sslobj.context = server_context(name)

        context.sni_callback = choose
        async with serving(echo, context) as port:
            _, writer = await connect(port, server_hostname="this.example")
            names = writer.get_extra_info("peercert")["subjectAltName"]
            await close(writer)
            return names

    assert on(main()) == (("DNS", "this.example"),)
    assert asked == ["this.example"]


def test_a_session_is_taken_up_again(on_python: Any) -> None:
    """A context may pass its own arguments to the SSLObject: so sessions get there."""

    class Resuming(ssl.SSLContext):
        session: Any = None

        def wrap_bio(self, *args: Any, **options: Any) -> Any:
            return super().wrap_bio(*args, **{**options, "session": self.session})

    async def main() -> list[bool]:
        context = Resuming(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        reused = []
        async with serving(echo, server_context()) as port:
            for _ in range(2):
                reader, writer = await connect(port, context)
                writer.write(b"x")
                await reader.readexactly(1)  # the ticket comes before the answer
                sslobj = writer.get_extra_info("ssl_object")
                reused.append(sslobj.session_reused)
                context.session = sslobj.session
                await close(writer)
        return reused

    assert on_python(main()) == [False, True]


def test_a_certificate_that_nobody_vouches_for(on: Any) -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_debug(False)  # it would report the server's side as well
        async with serving(echo, server_context()) as port:
            with pytest.raises(ssl.SSLCertVerificationError):
                await connect(port, client_context(trusting=False))

    on(main())


def test_a_server_that_says_nothing(on: Any) -> None:
    async def say_nothing(reader: Any, writer: Any) -> None:
        await reader.read()
        writer.close()

    async def main() -> None:
        async with serving(say_nothing) as port:
            with pytest.raises(ConnectionAbortedError, match="SSL handshake is taking longer"):
                await connect(port, ssl_handshake_timeout=0.05)

    on(main())


def test_a_live_connection_goes_on_with_tls(on: Any) -> None:
    async def serve(reader: Any, writer: Any) -> None:
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"go on\n")
        await writer.start_tls(server_context())
        await echo(reader, writer)

    async def main() -> list[Any]:
        async with serving(serve) as port:
            reader, writer = await streams.open_connection("127.0.0.1", port)
            writer.write(b"STARTTLS\n")
            said: list[Any] = [await reader.readline()]
            await writer.start_tls(client_context(), server_hostname="localhost")
            writer.write(b"secret\n")
            said.append(await reader.readline())
            said.append(writer.get_extra_info("sslcontext") is not None)
            await close(writer)
            return said

    assert on(main()) == [b"go on\n", b"secret\n", True]


def test_tls_within_tls(on_python: Any) -> None:
    async def serve(reader: Any, writer: Any) -> None:
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"go on\n")
        await writer.start_tls(server_context())
        await echo(reader, writer)

    async def main() -> bytes:
        async with serving(serve, server_context()) as port:
            reader, writer = await connect(port)
            writer.write(b"STARTTLS\n")
            assert await reader.readline() == b"go on\n"
            await writer.start_tls(client_context(), server_hostname="localhost")
            writer.write(b"x" * 300_000)
            data = await reader.readexactly(300_000)
            await close(writer)
            return bytes(data)

    assert on_python(main()) == b"x" * 300_000


def test_start_tls_wants_a_context_and_a_transport_that_can() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        protocol = asyncio.Protocol()
        with pytest.raises(TypeError, match="sslcontext is expected to be an instance of"):
            await tls.start_tls(loop, asyncio.Transport(), protocol, None)
        with pytest.raises(TypeError, match=r"is not supported by start_tls\(\)"):
            await tls.start_tls(loop, asyncio.Transport(), protocol, client_context())

    run(REAL["miniloop"], main())


def test_start_tls_that_is_cancelled_closes_the_connection(on_python: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        left, right = socket.socketpair()
        with right:
            _, writer = await streams.open_connection(sock=left)
            protocol = asyncio.Protocol()
            starting = tls.start_tls(loop, writer.transport, protocol, client_context())
            with pytest.raises(TimeoutError):
                await wait_for(starting, 0.05)
            right.setblocking(False)
            while await loop.sock_recv(right, 2**16):
                pass  # the ClientHello, and then the end
            assert writer.is_closing()

    on_python(main())


class Collector(Buffered):
    """Completes a future when *wanted* bytes are there, and another one at the end."""

    def __init__(self, wanted: int) -> None:
        super().__init__(100)
        self.wanted = wanted
        self.complete, self.lost = asyncio.Future[None](), asyncio.Future[Any]()

    def get_buffer(self, sizehint: int) -> Any:
        return memoryview(self.buffer)

    def buffer_updated(self, nbytes: int) -> None:
        super().buffer_updated(nbytes)
        if len(self.received) == self.wanted:
            self.complete.set_result(None)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost.set_result(exc)


def test_a_protocol_with_a_buffer_of_its_own(on_python: Any) -> None:
    async def main() -> bytearray:
        loop = asyncio.get_running_loop()
        program = Collector(50_000)
        where: dict[str, Any] = {"ssl": client_context(), "server_hostname": "localhost"}
        async with serving(echo, server_context()) as port:
            transport, _ = await loop.create_connection(lambda: program, "127.0.0.1", port, **where)
            transport.write(b"y" * 50_000)
            await program.complete
            transport.close()
            assert await program.lost is None
        return program.received

    assert on_python(main()) == b"y" * 50_000


class NoRoom(Collector):
    """Has nowhere to put what arrives."""

    def get_buffer(self, sizehint: int) -> Any:
        return bytearray()

    def eof_received(self) -> None:
        self.complete.set_result(None)


@pytest.mark.parametrize("loop", ["asyncio", "miniloop"])
def test_a_protocol_without_room_has_failed(loop: str) -> None:
    """As over TCP, where both say so; asyncio's TLS tells it that the peer has ended."""

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        reports: list[Any] = []
        loop.set_exception_handler(lambda _, context: reports.append(context["exception"]))
        where: dict[str, Any] = {"ssl": client_context(), "server_hostname": "localhost"}
        async with serving(echo, server_context()) as port:
            program = NoRoom(1)
            transport, _ = await loop.create_connection(lambda: program, "127.0.0.1", port, **where)
            transport.write(b"y")
            lost = await program.lost
        assert reports == ([lost] if lost else [])
        return program.complete.done(), repr(lost)

    ours = False, "RuntimeError('get_buffer() returned an empty buffer')"
    assert run(REAL[loop], main()) == (ours if loop == "miniloop" else (True, "None"))


# -- order ---------------------------------------------------------------------


async def conversation(names: Any) -> list[str]:
    """Talk TLS over a socket pair, from both sides, and note every step."""
    log: list[str] = []
    left, right = socket.socketpair()
    near, far = await asyncio.gather(
        names.open_connection(sock=left, ssl=client_context(), server_hostname="localhost"),
        accept(names, right),
    )

    async def say(reader: Any, writer: Any) -> None:
        for number in range(3):
            writer.write(b"%d\n" % number)
            await writer.drain()
            log.append(f"said {number}")
            log.append(f"heard {await reader.readline()!r}")
        writer.close()
        await writer.wait_closed()
        log.append("near end")

    async def answer(reader: Any, writer: Any) -> None:
        async for line in reader:
            log.append(f"got {line!r}")
            writer.write(b"re: " + line)
            await writer.drain()
        log.append("end")
        writer.close()
        await writer.wait_closed()
        log.append("far end")

    await asyncio.gather(say(*near), answer(*far))
    return log


async def accept(names: Any, sock: socket.socket) -> tuple[Any, Any]:
    """Return streams on the server's side of *sock*."""
    loop = asyncio.get_running_loop()
    accepted = loop.create_future()
    reader = names.StreamReader(loop=loop)
    protocol = names.StreamReaderProtocol(
        reader, lambda *both: accepted.set_result(both), loop=loop
    )
    await loop.connect_accepted_socket(lambda: protocol, sock, ssl=server_context())
    streams_of_it: tuple[Any, Any] = await accepted
    return streams_of_it


def test_a_conversation_goes_the_same_way_everywhere() -> None:
    theirs = run(REAL["asyncio"], conversation(asyncio))
    assert run(REAL["miniloop"], conversation(streams)) == theirs
    assert run(REAL["miniloop"], conversation(asyncio)) == theirs
