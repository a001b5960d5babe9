"""A server: sockets that listen, and the connections that came in through them.

States of a server
    made    -- start_serving ---------> serving
            -- close -----------------> closed
    serving -- close -----------------> closed
    closed  -- last connection lost --> ended

Invariants
    Connections are accepted in the state serving only.
    ``_waiters`` is None if and only if the state is ended: whoever waits for the
    end is told once, and those who come later do not wait.

Where it differs from asyncio
    Semantics are those of Python 3.13 on every interpreter: `wait_closed` waits
    for the last connection, and clients can be closed and aborted.
    A connection that gets no transport (the factory failed, or the server was
    closed at that moment) is closed at once, not when it is collected.
    When descriptors run out, that is reported once, and accepting is tried again
    after `ACCEPT_RETRY_DELAY`, unless the server was closed meanwhile.

Read next: listening.py
"""

from __future__ import annotations

import errno
import selectors
import weakref
from collections.abc import Callable
from typing import Any

from ..interface import AbstractServer, CancelledError, TransportSocket
from ..support import describe
from ..sync.sleeping import sleep
from . import readiness
from .opening import Tls, make_transport
from .transports import give_up

__all__ = ["TRANSITIONS", "Server"]

TRANSITIONS = (
    ("made", "start_serving", "serving"),
    ("made", "close", "closed"),
    ("serving", "close", "closed"),
    ("closed", "last connection lost", "ended"),
)

#: Seconds until the next try when the system had no resources for a connection.
ACCEPT_RETRY_DELAY = 1

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Server(AbstractServer):
    """What `create_server` returns.  Counterpart: ``asyncio.Server``.

    *protocol_factory* makes a protocol for each connection to one of *sockets*,
    of which *backlog* are kept waiting; *on_close* is called when they were closed.
    """

    def __init__(
        self,
        loop: Any,
        sockets: list[Any],
        protocol_factory: Callable[[], Any],
        tls: Tls,
        backlog: int,
        on_close: Callable[[], object] | None = None,
    ) -> None:
        self._loop = loop
        self._sockets: list[Any] | None = sockets
        # Weak: an abandoned transport shall be noticed.
        self._clients: set[weakref.ref[Any]] = set()
        self._waiters: list[Any] | None = []
        self._protocol_factory = protocol_factory
        self._tls = tls
        self._backlog = backlog
        self._on_close = on_close
        self._serving = False
        self._serving_forever_fut: Any = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} sockets={self.sockets!r}>"

    def get_loop(self) -> Any:
        """Return the loop that the server runs on."""
        return self._loop

    def is_serving(self) -> bool:
        """Return whether new connections are accepted."""
        return self._serving

    @property
    def sockets(self) -> tuple[TransportSocket, ...]:
        """The sockets that listen; none once the server is closed."""
        return tuple(map(TransportSocket, self._sockets or ()))

    # -- serving ---------------------------------------------------------------

    async def start_serving(self) -> None:
        """Begin to accept connections; does nothing when that has begun."""
        self._start_serving()
        await sleep(0)  # as on asyncio, one turn: the sockets are watched by then

    def _start_serving(self) -> None:
        if self._serving:
            return
        self._serving = True
        for sock in self._sockets or ():
            sock.listen(self._backlog)
            self._watch(sock)

    async def serve_forever(self) -> None:
        """Accept connections until cancelled; then close the server and wait for its end.

        Raises RuntimeError when the server is closed, or somebody else is here.
        """
        if self._serving_forever_fut is not None:
            raise RuntimeError(f"server {self!r} is already being awaited on serve_forever()")
        if self._sockets is None:
            raise RuntimeError(f"server {self!r} is closed")
        self._start_serving()
        self._serving_forever_fut = self._loop.create_future()
        try:
            await self._serving_forever_fut
        except CancelledError:
            self.close()
            await self.wait_closed()
            raise
        finally:
            self._serving_forever_fut = None

    # -- accepting -------------------------------------------------------------

    def _watch(self, sock: Any) -> None:
        if self._serving:
            readiness.add(
                self._loop, sock.fileno(), selectors.EVENT_READ, self._accept_waiting, (sock,)
            )

    def _accept_waiting(self, sock: Any) -> None:
        """Accept what waits at *sock*: often several connections, but not for ever."""
        for _ in range(self._backlog):
            try:
                connection, address = sock.accept()
                connection.setblocking(False)
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                self._pause_accepting(sock, error)
                return
            if self._loop.get_debug():
                describe.logger.debug(
                    "%r got a new connection from %r: %r", self, address, connection
                )
            self._loop.create_task(self._admit(connection, address))

    def _pause_accepting(self, sock: Any, error: OSError) -> None:
        """Leave *sock* alone for a while: the kernel goes on saying that it is ready."""
        self._loop.call_exception_handler(
            {
                "message": "socket.accept() out of system resource",
                "exception": error,
                "socket": TransportSocket(sock),
            }
        )
        readiness.remove(self._loop, sock.fileno(), selectors.EVENT_READ)
        self._loop.call_later(ACCEPT_RETRY_DELAY, self._watch, sock)

    async def _admit(self, connection: Any, address: Any) -> None:
        """Give *connection* a protocol and a transport; errors end it, not the server."""
        protocol = transport = None
        try:
            protocol = self._protocol_factory()
            if self._sockets is None:  # closed since the connection came in
                connection.close()
                return
            waiter = self._loop.create_future()
            transport = make_transport(
                self._loop,
                connection,
                protocol,
                waiter,
                self._tls,
                server_side=True,
                extra={"peername": address},
                server=self,
            )
            try:
                await waiter
            except BaseException:
                give_up(self._loop, transport)
                waiter = None  # its exception leads back here
                raise
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            if transport is None:
                connection.close()
            if self._loop.get_debug():
                made = {"protocol": protocol, "transport": transport}
                context = {
                    "message": "Error on transport creation for incoming connection",
                    "exception": error,
                }
                context.update((name, value) for name, value in made.items() if value is not None)
                self._loop.call_exception_handler(context)

    def _attach(self, transport: Any) -> None:
        """Count *transport* among the connections."""
        assert self._sockets is not None
        self._clients.add(weakref.ref(transport))

    def _detach(self, transport: Any) -> None:
        """Count *transport* out; the last one to go ends a server that is closed."""
        self._clients.discard(weakref.ref(transport))
        if not self._clients and self._sockets is None:
            self._wakeup()

    # -- ending ----------------------------------------------------------------

    def close(self) -> None:
        """Stop accepting, close the sockets that listen; connections go on."""
        sockets, self._sockets = self._sockets, None
        if sockets is None:
            return
        self._serving = False
        for sock in sockets:
            self._loop._stop_serving(sock)
        if self._on_close is not None:
            self._on_close()
        forever = self._serving_forever_fut
        if forever is not None and not forever.done():
            forever.cancel()
            self._serving_forever_fut = None
        if not self._clients:
            self._wakeup()

    def close_clients(self) -> None:
        """Close every connection, after what is buffered was written."""
        for transport in self._transports():
            transport.close()

    def abort_clients(self) -> None:
        """Close every connection at once."""
        for transport in self._transports():
            transport.abort()

    def _transports(self) -> list[Any]:
        return [transport for client in self._clients if (transport := client()) is not None]

    def _wakeup(self) -> None:
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    async def wait_closed(self) -> None:
        """Wait until the server is closed and its last connection is lost."""
        if self._waiters is None:
            return
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter
