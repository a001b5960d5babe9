"""Real servers: those in Python on the loop that runs, the others as processes.

Read next: test_real_peers.py
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import trustme

from .asgi_app import application

__all__ = ["Secrets", "granian", "hypercorn", "listening", "process", "uvicorn"]

#: Seconds that a process may take to listen.
PATIENCE = 60.0


class Secrets:
    """A certificate for localhost in a file, and a context that trusts it."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.file = str(folder / "localhost.pem")
        issued = self.authority.issue_cert("localhost")
        issued.private_key_and_cert_chain_pem.write_to_path(self.file)

    def trusted(self) -> ssl.SSLContext:
        """Return a new context for a client: whoever uses one sets its ALPN."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


@contextlib.contextmanager
def listening() -> Iterator[socket.socket]:
    """Return a socket that listens on a port of its own."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as sock:
        sock.setblocking(False)
        yield sock


@contextlib.asynccontextmanager
async def uvicorn(ws: str = "wsproto") -> AsyncIterator[int]:
    """Serve with uvicorn and h11 on the running loop; give the port."""
    import uvicorn as real

    config = real.Config(application, http="h11", ws=ws, log_level="error", lifespan="on")
    server = real.Server(config)
    with listening() as sock:
        task = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            while not server.started and not task.done():
                await asyncio.sleep(0.001)
            yield sock.getsockname()[1]
        finally:
            server.should_exit = True
            await task


@contextlib.asynccontextmanager
async def hypercorn(secrets: Secrets | None = None) -> AsyncIterator[int]:
    """Serve with hypercorn on the running loop, by TLS with *secrets*; give the port."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.errorlog = config.accesslog = None
    config.graceful_timeout = 0.1
    if secrets is not None:
        config.certfile = config.keyfile = secrets.file
    stop = asyncio.Event()
    sock = socket.create_server(("127.0.0.1", 0))
    config.bind = [f"fd://{sock.fileno()}"]
    task = asyncio.create_task(serve(application, config, shutdown_trigger=stop.wait))
    try:
        yield sock.getsockname()[1]
    finally:
        stop.set()
        await task
        sock.detach()  # hypercorn has closed it


@contextlib.contextmanager
def process(*words: str, **options: Any) -> Iterator[int]:
    """Run a server that is told its port in place of ``PORT``; give the port when it listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    running = subprocess.Popen(
        [word.replace("PORT", str(port)) for word in words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **options,
    )
    try:
        wait_for(port, running)
        yield port
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def wait_for(port: int, running: subprocess.Popen[bytes]) -> None:
    """Return when somebody listens; RuntimeError if nobody does, or *running* has ended."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if running.poll() is not None:
            raise RuntimeError(f"the server ended with {running.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("the server does not listen")


@contextlib.contextmanager
def granian(secrets: Secrets | None = None) -> Iterator[int]:
    """Serve with granian in a process, on asyncio's loop; give the port."""
    words = [sys.executable, "-m", "granian", "--interface", "asgi", "--port", "PORT"]
    words += ["--loop", "asyncio", "--no-log"]
    if secrets is not None:
        words += ["--ssl-certificate", secrets.file, "--ssl-keyfile", secrets.file]
    path = os.pathsep.join(filter(None, sys.path))
    here = Path(__file__).parent
    with process(
        *words, "asgi_app:application", cwd=here, env={**os.environ, "PYTHONPATH": path}
    ) as port:
        yield port
