"""The client: sends a request until an answer comes or the time is up.

A request takes a free slot of the session, or waits for one: that is the flow control, and
how many there are the server says.  A slot is given back whatever became of its request, and
the next one there counts higher, so that nothing late can be taken for its answer.

Read next: __main__.py
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any, cast

from .wire import SESSION_BYTES, Kind, Message, NoAnswer, RequestFailed, SessionLost, delays

__all__ = ["Client", "connect"]


class _Session:
    """What a WELCOME gives: slots with their counts; here is who waits for which answer."""

    def __init__(self, number: bytes, slots: int) -> None:
        self.number = number
        self.counts = [0] * slots
        self.free: asyncio.LifoQueue[int] = asyncio.LifoQueue()
        self.waiting: dict[tuple[int, int], asyncio.Future[Message]] = {}
        for slot in reversed(range(slots)):
            self.free.put_nowait(slot)


class Client(asyncio.DatagramProtocol):
    """Made by `connect`; ended by `close`, also as an async context manager."""

    transport: asyncio.DatagramTransport

    def __init__(self) -> None:
        self._session: _Session | None = None
        self._opening = asyncio.Lock()
        self._welcomes: dict[bytes, asyncio.Future[Message]] = {}
        self._writable = asyncio.Event()
        self._writable.set()
        self._refusal: Exception | None = None
        self._closed = False
        self._lost = asyncio.get_running_loop().create_future()

    async def request(self, body: bytes, *, timeout: float = 10.0) -> bytes:
        """Have the server execute *body* at most once, and return its answer.

        Raises NoAnswer after *timeout* seconds, SessionLost when the server has forgotten
        this client (the next request begins anew), RequestFailed when it says that it
        could not, ValueError when *body* is too large, ConnectionError when this client
        is closed.  When cancelled, it may have been executed or not.
        """
        Message(Kind.REQUEST, bytes(SESSION_BYTES), body=body).encode()  # too large? say it now
        try:
            async with asyncio.timeout(timeout):
                session, slot = await self._take()
                try:
                    answer = await self._ask_in(session, slot, body)
                finally:
                    session.free.put_nowait(slot)
        except TimeoutError:
            why = f"; the last word was: {self._refusal}" if self._refusal else ""
            raise NoAnswer(f"no answer within {timeout:g} s{why}") from None
        if answer.kind is Kind.FAILURE:
            raise RequestFailed(answer.body.decode(errors="replace"))
        return answer.body

    async def _take(self) -> tuple[_Session, int]:
        """Return a free slot, and the session that it is of."""
        while True:
            session = await self._open()
            slot = await session.free.get()
            if session is self._session:
                return session, slot
            session.free.put_nowait(slot)  # it is gone: whoever waits there has to know as well

    async def _open(self) -> _Session:
        """Return the session; the first who needs it asks for it, and the others wait."""
        async with self._opening:
            if self._session is None:
                nonce = secrets.token_bytes(SESSION_BYTES)
                hello = Message(Kind.HELLO, nonce, body=bytes(SESSION_BYTES))
                welcome = await self._ask(self._welcomes, nonce, hello)
                self._session = _Session(welcome.body, welcome.slot)
            return self._session

    async def _ask_in(self, session: _Session, slot: int, body: bytes) -> Message:
        session.counts[slot] = count = session.counts[slot] + 1
        request = Message(Kind.REQUEST, session.number, slot, count, body)
        return await self._ask(session.waiting, (slot, count), request)

    async def _ask(
        self, waiting: dict[Any, asyncio.Future[Message]], key: object, question: Message
    ) -> Message:
        """Send *question* again and again until what it is kept under *key* for has come."""
        if self._closed:
            raise ConnectionError("the client is closed")
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        waiting[key] = future
        datagram = question.encode()
        try:
            for delay in delays():
                await self._writable.wait()
                if not future.done():
                    self.transport.sendto(datagram)
                await asyncio.wait([future], timeout=delay)
                if future.done():
                    return future.result()
            raise AssertionError("delays never end")
        finally:
            del waiting[key]
            if not future.cancel() and not future.cancelled():
                future.exception()  # it has come while this was cancelled: nobody else looks

    # -- what comes ------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Give an answer to who waits for it; drop what nobody waits for."""
        message = Message.decode(data)
        session = self._session
        if message is None:
            return
        if message.kind is Kind.WELCOME:
            if message.slot and len(message.body) == SESSION_BYTES:
                self._settle(self._welcomes.get(message.session), message)
        elif session is None or message.session != session.number:
            return
        elif message.kind in (Kind.ANSWER, Kind.FAILURE):
            self._settle(session.waiting.get((message.slot, message.count)), message)
        elif message.kind is Kind.GONE:
            self._session = None
            self._fail(session, SessionLost("the server has forgotten this client"))

    def _settle(self, future: asyncio.Future[Message] | None, message: Message) -> None:
        self._refusal = None
        if future is not None and not future.done():
            future.set_result(message)

    def _fail(self, session: _Session | None, error: Exception) -> None:
        waiting = [*self._welcomes.values(), *(session.waiting.values() if session else ())]
        for future in waiting:
            if not future.done():
                future.set_exception(error)

    def error_received(self, exc: Exception) -> None:
        """Take a refusal for a loss, since the server may be about to start; remember it."""
        self._refusal = exc

    # -- the transport's side --------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.DatagramTransport, transport)

    def pause_writing(self) -> None:
        """Let requests wait before they are sent."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let them go on."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits; let `close` return."""
        self._closed = True
        self._writable.set()
        self._fail(self._session, ConnectionError("the client is closed"))
        self._lost.set_result(None)

    async def close(self) -> None:
        """Close the socket; requests that wait fail with ConnectionError."""
        self._closed = True
        self.transport.abort()
        await asyncio.shield(self._lost)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def connect(host: str, port: int) -> Client:
    """Return a client of the server at *host* and *port*; nothing is sent before a request."""
    loop = asyncio.get_running_loop()
    return (await loop.create_datagram_endpoint(Client, remote_addr=(host, port)))[1]
