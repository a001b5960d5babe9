"""Peers that reset, half-close, say nothing, never read or never stop: ordinary life.

What a protocol is told then is what it is told on asyncio's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from .peers import Peer
from .stage import LOOPS, Diary, bound, run
from .tls_wire import server_context

MUCH = 8_000_000


class Host(Diary):
    """A diary without turns, whose data is joined."""

    def __init__(self, loop: Any) -> None:
        super().__init__(loop, turns=False)
        self.received = b""

    def note(self, *what: Any) -> None:
        self.entries.append(" ".join(map(str, what)))

    def data_received(self, data: bytes) -> None:
        self.received += data

    async def said(self, entry: str) -> None:
        while entry not in self.entries:
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def meeting(tls: bool, keep_open: bool = False, **options: Any) -> AsyncIterator[Any]:
    """Give the protocol on a server's side of a connection, and its peer."""
    loop = asyncio.get_running_loop()
    hosts: list[Host] = []

    def factory() -> Host:
        hosts.append(Host(loop))
        hosts[-1].keep_open = keep_open
        return hosts[-1]

    context = server_context() if tls else None
    server = await loop.create_server(factory, sock=bound(), ssl=context, **options)
    peer = await Peer.to(server, tls)
    while not (hosts and hosts[0].transport):
        await asyncio.sleep(0)
    yield hosts[0], peer
    peer.close()
    if not hosts[0].lost.done():
        hosts[0].transport.abort()
    await hosts[0].lost
    server.close()
    await server.wait_closed()


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
def tls(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=sorted(LOOPS))
def on(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return lambda main: run(LOOPS[request.param], main)


def test_a_reset(on: Any, tls: bool) -> None:
    async def main() -> Any:
        async with meeting(tls) as (host, peer):
            peer.reset()
            await host.lost
            return host.entries

    assert on(main()) == ["made", "lost ConnectionResetError"]


def test_a_reset_while_much_waits_to_be_sent(on: Any, tls: bool) -> None:
    async def main() -> Any:
        async with meeting(tls) as (host, peer):
            host.transport.write(bytes(MUCH))
            host.transport.write(bytes(MUCH))  # TLS passes the first one on, whatever its size
            assert host.transport.get_write_buffer_size() > 0
            peer.reset()
            await host.lost
            if not tls:
                assert host.transport.get_write_buffer_size() == 0
            for _ in range(3):  # it does not matter any more
                host.transport.write(b"x")
            return [each for each in host.entries if "lost" not in each], host.entries[-1]

    entries, end = on(main())
    assert entries == ["made", "pause"]
    assert end in ("lost ConnectionResetError", "lost BrokenPipeError")


def test_a_reset_after_data(on: Any, tls: bool) -> None:
    """What comes in the same moment the kernel may drop; what was read before is not lost."""

    async def main() -> Any:
        async with meeting(tls) as (host, peer):
            await peer.send(b"hello")
            while not host.received:
                await asyncio.sleep(0)
            peer.reset()
            await host.lost
            return host.received, host.entries

    assert on(main()) == (b"hello", ["made", "lost ConnectionResetError"])


def test_data_and_the_end_at_once(on: Any, tls: bool) -> None:
    """With TLS it is a truncated end, without a close_notify."""

    async def main() -> Any:
        async with meeting(tls) as (host, peer):
            await peer.send(b"hello" * 1000)
            peer.half_close()
            await host.lost
            return host.received, host.entries, await peer.receive_all()

    entries = ["made", "lost NoneType"] if tls else ["made", "eof", "lost NoneType"]
    received, told, rest = on(main())
    assert received == b"hello" * 1000
    assert [each for each in told if each != "eof" or not tls] == entries
    assert rest == b""


def test_an_answer_to_a_half_that_is_closed(on: Any) -> None:
    async def main() -> Any:
        async with meeting(False, keep_open=True) as (host, peer):
            await peer.send(b"question")
            peer.half_close()
            await host.said("eof")
            assert not host.transport.is_closing()
            host.transport.write(bytes(MUCH))
            host.transport.close()
            answer = await peer.receive_all()
            await host.lost
            entries = [each for each in host.entries if each not in ("pause", "resume")]
            return host.received, len(answer), entries

    assert on(main()) == (b"question", MUCH, ["made", "eof", "lost NoneType"])


def test_half_closed_by_us(on: Any) -> None:
    async def main() -> Any:
        async with meeting(False) as (host, peer):
            host.transport.write(bytes(MUCH))
            host.transport.write_eof()
            assert len(await peer.receive_all()) == MUCH
            await peer.send(b"and still")
            while not host.received:
                await asyncio.sleep(0)
            peer.half_close()
            await host.lost
            return host.received, host.entries[-2:]

    assert on(main()) == (b"and still", ["eof", "lost NoneType"])


def test_a_polite_goodbye(on: Any) -> None:
    """A close_notify ends both directions: what the protocol answers comes before ours."""

    async def main() -> Any:
        async with meeting(True) as (host, peer):
            host.eof_received = lambda: host.transport.write(b"too late")
            await peer.send(b"hello")
            await peer.say_goodbye()
            await host.lost
            return host.received, host.entries, await peer.receive_all()

    received, entries, answer = on(main())
    assert (received, entries) == (b"hello", ["made", "lost NoneType"])
    assert answer in (b"", b"too late")


def test_a_peer_that_says_nothing(on: Any, tls: bool) -> None:
    """It may stay; it goes when the server wants it to."""

    async def main() -> Any:
        async with meeting(tls) as (host, peer):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(host.lost), 0.01)
            assert not host.transport.is_closing()
            host.transport.close()
            assert await peer.receive_all() == b""
            peer.close()
            await host.lost
            return [each for each in host.entries if each != "eof"]

    assert on(main()) == ["made", "lost NoneType"]


def test_a_peer_that_never_reads(on: Any, tls: bool) -> None:
    """The protocol is told to pause once, and closing waits until somebody aborts."""

    async def main() -> Any:
        async with meeting(tls) as (host, _):
            while "pause" not in host.entries:
                host.transport.write(bytes(100_000))
            size = host.transport.get_write_buffer_size()
            host.transport.write(bytes(100_000))
            assert host.transport.get_write_buffer_size() == size + 100_000 or tls
            host.transport.close()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(host.lost), 0.01)
            host.transport.abort()
            await host.lost
            return host.entries

    assert on(main()) == ["made", "pause", "lost NoneType"]


def test_a_peer_that_never_reads_the_end_of_tls(on: Any) -> None:
    async def main() -> Any:
        async with meeting(True, ssl_shutdown_timeout=0.02) as (host, _):
            host.transport.write(bytes(MUCH))
            host.transport.write(bytes(MUCH))
            host.transport.close()
            await host.lost
            return host.entries

    assert on(main()) == ["made", "pause", "lost TimeoutError"]


def test_much_is_sent_to_a_slow_reader(on: Any, tls: bool) -> None:
    async def main() -> Any:
        async with meeting(tls) as (host, peer):
            data = bytes(range(256)) * (MUCH // 256)
            host.transport.set_write_buffer_limits(high=300_000, low=100_000)
            reading = asyncio.ensure_future(peer.receive_all())
            for start in range(0, MUCH, 100_000):
                host.transport.write(data[start : start + 100_000])
                while host.entries.count("pause") > host.entries.count("resume"):
                    await asyncio.sleep(0)
                assert host.transport.get_write_buffer_size() < 500_000
            host.transport.close()
            return await reading == data, host.entries[1] == "pause"

    assert on(main()) == (True, True)


def test_a_peer_that_never_stops(on: Any, tls: bool) -> None:
    """A protocol that does not read is told nothing, and the peer has to wait."""

    async def main() -> Any:
        async with meeting(tls) as (host, peer):
            host.transport.pause_reading()
            seen = len(host.received)

            async def flood() -> None:
                while True:
                    await peer.send(bytes(10_000))

            with pytest.raises(TimeoutError):
                await asyncio.wait_for(flood(), 0.2)
            assert len(host.received) == seen
            host.transport.resume_reading()
            while len(host.received) < 50_000:
                await asyncio.sleep(0)
            host.transport.abort()
            await host.lost
            return host.entries

    assert on(main()) == ["made", "lost NoneType"]


@pytest.mark.parametrize("end", ["reset", "half_close"])
def test_a_peer_that_goes_in_the_handshake(on: Any, end: str) -> None:
    """The protocol never hears of it, and the server goes on."""

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        loop.set_debug(False)  # it would report the handshake that fails
        hosts: list[Host] = []

        def factory() -> Host:
            hosts.append(Host(loop))
            return hosts[-1]

        server = await loop.create_server(factory, sock=bound(), ssl=server_context())
        bad = await Peer.to(server, tls=False)
        await bad.send(b"\x16\x03\x01")  # the beginning of a ClientHello
        getattr(bad, end)()
        good = await Peer.to(server, tls=True)
        await good.send(b"hello")
        while not any(host.received for host in hosts):
            await asyncio.sleep(0)
        good.half_close()
        bad.close()
        server.close()
        await server.wait_closed()
        good.close()
        return sorted((host.received, host.entries[:1]) for host in hosts)

    assert on(main()) == [(b"", []), (b"hello", ["made"])]


def test_a_peer_that_speaks_no_tls(on: Any) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        reports: list[Any] = []
        loop.set_exception_handler(lambda _, context: reports.append(context))
        server = await loop.create_server(lambda: Host(loop), sock=bound(), ssl=server_context())
        peer = await Peer.to(server, tls=False)
        await peer.send(b"GET / HTTP/1.0\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            await peer.receive_all()
        peer.close()
        server.close()
        await server.wait_closed()
        return [(each["message"], type(each["exception"])) for each in reports[:1]]

    assert on(main()) in ([], [("SSL handshake failed", ssl.SSLError)])


@pytest.mark.parametrize("what", ["read", "drain"])
def test_streams_raise_what_the_connection_was_lost_with(on: Any, tls: bool, what: str) -> None:
    async def main() -> Any:
        served = asyncio.get_running_loop().create_future()

        async def serve(reader: Any, writer: Any) -> None:
            writer.write(bytes(MUCH))
            writer.write(bytes(MUCH))
            try:
                await (reader.read() if what == "read" else writer.drain())
            except OSError as error:
                served.set_result(error)
            writer.close()
            with pytest.raises(OSError):  # noqa: PT011 - it is the same error
                await writer.wait_closed()

        context = server_context() if tls else None
        server = await asyncio.start_server(serve, sock=bound(), ssl=context)
        peer = await Peer.to(server, tls)
        await peer.receive()
        peer.reset()
        error = await served
        server.close()
        await server.wait_closed()
        return isinstance(error, ConnectionError)

    assert on(main())


def test_a_transport_that_is_lost_takes_everything() -> None:
    """Even when it was closed with data in its buffer (asyncio's fails then)."""

    async def main() -> None:
        async with meeting(False) as (host, peer):
            host.transport.write(bytes(MUCH))
            host.transport.close()
            assert len(await peer.receive_all()) == MUCH
            await host.lost
            for _ in range(10):
                host.transport.write(b"x")
                host.transport.writelines([b"x"])
                host.transport.close()
                host.transport.abort()
                host.transport.write_eof()
                host.transport.pause_reading()
                host.transport.resume_reading()
            assert host.transport.is_closing()
            assert not host.transport.is_reading()
            assert repr(host.transport).startswith("<SocketTransport closed fd=")

    run(LOOPS["miniloop"], main())
