"""Our own server and client, each on a loop of its own in another thread.

Read next: test_our_server.py
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from protocols.client import Client, Timeouts
from protocols.http.server import serve

from .app import application
from .suites import Fetch

__all__ = ["NewLoop", "serving", "with_ours"]

NewLoop: TypeAlias = Callable[[], asyncio.AbstractEventLoop]

#: Seconds: longer than any test waits.
PATIENCE = 60.0


class Serving(threading.Thread):
    """A server in a thread, from `start` to `stop`."""

    def __init__(self, new_loop: NewLoop, tls: ssl.SSLContext | None) -> None:
        super().__init__(daemon=True)
        self.new_loop = new_loop
        self.tls = tls
        self.port = 0
        self.ready = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Serve until told to stop."""
        try:
            with asyncio.Runner(loop_factory=self.new_loop) as runner:
                runner.run(self.serve())
        except BaseException as error:
            self.error = error
        finally:
            self.ready.set()

    async def serve(self) -> None:
        """Serve the application on a free port until told to stop."""
        self.loop = asyncio.get_running_loop()
        self.over = asyncio.Event()
        async with await serve(application, "127.0.0.1", 0, ssl=self.tls) as server:
            self.port = server.sockets[0].getsockname()[1]
            self.ready.set()
            await self.over.wait()

    def stop(self) -> None:
        """End the server and wait until it has."""
        self.loop.call_soon_threadsafe(self.over.set)
        self.join(PATIENCE)


@contextmanager
def serving(new_loop: NewLoop, tls: ssl.SSLContext | None) -> Iterator[int]:
    """Run our server; give its port."""
    server = Serving(new_loop, tls)
    server.start()
    server.ready.wait(PATIENCE)
    if server.error is not None:
        raise server.error
    try:
        yield server.port
    finally:
        server.stop()
    assert not server.is_alive(), "the server does not end"
    if server.error is not None:
        raise server.error


def with_ours(new_loop: NewLoop, tls: ssl.SSLContext) -> Fetch:
    """Return our client: a new one, on a new loop, for each request."""

    async def get(url: str) -> tuple[int, bytes]:
        timeout = Timeouts(connect=PATIENCE, read=PATIENCE)
        clear = url.startswith("http:")
        async with Client(tls=tls, prior_knowledge=clear, timeout=timeout) as client:
            response = await client.get(url)
            return response.status, response.content

    def fetch(url: str) -> tuple[int, bytes]:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(get(url))

    return fetch
