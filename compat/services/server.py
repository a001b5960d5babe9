"""What all servers have in common: a folder, a port, a start, an answer, an end.

The server itself is run by a process of its own; see `keeper.py`.

Read next: keeper.py
"""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, NoReturn, Self

from compat.services.binaries import SERVERS, Programs, ServiceError, find

__all__ = ["Orders", "Server"]

KEEPER = Path(__file__).resolve().parent / "keeper.py"
SLOWEST = 60.0  # seconds that a server may take until it answers, on a very busy machine
TICK = 0.01  # seconds between two questions whether it answers
TRIES = 5  # ports, should somebody else take the one that was free a moment ago
TAKEN = "in use"  # what any server says about that


@dataclass(frozen=True)
class Orders:
    """What the keeper is to do; see there."""

    directory: str
    serve: list[str]
    signal: int = signal.SIGTERM
    prepare: list[str] | None = None
    user: tuple[int, int] | None = None
    copy: tuple[str, tuple[str, ...], str] | None = None


class Server(ABC):
    """A server that runs while the context is entered.

    directory: its folder, with its Unix socket.  port: where it listens on 127.0.0.1.
    """

    name: ClassVar[str]
    directory: Path
    port: int

    @property
    @abstractmethod
    def url(self) -> str:
        """Where a program finds it, by TCP."""

    @abstractmethod
    def orders(self, programs: Programs) -> Orders:
        """Return how the programs are run in `directory` with `port`."""

    @abstractmethod
    def answers(self) -> bool:
        """Return whether it answers; an OSError means that it does not (yet)."""

    def __enter__(self) -> Self:
        """Start the server and wait until it answers.  Raises ServiceError if it does not."""
        programs = find(self.name)
        for attempt in range(1, TRIES + 1):
            self.port = free_port()
            try:
                self._launch(programs)
            except ServiceError as error:
                if TAKEN not in str(error) or attempt == TRIES:
                    raise
            else:
                break
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server and remove its folder; returns when both are done."""
        with self._keeper as keeper:
            assert keeper.stdin is not None
            assert keeper.stdout is not None
            with suppress(BrokenPipeError):  # it has ended
                keeper.stdin.write(b"end\n")  # closing says it, too, unless a fork of us lives on
            keeper.stdin.close()
            keeper.stdout.read()

    def stop(self) -> None:
        """Stop the server but keep its folder and its port: `start` begins again there."""
        self._tell("stop")

    def start(self) -> None:
        """Start a server that was stopped, and wait until it answers."""
        self._tell("start")
        self._wait()

    def _launch(self, programs: Programs) -> None:
        """Have a keeper start the server, and wait until it answers."""
        self.directory = Path(tempfile.mkdtemp(prefix="miniloop-", dir=short_place()))
        try:
            orders = json.dumps(asdict(self.orders(programs)))
            self._keeper: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-I", "-S", str(KEEPER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        try:
            self._say(orders)
            self._wait()
        except BaseException:
            self.__exit__()
            raise

    def _wait(self) -> None:
        """Wait until the server answers; raises ServiceError with its last words if it ended."""
        deadline = time.monotonic() + SLOWEST
        while True:
            try:
                if self.answers():
                    return
            except OSError:
                pass  # it does not listen yet
            if self._keeper.poll() is not None:
                self._fail("does not start")
            if time.monotonic() > deadline:
                self._fail(f"does not answer after {SLOWEST:.0f} s")
            time.sleep(TICK)

    def _tell(self, word: str) -> None:
        """Have the keeper do something and wait until it is done."""
        self._say(word)
        assert self._keeper.stdout is not None
        if self._keeper.stdout.readline() != b"done\n":
            self._fail(f"did not {word}")

    def _say(self, text: str) -> None:
        """Write a line to the keeper; one that has ended says why when it is asked."""
        assert self._keeper.stdin is not None
        try:
            self._keeper.stdin.write(text.encode() + b"\n")
        except BrokenPipeError:
            self._fail("does not run")

    def _fail(self, what: str) -> NoReturn:
        """Raise ServiceError with the server's last words, if it had any."""
        words = b""
        if self._keeper.poll() is not None and self._keeper.stdout is not None:
            words = self._keeper.stdout.read()
        text = " ".join(words.decode(errors="replace").split())
        raise ServiceError(f"{SERVERS[self.name].title} {what}" + (f": {text}" if text else ""))


def short_place() -> str:
    """Return a folder for temporary ones in which the path of a Unix socket stays short enough."""
    return "/tmp" if os.access("/tmp", os.W_OK | os.X_OK) else tempfile.gettempdir()


def free_port() -> int:
    """Return a port of the loopback interface that is free now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def another_user() -> tuple[int, int] | None:
    """Return the ids of a user without rights if we are root, whom some servers refuse."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise ServiceError("there is no user nobody to run PostgreSQL as") from None
    return nobody.pw_uid, nobody.pw_gid


def open_to_all(path: Path) -> bool:
    """Return whether every user may enter all folders above *path* and run what it is."""
    return all(os.stat(place).st_mode & 0o001 for place in (path, *path.parents))


def connected(path: str) -> socket.socket:
    """Return a connection to the Unix socket *path*, on which nothing takes for ever."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(SLOWEST)
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock
