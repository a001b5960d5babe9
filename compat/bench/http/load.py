"""Who asks: wrk and h2load, run from outside, and what they say of it.

wrk is the lightest that there is for HTTP/1.1, and runs for a number of seconds; what of
HTTP/2 there is to load, h2load does, with a number of requests.

Read next: serving.py
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Any

from compat.bench.network.peer import PLACE, readable
from compat.bench.network.placement import APART, others
from compat.services.tools import find_tool

WRK_CONNECTIONS = 64
H2_CONNECTIONS, H2_STREAMS = 10, 10
#: Requests in a unit of h2load's.
H2_REQUESTS = 1000

_WRK_DONE = re.compile(r"^ *(\d+) requests in ", re.MULTILINE)
_WRK_ERRORS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_WRK_STATUS = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_H2_DONE = re.compile(r"^requests: (\d+) total, ", re.MULTILINE)
_H2_STATUS = re.compile(r"^status codes: (\d+) 2xx", re.MULTILINE)

#: What Firefox sends for a page, apart from Host.
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Connection": "keep-alive",
    "Cookie": "session=0123456789abcdef0123456789abcdef; theme=dark",
    "Upgrade-Insecure-Requests": "1",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "none",
    "Priority": "u=0, i",
}


class LoadError(Exception):
    """The load could not be made, or requests failed; says which."""


@dataclass(frozen=True)
class Load:
    """Requests to a path, by one of the two tools.

    Attributes:
        tool: "wrk" or "h2load".
        path: what is asked for.
        per_unit: the requests of a unit, 0 for as many as there is time for.
        fields: header fields.
        body: how many bytes are posted.
    """

    tool: str
    path: str
    per_unit: int
    fields: tuple[tuple[str, str], ...] = ()
    body: int = 0

    async def __call__(self, loop: Any, port: int, tls: bool, units: int) -> int:
        """Make requests to a port of this machine, and return how many were answered.

        Raises:
            LoadError: if one was not answered as it should be.
        """
        url = f"{'https' if tls else 'http'}://127.0.0.1:{port}{self.path}"
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(f'wrk.method = "POST"; wrk.body = string.rep("x", {self.body})\n')
            script.flush()
            said = await run(
                loop, [str(find_tool(self.tool)), *self.words(units, script.name), url]
            )
        answered, failed = read_wrk(said) if self.tool == "wrk" else read_h2load(said)
        if failed or not answered:
            raise LoadError(f"{failed} requests failed, {answered} were answered:\n{said}")
        return answered

    def words(self, units: int, script: str) -> list[str]:
        """Return the tool's arguments but the URL.

        Args:
            units: how much.
            script: the name of a file that has wrk post the body.
        """
        fields = [word for name, value in self.fields for word in ("-H", f"{name}: {value}")]
        if self.tool == "h2load":
            requests = str(units * self.per_unit)
            return ["-n", requests, f"-c{H2_CONNECTIONS}", f"-m{H2_STREAMS}", *fields]
        posting = ["-s", script] if self.body else []
        return ["-t1", f"-c{WRK_CONNECTIONS}", f"-d{units}s", *posting, *fields]


def wrk(path: str, browser: bool = False, body: int = 0) -> Load:
    """Return a load of HTTP/1.1."""
    return Load("wrk", path, 0, tuple(BROWSER.items()) if browser else (), body)


def h2load(path: str) -> Load:
    """Return a load of HTTP/2: prior knowledge in clear text, ALPN over TLS."""
    return Load("h2load", path, H2_REQUESTS)


def read_wrk(said: str) -> tuple[int, int]:
    """Return how many requests wrk says were answered, and how many failed."""
    done, errors, status = (
        pattern.search(said) for pattern in (_WRK_DONE, _WRK_ERRORS, _WRK_STATUS)
    )
    failed = sum(map(int, errors.groups())) if errors else 0
    bad = int(status[1]) if status else 0
    return int(done[1]) - bad if done else 0, failed + bad


def read_h2load(said: str) -> tuple[int, int]:
    """Return how many requests h2load says were answered well, and how many were not."""
    total, status = _H2_DONE.search(said), _H2_STATUS.search(said)
    if total is None or status is None:
        return 0, 0
    return int(status[1]), int(total[1]) - int(status[1])


async def run(loop: Any, words: list[str]) -> str:
    """Run a program while the loop serves, and return what it said."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=pipe, stderr=subprocess.STDOUT
    )
    try:
        if PLACE.placement == APART:
            os.sched_setaffinity(process.pid, others(set(PLACE.allowed)))
        assert process.stdout is not None
        said = b""
        while True:
            await readable(loop, process.stdout.fileno())
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                return said.decode(errors="replace")
            said += piece
    finally:
        process.kill()
        process.communicate()
