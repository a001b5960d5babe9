"""Differences of the network."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import resource
import socket
import ssl
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from miniloop.net import server as servers

from ..net.peers import Peer
from ..net.stage import bound, pair
from ..net.test_fork import in_child
from ..net.tls_wire import client_context, server_context
from .conftest import Cell

#: Seconds that nothing has to wait for.
LONG = 30


@pytest.fixture
def python(cell: Cell) -> Cell:
    """Return a cell whose loop is written in Python: what is inside can be looked at."""
    if cell.loop_of not in ("asyncio", "miniloop"):
        pytest.skip("the loop is of another make than the two that are compared")
    return cell


def newest(cell: Cell, *version: int) -> bool:
    """Tell whether the cell's loop has what asyncio's has from *version* on."""
    return cell.our_loop or sys.version_info >= version


class Held(asyncio.Protocol):
    """Keeps its transport, and is kept until that is lost."""

    alive: ClassVar[set[Any]] = set()

    def __init__(self) -> None:
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.alive.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.alive.discard(self)


def run(cell: Cell, main: Callable[..., Any]) -> Any:
    """Run ``main()``, and end every connection that is left."""

    async def whole() -> Any:
        try:
            return await main()
        finally:
            for held in list(Held.alive):
                held.transport.abort()
            await until(lambda: not Held.alive)
            for _ in range(5):
                await asyncio.sleep(0)

    return cell.run(whole)


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0)


async def connected(loop: Any) -> tuple[Any, socket.socket]:
    """Return a transport and the other end of its connection."""
    ours, theirs = pair()
    transport, _ = await loop.create_connection(Held, sock=ours)
    return transport, theirs


# -- the newest semantics ------------------------------------------------------


def test_servers_end_with_their_connections(python: Cell) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        held = Held()
        server: Any = await loop.create_server(lambda: held, sock=bound())
        client = socket.create_connection(server.sockets[0].getsockname())
        await until(lambda: held.transport)
        server.close()
        waiter = loop.create_task(server.wait_closed())
        await asyncio.sleep(0)
        waits = not waiter.done()
        can_end_them = hasattr(server, "close_clients") and hasattr(server, "abort_clients")
        held.transport.abort()
        await waiter
        client.close()
        return waits, can_end_them

    assert run(python, main) == (newest(python, 3, 12), newest(python, 3, 13))


def test_newer_arguments(python: Cell) -> None:
    loop = python.make_loop()
    for method, argument, version in (
        ("create_connection", "all_errors", (3, 12)),
        ("create_server", "keep_alive", (3, 13)),
        ("create_unix_server", "cleanup_socket", (3, 13)),
    ):
        taken = inspect.signature(getattr(loop, method)).parameters
        assert (argument in taken) is newest(python, *version)
    loop.close()


def test_paths_are_cleaned_up(python: Cell) -> None:
    async def main() -> bool:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "socket")
            server = await asyncio.get_running_loop().create_unix_server(Held, path)
            server.close()
            return path.exists()

    assert run(python, main) is not newest(python, 3, 13)


def test_sockets_in_use(python: Cell) -> None:
    async def main() -> bool:
        loop = asyncio.get_running_loop()
        transport, theirs = await connected(loop)
        ours = transport._sock
        refused = False
        try:
            second, _ = await loop.create_connection(Held, sock=ours)
        except RuntimeError as error:
            refused = "is used by transport" in str(error)
        else:
            second.close()
        transport.close()
        theirs.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return refused

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        assert run(python, main) is newest(python, 3, 12)


def test_empty_datagrams(python: Cell) -> None:
    async def main() -> list[bytes]:
        loop: Any = asyncio.get_running_loop()
        got: list[bytes] = []

        class Mail(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                got.append(data)

        transport, _ = await loop.create_datagram_endpoint(Mail, ("127.0.0.1", 0))
        for data in (b"", b"end"):
            transport.sendto(data, transport.get_extra_info("sockname"))
        await until(lambda: got and got[-1] == b"end")
        transport.close()
        await asyncio.sleep(0)
        return got

    assert run(python, main) == ([b"", b"end"] if newest(python, 3, 13) else [b"end"])


def test_separators(cell: Cell) -> None:
    async def main() -> bytes:
        reader = cell.names.StreamReader(loop=asyncio.get_running_loop())
        reader.feed_data(b"one;two\n")
        try:
            return bytes(await reader.readuntil((b"\n", b";")))
        except TypeError:
            return b"refused"

    several = cell.our_names or sys.version_info >= (3, 13)
    assert cell.run(main) == (b"one;" if several else b"refused")


def test_early_handshake(python: Cell) -> None:
    async def main() -> bool:
        loop = asyncio.get_running_loop()
        outcome = loop.create_future()
        seconds = LONG if python.our_loop else 0.05

        async def serve(reader: Any, writer: Any) -> None:
            await reader.readline()
            try:
                await writer.start_tls(server_context(), ssl_handshake_timeout=seconds)
            except ConnectionError:
                outcome.set_result(False)
            else:
                outcome.set_result(True)
            writer.transport.abort()

        server = await python.names.start_server(serve, sock=bound())
        peer = await Peer.to(server, tls=False)
        context = client_context()
        peer.tls = context.wrap_bio(peer.incoming, peer.outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            peer.tls.do_handshake()
        await loop.sock_sendall(peer.sock, b"STARTTLS\n" + peer.outgoing.read())
        handshake = loop.create_task(peer._tls_step(peer.tls.do_handshake))
        understood = await outcome
        await asyncio.wait([handshake])
        assert (handshake.exception() is None) is understood
        peer.close()
        server.close()
        return bool(understood)

    # asyncio learnt it in the last releases of 3.13 and 3.14.
    understood = run(python, main)
    assert understood or not python.our_loop


# -- what goes wrong -----------------------------------------------------------


def test_forks(python: Cell) -> None:
    loop = python.make_loop()

    def close() -> bool:
        loop.close()
        return bool(loop.is_closed())

    assert in_child(close)
    loop._write_to_self()
    assert bool(loop._selector.select(0)) is python.our_loop
    loop.close()


def test_exhaustion(python: Cell) -> None:
    reports: list[str] = []

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context["message"]))
        server = await loop.create_server(Held, sock=bound(), backlog=7)
        client = socket.socket()
        client.setblocking(False)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
        try:
            await loop.sock_connect(client, server.sockets[0].getsockname())
            await until(lambda: reports)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        client.close()
        server.close()

    assert servers.ACCEPT_RETRY_DELAY == asyncio.constants.ACCEPT_RETRY_DELAY  # type: ignore[attr-defined]
    run(python, main)
    assert reports == ["socket.accept() out of system resource"] * (1 if python.our_loop else 7)


def test_cancelled_servers(python: Cell) -> None:
    """A server that is being made is cancelled after each of its steps."""

    async def main() -> list[bool]:
        loop = asyncio.get_running_loop()
        closed = []
        for steps in range(1, 10):
            listener = bound()
            making = asyncio.ensure_future(loop.create_server(asyncio.Protocol, sock=listener))
            for _ in range(steps):
                await asyncio.sleep(0)
            making.cancel()
            await asyncio.wait([making])
            if not making.cancelled():
                making.result().close()
                break
            closed.append(listener.fileno() == -1)
            if not closed[-1]:
                loop.remove_reader(listener)
                listener.close()
        return closed

    assert run(python, main) == [python.our_loop]


def test_factories_that_fail(python: Cell) -> None:
    """The peer of the connection that nobody took sees its end in either case."""

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def factory() -> Any:
            raise LookupError

        server = await loop.create_server(factory, sock=bound())
        client = socket.create_connection(server.sockets[0].getsockname())
        client.setblocking(False)
        assert await loop.sock_recv(client, 1) == b""
        client.close()
        server.close()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(python, main)
        gc.collect()
    forgotten = [str(each.message) for each in caught if "unclosed <socket" in str(each.message)]
    assert bool(forgotten) is not python.our_loop


def test_lost_transports(python: Cell) -> None:
    async def main() -> bool:
        loop = asyncio.get_running_loop()
        transport, theirs = await connected(loop)
        transport.write(bytes(2_000_000))
        transport.close()
        while await loop.sock_recv(theirs, 100_000):
            pass
        theirs.close()
        try:
            transport.abort()
        except AttributeError:
            return False
        return True

    assert run(python, main) is python.our_loop


# -- files and TLS -------------------------------------------------------------


def test_files_that_were_interrupted(python: Cell) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        ours, theirs = pair()
        with ours, theirs, tempfile.TemporaryFile(buffering=0) as file:
            file.write(bytes(5_000_000))
            file.seek(7)
            sending = loop.create_task(loop.sock_sendfile(ours, file))
            await loop.sock_recv(theirs, 1)
            sending.cancel()
            await asyncio.wait([sending])
            moved = file.tell() != 7
        transport, theirs = await connected(loop)
        second = ""
        with theirs, tempfile.TemporaryFile() as file:
            file.write(bytes(5_000_000))
            first = loop.create_task(loop.sendfile(transport, file))
            await loop.sock_recv(theirs, 1)
            try:
                await loop.sendfile(transport, file)
            except (RuntimeError, KeyError) as error:
                second = type(error).__name__
            theirs.close()
            await asyncio.wait([first])
            first.exception()
            transport.abort()
            await asyncio.sleep(0)
        return moved, second

    expected = (True, "RuntimeError") if python.our_loop else (False, "KeyError")
    assert run(python, main) == expected


def test_files_over_aborted_transports(python: Cell) -> None:
    async def main() -> Any:
        loop: Any = asyncio.get_running_loop()
        transport, theirs = await connected(loop)
        number = transport.get_extra_info("socket").fileno()
        with theirs, tempfile.TemporaryFile() as file:
            file.write(bytes(5_000_000))
            sending = loop.create_task(loop.sendfile(transport, file))
            await loop.sock_recv(theirs, 1)
            transport.abort()
            for _ in range(10):
                await asyncio.sleep(0)
            error = type(sending.exception()) if sending.done() else None
            registered = number in loop._selector.get_map()
            sending.cancel()
            await asyncio.wait([sending])
        return error, registered

    expected = (ConnectionError, False) if python.our_loop else (None, True)
    assert run(python, main) == expected


async def over_tls(loop: Any, server_side: Any = Held) -> tuple[Any, Any]:
    """Return the transports of a client and a server that are connected with TLS."""
    left, right = pair()
    (ours, _), (theirs, _) = await asyncio.gather(
        loop.create_connection(Held, sock=left, ssl=client_context(), server_hostname="localhost"),
        loop.connect_accepted_socket(server_side, right, ssl=server_context()),
    )
    return ours, theirs


def test_handshakes_while_reading_is_paused(python: Cell) -> None:
    class Paused(Held):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.pause_reading()

    async def main() -> int:
        client, server = await over_tls(asyncio.get_running_loop(), Paused)
        waits: int = server.get_write_buffer_size()
        client.abort()
        server.abort()
        await asyncio.sleep(0)
        return waits

    assert (run(python, main) == 0) is python.our_loop


def test_closed_tls(python: Cell) -> None:
    async def main() -> Any:
        client, server = await over_tls(asyncio.get_running_loop())
        client.close()
        client.close()
        try:
            client.get_extra_info("cipher")
            answers = True
        except AttributeError:
            answers = False
        server.abort()
        await until(lambda: server.get_extra_info("peername") is None)
        await until(lambda: server._ssl_protocol._transport is None)
        return answers, server.get_extra_info("sslcontext") is not None

    assert run(python, main) == (python.our_loop, not python.our_loop)


# -- classes -------------------------------------------------------------------


def test_transport_classes(python: Cell) -> None:
    async def main() -> str:
        transport, theirs = await connected(asyncio.get_running_loop())
        name = type(transport).__name__
        transport.close()
        theirs.close()
        await asyncio.sleep(0)
        return name

    expected = "SocketTransport" if python.our_loop else "_SelectorSocketTransport"
    assert run(python, main) == expected


def test_child_watchers(cell: Cell) -> None:
    if sys.version_info >= (3, 14):
        pytest.skip("asyncio has none any more")

    async def main() -> int:
        loop: Any = asyncio.get_running_loop()
        transport, _ = await loop.subprocess_exec(
            asyncio.SubprocessProtocol, "true", stdin=None, stdout=None, stderr=None
        )
        code = await transport._wait()
        transport.close()
        return int(code)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)

        class Asleep(asyncio.PidfdChildWatcher):
            def is_active(self) -> bool:
                return False

        policy: Any = asyncio.get_event_loop_policy()
        before = getattr(policy, "_watcher", None)
        policy.set_child_watcher(Asleep())
        try:
            if cell.loop_of == "asyncio":
                with pytest.raises(RuntimeError, match="watcher"):
                    cell.run(main)
            else:
                assert cell.run(main) == 0
        finally:
            policy._watcher = before
