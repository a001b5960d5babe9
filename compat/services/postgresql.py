"""A PostgreSQL whose data need not survive, and as many empty databases in it as are asked for.

PostgreSQL refuses to be run by root, so root runs it as nobody; if nobody cannot reach its
programs (an environment below /root) they are copied into the server's folder.  What we ask of it
ourselves (does it answer, make a database) takes three messages of its protocol, so that no client
library is needed: https://www.postgresql.org/docs/current/protocol-flow.html.

Read next: redis.py
"""

import itertools
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from compat.services.binaries import Programs, ServiceError
from compat.services.server import Orders, Server, another_user, connected, open_to_all

__all__ = ["PostgreSQL", "execute"]

USER = "miniloop"
VERSION_3 = 196608  # of the protocol
CONNECTIONS = 60  # at most, at a time
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": str(CONNECTIONS),
    "shared_buffers": "16MB",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "autovacuum": "off",
    "jit": "off",
    "timezone": "UTC",
}


class PostgreSQL(Server):
    """A PostgreSQL on a free port of 127.0.0.1 and a Unix socket in `directory`.

    Everybody on this machine is let in as its superuser without a password.
    """

    name = "postgresql"

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    @property
    def url(self) -> str:
        """Where a program finds the database that is there from the beginning."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Return where a program finds the *database*."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    @property
    def path(self) -> str:
        """Its Unix socket."""
        return str(self.directory / f".s.PGSQL.{self.port}")

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the URL of a new, empty database that is there while the context is entered.

        Whoever is still connected at the end is thrown out.  Raises ServiceError if it cannot be
        made.
        """
        name = f"run_{next(self._numbers)}"
        try:
            execute(self.path, f"CREATE DATABASE {name} TEMPLATE template0")
        except OSError as error:
            raise ServiceError(f"PostgreSQL does not make a database: {error}") from None
        try:
            yield self.url_of(name)
        finally:
            with suppress(OSError):  # the server may be gone, and the database with it
                execute(self.path, f"DROP DATABASE {name} WITH (FORCE)")

    def orders(self, programs: Programs) -> Orders:
        """Return how the server is prepared and run."""
        user, copy, folder = another_user(), None, programs.server.parent
        if user is not None and programs.movable and not open_to_all(programs.server):
            place, parts = programs.movable
            copy = str(place), parts, str(self.directory / "programs")
            folder = Path(copy[2]) / folder.relative_to(place)
        data = str(self.directory / "data")
        initdb = [str(folder / "initdb"), "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8"]
        settings = SETTINGS | {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.directory),
        }
        words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return Orders(
            directory=str(self.directory),
            prepare=[*initdb, "--locale=C", "--no-sync", "--no-instructions"],
            serve=[str(folder / "postgres"), "-D", data, *words],
            signal=signal.SIGQUIT,  # at once: nothing has to be saved
            user=user,
            copy=copy,
        )

    def answers(self) -> bool:
        """Return whether it answers."""
        execute(self.path, "SELECT 1")
        return True


def execute(path: str, statement: str, database: str = "postgres") -> None:
    """Have the server at the Unix socket *path* execute one statement; its rows are ignored.

    Raises ConnectionError with the server's words when it refuses.
    """
    names = f"user\0{USER}\0database\0{database}\0\0".encode()
    with connected(path) as sock:
        sock.sendall(struct.pack("!II", len(names) + 8, VERSION_3) + names)
        until_ready(sock)
        text = statement.encode() + b"\0"
        sock.sendall(struct.pack("!cI", b"Q", len(text) + 4) + text)
        until_ready(sock)


def until_ready(sock: socket.socket) -> None:
    """Read messages up to "ready for query".  Raises ConnectionError for an error among them."""
    error = None
    kind = b""
    while kind != b"Z":
        kind, length = struct.unpack("!cI", exactly(sock, 5))
        body = exactly(sock, length - 4)
        if kind == b"E":
            fields = {part[:1]: part[1:].decode() for part in body.split(b"\0")}
            error = ConnectionError(fields[b"M"])
            if fields[b"S"] == "FATAL":
                raise error
    if error is not None:
        raise error


def exactly(sock: socket.socket, size: int) -> bytes:
    """Read *size* bytes.  Raises ConnectionError when the server hangs up before."""
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise ConnectionError("the server hung up")
        data += more
    return data
