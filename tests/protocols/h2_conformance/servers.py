"""Servers that are not ours, each a process of its own, on a free port of this machine.

Read next: test_known_servers.py
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...tools import tool
from .wire import Failed, Mode, connect

__all__ = ["hypercorn", "nghttpd"]

HERE = Path(__file__).resolve().parent
HOUSE = HERE.parents[2]
#: Seconds in which a server must have started.
START = 60.0


@contextmanager
def hypercorn(certificate: str | None, tls: ssl.SSLContext | None) -> Iterator[int]:
    """Run hypercorn, over TLS if there is a certificate; give its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number, port = listener.fileno(), listener.getsockname()[1]
        command = [sys.executable, "-m", "hypercorn", "--workers", "0", "--bind", f"fd://{number}"]
        if certificate:
            command += ["--certfile", certificate, "--keyfile", certificate]
        command.append("tests.protocols.h2_conformance.app:application")
        with running(command, (number,)) as process:
            listener.close()
            wait_for(process, port, tls)
            yield port


@contextmanager
def nghttpd(certificate: str | None, tls: ssl.SSLContext | None) -> Iterator[int]:
    """Run nghttpd, over TLS if there is a certificate; give its port."""
    program = tool("nghttpd")
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        command = [program, "-a", "127.0.0.1", "-d", str(HERE / "served")]
        command += [str(port), certificate, certificate] if certificate else ["--no-tls", str(port)]
        with running(command) as process:
            if wait_for(process, port, tls):
                yield port
                return  # else somebody else was quicker to take the port: try another


@contextmanager
def running(
    command: list[str], descriptors: tuple[int, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command for a while."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=HOUSE, stdout=quiet, stderr=quiet, pass_fds=descriptors)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(process: subprocess.Popen[bytes], port: int, tls: ssl.SSLContext | None) -> bool:
    """Wait until a server speaks HTTP/2; return whether it does, False if it has ended."""
    deadline = time.monotonic() + START
    while process.poll() is None:
        try:
            with connect("127.0.0.1", port, tls, Mode(patience=START)) as peer:
                peer.handshake({})
            return process.poll() is None
        except (Failed, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    return False
