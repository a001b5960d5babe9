"""Connections to hosts with several addresses, of which some answer late or never."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from .stage import bound, run, strict


class Hosts:
    """Stands in for the network of *loop*: which address answers how.

    ``connects`` maps the last part of an address to what happens: an exception,
    seconds to wait, an `asyncio.Event` that is set when the next address is tried,
    or None for a connection.  A connection is there at once: no time passes meanwhile.
    """

    def __init__(self, loop: Any, connects: dict[int, Any]) -> None:
        self.loop = loop
        self.connects = connects
        self.tried: list[int] = []
        self.closed: list[int] = []
        self.sockets: list[socket.socket] = []
        self.real_address = bound_server(self)
        loop.getaddrinfo = self.getaddrinfo
        loop.sock_connect = self.sock_connect

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{number}", port))
            for number in self.connects
        ]

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        number = int(address[0].rsplit(".")[-1])
        self.tried.append(number)
        before = self.connects.get(number - 1)
        if isinstance(before, asyncio.Event):
            before.set()
        self.sockets.append(sock)
        outcome = self.connects[number]
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, asyncio.Event):
            await outcome.wait()
        elif outcome is not None:
            await asyncio.sleep(outcome)
        sock.setblocking(True)
        sock.connect(self.real_address)
        sock.setblocking(False)

    def close(self) -> None:
        self.listening.close()

    listening: socket.socket


def bound_server(hosts: Hosts) -> Any:
    hosts.listening = bound()
    return hosts.listening.getsockname()


async def attempt(connects: dict[int, Any], **options: Any) -> tuple[Hosts, Any]:
    """Return what was tried, and the error or None."""
    loop: Any = asyncio.get_running_loop()
    hosts = Hosts(loop, connects)
    error = None
    try:
        transport, _ = await loop.create_connection(asyncio.Protocol, "host", 1, **options)
    except (OSError, ExceptionGroup) as raised:
        error = raised
    else:
        transport.close()
        await asyncio.sleep(0)
    hosts.close()
    open_ones = [sock for sock in hosts.sockets if sock.fileno() != -1]
    assert open_ones == []
    return hosts, error


NEVER = 60
LATE = "after the next is tried"
REFUSED = ConnectionRefusedError(111, "refused")


@pytest.mark.parametrize(
    ("connects", "tried"),
    [
        ({1: None, 2: None}, [1]),
        ({1: REFUSED, 2: None, 3: None}, [1, 2]),
        ({1: NEVER, 2: None, 3: None}, [1, 2]),
        ({1: NEVER, 2: REFUSED, 3: None}, [1, 2, 3]),
        ({1: NEVER, 2: NEVER, 3: None}, [1, 2, 3]),
        ({1: LATE, 2: NEVER, 3: NEVER}, [1, 2]),
    ],
)
def test_happy_eyeballs(
    on_each: Callable[..., Any], connects: dict[int, Any], tried: list[int]
) -> None:
    async def main() -> None:
        late = {key: asyncio.Event() if what == LATE else what for key, what in connects.items()}
        hosts, error = await attempt(late, happy_eyeballs_delay=0.02)
        assert error is None
        assert hosts.tried == tried

    on_each(main())


def test_one_after_the_other(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        hosts, error = await attempt({1: REFUSED, 2: 0.001, 3: None})
        assert error is None
        assert hosts.tried == [1, 2]

    on_each(main())


@pytest.mark.parametrize("delay", [None, 0.01])
def test_what_is_raised_when_all_fail(delay: float | None) -> None:
    async def main() -> None:
        same: dict[int, Any] = {1: OSError(1, "same"), 2: OSError(1, "same")}
        _, error = await attempt(same, happy_eyeballs_delay=delay)
        assert error is same[1]
        other: dict[int, Any] = {1: OSError(1, "one"), 2: OSError(2, "two")}
        _, error = await attempt(other, happy_eyeballs_delay=delay)
        assert str(error) == "Multiple exceptions: [Errno 1] one, [Errno 2] two"
        _, error = await attempt(other, happy_eyeballs_delay=delay, all_errors=True)
        assert isinstance(error, ExceptionGroup)
        assert error.exceptions == (other[1], other[2])

    run(strict, main())


def test_cancelled_in_the_race(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        hosts = Hosts(loop, {1: NEVER, 2: NEVER})
        task = loop.create_task(
            loop.create_connection(asyncio.Protocol, "host", 1, happy_eyeballs_delay=0.001)
        )
        while hosts.tried != [1, 2]:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        assert all(sock.fileno() == -1 for sock in hosts.sockets)
        hosts.close()

    on_each(main())


def test_two_winners_at_once() -> None:
    """Both connect in the same turn: one is used, the other is closed."""

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        hosts = Hosts(loop, {1: NEVER, 2: NEVER})
        both = loop.create_future()

        async def connect(sock: socket.socket, address: Any) -> None:
            hosts.sockets.append(sock)
            await asyncio.shield(both)
            sock.connect_ex(hosts.real_address)

        loop.sock_connect = connect
        task = loop.create_task(
            loop.create_connection(asyncio.Protocol, "host", 1, happy_eyeballs_delay=0.001)
        )
        while len(hosts.sockets) < 2:
            await asyncio.sleep(0.001)
        both.set_result(None)
        transport, _ = await task
        assert [sock.fileno() != -1 for sock in hosts.sockets].count(True) == 1
        transport.close()
        await asyncio.sleep(0)
        hosts.close()

    run(strict, main())


def test_where_to_connect_from(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        listening = bound()
        transport, _ = await loop.create_connection(
            asyncio.Protocol, *listening.getsockname(), local_addr=("127.0.0.1", 0)
        )
        assert transport.get_extra_info("sockname")[0] == "127.0.0.1"
        transport.close()
        with pytest.raises(OSError, match="no matching local address with family="):
            await loop.create_connection(
                asyncio.Protocol, *listening.getsockname(), local_addr=("::1", 0)
            )
        with pytest.raises(OSError, match="error while attempting to bind on address"):
            await loop.create_connection(
                asyncio.Protocol, *listening.getsockname(), local_addr=("192.0.2.1", 0)
            )
        listening.close()

    on_each(main())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "host and port was not specified and no sock specified"),
        ({"host": "h", "sock": object()}, "host/port and sock can not be specified"),
        ({"host": "h", "server_hostname": "h"}, "server_hostname is only meaningful with ssl"),
        ({"port": 1, "ssl": True}, "You must set server_hostname when using ssl without a host"),
        ({"host": "h", "ssl_handshake_timeout": 1}, "ssl_handshake_timeout is only meaningful"),
        ({"host": "h", "ssl_shutdown_timeout": 1}, "ssl_shutdown_timeout is only meaningful"),
    ],
)
def test_arguments_that_do_not_go_together(
    on_each: Callable[..., Any], options: dict[str, Any], message: str
) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match=message):
            await asyncio.get_running_loop().create_connection(asyncio.Protocol, **options)

    on_each(main())
