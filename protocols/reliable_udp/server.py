"""The server: executes what is new, answers again what is not, forgets without harm.

States of a request in its slot
    unknown -- higher count ------> running
    running -- same count again --> running
            -- handler ends ------> kept
    kept    -- same count again --> kept
            -- higher count ------> replaced

Only the way from unknown to running calls the handler.  A higher count that comes while the
handler runs is dropped, and its client will send it again: a client that gave up does not
make a slot run twice.

Limits
    ``sessions``  that have asked for something; the one that was quiet longest goes first,
                  though none whose handler runs.  As many more may have said only HELLO.
    ``slots``     requests of one session at a time
    ``running``   handlers at a time; what comes beyond is dropped, to be sent again
    ``remember``  seconds after which a quiet session may be forgotten

Read next: client.py
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

from .wire import MAX_BODY, SESSION_BYTES, Kind, Message, RequestFailed

__all__ = ["TRANSITIONS", "Handler", "Server", "ServerLimits", "serve"]

TRANSITIONS = (
    ("unknown", "higher count", "running"),
    ("running", "same count again", "running"),
    ("running", "handler ends", "kept"),
    ("kept", "same count again", "kept"),
    ("kept", "higher count", "replaced"),
)

Handler = Callable[[bytes], Awaitable[bytes]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerLimits:
    """See the module's text."""

    sessions: int = 1000
    slots: int = 16
    running: int = 200
    remember: float = 300.0


@dataclass
class _Session:
    """One client: its address, and for each slot the last count and the answer, if there is one."""

    address: Any
    used: float
    counts: dict[int, int] = field(default_factory=dict)
    answers: dict[int, bytes] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        """Whether a handler runs for it."""
        return len(self.answers) < len(self.counts)


class Server(asyncio.DatagramProtocol):
    """Made by `serve`; ended by `close`, also as an async context manager."""

    transport: asyncio.DatagramTransport

    def __init__(self, handler: Handler, limits: ServerLimits) -> None:
        self._handler = handler
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._offered: OrderedDict[bytes, _Session] = OrderedDict()
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()  # longest quiet first
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused = False
        self._lost = self._loop.create_future()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens on."""
        host, port = self.transport.get_extra_info("sockname")[:2]
        return host, port

    # -- what comes ------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Answer HELLO and REQUEST; drop everything else."""
        message = Message.decode(data)
        if message is None:
            return
        if message.kind is Kind.HELLO and len(message.body) >= SESSION_BYTES:
            self._offer(message.session, addr)
        elif message.kind is Kind.REQUEST:
            session = self._find(message.session, addr)
            if session is None:
                self._send(Message(Kind.GONE, message.session).encode(), addr)
            else:
                self._requested(message, session)

    def _offer(self, nonce: bytes, addr: Any) -> None:
        number = secrets.token_bytes(SESSION_BYTES)
        self._offered[number] = _Session(addr, self._loop.time())
        if len(self._offered) > self._limits.sessions:
            self._offered.popitem(last=False)
        self._send(Message(Kind.WELCOME, nonce, self._limits.slots, 0, number).encode(), addr)

    def _find(self, number: bytes, addr: Any) -> _Session | None:
        session = self._sessions.get(number) or self._offered.get(number)
        if session is None or session.address != addr:
            return None
        if self._offered.pop(number, None):
            self._forget()
        self._sessions[number] = session
        self._sessions.move_to_end(number)
        session.used = self._loop.time()
        return session

    def _forget(self) -> None:
        """Make room for one more session, and forget those that were quiet for long."""
        idle = [number for number, session in self._sessions.items() if not session.busy]
        over = len(self._sessions) + 1 - self._limits.sessions
        long_ago = self._loop.time() - self._limits.remember
        for place, number in enumerate(idle):
            if place >= over and self._sessions[number].used > long_ago:
                break
            del self._sessions[number]

    def _requested(self, message: Message, session: _Session) -> None:
        """Execute, answer again, or drop: the one place where that is decided."""
        slot, count = message.slot, message.count
        last = session.counts.get(slot, 0)
        answer = session.answers.get(slot)
        if count == last and answer is not None:
            self._send(answer, session.address)
            return
        free = slot < self._limits.slots and (answer is not None or not last)
        if count > last and free and len(self._tasks) < self._limits.running:
            session.counts[slot] = count
            session.answers.pop(slot, None)
            task = self._loop.create_task(self._execute(message, session))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    # -- what goes -------------------------------------------------------------

    async def _execute(self, request: Message, session: _Session) -> None:
        kind, body = Kind.FAILURE, b"the handler was cancelled"
        try:
            result = await self._handler(request.body)
            if not isinstance(result, bytes):
                raise TypeError(f"a handler returns bytes, not {type(result).__name__}")
            kind, body = Kind.ANSWER, result
            if len(body) > MAX_BODY:
                kind, body = Kind.FAILURE, b"the answer is too large for a datagram"
        except RequestFailed as error:
            body = str(error).encode()[:MAX_BODY]
        except Exception:
            logger.exception("a handler failed")
            body = b"the handler failed"
        finally:
            answer = Message(kind, request.session, request.slot, request.count, body).encode()
            session.answers[request.slot] = answer
            self._send(answer, session.address)

    def _send(self, datagram: bytes, addr: Any) -> None:
        """Send, unless much waits already: then it is as good as lost, and asked for again."""
        if not self._paused and not self.transport.is_closing():
            self.transport.sendto(datagram, addr)

    # -- the transport's side --------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.DatagramTransport, transport)

    def pause_writing(self) -> None:
        """Send nothing for now."""
        self._paused = True

    def resume_writing(self) -> None:
        """Send again."""
        self._paused = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Let `close` return."""
        self._lost.set_result(None)

    async def close(self) -> None:
        """Close the socket, cancel the handlers that run, and wait until they have ended."""
        self.transport.abort()
        running = list(self._tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.shield(self._lost)

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def serve(
    handler: Handler,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    limits: ServerLimits = ServerLimits(),
) -> Server:
    """Return a server on *host* and *port* (0: a free one) that executes *handler*.

    What the handler raises is answered as a failure: a `RequestFailed` with its own words,
    anything else logged, and without details.  Raises OSError when the address cannot be had.
    """
    loop = asyncio.get_running_loop()
    made = await loop.create_datagram_endpoint(
        lambda: Server(handler, limits), local_addr=(host, port)
    )
    return made[1]
