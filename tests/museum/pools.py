"""Connections that are opened, lent and given back; and answers that belong to somebody else.

Read next: everyday.py
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from miniloop.testing import World

from .conditions import Condition
from .exhibit import Exhibit

__all__ = ["EXHIBITS"]


# -- who waits for a connection, and is given one, and cancelled ----------------------------------


class Waiting:
    """One who waits for the pool to hand over a connection."""

    def __init__(self, pool: list[str]) -> None:
        self.pool = pool
        self.connection: str | None = None
        self.error: BaseException | None = None
        self.condition = Condition()

    async def wait(self) -> str:
        """Return the connection; whoever is cancelled gives it back."""
        async with self.condition.lock:
            if self.connection is None:
                try:
                    await self.condition.wait()
                except BaseException as error:
                    self.error = error
        return self.outcome()

    def outcome(self) -> str:
        if self.error is not None:
            if self.connection is not None:
                self.pool.append(self.connection)
            raise self.error
        assert self.connection is not None
        return self.connection

    async def hand_over(self, connection: str) -> bool:
        """Return False when it is too late."""
        async with self.condition.lock:
            if self.error is not None:
                return False
            self.connection = connection
            self.condition.notify()
            return True


class ContentWaiting(Waiting):
    """If there is a connection, whatever else has happened does not matter."""

    def outcome(self) -> str:
        return super().outcome() if self.connection is None else self.connection


async def handed_over(world: World, kind: type[Waiting]) -> None:
    """A client that has accepted to be cancelled ends cancelled; the connection is in the pool."""
    pool: list[str] = []
    waiting = kind(pool)

    async def use() -> None:
        connection = await waiting.wait()
        try:
            await asyncio.sleep(60)
        finally:
            pool.append(connection)

    client = asyncio.create_task(use())
    world.sometime(client.cancel)
    await asyncio.sleep(1)
    if not await waiting.hand_over("connection"):
        pool.append("connection")
    await asyncio.wait([client])
    assert pool == ["connection"], "the pool is out of balance"
    assert client.cancelled() or not client.cancelling(), "the cancellation is lost"


async def waiting_is_content(world: World) -> None:
    await handed_over(world, ContentWaiting)


async def waiting_gives_back(world: World) -> None:
    await handed_over(world, Waiting)


# -- the quicker of two connections ---------------------------------------------------------------


def close_losers(done: set[asyncio.Task[socket.socket]], winner: socket.socket) -> None:
    """Close what others have opened meanwhile."""
    for task in done:
        if task.result() is not winner:
            task.result().close()


async def quicker_of_two(world: World, two_can_win: bool) -> None:
    """Try the second address when the first is slow; no socket but the returned one is left."""
    listeners = []
    for name, latency in (("far", 0.17), ("near", 0.05)):
        world.network.link("localhost", name).latency = latency
        listeners.append(await world.host(name).spawn(_listen(name)))

    async def attempt(name: str, after: float) -> socket.socket:
        await asyncio.sleep(after)
        sock = socket.socket()
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (name, 80))
        except BaseException:
            sock.close()
            raise
        return sock

    attempts = [asyncio.create_task(attempt(*each)) for each in (("far", 0.0), ("near", 0.25))]
    done, others = await asyncio.wait(attempts, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others)
    winner = next(task.result() for task in attempts if task in done)
    if two_can_win:
        close_losers(done, winner)
    for sock in (winner, *listeners):
        sock.close()


async def _listen(name: str) -> socket.socket:
    sock = socket.socket()
    sock.bind((name, 80))
    sock.listen()
    return sock


async def both_have_won(world: World) -> None:
    await quicker_of_two(world, False)


async def one_has_won(world: World) -> None:
    await quicker_of_two(world, True)


# -- a connection with an answer in it ------------------------------------------------------------

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Client:
    """Asks over one connection, which is opened when it is needed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.free: asyncio.Queue[Connection | None] = asyncio.Queue()
        self.free.put_nowait(None)

    async def ask(self, question: bytes) -> bytes:
        connection = await self.free.get()
        try:
            if connection is None:
                connection = await asyncio.open_connection("127.0.0.1", self.port)
            reader, writer = connection
            writer.write(question + b"\n")
            answer = await reader.readline()
        except BaseException:
            self.free.put_nowait(self.after_trouble(connection))
            raise
        self.free.put_nowait(connection)
        return answer.strip()

    def after_trouble(self, connection: Connection | None) -> Connection | None:
        """What was asked may not have been answered yet: nobody can use this one again."""
        if connection is not None:
            connection[1].close()
        return None

    async def close(self) -> None:
        connection = await self.free.get()
        if connection is not None:
            connection[1].close()
            await connection[1].wait_closed()


class ThriftyClient(Client):
    """The connection works, so it is used again."""

    def after_trouble(self, connection: Connection | None) -> Connection | None:
        return connection


async def two_questions(world: World, make: type[Client]) -> None:
    """Whoever asks gets the answer to the own question."""
    handlers: list[asyncio.Task[Any]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.append(task)
        try:
            while line := await reader.readline():
                writer.write(b"answer to " + line)
        except ConnectionError:
            pass  # the client has gone, with an answer unread
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = make(server.sockets[0].getsockname()[1])
    first = asyncio.create_task(client.ask(b"first"))
    world.sometime(first.cancel)
    await asyncio.wait([first])
    answer = await client.ask(b"second")
    await client.close()
    server.close()
    await asyncio.wait(handlers)
    assert answer == b"answer to second", "the answer is somebody else's"


async def answer_of_another(world: World) -> None:
    await two_questions(world, ThriftyClient)


async def answer_of_its_own(world: World) -> None:
    await two_questions(world, Client)


# -- between taking it and looking after it -------------------------------------------------------


async def lent_and_checked(world: World, check_inside: bool) -> None:
    """After a user was cancelled the next one gets the connection."""
    pool: asyncio.Queue[str] = asyncio.Queue()
    pool.put_nowait("connection")

    async def check() -> None:
        await asyncio.sleep(0.1)

    async def use() -> None:
        await asyncio.sleep(0.1)  # somebody asks for something
        connection = await pool.get()
        if not check_inside:
            await check()
        try:
            if check_inside:
                await check()
            await asyncio.sleep(1)
        finally:
            pool.put_nowait(connection)

    await use()
    user = asyncio.create_task(use())
    world.sometime(user.cancel)
    await asyncio.wait([user])
    await use()


async def lent_and_lost(world: World) -> None:
    await lent_and_checked(world, False)


async def lent_and_returned(world: World) -> None:
    await lent_and_checked(world, True)


EXHIBITS = (
    Exhibit(
        "psycopg_pool 3.3.0, WaitingClient.wait",
        "psycopg #1275",
        "a client is cancelled when it has just been given a connection, and prefers to have it",
        waiting_is_content,
        waiting_gives_back,
        1,
    ),
    Exhibit(
        "aiohappyeyeballs, staggered_race",
        "aiohappyeyeballs #100, gh-124309",
        "two attempts succeed in the same turn; the loser can no longer be cancelled, and is left",
        both_have_won,
        one_has_won,
        1,
        "leak",
    ),
    Exhibit(
        "redis-py 4.5.1, a cancelled command",
        "redis-py #2624",
        "cancelled between question and answer, the connection goes back with an answer unread",
        answer_of_another,
        answer_of_its_own,
        1,
    ),
    Exhibit(
        "a pool, everywhere",
        "",
        "cancelled between taking a connection and the `try` that would give it back",
        lent_and_lost,
        lent_and_returned,
        1,
        "deadlock",
    ),
)
