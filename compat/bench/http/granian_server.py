"""granian: HTTP in Rust, the application in a worker process with a loop of its own.

Its worker is a process below ours, whose CPU time is read from /proc.

Read next: requests.py
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from compat.bench.http.serving import CERTIFICATE, Target, descendants_seconds

import granian  # isort: skip # noqa: F401 - so that it is missed at once where it is not

READY = "Started worker"
CONNECTING = 500  # times, 20 ms apart


@asynccontextmanager
async def serving(tls: bool) -> AsyncIterator[Target]:
    """Serve, on the same kind of loop as the one that runs; raises RuntimeError if it ends."""
    loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    port = free_port()
    words = ["--interface", "asginl", "--port", str(port), "--loop", loop, "--no-ws"]
    if tls:
        words += ["--ssl-certificate", str(CERTIFICATE), "--ssl-keyfile", str(CERTIFICATE)]
    process = subprocess.Popen(
        [sys.executable, "-m", "granian", *words, "compat.bench.http.application:application"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        assert process.stdout is not None
        said = ""
        while READY not in said:  # nothing is to be served meanwhile
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"granian ended:\n{said}")
            said += line
        await until_reachable(port)
        yield Target(port, lambda: descendants_seconds(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


async def until_reachable(port: int) -> None:
    """Wait until somebody listens on a port: the worker says that it has started a little early."""
    for _ in range(CONNECTING):
        try:
            with socket.create_connection(("127.0.0.1", port)):
                return
        except ConnectionRefusedError:
            await asyncio.sleep(0.02)
    raise RuntimeError("granian does not listen")


def free_port() -> int:
    """Return a port that is free at this moment: it takes no socket that is bound already."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
