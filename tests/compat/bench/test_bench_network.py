"""Every echo server, on every contestant that is installed, echoes what it is sent."""

from __future__ import annotations

import os
import select
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from compat.bench.child import measure
from compat.bench.model import ASYNCIO, RLOOP, Contestant, Row, load_suite
from compat.bench.network import placement, servers
from compat.bench.network.commands import FIELD
from compat.bench.network.idle import SUITE as IDLE
from compat.bench.network.peer import PLACE, PeerError
from compat.bench.network.rows import FLOOR, SUITE, Echo

TURNS, CONNECTIONS = 3, 2

# rloop leaves the closing of its own sockets to the garbage collector.
LEAKS = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ON_TRIAL = [
    pytest.param(found, id=found.key, marks=LEAKS if found == RLOOP else []) for found in FIELD
]

# One of each kind, small; at 64 KiB a message comes in several pieces.
KINDS = {
    "protocol": Echo(servers.protocol, "tcp", 64, CONNECTIONS),
    "protocol, large": Echo(servers.protocol, "tcp", 300_000, CONNECTIONS),
    "protocol, young": Echo(servers.protocol, "tcp", 64, CONNECTIONS, young=True),
    "buffered": Echo(servers.buffered, "tcp", 64, CONNECTIONS),
    "buffered, large": Echo(servers.buffered, "tcp", 300_000, CONNECTIONS),
    "streams": Echo(servers.streams, "tcp", 64, CONNECTIONS),
    "streams, large": Echo(servers.streams, "tcp", 300_000, CONNECTIONS),
    "sock": Echo(servers.sock, "tcp", 64, CONNECTIONS),
    "sock, large": Echo(servers.sock, "tcp", 300_000, CONNECTIONS),
    "udp": Echo(servers.datagrams, "udp", 1024, CONNECTIONS),
    "tls": Echo(servers.protocol, "tcp", 64, CONNECTIONS, tls=True),
    "tls, large": Echo(servers.protocol, "tcp", 65_536, CONNECTIONS, tls=True),
    "tls-streams": Echo(servers.streams, "tcp", 64, CONNECTIONS, tls=True),
    "unix": Echo(servers.protocol, "unix", 64, CONNECTIONS),
    "unix-streams": Echo(servers.streams, "unix", 64, CONNECTIONS),
    "churn-protocol": Echo(servers.protocol, "tcp", 64, CONNECTIONS, churn=True),
    "churn-streams": Echo(servers.streams, "tcp", 64, CONNECTIONS, churn=True),
    "churn-sock": Echo(servers.sock, "tcp", 64, CONNECTIONS, churn=True),
}
# What rloop does not offer, and where it does not close when its client has hung up: the
# benchmark says so in the row.
NOT_OFFERED = {kind for kind in KINDS if kind.startswith(("tls", "unix"))}
NEVER_CLOSED = {"churn-protocol", "churn-streams"}


@pytest.fixture(autouse=True)
def client() -> Iterator[None]:
    """End the client's process after each test."""
    yield
    PLACE.discard()


def load(contestant: Contestant) -> tuple[ModuleType, Callable[[], Any]]:
    if contestant == FLOOR and not hasattr(select, "epoll"):
        pytest.skip("the floor is made of epoll")
    try:
        return contestant.load()
    except ImportError as error:
        if os.environ.get("CI"):
            raise  # there the development tools are always installed
        pytest.skip(str(error))


@pytest.mark.parametrize("contestant", ON_TRIAL)
@pytest.mark.parametrize("kind", KINDS)
def test_a_server_echoes(kind: str, contestant: Contestant) -> None:
    names, factory = load(contestant)
    row = Row(kind, "", CONNECTIONS, KINDS[kind])
    if contestant == RLOOP and kind in NEVER_CLOSED:
        pytest.skip("rloop leaves the connection half open")
    if contestant == RLOOP and kind in NOT_OFFERED:
        with pytest.raises(NotImplementedError):
            measure(row, names, factory, TURNS)
        return
    sample = measure(row, names, factory, TURNS)
    assert sample.operations == TURNS * CONNECTIONS
    assert sample.seconds > 0
    assert set(sample.extras) == {extra.key for extra in SUITE.extras}
    assert all(found > 0 for found in sample.extras.values())


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no word about memory")
@pytest.mark.parametrize("contestant", ON_TRIAL)
@pytest.mark.parametrize("row", IDLE.rows.values(), ids=lambda found: found.key)
def test_idle_connections_get_the_broadcast(row: Row, contestant: Contestant) -> None:
    names, factory = load(contestant)
    # More than the client opens at once, and than it rehearses with.
    sample = measure(row, names, factory, 130)
    assert sample.operations == 130
    assert set(sample.extras) == {extra.key for extra in IDLE.extras}
    assert sample.extras["number"] == 130
    assert sample.extras["broadcast"] > 0


def test_the_rows_are_what_they_are_called() -> None:
    styles = {"protocol", "buffered", "streams", "sock"}
    tcp = {f"{s}-{size}-{n}" for s in styles for size in ("64", "1k", "64k") for n in (1, 10, 200)}
    assert tcp < set(SUITE.rows)
    for key, row in SUITE.rows.items():
        echo = row.workload
        assert isinstance(echo, Echo)
        size, crowd = key.split("-")[-2:]
        assert echo.size == int(size.replace("k", "")) * (1024 if "k" in size else 1)
        assert echo.connections == row.per_unit == int(crowd)
        assert echo.tls == ("tls" in key)
        assert echo.churn == ("churn" in key)
        assert echo.kind == next((kind for kind in ("udp", "unix") if kind in key), "tcp")


def test_all_loaded_by_name() -> None:
    assert load_suite("compat.bench.network.rows") is SUITE
    assert load_suite("compat.bench.network.idle") is IDLE


Answer = Callable[[Any, Any], Awaitable[None]]


def answering(answer: Answer) -> servers.Serve:
    """Make a server of a function for one connection; it is left when all have ended."""

    @asynccontextmanager
    async def serve(
        names: ModuleType, listener: socket.socket, _tls: ssl.SSLContext | None
    ) -> AsyncIterator[None]:
        tasks: list[Any] = []

        async def handle(reader: Any, writer: Any) -> None:
            tasks.append(names.current_task())
            await answer(reader, writer)
            writer.close()
            await writer.wait_closed()

        async with await names.start_server(handle, sock=listener):
            try:
                yield
            finally:
                await names.wait(tasks)

    return serve


@answering
async def distorting(reader: Any, writer: Any) -> None:
    """Send back something else."""
    while data := await reader.read(servers.CHUNK):
        writer.write(bytes(255 - byte for byte in data))


@answering
async def hanging_up(reader: Any, _writer: Any) -> None:
    """Read a message and close."""
    await reader.read(64)


@pytest.mark.parametrize(
    ("serve", "message"),
    [(distorting, "the answer is not what was sent"), (hanging_up, "closed after 0 of 64 bytes")],
    ids=["distorting", "hanging up"],
)
def test_a_server_that_is_wrong_is_an_error_and_not_the_end(
    serve: servers.Serve, message: str
) -> None:
    names, factory = ASYNCIO.load()
    with pytest.raises(PeerError, match=message):
        measure(Row("wrong", "", 1, Echo(serve, "tcp", 64, 1)), names, factory, TURNS)
    right = Row("right", "", CONNECTIONS, KINDS["protocol"])
    assert measure(right, names, factory, TURNS).operations == TURNS * CONNECTIONS


def test_a_client_that_dies_is_an_error() -> None:
    @asynccontextmanager
    async def killing(
        names: ModuleType, listener: socket.socket, _tls: ssl.SSLContext | None
    ) -> AsyncIterator[None]:
        PLACE.peer()._process.kill()
        async with servers.protocol(names, listener, None):
            yield

    names, factory = ASYNCIO.load()
    row = Row("dead", "", 1, Echo(killing, "tcp", 64, 1))
    with pytest.raises((PeerError, OSError)):
        measure(row, names, factory, TURNS)
    right = Row("right", "", CONNECTIONS, KINDS["protocol"])
    assert measure(right, names, factory, TURNS).operations == TURNS * CONNECTIONS


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="not offered by this system")
@pytest.mark.parametrize(
    ("word", "allowed", "server", "client"),
    [
        ("together", {0, 1, 2}, {2}, None),
        ("apart", {0, 1, 2}, {2}, {0, 1}),
        ("anywhere", {0, 1, 2}, None, None),
        ("together", {5}, {5}, None),
    ],
)
def test_where_processes_go(
    word: str,
    allowed: set[int],
    server: set[int] | None,
    client: set[int] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moves: list[set[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(allowed))
    monkeypatch.setattr(os, "sched_setaffinity", lambda _pid, where: moves.append(where))
    monkeypatch.setattr(os, "sched_setscheduler", lambda _pid, _policy, _param: None)
    placement.place_server(word)
    assert moves == ([] if server is None else [server])
    moves.clear()
    placement.place_client(word, allowed)
    assert moves == ([] if client is None else [client])


def test_places_that_there_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="'nowhere' is none of together, apart, anywhere"):
        placement.place_server("nowhere")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3}, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda _pid, _where: None, raising=False)
    with pytest.raises(RuntimeError, match="one processor only"):
        placement.place_server("apart")


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="the floor is made of epoll")
def test_the_floor_is_not_for_coroutines_that_wait() -> None:
    names, factory = FLOOR.load()

    class Never:
        def __await__(self) -> Generator[None, None, None]:
            yield

    async def wait() -> None:
        await Never()

    loop = factory()
    with pytest.raises(RuntimeError, match="nothing here that could wait"):
        loop.run_until_complete(wait())
    loop.close()
    with pytest.raises(RuntimeError, match="no floor is running"):
        names.get_running_loop()
