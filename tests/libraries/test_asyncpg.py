"""asyncpg, unmodified, with a real PostgreSQL: types, statements, transactions, COPY, TLS.

Every scenario begins with an empty database, and sees the same on asyncio's loop and on ours.

Read next: test_asyncpg_pool.py
"""

from __future__ import annotations

import asyncio
import datetime
import decimal
import io
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

import miniloop
from compat.services import PostgreSQL

from .cells import Say, outcome, play
from .servers import SLEEP, alike, ask, cancelled, until_active
from .serving import client_tls, server_tls


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with PostgreSQL() as server:
        yield server


def test_values_of_many_types_there_and_back(server: PostgreSQL, debug: bool) -> None:
    moment = datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.UTC)
    values = {
        "integer": -7,
        "bigint": 2**62,
        "double precision": 0.1,
        "numeric": decimal.Decimal("12345678901234567890.5"),
        "boolean": True,
        "text": "snow ☃ man",
        "bytea": bytes(range(256)),
        "timestamptz": moment,
        "date": moment.date(),
        "interval": datetime.timedelta(days=1, seconds=2.5),
        "uuid": uuid.UUID(int=5),
        "int[]": [1, None, 3],
        "int4range": asyncpg.Range(1, 5),
        "json": '{"a": [1, 2]}',
    }

    async def scenario(say: Say, url: str) -> None:
        connection = await asyncpg.connect(url)
        for kind, value in values.items():
            say(kind, await connection.fetchval(f"SELECT $1::{kind}", value) == value)
        say(await connection.fetchrow("SELECT 1 AS one, NULL AS none") == (1, None))
        say(await outcome(connection.fetchval("SELECT $1::int", "text")))
        await connection.set_type_codec(
            "json", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
        )
        say(await connection.fetchval("SELECT $1::json", {"b": None}))
        await connection.close()

    seen = alike(server, scenario, debug=debug)
    assert seen[: len(values)] == [(kind, True) for kind in values]
    assert seen[len(values)] is True
    assert seen[-2][0] == "DataError"
    assert seen[-1] == {"b": None}


def test_a_prepared_statement_is_used_again_and_survives_an_error(server: PostgreSQL) -> None:
    async def scenario(say: Say, url: str) -> None:
        connection = await asyncpg.connect(url, statement_cache_size=2)
        statement = await connection.prepare("SELECT 10 / $1::int AS result")
        say([parameter.name for parameter in statement.get_parameters()])
        say([attribute.name for attribute in statement.get_attributes()])
        say([await statement.fetchval(number) for number in (1, 2, 5)])
        say(await outcome(statement.fetchval(0)))
        say(await statement.fetchval(10))
        for number in range(5):  # more than the cache holds
            say(await connection.fetchval(f"SELECT {number}"))
        say((await outcome(connection.prepare("SELEC 1")))[0])
        await connection.close()

    assert alike(server, scenario) == [
        ["int4"],
        ["result"],
        [10, 5, 2],
        ("DivisionByZeroError", "division by zero"),
        1,
        *range(5),
        "PostgresSyntaxError",
    ]


def test_transactions_commit_roll_back_and_nest(server: PostgreSQL) -> None:
    async def scenario(say: Say, url: str) -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE t (n integer)")

        async def rows() -> list[int]:
            return [row["n"] for row in await connection.fetch("SELECT n FROM t ORDER BY n")]

        async def insert(number: int, fail: bool = False) -> None:
            async with connection.transaction():
                await connection.execute("INSERT INTO t VALUES ($1)", number)
                if fail:
                    raise LookupError("on purpose")

        await insert(1)
        say(await outcome(insert(2, fail=True)), await rows())
        async with connection.transaction():
            await insert(3)  # a savepoint
            say(await outcome(insert(4, fail=True)), connection.is_in_transaction())
            await insert(5)
        say(await rows(), connection.is_in_transaction())
        by_hand = connection.transaction(isolation="serializable", readonly=True)
        await by_hand.start()
        say(await outcome(connection.execute("INSERT INTO t VALUES (6)")))
        say((await outcome(connection.fetch("SELECT 1")))[0])
        await by_hand.rollback()
        say(await rows())
        await connection.close()

    failed = ("LookupError", "on purpose")
    assert alike(server, scenario) == [
        (failed, [1]),
        (failed, True),
        ([1, 3, 5], False),
        ("ReadOnlySQLTransactionError", "cannot execute INSERT in a read-only transaction"),
        "InFailedSQLTransactionError",
        [1, 3, 5],
    ]


def test_of_two_serializable_transactions_that_conflict_one_fails(server: PostgreSQL) -> None:
    async def scenario(say: Say, url: str) -> None:
        first, second = await asyncpg.connect(url), await asyncpg.connect(url)
        await first.execute("CREATE TABLE t (n integer); INSERT INTO t VALUES (0)")
        transactions = [
            connection.transaction(isolation="repeatable_read") for connection in (first, second)
        ]
        for transaction, connection in zip(transactions, (first, second), strict=True):
            await transaction.start()
            say(await connection.fetchval("SELECT n FROM t"))
        await first.execute("UPDATE t SET n = n + 1")
        blocked = asyncio.create_task(second.execute("UPDATE t SET n = n + 1"))
        await until_active(url, "UPDATE t SET n = n + 1")
        say(blocked.done())
        await transactions[0].commit()
        say(await outcome(blocked))
        await transactions[1].rollback()
        say(await second.fetchval("SELECT n FROM t"))
        await first.close()
        await second.close()

    assert alike(server, scenario) == [
        0,
        0,
        False,
        ("SerializationError", "could not serialize access due to concurrent update"),
        1,
    ]


def test_notifications_come_in_order_to_whom_they_concern(server: PostgreSQL) -> None:
    async def scenario(say: Say, url: str) -> None:
        listener, speaker = await asyncpg.connect(url), await asyncpg.connect(url)
        heard: asyncio.Queue[tuple[str, str, bool]] = asyncio.Queue()

        def hear(connection: Any, pid: int, channel: str, payload: str) -> None:
            heard.put_nowait((channel, payload, pid == speaker.get_server_pid()))

        await listener.add_listener("news", hear)
        await listener.add_listener("weather", hear)
        for channel, payload in [("news", "1"), ("other", "2"), ("weather", "3"), ("news", "☃")]:
            await speaker.execute("SELECT pg_notify($1, $2)", channel, payload)
        say([await heard.get() for _ in range(3)])
        async with speaker.transaction():
            await speaker.execute("NOTIFY news, 'later'")
            await listener.fetchval("SELECT 1")
            say(heard.empty())
        say(await heard.get())
        await listener.remove_listener("news", hear)
        await speaker.execute("NOTIFY news, 'unheard'; NOTIFY weather, 'heard'")
        say(await heard.get())
        await listener.remove_listener("weather", hear)
        await listener.close()
        await speaker.close()

    assert alike(server, scenario) == [
        [("news", "1", True), ("weather", "3", True), ("news", "☃", True)],
        True,
        ("news", "later", True),
        ("weather", "heard", True),
    ]


def test_copy_in_and_out(server: PostgreSQL) -> None:
    async def scenario(say: Say, url: str) -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE t (n integer, s text)")
        records = [(number, "x" * (number % 50)) for number in range(5000)]
        say(await connection.copy_records_to_table("t", records=records))

        async def parts() -> AsyncIterator[bytes]:
            for number in range(5000, 5010):
                await asyncio.sleep(0)
                yield f"{number}\tone\n".encode()

        say(await connection.copy_to_table("t", source=parts()))
        say(await connection.fetchval("SELECT sum(n) FROM t"))
        out = io.BytesIO()
        query = "SELECT n FROM t WHERE n > 5000 ORDER BY n"
        say(await connection.copy_from_query(query, output=out, format="csv"))
        say(out.getvalue().split())
        sizes: list[int] = []

        async def take(data: bytes) -> None:
            await asyncio.sleep(0)
            sizes.append(len(data))

        say(await connection.copy_from_table("t", output=take), sum(sizes))
        bad = io.BytesIO(b"1\tone\nnone\ttwo\n")
        say((await outcome(connection.copy_to_table("t", source=bad)))[0])

        async def broken() -> AsyncIterator[bytes]:
            yield b"1\tone\n"
            raise LookupError("on purpose")

        say(await outcome(connection.copy_to_table("t", source=broken())))
        say(await connection.fetchval("SELECT count(*) FROM t"))
        await connection.close()

    seen = alike(server, scenario)
    assert seen[:4] == ["COPY 5000", "COPY 10", sum(range(5010)), "COPY 9"]
    assert seen[4] == [str(number).encode() for number in range(5001, 5010)]
    assert seen[5][0] == "COPY 5010"
    assert seen[6] in ("BadCopyFileFormatError", "InvalidTextRepresentationError")
    assert seen[7:] == [("LookupError", "on purpose"), 5010]


def test_cursors_fetch_as_they_go(server: PostgreSQL) -> None:
    async def scenario(say: Say, url: str) -> None:
        connection = await asyncpg.connect(url)
        query = "SELECT n FROM generate_series(1, 200) n"
        say((await outcome(connection.fetch("SELECT 1")))[0]["?column?"])
        async with connection.transaction():
            total = 0
            async for row in connection.cursor(query, prefetch=7):
                total += row["n"]
            say(total)
            cursor = await connection.cursor(query)
            say(await cursor.forward(10), (await cursor.fetchrow())["n"])
            say([row["n"] for row in await cursor.fetch(3)])
            count = 0
            async for _ in connection.cursor(query, prefetch=7):
                count += 1
                if count == 10:
                    break  # with rows fetched but not looked at
            say(await connection.fetchval("SELECT 5"))
        try:
            async for _ in connection.cursor(query):
                say("never")
        except asyncpg.NoActiveSQLTransactionError:
            say("no transaction")
        await connection.close()

    assert alike(server, scenario) == [1, 20100, (10, 11), [12, 13, 14], 5, "no transaction"]


def test_large_values_and_many_rows(server: PostgreSQL, debug: bool) -> None:
    async def scenario(say: Say, url: str) -> None:
        connection = await asyncpg.connect(url)
        blob = bytes(range(256)) * 4096 * 4  # 4 MiB: reading and writing pauses and resumes
        say(await connection.fetchval("SELECT $1::bytea", blob) == blob)
        rows = await connection.fetch("SELECT n, repeat('x', 90) FROM generate_series(1, 20000) n")
        say(len(rows), rows[-1]["n"], sum(len(row[1]) for row in rows))
        both = await asyncpg.connect(url)
        fetches = (item.fetchval("SELECT $1::bytea", blob) for item in (connection, both))
        say([result == blob for result in await asyncio.gather(*fetches)])
        await both.close()
        await connection.close()

    seen = alike(server, scenario, debug=debug)
    assert seen == [True, (20000, 20000, 1800000), [True, True]]


def test_many_are_executed_or_none(server: PostgreSQL) -> None:
    async def scenario(say: Say, url: str) -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE t (n integer UNIQUE)")
        insert = "INSERT INTO t VALUES ($1)"
        await connection.executemany(insert, [(number,) for number in range(3000)])
        say(await connection.fetchval("SELECT count(*) FROM t"))
        rows = [(number,) for number in (5000, 5001, 7, 5002)]
        say((await outcome(connection.executemany(insert, rows)))[0])
        say(await connection.fetchval("SELECT count(*) FROM t"))
        say(len(await connection.fetchmany("SELECT $1::int", [(number,) for number in range(10)])))
        await connection.close()

    assert alike(server, scenario) == [3000, "UniqueViolationError", 3000, 10]


def test_one_connection_does_one_thing_at_a_time(server: PostgreSQL) -> None:
    async def scenario(say: Say, url: str) -> None:
        connection = await asyncpg.connect(url)
        results = await asyncio.gather(
            *(connection.fetchval("SELECT $1::int", number) for number in range(3)),
            return_exceptions=True,
        )
        say([getattr(result, "args", result) for result in results])
        say(await connection.fetchval("SELECT 4"))
        await connection.close()

    busy = ("cannot perform operation: another operation is in progress",)
    assert alike(server, scenario) == [[0, busy, busy], 4]


def test_by_unix_socket(server: PostgreSQL) -> None:
    async def scenario(say: Say, url: str) -> None:
        options = {"host": str(server.directory), "port": server.port, "user": "miniloop"}
        async with asyncpg.create_pool(**options, database="postgres", min_size=2) as pool:
            say(await pool.fetchval("SELECT inet_server_addr()"))
            say(await asyncio.gather(*(pool.fetchval("SELECT $1::int", n) for n in range(20))))

    assert alike(server, scenario) == [None, list(range(20))]


@asynccontextmanager
async def tls_in_front_of(port: int) -> AsyncIterator[int]:
    """Give a port where PostgreSQL's request for TLS is granted, and passed on without it."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(8) == (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
        writer.write(b"S")
        try:
            await writer.start_tls(server_tls())
        except OSError:  # whoever does not trust us hangs up
            return
        inner = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, inner[1]), pump(inner[0], writer), return_exceptions=True)
        for one in (writer, inner[1]):
            one.close()
            await asyncio.gather(one.wait_closed(), return_exceptions=True)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as front:
        yield front.sockets[0].getsockname()[1]


def test_over_tls(server: PostgreSQL, debug: bool) -> None:
    async def scenario(say: Say, url: str) -> None:
        async with tls_in_front_of(server.port) as port:
            secure = url.replace(f"127.0.0.1:{server.port}", f"localhost:{port}")
            connection = await asyncpg.connect(secure, ssl=client_tls())
            blob = bytes(range(256)) * 4096
            say(await connection.fetchval("SELECT $1::bytea", blob) == blob)
            query = asyncio.create_task(connection.fetch(SLEEP))
            await until_active(url)
            say(await cancelled(query))  # by a second connection, with TLS as well
            say(await ask(connection))
            await connection.close()
            say((await outcome(asyncpg.connect(secure, ssl=client_tls(trusting=False))))[0])

    seen = alike(server, scenario, debug=debug)
    assert seen == [True, "CancelledError", 1, "SSLCertVerificationError"]


def test_with_miniloops_names_around_it(server: PostgreSQL) -> None:
    async def scenario(say: Say) -> None:
        with server.database() as url:
            async with asyncpg.create_pool(url, min_size=1, max_size=3) as pool:
                answers: miniloop.Queue[int] = miniloop.Queue()

                async def ask(number: int) -> None:
                    answers.put_nowait(await pool.fetchval("SELECT $1::int * 2", number))

                async with miniloop.timeout(60), miniloop.TaskGroup() as group:
                    for number in range(10):
                        group.create_task(ask(number))
                say(sorted(answers.get_nowait() for _ in range(10)))
                late = miniloop.wait_for(pool.fetch(SLEEP), 0.02)
                say((await outcome(late))[0])
                say(await pool.fetchval("SELECT 1"))

    def run(main: Any, _factory: Any, debug: bool) -> None:
        miniloop.run(main(), debug=debug)

    seen = play(miniloop.EventLoop, scenario, run=run)
    assert seen == [list(range(0, 20, 2)), "TimeoutError", 1]
