"""A small Redis for the World: RESP2 and RESP3 on asyncio's streams, keys that expire in its time.

    db = InWorldRedis()
    serving = await db.start(world.host("db"))

It keeps its keys in memory, so they are gone when its host crashes, unless the same object
serves again after the restart: that is a Redis which writes every command to its disk.

Read next: test_redis.py
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from miniloop.testing.hosts import Host

__all__ = ["InWorldRedis", "Simple"]


class Simple(str):
    """What is answered as a status, like OK."""

    __slots__ = ()


class Push(list[Any]):
    """What nobody asked for: a message of a channel."""


@dataclass(eq=False)
class _Client:
    """One connection."""

    writer: asyncio.StreamWriter
    #: What is to be done; an empty one is the end.
    commands: asyncio.Queue[list[bytes]] = field(default_factory=asyncio.Queue)
    #: What it waits for in BLPOP.
    waiter: asyncio.Future[bytes] | None = None
    protocol: int = 2
    channels: set[bytes] = field(default_factory=set)
    #: What it watches, each with the number of changes that it had seen then.
    watched: dict[bytes, int] = field(default_factory=dict)
    #: The commands since MULTI, or None outside of a transaction.
    queued: list[tuple[Callable[..., Any], list[bytes]]] | None = None

    def answer(self, value: Any) -> None:
        self.writer.write(_encoded(value, self.protocol))


def _encoded(value: Any, protocol: int) -> bytes:
    if isinstance(value, Exception):
        return b"-ERR %s\r\n" % str(value).encode()
    if isinstance(value, Simple):
        return b"+%s\r\n" % value.encode()
    if isinstance(value, int):
        return b":%d\r\n" % value
    if value is None:
        return b"_\r\n" if protocol == 3 else b"$-1\r\n"
    if isinstance(value, dict):
        items = [each for pair in value.items() for each in pair]
        head = b"%%%d\r\n" % len(value) if protocol == 3 else b"*%d\r\n" % len(items)
        return head + b"".join(_encoded(each, protocol) for each in items)
    if isinstance(value, list):
        sign = b">" if isinstance(value, Push) and protocol == 3 else b"*"
        return b"%s%d\r\n" % (sign, len(value)) + b"".join(_encoded(v, protocol) for v in value)
    data = value.encode() if isinstance(value, str) else value
    return b"$%d\r\n%s\r\n" % (len(data), data)


async def _command(reader: asyncio.StreamReader) -> list[bytes]:
    """Return the words of the next command; raises IncompleteReadError at the end."""
    words = []
    for _ in range(int((await reader.readuntil(b"\r\n"))[1:])):
        size = int((await reader.readuntil(b"\r\n"))[1:])
        words.append((await reader.readexactly(size + 2))[:-2])
    return words


class InWorldRedis:
    """What it keeps, and its commands: each method ``do_x`` is the command X."""

    def __init__(self) -> None:
        self.values: dict[bytes, Any] = {}
        self._ends: dict[bytes, float] = {}
        self._waiting: defaultdict[bytes, deque[asyncio.Future[bytes]]] = defaultdict(deque)
        self._clients: dict[_Client, None] = {}
        self._talking: dict[Any, None] = {}
        self._changes: Counter[bytes] = Counter()
        #: Set when it listens.
        self.ready = asyncio.Event()

    async def start(self, host: Host, port: int = 6379) -> Any:
        """Serve on *host*; return the task that does so when it listens."""
        self.ready.clear()
        serving = host.spawn(self.serve(host.name, port))
        await self.ready.wait()
        return serving

    async def serve(self, host: str, port: int = 6379) -> None:
        """Serve until cancelled; who was connected before is forgotten, as after a crash."""
        self._clients.clear()
        self._talking.clear()
        self._waiting.clear()
        async with await asyncio.start_server(self._talk, host, port):
            self.ready.set()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.gather(*self._talking)  # before Python 3.12 a server does not wait

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = _Client(writer)
        self._clients[client] = None
        self._talking[asyncio.current_task()] = None
        answering = asyncio.create_task(self._answer(client))
        try:
            while True:
                client.commands.put_nowait(await _command(reader))
        except (asyncio.IncompleteReadError, OSError):
            client.commands.put_nowait([])
            if client.waiter is not None:
                client.waiter.cancel()  # nobody is there any more to be given an item
        finally:
            await answering
            self._clients.pop(client, None)
            self._talking.pop(asyncio.current_task(), None)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, client: _Client) -> None:
        while words := await client.commands.get():
            name, *words = words
            do = getattr(self, "do_" + name.decode().lower(), None)
            if do is None:
                client.answer(ValueError(f"unknown command '{name.decode()}'"))
            elif client.queued is not None and name.upper() != b"EXEC":
                client.queued.append((do, words))
                client.answer(Simple("QUEUED"))
            else:
                await self._do(do, client, words)
            with contextlib.suppress(OSError):
                await client.writer.drain()

    async def _do(self, do: Callable[..., Any], client: _Client, words: list[bytes]) -> None:
        try:
            answer = do(client, *words)
            if asyncio.iscoroutine(answer):
                answer = await answer
        except (TypeError, ValueError) as error:
            answer = error
        if answer is not NotImplemented:
            client.answer(answer)

    def _get(self, key: bytes) -> Any:
        if self._ends.get(key, float("inf")) <= asyncio.get_running_loop().time():
            self.do_del(None, key)
        return self.values.get(key)

    # -- the connection --------------------------------------------------------

    def do_hello(self, client: _Client, version: bytes = b"2", *_: bytes) -> dict[str, Any]:
        client.protocol = int(version)
        return {"server": "redis", "version": "7.0.0", "proto": client.protocol, "modules": []}

    def do_client(self, client: _Client, *_: bytes) -> Simple:
        return Simple("OK")

    def do_ping(self, client: _Client) -> Any:
        pong = client.channels and client.protocol == 2
        return Push([b"pong", b""]) if pong else Simple("PONG")

    def do_watch(self, client: _Client, *keys: bytes) -> Simple:
        client.watched.update((key, self._changes[key]) for key in keys)
        return Simple("OK")

    def do_unwatch(self, client: _Client) -> Simple:
        client.watched.clear()
        return Simple("OK")

    def do_multi(self, client: _Client) -> Simple:
        client.queued = []
        return Simple("OK")

    def do_exec(self, client: _Client) -> list[Any] | None:
        queued, client.queued = client.queued or [], None
        watched, client.watched = client.watched, {}
        if any(self._changes[key] != seen for key, seen in watched.items()):
            return None
        return [do(client, *words) for do, words in queued]

    # -- keys ------------------------------------------------------------------

    def do_get(self, _: Any, key: bytes) -> bytes | None:
        value: bytes | None = self._get(key)
        return value

    def do_set(self, _: Any, key: bytes, value: bytes, *options: bytes) -> Simple | None:
        words = [option.upper() for option in options]
        if b"NX" in words and self._get(key) is not None:
            return None
        self.values[key] = value
        self._changes[key] += 1
        self._ends.pop(key, None)
        for unit, factor in ((b"EX", 1.0), (b"PX", 0.001)):
            if unit in words:
                self._end_in(key, float(words[words.index(unit) + 1]) * factor)
        return Simple("OK")

    def do_del(self, _: Any, *keys: bytes) -> int:
        for key in keys:
            self._ends.pop(key, None)
            self._changes[key] += 1
        return sum(self.values.pop(key, None) is not None for key in keys)

    def do_incrby(self, _: Any, key: bytes, step: bytes = b"1") -> int:
        number = int(self._get(key) or 0) + int(step)
        self.values[key] = b"%d" % number
        self._changes[key] += 1
        return number

    do_incr = do_incrby

    def do_expire(self, _: Any, key: bytes, seconds: bytes) -> int:
        if self._get(key) is None:
            return 0
        self._end_in(key, float(seconds))
        return 1

    def _end_in(self, key: bytes, seconds: float) -> None:
        self._ends[key] = asyncio.get_running_loop().time() + seconds

    # -- lists -----------------------------------------------------------------

    def do_rpush(self, _: Any, key: bytes, *items: bytes) -> int:
        kept = self.values.setdefault(key, deque())
        kept.extend(items)
        size = len(kept)
        while kept and self._waiting[key]:
            waiter = self._waiting[key].popleft()
            if not waiter.done():
                waiter.set_result(kept.popleft())
        if not kept:
            del self.values[key]
        return size

    def do_llen(self, _: Any, key: bytes) -> int:
        return len(self._get(key) or ())

    async def do_blpop(self, client: _Client, key: bytes, seconds: bytes) -> list[bytes] | None:
        kept = self._get(key)
        if kept:
            item = kept.popleft()
            if not kept:
                del self.values[key]
            return [key, item]
        waiter: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        client.waiter = waiter
        self._waiting[key].append(waiter)
        await asyncio.wait({waiter}, timeout=float(seconds) or None)
        client.waiter = None
        return None if waiter.cancel() or waiter.cancelled() else [key, waiter.result()]

    # -- channels --------------------------------------------------------------

    def do_subscribe(self, client: _Client, *channels: bytes) -> Any:
        for channel in channels:
            client.channels.add(channel)
            client.answer(Push([b"subscribe", channel, len(client.channels)]))
        return NotImplemented

    def do_unsubscribe(self, client: _Client, *channels: bytes) -> Any:
        for channel in channels or sorted(client.channels) or [b""]:
            client.channels.discard(channel)
            client.answer(Push([b"unsubscribe", channel, len(client.channels)]))
        return NotImplemented

    def do_publish(self, _: Any, channel: bytes, message: bytes) -> int:
        told = [client for client in self._clients if channel in client.channels]
        for client in told:
            client.answer(Push([b"message", channel, message]))
        return len(told)
