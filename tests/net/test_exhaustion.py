"""No descriptor is left for it: what was begun fails and leaves nothing, or goes on later."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

import miniloop
from miniloop.eventloop import EventLoop
from miniloop.net import children, server

from ..processes import child_processes
from .stage import Diary, bound, run, strict
from .tls_wire import client_context, server_context


@contextlib.contextmanager
def descriptors_left(number: int) -> Iterator[None]:
    """Let this process open *number* more descriptors, or a few more if there are gaps."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + number, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def descriptors() -> set[str]:
    """Return what is open, without the collector's help."""
    return set(os.listdir("/proc/self/fd"))


# -- accepting -----------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_server_waits_for_descriptors(monkeypatch: pytest.MonkeyPatch, tls: bool) -> None:
    """It reports that once, leaves the socket alone for a while, and serves again afterwards."""
    monkeypatch.setattr(server, "ACCEPT_RETRY_DELAY", 0.01)
    reports: list[dict[str, Any]] = []
    watched: list[int] = []

    def look(loop: Any) -> None:
        """Note what is ready just after a report: a loop that watched it would spin."""
        watched.extend(key.fd for key, _ in loop._selector.select(0))

    def note(loop: Any, report: dict[str, Any]) -> None:
        reports.append(report)
        loop.call_soon(look, loop)

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        loop.set_exception_handler(note)
        diaries: list[Diary] = []

        def factory() -> Diary:
            diaries.append(Diary(loop, False))
            return diaries[-1]

        served = await loop.create_server(
            factory, sock=bound(), ssl=server_context() if tls else None
        )
        address = served.sockets[0].getsockname()
        # Sockets that are there already may connect; they cannot be accepted.
        clients = [socket.socket() for _ in range(3)]
        for client in clients:
            client.setblocking(False)
        with descriptors_left(0):
            for client in clients:
                await loop.sock_connect(client, address)
            for _ in range(3):  # it is tried again, and fails again
                seen = len(reports)
                while len(reports) == seen:
                    await asyncio.sleep(0)
        assert diaries == []
        assert served.sockets[0].fileno() not in watched
        options = {"ssl": client_context(), "server_hostname": "localhost"} if tls else {}
        made = await asyncio.gather(
            *(loop.create_connection(asyncio.Protocol, sock=each, **options) for each in clients)
        )
        for transport, _ in made:
            transport.close()
        while len(diaries) < len(clients):
            await asyncio.sleep(0)
        for diary in diaries:
            await diary.lost
        served.close()
        await served.wait_closed()

    run(strict, main())
    for report in reports:
        assert report["message"] == "socket.accept() out of system resource"
        assert report["exception"].errno == errno.EMFILE


def test_the_pause_is_as_long_as_asyncios() -> None:
    from asyncio import constants

    assert server.ACCEPT_RETRY_DELAY == constants.ACCEPT_RETRY_DELAY


def test_who_accepts_by_hand_is_told() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with bound() as listening, socket.socket() as client:
            client.setblocking(False)
            await loop.sock_connect(client, listening.getsockname())
            with descriptors_left(0), pytest.raises(OSError, match="Too many open files"):
                await loop.sock_accept(listening)
            connection, _ = await loop.sock_accept(listening)
            connection.close()

    run(strict, main())


# -- everything that opens a descriptor ----------------------------------------


async def close(transport: Any) -> None:
    transport.abort()
    await asyncio.sleep(0)


async def to_a_server(loop: Any, **options: Any) -> None:
    address = loop.listening.getsockname()
    transport, _ = await loop.create_connection(asyncio.Protocol, *address, **options)
    await close(transport)


async def from_an_address(loop: Any) -> None:
    await to_a_server(loop, local_addr=("127.0.0.1", 0))


async def in_a_race(loop: Any) -> None:
    await to_a_server(loop, happy_eyeballs_delay=0.001)


async def serving(loop: Any) -> None:
    made = await loop.create_server(asyncio.Protocol, ["127.0.0.1", "127.0.0.2"], 0)
    made.close()
    await made.wait_closed()


async def unix_serving(loop: Any) -> None:
    path = f"\0miniloop-{os.getpid()}-{id(loop)}"
    made = await loop.create_unix_server(asyncio.Protocol, path)
    try:
        transport, _ = await loop.create_unix_connection(asyncio.Protocol, path)
        await close(transport)
    finally:
        made.close()
        made.abort_clients()
        await made.wait_closed()


async def datagrams(loop: Any) -> None:
    transport, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, ("127.0.0.1", 0), ("127.0.0.1", 9)
    )
    await close(transport)


async def a_process(loop: Any) -> None:
    process = await miniloop.create_subprocess_exec("cat", stdin=-1, stdout=-1, stderr=-1)
    assert await process.communicate(b"x") == (b"x", b"")


async def a_shell(loop: Any) -> None:
    assert await (await miniloop.create_subprocess_shell("exit 3")).wait() == 3


ALL = [
    to_a_server,
    from_an_address,
    in_a_race,
    serving,
    unix_serving,
    datagrams,
    a_process,
    a_shell,
]


@pytest.mark.parametrize("begin", ALL, ids=lambda each: each.__name__)
def test_nothing_is_left_of_what_failed(begin: Callable[[Any], Coroutine[Any, Any, Any]]) -> None:
    """However many descriptors there are: it works, or it fails and they are all free again."""
    others = child_processes()

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        reported: list[Any] = []
        loop.set_exception_handler(lambda _, context: reported.append(context["message"]))
        with bound() as listening:
            loop.listening = listening
            await begin(loop)  # what is opened once and for all is
            before = descriptors()
            outcomes = []
            for number in range(16):
                with descriptors_left(number):
                    try:
                        await begin(loop)
                    except OSError as error:
                        outcomes.append(error.errno)
                    else:
                        outcomes.append(0)
                await asyncio.sleep(0)
                assert descriptors() == before
            # (A server takes a socket that cannot be made for a family that the machine has not,
            # as on asyncio; and a shell may need no descriptor.)
            assert outcomes[0] in (errno.EMFILE, None) or begin is a_shell
            assert outcomes[-1] == 0
            assert set(outcomes) <= {0, errno.EMFILE, None}
        assert set(reported) <= {"socket.accept() out of system resource"}

    run(EventLoop, main())
    assert child_processes() <= others


def test_a_process_whose_end_no_descriptor_is_left_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread waits for it instead."""
    if not children.can_use_pidfd():
        pytest.skip("this system has no pidfd")
    opened: list[int] = []
    real = os.pidfd_open

    def open_none(pid: int, flags: int) -> int:
        with descriptors_left(0):
            opened.append(pid)
            return real(pid, flags)

    monkeypatch.setattr(os, "pidfd_open", open_none)

    async def main() -> int:
        process = await miniloop.create_subprocess_exec("sh", "-c", "exit 7")
        assert opened == [process.pid]
        return await process.wait()

    assert run(EventLoop, main()) == 7
