"""The server that clients are measured against, in a process of its own.

It is protocols.http's on asyncio's loop, which speaks both versions on one port in clear
text.  Run as a module it says its port in a line, and serves until its input ends, so that
it does not outlive whoever started it.

Read next: our_client.py
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from compat.bench.http.application import application
from compat.bench.network.placement import TOGETHER, place_client, place_server, processors

ROOT = str(Path(__file__).resolve().parents[3])
BOOTSTRAP = (
    "import sys; sys.path.append(sys.argv[1]); from compat.bench.http.answerer import main; "
    "main(sys.argv[2])"
)


class Answerer:
    """The server's process, kept from one sample to the next."""

    def __init__(self) -> None:
        self._url = ""
        self._placement = TOGETHER
        self._process: subprocess.Popen[str] | None = None

    def prepare(self, placement: str) -> None:
        """Start it, and put this process where it belongs."""
        self._placement = placement or TOGETHER
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", BOOTSTRAP, ROOT, self._placement],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        assert self._process.stdout is not None
        self._url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/"
        place_server(self._placement)

    def url(self) -> str:
        """Return what to ask for."""
        return self._url


ANSWERER = Answerer()


async def answer() -> None:
    """Serve until the input ends."""
    from protocols.http.server import serve  # only here is an extra needed

    async with await serve(application, "127.0.0.1") as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main(placement: str) -> None:
    """Be the server's process, for a client at *placement* (see placement.py)."""
    allowed = processors()
    if placement == TOGETHER:
        place_server(placement)
    else:
        place_client(placement, allowed)
    asyncio.run(answer())
