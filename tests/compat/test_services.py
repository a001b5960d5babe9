"""PostgreSQL and Redis for programs: they answer, runs begin anew, nothing is left of them."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from compat.services import VARIABLES, PostgreSQL, Redis, Server, ServiceError, Services
from compat.services import server as server_module
from compat.services.binaries import Programs
from compat.services.postgresql import execute
from compat.services.server import Orders, connected

KINDS: dict[str, type[Server]] = {"postgresql": PostgreSQL, "redis": Redis}
PATIENCE = 60.0  # seconds that no test takes

every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with Services() as services:
        yield services


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with PostgreSQL() as server:
        yield server


def listening(port: int) -> bool:
    """Return whether somebody accepts connections on a loopback port."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def database(url: str) -> str:
    return urlsplit(url).path.lstrip("/")


@every_kind
def test_it_answers_while_the_context_is_entered(kind: str) -> None:
    with KINDS[kind]() as server:
        assert server.answers()
        assert listening(server.port)
        assert urlsplit(server.url).port == server.port
        assert server.directory.is_dir()
    assert not server.directory.exists()
    assert not listening(server.port)
    assert server._keeper.returncode == 0


@every_kind
def test_an_exception_stops_it(kind: str) -> None:
    with pytest.raises(LookupError), KINDS[kind]() as server:
        raise LookupError
    assert not server.directory.exists()
    assert not listening(server.port)


PARENT = """
import signal, sys
from compat.services import PostgreSQL, Redis

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have us ignore it
with {kind}() as server:
    print(server.directory, server.port, server._keeper.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
@every_kind
def test_it_does_not_outlive_us(kind: str, number: signal.Signals) -> None:
    code = PARENT.format(kind=KINDS[kind].__name__)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as parent:
        assert parent.stdout is not None
        directory, port, pid = parent.stdout.readline().decode().split()
        assert listening(int(port))
        keeper = os.pidfd_open(int(pid))
        try:
            parent.send_signal(number)
            parent.wait(PATIENCE)
            assert select.select([keeper], [], [], PATIENCE)[0], "the keeper goes on"
        finally:
            os.close(keeper)
    assert not Path(directory).exists()
    assert not listening(int(port))


def test_who_inherits_our_end_of_the_pipe_does_not_keep_it_alive() -> None:
    server = Redis().__enter__()
    assert server._keeper.stdin is not None
    inherited = (server._keeper.stdin.fileno(),)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=inherited) as heir:
        server.__exit__()
        assert heir.poll() is None
    assert not server.directory.exists()


@every_kind
def test_stopped_and_started_it_is_where_it_was(kind: str) -> None:
    with KINDS[kind]() as server:
        before = server.url, server.directory
        server.stop()
        assert not listening(server.port)
        assert server.directory.is_dir()
        server.start()
        assert server.answers()
        assert (server.url, server.directory) == before


@every_kind
def test_a_port_that_was_taken_meanwhile_is_replaced(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as rival:
        free = server_module.free_port
        ports = [rival.getsockname()[1]]
        monkeypatch.setattr(server_module, "free_port", lambda: ports.pop() if ports else free())
        with KINDS[kind]() as server:
            assert server.answers()
            assert server.port != rival.getsockname()[1]


def test_without_a_free_port_it_says_so_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    directories: list[str] = []

    def place(**options: str) -> str:
        directories.append(made(**options))
        return directories[-1]

    made = tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", place)
    with socket.create_server(("127.0.0.1", 0)) as rival:
        port = rival.getsockname()[1]
        monkeypatch.setattr(server_module, "free_port", lambda: port)
        with pytest.raises(ServiceError, match=r"Redis does not start: .*in use"):
            Redis().__enter__()
    assert len(directories) == server_module.TRIES
    assert not any(map(os.path.exists, directories))


def test_what_a_server_says_before_it_ends_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(Redis):
        def orders(self, programs: Programs) -> Orders:
            return Orders(directory=str(self.directory), serve=["sh", "-c", "echo out of ink >&2"])

    server = Odd()
    with pytest.raises(ServiceError, match="Redis does not start: out of ink"):
        server.__enter__()
    assert not server.directory.exists()


def test_a_server_that_cannot_be_prepared_is_not_run() -> None:
    class Odd(Redis):
        def orders(self, programs: Programs) -> Orders:
            directory = str(self.directory)
            marker = ["touch", f"{directory}/../{self.directory.name}.ran"]
            return Orders(directory=directory, prepare=["sh", "-c", "echo no; false"], serve=marker)

    server = Odd()
    with pytest.raises(ServiceError, match=r"does not start: no$"):
        server.__enter__()
    assert not server.directory.with_name(f"{server.directory.name}.ran").exists()


def test_a_program_that_is_not_there_is_told() -> None:
    class Odd(Redis):
        def orders(self, programs: Programs) -> Orders:
            return Orders(directory=str(self.directory), serve=[str(self.directory / "nothing")])

    with pytest.raises(ServiceError, match="No such file"):
        Odd().__enter__()


def test_root_copies_programs_that_nobody_can_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compat.services.postgresql.another_user", lambda: (65534, 65534))
    tmp_path.chmod(0o700)
    place = tmp_path / "env"
    programs = Programs(place / "package/pg/bin/postgres", (place, ("package/pg", "package.libs")))
    programs.server.parent.mkdir(parents=True)
    programs.server.touch(0o755)
    server = PostgreSQL()
    server.directory, server.port = tmp_path / "server", 1
    orders = server.orders(programs)
    copied = f"{server.directory}/programs"
    assert orders.user == (65534, 65534)
    assert orders.copy == (str(place), ("package/pg", "package.libs"), copied)
    assert orders.serve[0] == f"{copied}/package/pg/bin/postgres"
    assert orders.prepare is not None
    assert orders.prepare[0] == f"{copied}/package/pg/bin/initdb"


def test_a_copied_server_works(monkeypatch: pytest.MonkeyPatch) -> None:
    class Copied(PostgreSQL):
        def orders(self, programs: Programs) -> Orders:
            orders = super().orders(programs)
            copies.append(orders.copy)
            return orders

    copies: list[object] = []
    monkeypatch.setattr("compat.services.postgresql.open_to_all", lambda _path: False)
    with Copied() as server:
        assert server.answers()
        if copies[0] is not None:  # we are root, and the programs came in a wheel
            assert (server.directory / "programs").is_dir()


def test_each_run_begins_with_an_empty_database(services: Services) -> None:
    names = []
    for _ in range(2):
        with services.fresh(["postgresql"]) as variables:
            name = database(variables["DATABASE_URL"])
            path = services._one_postgresql().path
            execute(path, "CREATE TABLE there (number integer)", name)
            names.append(name)
        with pytest.raises(ConnectionError, match=f'database "{name}" does not exist'):
            execute(path, "SELECT 1", name)
    assert len(set(names)) == 2


def test_a_run_that_is_still_connected_at_the_end_is_thrown_out(postgresql: PostgreSQL) -> None:
    with postgresql.database() as url:
        execute(postgresql.path, "SELECT 1", database(url))
        sock = socket.create_connection(("127.0.0.1", postgresql.port))
        names = f"user\0miniloop\0database\0{database(url)}\0\0".encode()
        sock.sendall((len(names) + 8).to_bytes(4, "big") + (196608).to_bytes(4, "big") + names)
        sock.settimeout(PATIENCE)
        assert sock.recv(1) == b"R"
    with sock:
        while sock.recv(65536):
            pass  # the end of the connection comes, or the test's time is up


def test_runs_at_once_share_one_postgresql_and_nothing_else(services: Services) -> None:
    together = threading.Barrier(4)

    def run(_number: int) -> tuple[str, str]:
        with services.fresh(["postgresql", "redis"]) as variables:
            together.wait(PATIENCE)
            assert set(variables) == set(VARIABLES.values())
            execute(
                services._one_postgresql().path,
                "CREATE TABLE mine (number integer)",
                database(variables["DATABASE_URL"]),
            )
            return variables["DATABASE_URL"], variables["REDIS_URL"]

    with ThreadPoolExecutor(4) as pool:
        databases, caches = zip(*pool.map(run, range(4)), strict=True)
    assert len(set(databases)) == len(set(caches)) == 4
    assert len({urlsplit(url).port for url in databases}) == 1
    assert not any(listening(urlsplit(url).port or 0) for url in caches)


def test_a_program_without_services_gets_nothing() -> None:
    with Services() as services, services.fresh([]) as variables:
        assert variables == {}
        assert services._postgresql is None


def test_a_redis_started_again_is_empty() -> None:
    with Redis() as server:
        with connected(server.path) as sock:
            sock.sendall(b"SET here 1\r\n")
            assert sock.recv(100) == b"+OK\r\n"
        server.stop()
        server.start()
        with connected(server.path) as sock:
            sock.sendall(b"GET here\r\n")
            assert sock.recv(100) == b"$-1\r\n"


def test_what_the_server_refuses_is_told_and_the_next_statement_works(
    postgresql: PostgreSQL,
) -> None:
    with pytest.raises(ConnectionError, match="division by zero"):
        execute(postgresql.path, "SELECT 1/0")
    execute(postgresql.path, "SELECT 1")
