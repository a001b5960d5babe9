"""asyncpg's pool, cancelled queries and lost connections, with a real PostgreSQL.

Read next: test_redis.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from compat.services import PostgreSQL

from .cells import Say, outcome
from .servers import SLEEP, alike, ask, cancelled, until_active


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with PostgreSQL() as server:
        yield server


def test_a_pool_grows_to_its_limit_and_makes_the_next_one_wait(server: PostgreSQL) -> None:
    async def scenario(say: Say, url: str) -> None:
        async with asyncpg.create_pool(url, min_size=1, max_size=2) as pool:
            say(pool.get_size(), pool.get_idle_size(), pool.get_max_size())
            first, second = await pool.acquire(), await pool.acquire()
            say(pool.get_size(), pool.get_idle_size())
            waiters = [asyncio.ensure_future(pool.acquire()) for _ in range(2)]
            await asyncio.sleep(0)
            say(await outcome(pool.acquire(timeout=0.01)))
            say([waiter.done() for waiter in waiters])
            pid = first.get_server_pid()
            await pool.release(first)
            third = await waiters[0]
            say(third.get_server_pid() == pid, waiters[1].done())
            say(await cancelled(waiters[1]))
            await pool.release(second)
            await pool.release(third)
            say(pool.get_size(), pool.get_idle_size())
            say(await outcome(ask(first)))

    seen = alike(server, scenario)
    assert seen[:-1] == [
        (1, 1, 2),
        (2, 0),
        ("TimeoutError", ""),
        [False, False],
        (True, False),
        "CancelledError",
        (2, 2),
    ]
    assert seen[-1][0] == "InterfaceError"
    assert "released back to the pool" in seen[-1][1]


def test_many_readers_share_few_connections(server: PostgreSQL, debug: bool) -> None:
    async def scenario(say: Say, url: str) -> None:
        used: set[int] = set()

        async def read(number: int) -> int:
            async with pool.acquire() as connection:
                used.add(connection.get_server_pid())
                return int(await connection.fetchval("SELECT $1::int", number))

        async with asyncpg.create_pool(url, min_size=5, max_size=5) as pool:
            say(await asyncio.gather(*map(read, range(60))))
            say(len(used), pool.get_idle_size())

    assert alike(server, scenario, debug=debug) == [list(range(60)), (5, 5)]


def test_closing_a_pool_waits_for_what_is_borrowed(server: PostgreSQL) -> None:
    async def scenario(say: Say, url: str) -> None:
        pool = await asyncpg.create_pool(url, min_size=1, max_size=1)
        connection = await pool.acquire()
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(0)
        say(closing.done(), pool.is_closing())
        say(await connection.fetchval("SELECT 1"))
        say((await outcome(pool.acquire()))[0])
        await pool.release(connection)
        await closing
        say(pool.get_size())

        pool = await asyncpg.create_pool(url, min_size=2, max_size=2)
        connection = await pool.acquire()
        query = asyncio.create_task(connection.fetch(SLEEP))
        await until_active(url)
        pool.terminate()
        say((await outcome(query))[0])

    seen = alike(server, scenario)
    assert seen == [(False, True), 1, "InterfaceError", 0, "ConnectionDoesNotExistError"]


def test_a_cancelled_task_cancels_its_query_on_the_server(server: PostgreSQL, debug: bool) -> None:
    async def scenario(say: Say, url: str) -> None:
        connection = await asyncpg.connect(url)
        query = asyncio.create_task(connection.fetch(SLEEP))
        await until_active(url)
        say(await cancelled(query))
        say(await connection.fetchval("SELECT 1"))
        await until_active(url, count=0)
        async with connection.transaction():
            inside = asyncio.create_task(connection.fetch(SLEEP))
            await until_active(url)
            say(await cancelled(inside))
            say((await outcome(connection.fetchval("SELECT 2")))[0])
            await connection.execute("ROLLBACK; BEGIN")
        say(await connection.fetchval("SELECT 3"))
        await connection.close()

    assert alike(server, scenario, debug=debug) == [
        "CancelledError",
        1,
        "CancelledError",
        "InFailedSQLTransactionError",
        3,
    ]


def test_a_pool_is_whole_after_its_users_were_cancelled(server: PostgreSQL, debug: bool) -> None:
    async def scenario(say: Say, url: str) -> None:
        async def use() -> None:
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute("INSERT INTO t VALUES (1)")
                await connection.fetch(SLEEP)

        async with asyncpg.create_pool(url, min_size=2, max_size=2) as pool:
            await pool.execute("CREATE TABLE t (n integer)")
            users = [asyncio.create_task(use()) for _ in range(4)]  # two run, two wait
            await until_active(url, count=2)
            for user in users:
                user.cancel()
            results = await asyncio.gather(*users, return_exceptions=True)
            say([type(result).__name__ for result in results])
            await until_active(url, count=0)
            say(pool.get_size(), pool.get_idle_size())
            say(await asyncio.gather(*(pool.fetchval("SELECT count(*) FROM t") for _ in "four")))

    assert alike(server, scenario, debug=debug) == [["CancelledError"] * 4, (2, 2), [0] * 4]


def test_cancelled_at_any_turn_a_connection_still_works(server: PostgreSQL) -> None:
    async def scenario(say: Say, url: str) -> None:
        connection = await asyncpg.connect(url)
        for turns in range(12):
            query = asyncio.create_task(connection.fetchval("SELECT $1::int", turns))
            for _ in range(turns):
                await asyncio.sleep(0)
            ended = await cancelled(query)
            assert ended in ("CancelledError", "int")
            say(await connection.fetchval("SELECT $1::int", turns))
        await connection.close()

    assert alike(server, scenario) == list(range(12))


def test_a_command_that_takes_too_long_is_cancelled(server: PostgreSQL, debug: bool) -> None:
    async def scenario(say: Say, url: str) -> None:
        connection = await asyncpg.connect(url)
        for query in (ask, asyncpg.Connection.execute, asyncpg.Connection.fetch):
            say(await outcome(query(connection, SLEEP, timeout=0.02)))
            say(await ask(connection))
        async with asyncio.timeout(60):
            say(await ask(connection, "SELECT 2"))
        await until_active(url, count=0)
        await connection.close()
        # The limit of all its commands is that of the cancellation, too: it may be lost after that.
        hasty = await asyncpg.connect(url, command_timeout=0.02)
        say(await outcome(ask(hasty, SLEEP)))
        hasty.terminate()

    late = ("TimeoutError", "")
    assert alike(server, scenario, debug=debug) == [late, 1, late, 1, late, 1, 2, late]


def test_a_backend_that_is_terminated_breaks_its_connection_only(
    server: PostgreSQL, debug: bool
) -> None:
    async def scenario(say: Say, url: str) -> None:
        kill = "SELECT pg_terminate_backend($1, 60000)"
        executioner = await asyncpg.connect(url)
        async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
            connection = await pool.acquire()
            query = asyncio.create_task(connection.fetch(SLEEP))
            await until_active(url)
            say(await executioner.fetchval(kill, connection.get_server_pid()))
            say(await outcome(query))
            say((await outcome(ask(connection)))[0])
            await pool.release(connection)
            say(await pool.fetchval("SELECT 2"))
            lost = asyncio.Event()
            async with pool.acquire() as connection:  # and while nobody waits for it
                connection.add_termination_listener(lambda _: lost.set())
                await executioner.fetchval(kill, connection.get_server_pid())
                await lost.wait()
                say((await outcome(ask(connection)))[0])
            say(await pool.fetchval("SELECT 3"))
        await executioner.close()

    closed = "connection was closed in the middle of operation"
    reason = "terminating connection due to administrator command"
    assert alike(server, scenario, debug=debug) == [
        True,
        ("ConnectionDoesNotExistError", f"{closed}: {reason}"),
        "InterfaceError",
        2,
        "InterfaceError",
        3,
    ]


def test_a_pool_comes_back_when_the_server_does() -> None:
    async def scenario(say: Say, url: str) -> None:
        loop = asyncio.get_running_loop()
        async with asyncpg.create_pool(url, min_size=2, max_size=2) as pool:
            await pool.execute("CREATE TABLE t (n integer)")
            await loop.run_in_executor(None, own.stop)
            while pool.get_idle_size():  # until it has noticed
                await asyncio.sleep(0.01)
            say((await outcome(ask(pool)))[0])
            say((await outcome(ask(pool)))[0])
            await loop.run_in_executor(None, own.start)
            say(await asyncio.gather(*(pool.fetchval("SELECT count(*) FROM t") for _ in "four")))
        await loop.shutdown_default_executor()

    with PostgreSQL() as own:
        assert alike(own, scenario) == ["ConnectionRefusedError"] * 2 + [[0] * 4]


def test_whom_the_server_refuses(server: PostgreSQL) -> None:
    async def scenario(say: Say, url: str) -> None:
        nobody = "postgresql://nobody@127.0.0.1:{}/none?sslmode=disable"
        say((await outcome(asyncpg.connect(url + "_and_more")))[0])
        say((await outcome(asyncpg.connect(url.replace("miniloop@", "nobody@"))))[0])
        for answer in (b"", b"nonsense"):

            async def serve(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes = answer
            ) -> None:
                writer.write(answer)
                if not answer:
                    await reader.read()
                writer.close()

            async with await asyncio.start_server(serve, "127.0.0.1", 0) as odd:
                port = odd.sockets[0].getsockname()[1]
                patience = 60 if answer else 0.02
                say((await outcome(asyncpg.connect(nobody.format(port), timeout=patience)))[0])
        say((await outcome(asyncpg.connect(nobody.format(port))))[0])

    assert alike(server, scenario) == [
        "InvalidCatalogNameError",
        "InvalidAuthorizationSpecificationError",
        "TimeoutError",
        "ConnectionDoesNotExistError",
        "ConnectionRefusedError",
    ]
