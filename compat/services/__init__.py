"""Real servers for programs that need one: PostgreSQL and Redis, started when asked for.

    with Services() as services, services.fresh(["postgresql", "redis"]) as environment:
        ...     # {"DATABASE_URL": "postgresql://...", "REDIS_URL": "redis://..."}

`fresh` gives every run of a program the same state to start from: a new, empty database, a new
Redis.  A server listens on a free loopback port and on a Unix socket in a folder of its own, and
is gone with that folder afterwards, however this process ends.

    binaries.py    where the servers' programs are, on this machine
    bringing.py    how they come onto it; all others change nothing outside their own folder
    tools.py       the same for command line tools that tests and benchmarks need
    keeper.py      the process between us and a server, which outlives neither
    server.py      what all servers have in common: start, wait until it answers, stop
    postgresql.py, redis.py    what they have not

`python -m compat.services` brings what is missing, with `--tools` the tools, too;
`python -m compat.services COMMAND...` runs COMMAND with both servers.

Read next: server.py
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from compat.services.binaries import ServiceError
from compat.services.postgresql import PostgreSQL
from compat.services.redis import Redis
from compat.services.server import Server

__all__ = ["VARIABLES", "PostgreSQL", "Redis", "Server", "ServiceError", "Services"]

#: The environment variable in which a program finds the URL of each service.
VARIABLES = {"postgresql": "DATABASE_URL", "redis": "REDIS_URL"}


class Services:
    """A context in which programs get servers; safe to use from several threads.

    A server is started when the first program needs it.  PostgreSQL, which takes a second to make
    its files, is started once and gives each program a database; Redis is started for each.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = ExitStack()
        self._postgresql: PostgreSQL | None = None

    def __enter__(self) -> "Services":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @contextmanager
    def fresh(self, names: Sequence[str]) -> Iterator[dict[str, str]]:
        """Give the environment variables of one run of a program that needs the services *names*.

        Raises ServiceError when one cannot be had.
        """
        with ExitStack() as stack:
            urls = {}
            for name in names:
                if name == "postgresql":
                    urls[VARIABLES[name]] = stack.enter_context(self._one_postgresql().database())
                else:
                    urls[VARIABLES[name]] = stack.enter_context(Redis()).url
            yield urls

    def _one_postgresql(self) -> PostgreSQL:
        """Return the running PostgreSQL, started by the first who asks."""
        with self._lock:
            if self._postgresql is None:
                self._postgresql = self._open.enter_context(PostgreSQL())
            return self._postgresql
