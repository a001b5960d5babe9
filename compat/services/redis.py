"""A Redis (or Valkey) that keeps everything in memory and writes nothing to disk.

Read next: bringing.py
"""

import signal

from compat.services.binaries import Programs
from compat.services.server import Orders, Server, connected

__all__ = ["Redis"]


class Redis(Server):
    """A Redis on a free port and the Unix socket `path`, empty whenever it is started."""

    name = "redis"

    @property
    def url(self) -> str:
        """Where a program finds it, by TCP."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def path(self) -> str:
        """Its Unix socket."""
        return str(self.directory / "redis.sock")

    def orders(self, programs: Programs) -> Orders:
        """Return how the server is run."""
        settings = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "unixsocket": self.path,
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            "dir": str(self.directory),
        }
        words = [word for key, value in settings.items() for word in (f"--{key}", value)]
        return Orders(
            directory=str(self.directory),
            serve=[str(programs.server), *words],
            signal=signal.SIGTERM,
        )

    def answers(self) -> bool:
        """Return whether it answers."""
        with connected(self.path) as sock:
            sock.sendall(b"PING\r\n")
            return sock.recv(100).startswith(b"+PONG")
