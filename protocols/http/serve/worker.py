"""What one process does: serve one application until it is told to end.

    first SIGINT or SIGTERM   no new connection; what is at work is finished, within a time
    second                    everything is cancelled and closed at once
    third                     the process is gone

SIGHUP, of a terminal that is gone, is the same; a supervisor has another use for it.

In a worker of a supervisor the supervisor's death is the same as a first signal.

Read next: workers.py
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..limits import Limits
from ..server import Server, hosted, serve
from .access import formatter
from .front import Front
from .loading import CannotServe
from .proxy import Trusted
from .workers import Role

__all__ = ["Settings", "line_writer", "serve_until_told", "work"]


@dataclass(frozen=True)
class Settings:
    """What is served, where, and how.

    Args:
        host: name or address to listen on.
        port: 0 for any free one.
        path: of a Unix socket, instead.
        sock: descriptor of a listening socket, instead.
        reuse_port: share the port with other workers.
        tls: context for TLS, None for clear text.
        trusted: whose forwarding headers count, None: nobody's.
        log: descriptor that the access log goes to, None: there is none.
        log_format: its format, see access.py.
        drain: seconds to finish in.
        limits: of the server.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    path: str | None = None
    sock: int | None = None
    reuse_port: bool = False
    tls: ssl.SSLContext | None = None
    trusted: Trusted | None = None
    log: int | None = None
    log_format: str = "common"
    drain: float = 30.0
    limits: Limits = field(default_factory=Limits)


def line_writer(descriptor: int) -> Callable[[str], None]:
    """Return what writes a line to *descriptor*, each in one piece; errors lose the line.

    One piece, so that the lines of several workers stay whole in one file.
    """

    def write(line: str) -> None:
        try:
            os.write(descriptor, line.encode("utf-8", "replace") + b"\n")
        except OSError:
            pass  # a full disk, or a reader that is gone, is no reason to stop serving

    return write


async def work(
    application: Callable[..., Any],
    settings: Settings,
    role: Role | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> None:
    """Serve *application* until a signal or the supervisor's end; say where when it listens.

    Raises CannotServe when *application* is none or does not start, or the address cannot be
    had.
    """
    log = settings.log
    try:
        hosting = hosted(application)
    except TypeError as error:
        raise CannotServe(str(error)) from None
    front = Front(
        hosting,
        settings.trusted,
        None if log is None else formatter(settings.log_format),
        None if log is None else line_writer(log),
    )
    try:
        server = await _start(front, settings, role)
    except RuntimeError as error:
        raise CannotServe(str(error)) from error
    except OSError as error:
        place = settings.path or f"{settings.host} port {settings.port}"
        raise CannotServe(f"{place}: {error.strerror or error}") from error

    def listening() -> None:
        if role is not None:
            role.say_ready()
        say(f"serving on {' and '.join(where(server, settings.tls is not None))}")

    lifeline = role.lifeline if role is not None else None
    await serve_until_told(server, settings.drain, lifeline, listening)


async def _start(front: Front, settings: Settings, role: Role | None) -> Server:
    """Return a server as *settings* want it; raise as `server.serve` does."""
    descriptor = role.sockets[0] if role is not None and role.sockets else settings.sock
    sock = None
    if descriptor is not None:
        sock = socket.socket(fileno=descriptor)
        sock.setblocking(False)
    if settings.path is not None and _is_served(settings.path):
        raise OSError(errno.EADDRINUSE, "another server listens there")
    return await serve(
        front,
        settings.host,
        settings.port,
        ssl=settings.tls,
        sock=sock,
        path=settings.path,
        limits=settings.limits,
        reuse_port=settings.reuse_port or None,
        finished=front.finished if settings.log is not None else None,
    )


def _is_served(path: str) -> bool:
    """Tell whether somebody listens on the Unix socket *path*, which a loop would just replace."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.setblocking(False)
        try:
            asking.connect(path)
        except BlockingIOError:
            return True  # so many want to be accepted that this one would have to wait
        except OSError:
            return False
        return True


def where(server: Server, secure: bool) -> list[str]:
    """Return the addresses at which *server* listens, as URLs."""
    found = []
    for sock in server.sockets:
        name = sock.getsockname()
        if sock.family == socket.AF_UNIX:
            found.append(f"unix:{name}")
            continue
        host = f"[{name[0]}]" if sock.family == socket.AF_INET6 else name[0]
        found.append(f"http{'s' * secure}://{host}:{name[1]}")
    return found


async def serve_until_told(
    server: Server, drain: float, lifeline: int | None, listening: Callable[[], object]
) -> None:
    """Drain at the first signal, close at the second; return when *server* is closed.

    *listening* is called when signals are heard: whoever is told of it may send one.  When
    cancelled, the server is closed as well.
    """
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[str] = asyncio.Queue()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, told.put_nowait, number.name)
    if lifeline is not None:
        loop.add_reader(lifeline, _supervisor_gone, loop, lifeline, told)
    try:
        listening()
        await told.get()
        draining = loop.create_task(server.drain(drain))
        again = loop.create_task(told.get())
        await asyncio.wait([draining, again], return_when=asyncio.FIRST_COMPLETED)
        again.cancel()
        if not draining.done():
            for number in numbers:  # an application may not want to end: the next one is for it
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_DFL)
            server.close()
        await draining
    finally:
        if lifeline is not None:
            loop.remove_reader(lifeline)
        for number in numbers:
            loop.remove_signal_handler(number)
        server.close()


def _supervisor_gone(
    loop: asyncio.AbstractEventLoop, lifeline: int, told: asyncio.Queue[str]
) -> None:
    loop.remove_reader(lifeline)
    told.put_nowait("the supervisor is gone")


def complain(sentence: str) -> None:
    """Tell the user *sentence*, on standard error."""
    sys.stderr.write(f"miniloop: {sentence}\n")
    sys.stderr.flush()
