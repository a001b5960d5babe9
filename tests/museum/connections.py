"""Programs that use the network, with the names of either library, whatever is cancelled.

What the World looks at in the end is most of what matters: no socket, no task and no timer
is left, and nobody waits for ever.

Read next: test_own_primitives.py
"""

from __future__ import annotations

import socket
import ssl
from typing import Any

import trustme

from miniloop.testing import World

from .exhibit import Scenario
from .primitives import LONG, Program

__all__ = ["CONNECTIONS"]

_authority = trustme.CA()
SERVER_TLS = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
_authority.issue_cert("localhost").configure_cert(SERVER_TLS)
CLIENT_TLS = ssl.create_default_context()
_authority.configure_trust(CLIENT_TLS)


class _Server:
    """Sends back what it gets; its handlers are waited for when it ends."""

    def __init__(self, names: Any) -> None:
        self.names = names
        self.handlers: list[Any] = []

    async def serve(self, reader: Any, writer: Any) -> None:
        self.handlers.append(self.names.current_task())
        try:
            while line := await reader.readline():
                writer.write(line)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def start(self, tls: bool) -> int:
        options = {"ssl": SERVER_TLS} if tls else {}
        self.server = await self.names.start_server(self.serve, "127.0.0.1", 0, **options)
        return int(self.server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self.server.close()
        await self.names.sleep(LONG)  # what was accepted just now has a handler by then
        if self.handlers:
            await self.names.wait(self.handlers, timeout=LONG)


async def _ask(names: Any, port: int, tls: bool, question: bytes) -> bytes:
    """Return the answer, or nothing if the other side is not there, or not any more."""
    options = {"ssl": CLIENT_TLS, "server_hostname": "localhost"} if tls else {}
    try:
        reader, writer = await names.open_connection("127.0.0.1", port, **options)
        try:
            writer.write(question)
            await writer.drain()
            answer: bytes = await reader.readline()
        finally:
            writer.close()
        await writer.wait_closed()
    except OSError:
        return b""
    return answer


def _asking(names: Any, tls: bool) -> Scenario:
    async def scenario() -> None:
        server = _Server(names)
        port = await server.start(tls)
        try:
            for questions in ((b"first\n", b"second\n"), (b"third\n",)):
                asking = [names.create_task(_ask(names, port, tls, each)) for each in questions]
                await names.wait(asking, timeout=2 * LONG)
                for task, question in zip(asking, questions, strict=True):
                    assert task.done(), "somebody waits for ever"
                    if not task.cancelled() and task.exception() is None:
                        assert task.result() in (question, b""), "an answer to something else"
        finally:
            await server.stop()

    return scenario


def streams(names: Any) -> Scenario:
    """Two ask at once, then a third: nobody waits for ever, or gets another's answer."""
    return _asking(names, False)


def tls(names: Any) -> Scenario:
    """The same over TLS."""
    return _asking(names, True)


def bare_sockets(names: Any) -> Scenario:
    """`sock_accept`, `sock_connect`, `sock_sendall` and `sock_recv`."""

    async def scenario() -> None:
        loop = names.get_running_loop()
        with socket.socket() as listener, socket.socket() as client:
            for sock in (listener, client):
                sock.setblocking(False)
            listener.bind(("127.0.0.1", 0))
            listener.listen()

            async def serve() -> None:
                connection, _ = await loop.sock_accept(listener)
                with connection:
                    await loop.sock_sendall(connection, b"x" * 200_000)

            async def ask() -> int:
                await loop.sock_connect(client, listener.getsockname())
                total = 0
                while data := await loop.sock_recv(client, 50_000):
                    total += len(data)
                return total

            tasks = [names.create_task(each()) for each in (serve, ask)]
            try:
                await names.wait(tasks, timeout=LONG)
            finally:
                for task in tasks:
                    task.cancel()
                await names.wait(tasks)

    return scenario


def datagrams(names: Any) -> Scenario:
    """A question and its answer, either of which may get lost."""

    async def scenario(world: World) -> None:
        world.network.default_link.loss = True
        loop = names.get_running_loop()

        class Server(names.DatagramProtocol):  # type: ignore[misc]
            def connection_made(self, transport: Any) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, addr: Any) -> None:
                self.transport.sendto(data, addr)

        class Client(names.DatagramProtocol):  # type: ignore[misc]
            def __init__(self) -> None:
                self.answer = loop.create_future()

            def datagram_received(self, data: bytes, addr: Any) -> None:
                if not self.answer.done():
                    self.answer.set_result(data)

        async def ask(port: int) -> None:
            address = ("127.0.0.1", port)
            transport, client = await loop.create_datagram_endpoint(Client, remote_addr=address)
            try:
                transport.sendto(b"question")
                await names.wait([client.answer], timeout=LONG)
            finally:
                transport.close()

        server, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
        try:
            port = server.get_extra_info("sockname")[1]
            await names.wait([names.create_task(ask(port)) for _ in range(2)])
        finally:
            server.close()

    return scenario


CONNECTIONS: tuple[Program, ...] = (streams, tls, bare_sockets, datagrams)
